"""The process that reads and encodes scans: `python -m scene3d.server.encode_worker MODEL`, one JSON line per scan.

It stands apart from the server, so that a scan that crashes a reader or eats all memory costs one request.
"""

from __future__ import annotations

import json
import os
import resource
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from scene3d.model.grounder import Grounder


def main(model: str, memory: int, requests: TextIO, answers: TextIO) -> None:
    """Answer requests until the input ends.

    Args:
        model: A shipped model, a folder or a Hugging Face id.
        memory: Bytes that this process may take.
        requests: Lines `{"scan", "out", "options", "max_points"}`.
        answers: Lines `{"ok": true, "points", "objects", "notes"}` or `{"ok": false, "detail"}`.
    """
    from scene3d.errors import Scene3DError
    from scene3d.model.grounder import Grounder

    grounder = Grounder.from_pretrained(model)
    resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
    print(json.dumps({"ready": True}), file=answers, flush=True)
    for line in requests:
        try:
            answer = _encode(grounder, json.loads(line))
        except Scene3DError as error:
            answer = {"ok": False, "detail": str(error)}
        except MemoryError:
            answer = {"ok": False, "detail": "the scan does not fit in memory; thin it out"}
        print(json.dumps(answer), file=answers, flush=True)


def _encode(grounder: Grounder, request: dict[str, Any]) -> dict[str, Any]:
    from scene3d.io import load_scene
    from scene3d.model.encoding import save_encoding
    from scene3d.server.scene_file import encoding_path, save_scene

    options = request["options"]
    scene = load_scene(
        request["scan"], up_axis=options.get("up_axis"), unit=options.get("unit"), max_points=request["max_points"]
    )
    session = grounder.encode(scene, cache=False)
    out = Path(request["out"])
    save_encoding(encoding_path(out, grounder.model_key()), session.encoding)
    save_scene(out, scene)
    notes = [{"topic": note.topic, "text": note.text} for note in scene.notes]
    return {"ok": True, "points": len(scene.xyz_m), "objects": len(session.segment().id), "notes": notes}


if __name__ == "__main__":
    channel = os.fdopen(os.dup(1), "w")  # whatever a library prints goes to the log instead
    os.dup2(2, 1)
    main(sys.argv[1], int(sys.argv[2]), sys.stdin, channel)
