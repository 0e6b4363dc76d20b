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
import faulthandler, os, sys, threading, time
import numpy as np
from hidden_display import HiddenDisplay
from scene3d_viewer.conversation import Conversation
from tests.viewer.room import LAMP, SHELF, TABLE, ScriptedSession, make_plan

def wait_for(name, condition):
    end = time.monotonic() + 60
    while not condition():  # asked once each time: an older frame may be shown for a moment
        assert time.monotonic() < end, (name, talk.lit, talk.selected)
        time.sleep(0.1)
    print(f"{name}: True", flush=True)

def place(xyz_m):
    camera, frame = window.scene.widget.scene.camera, window.scene.widget.frame
    clip = np.asarray(camera.get_projection_matrix()) @ np.asarray(camera.get_view_matrix()) @ np.array([*xyz_m, 1.0])
    return frame.width * (1 + clip[0] / clip[3]) / 2, frame.height * (1 - clip[1] / clip[3]) / 2

def texts(widget):
    inside = widget.get_widget() if hasattr(widget, "get_widget") else None
    below = [inside] if inside else widget.get_children()
    return [getattr(widget, "text", "")] + [text for child in below for text in texts(child)]

def coloured(part):
    pixel = np.asarray(display.picture())[:, part].astype(int)
    return int(((pixel.max(2) - pixel.min(2)) > 60).sum())

def like(part, object_id):
    colour = np.array(talk.layers.by_id(object_id).colour)
    pixel = np.asarray(display.picture())[:, part].astype(int)
    pixel, colour = pixel - pixel.mean(2, keepdims=True), colour - colour.mean()
    length = np.linalg.norm(pixel, axis=2)
    return int(((pixel @ colour > 0.97 * length * np.linalg.norm(colour)) & (length > 40)).sum())

def walk():
    wait_for("lamp and table are lit", lambda: talk.lit == (LAMP, TABLE))
    scene, panel = slice(0, window.panel.widget.frame.x), slice(window.panel.widget.frame.x, None)
    wait_for("the panel shows two chips", lambda: coloured(panel) > 300)
    wait_for("the scene shows both in their own colours", lambda: min(like(scene, i) for i in (LAMP, TABLE)) > 500)
    print("chat:", [text for text in texts(window.panel.chat.widget) if text], flush=True)
    window.on_main(lambda: window.click(*place((3.6, 1.5, 1.8))))
    wait_for("a click selects the shelf", lambda: talk.selected == (SHELF,))
    window.on_main(lambda: window.ask("Describe <ref>."))
    wait_for("the shelf is described", lambda: talk.lit == (SHELF,) and len(talk.exchanges) == 2)
    window.on_main(lambda: [window.click(*place((1.5, 1.4, 1.2))) for _ in range(2)])
    wait_for("a double click describes the lamp", lambda: talk.lit == (LAMP,) and len(talk.exchanges) == 3)
    window.on_main(lambda: [window.click(*place(at), corner=True) for at in ((0.9, 0.6, 0.0), (2.6, 1.9, 0.0))])
    wait_for("a box selects what it holds", lambda: set(talk.selected) == {TABLE, LAMP})
    window.on_main(lambda: window.scene.save_picture(sys.argv[1]))
    window.plan("brighter")
    wait_for("a plan is shown", lambda: talk.step == 1)
    window.act(lambda: talk.go(1))
    wait_for("its next step lights the lamp", lambda: talk.step == 2 and talk.lit == (LAMP,))
    window.on_main(lambda: window.act(talk.clear))
    window.on_main(lambda: window.scene.set_truth(True))
    wait_for("ground truth has the shelf's colour", lambda: not talk.shown() and like(scene, SHELF) > 500)
    print("drawn at first:", window.scene.points_drawn, flush=True)
    window.on_main(lambda: window.scene.set_whole(True))
    wait_for("all points are drawn", lambda: window.scene.points_drawn == len(talk.layers.surface.xyz_m))

def act():
    try:
        walk()
    finally:
        window.close()

faulthandler.dump_traceback_later(200, exit=True)
with HiddenDisplay(1400, 860) as display:
    os.environ["DISPLAY"] = display.name
    from scene3d_viewer import desktop_scene
    from scene3d_viewer.desktop import DesktopWindow
    desktop_scene._FIRST_POINTS, desktop_scene.has_graphics_device = 8000, lambda: False
    talk = Conversation(ScriptedSession(), make_plan=lambda _: make_plan())
    window = DesktopWindow(talk, first=["Where is the lamp?"])
    threading.Thread(target=act, daemon=True).start()
    window.run()
os._exit(0)  # the toolkit would speak to the display once more, which is gone
"""


def test_ask_click_and_plan_in_a_window(tmp_path: Path) -> None:
    if shutil.which("Xvfb") is None:
        pytest.skip("no Xvfb here; `make system` as root installs it (Debian: apt-get install xvfb)")
    picture = tmp_path / "window.png"
    done = subprocess.run(
        [sys.executable, "-c", _SCRIPT, str(picture)],
        cwd=resources.root(),
        env=os.environ | {"PYTHONPATH": ":".join(["viewer", "ops", "."])},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    said = done.stdout + done.stderr
    assert done.stdout.count(": True") == 11, said
    assert 4000 < int(done.stdout.partition("drawn at first: ")[2].split()[0]) <= 8000
    assert "chat: ['Where is the lamp?', 'The lamp', 'stands on', 'the table', '.']" in done.stdout, said
    pixel = np.asarray(Image.open(picture).convert("RGB")).astype(int)
    coloured = (pixel.max(2) - pixel.min(2)) > 60
    assert coloured.sum() > 1000  # table and lamp, in a grey room


def test_without_a_display_the_other_ways_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    with pytest.raises(InputError, match="--web"):
        require_display(Path("room.ply"))
    monkeypatch.setenv("DISPLAY", ":0")
    require_display(Path("room.ply"))
