"""An encoder that takes its orders from the scan: `crash`, `hang` and `bad` misbehave, all else becomes a kitchen."""

import json
import os
import shutil
import sys
import time
from pathlib import Path

print(json.dumps({"ready": True}), flush=True)
for line in sys.stdin:
    request = json.loads(line)
    order = Path(request["scan"]).read_bytes()
    if order.startswith(b"crash"):
        os._exit(139)
    if order.startswith(b"hang"):
        time.sleep(60)
    if order.startswith(b"bad"):
        print(json.dumps({"ok": False, "detail": f"{request['scan']}: 0 of 3 points are finite"}), flush=True)
        continue
    shutil.copy(sys.argv[1], request["out"])
    print(json.dumps({"ok": True, "points": 7, "objects": 8, "notes": [{"topic": "unit", "text": "m"}]}), flush=True)
