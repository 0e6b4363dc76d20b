from pathlib import Path

from scene3d_viewer.layers import layers_of
from scene3d_viewer.recording import write_recording
from scene3d_viewer.session import Exchange
from tests.viewer.room import ScriptedSession, make_plan


def test_a_recording_holds_scan_objects_answers_and_plan(tmp_path: Path) -> None:
    session = ScriptedSession()
    exchange = Exchange(question="Where is the lamp?", answer=session.ask("Where is the lamp?"))
    path = tmp_path / "room.rrd"
    write_recording(path, layers_of(session.scene, session.segment()), [exchange], plan=make_plan())
    content = path.read_bytes()
    assert content.startswith(b"RRF")
    for name in (b"scene/scan", b"scene/boxes", b"scene/plan/steps", b"answer"):
        assert name in content
