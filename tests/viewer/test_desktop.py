"""The window, in a process of its own on a display that nobody sees."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from scene3d import resources
from scene3d.errors import InputError
from scene3d_viewer.display import require_display

_SCRIPT = """
import sys, threading, time
from scene3d_viewer.conversation import Conversation
from scene3d_viewer.desktop import DesktopWindow
from tests.viewer.room import LAMP, SHELF, TABLE, ScriptedSession, make_plan

talk = Conversation(ScriptedSession(), make_plan=lambda _: make_plan())
window = DesktopWindow(talk, first=["Where is the lamp?"])

def wait_for(condition):
    end = time.monotonic() + 60
    while not condition() and time.monotonic() < end:
        time.sleep(0.05)
    print(condition(), talk.lit, talk.selected, talk.step, flush=True)

def place(xyz_m):
    import numpy as np
    camera, frame = window.view.scene.camera, window.view.frame
    clip = np.asarray(camera.get_projection_matrix()) @ np.asarray(camera.get_view_matrix()) @ np.array([*xyz_m, 1.0])
    return frame.width * (1 + clip[0] / clip[3]) / 2, frame.height * (1 - clip[1] / clip[3]) / 2

def act():
    wait_for(lambda: talk.lit == (LAMP, TABLE))
    window._on_main(lambda: window.click(*place((3.6, 1.5, 1.8))))
    wait_for(lambda: talk.selected == (SHELF,))
    window._on_main(lambda: window.ask("Describe <ref>."))
    wait_for(lambda: talk.lit == (SHELF,) and len(talk.exchanges) == 2)
    window._on_main(lambda: window.save_picture(sys.argv[1]))
    window._on_main(lambda: window.plan("brighter"))
    wait_for(lambda: talk.step == 1)
    time.sleep(1)
    window.close()

threading.Thread(target=act, daemon=True).start()
window.run()
"""


def test_ask_click_and_plan_in_a_window(tmp_path: Path) -> None:
    if shutil.which("Xvfb") is None:
        pytest.skip("no Xvfb here; `make system` as root installs it (Debian: apt-get install xvfb)")
    read, write = os.pipe()
    display = subprocess.Popen(
        ["Xvfb", "-displayfd", str(write), "-screen", "0", "1420x900x24"], pass_fds=[write], stderr=subprocess.DEVNULL
    )
    os.close(write)
    try:
        number = os.read(read, 16).decode().strip()
        environment = os.environ | {"DISPLAY": f":{number}", "PYTHONPATH": ":".join(["viewer", "ops", "."])}
        picture = tmp_path / "window.png"
        done = subprocess.run(
            [sys.executable, "-c", _SCRIPT, str(picture)],
            cwd=resources.root(),
            env=environment,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
    finally:
        display.terminate()
        display.wait()
        os.close(read)
    assert [line.split()[0] for line in done.stdout.splitlines() if "(" in line and line[:4] in ("True", "Fals")] == [
        "True"
    ] * 4, done.stdout + done.stderr
    pixel = np.asarray(Image.open(picture).convert("RGB")).astype(int)
    coloured = (pixel.max(2) - pixel.min(2)) > 60
    assert coloured.sum() > 1000  # the shelf, in a grey room


def test_without_a_display_the_other_ways_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    with pytest.raises(InputError, match="--web"):
        require_display(Path("room.ply"))
    monkeypatch.setenv("DISPLAY", ":0")
    require_display(Path("room.ply"))
