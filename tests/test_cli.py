import subprocess
import sys
from pathlib import Path

import pytest

from scene3d import resources
from scene3d.cli import main


def test_listing_the_commands_needs_no_torch() -> None:
    code = (
        "import sys, scene3d.cli; scene3d.cli.build_app(); sys.exit('torch' in sys.modules or 'open3d' in sys.modules)"
    )
    assert (
        subprocess.run([sys.executable, "-W", "error", "-c", code], cwd=resources.root(), check=False).returncode == 0
    )


def test_bad_input_is_one_message_and_status_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    broken = tmp_path / "broken.ply"
    broken.write_bytes(b"not a scan")
    with pytest.raises(SystemExit) as stop:
        main(["doctor", str(broken)])
    assert stop.value.code == 2
    message = capsys.readouterr().err
    assert "broken.ply" in message
    assert "Traceback" not in message


@pytest.mark.parametrize("arguments", [["nonsense"], ["evaluate", "nonsense"], ["train"]])
def test_an_unknown_command_is_refused(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2
