import subprocess
import sys
from pathlib import Path

import pytest

from scene3d import resources
from scene3d.types import Scene
from scene3d_viewer.cli import main
from tests.viewer.room import ScriptedSession


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> ScriptedSession:
    """Every scan opens as the toy room."""
    session = ScriptedSession()
    assert isinstance(session.scene, Scene)
    monkeypatch.setattr("scene3d.commands.opening.Opening.session", lambda _self, _scan: session)
    return session


def test_view_writes_a_page_a_picture_and_a_recording(scripted: ScriptedSession, tmp_path: Path) -> None:
    paths = [tmp_path / f"room.{ending}" for ending in ("html", "rrd")]
    options = [f"--{path.suffix[1:]}={path}" for path in paths]
    main(["view", "room.ply", *options, "--ask", "Where is the lamp?", "--ask", "Is there a piano?"])
    assert [question for question, _ in scripted.asked] == ["Where is the lamp?", "Is there a piano?"]
    assert all(path.stat().st_size > 1000 for path in paths)


@pytest.mark.parametrize(
    ("arguments", "word"),
    [(["--html", "missing/room.html"], "missing"), (["--png", "room.jpg"], ".png"), ([], "--web")],
)
def test_what_cannot_be_shown_is_refused_before_the_scan_is_opened(
    arguments: list[str], word: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    with pytest.raises(SystemExit) as stop:
        main(["view", "nowhere.ply", *arguments])
    assert stop.value.code == 2
    assert word in capsys.readouterr().err


def test_listing_the_commands_needs_no_torch() -> None:
    code = "import sys, scene3d_viewer.cli as c; c.cli.build_app(c.COMMANDS); sys.exit('torch' in sys.modules)"
    environment = {"PYTHONPATH": ":".join(["viewer", "ops", "."]), "PATH": "/usr/bin"}
    assert (
        subprocess.run([sys.executable, "-c", code], cwd=resources.root(), env=environment, check=False).returncode == 0
    )
