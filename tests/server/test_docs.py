"""docs/robots.md is true: its examples run against a server, in their order."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.planner.kitchen import CUP
from tests.server.test_clients import TOKEN, scan, url  # noqa: F401  (fixtures)

DOCS = Path(__file__).parents[2] / "docs" / "robots.md"


def blocks(language: str) -> list[str]:
    found = re.findall(rf"```{language} run\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    assert found
    return found


@pytest.fixture
def here(url: str, scan: Path, monkeypatch: pytest.MonkeyPatch) -> Path:  # noqa: F811
    monkeypatch.chdir(scan.parent)
    monkeypatch.setenv("SCENE3D_URL", url)
    monkeypatch.setenv("SCENE3D_TOKEN", TOKEN)
    return scan.parent


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_curl_examples_run(here: Path) -> None:
    script = "set -euo pipefail\n" + "\n".join(blocks("bash"))
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert '"text":"The cup is on the table."' in done.stdout
    assert "event: answer" in done.stdout
    plan = json.loads(done.stdout[done.stdout.rindex('{"schema":"scene3d/plan/1"') :])
    assert plan["valid"]


def test_the_python_examples_run_and_the_robot_gets_there_in_the_end(here: Path) -> None:
    names: dict[str, Any] = {"__name__": "docs"}
    for block in blocks("python"):
        exec(compile(block, str(DOCS), "exec"), names)
    names["client"].__exit__()
    names["assistant"].close()
    assert names["done"]
    assert names["robot"].log.count("put_on") == 2
    assert names["robot"].log.count("pick_up") == 2
    assert names["message"]["detections"][CUP]["results"][0]["hypothesis"]["class_id"] == "cup"
    assert names["goal"]["pose"]["position"].keys() == {"x", "y", "z"}
    assert names["reply"].choices[0].message.content == "The cup is on the table."
