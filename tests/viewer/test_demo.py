"""`scene3d demo` with the shipped model."""

from pathlib import Path

import pytest
from PIL import Image

from scene3d_viewer.cli import main

TASKS = ("segmentation", "detection", "grounding", "no such object", "caption", "question", "dialogue", "planning")


def test_the_demo_does_one_thing_of_every_task(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["demo", "--out", str(tmp_path)])
    said = capsys.readouterr().out
    assert [task for task in TASKS if task not in said] == []
    page = (tmp_path / "demo.html").read_text(encoding="utf-8")
    assert "Where is the bicycle?" in page
    assert len(page) < 10_000_000
    with Image.open(tmp_path / "demo.png") as picture:
        assert picture.width > 600
        assert len(picture.convert("RGB").getcolors(2**24) or ()) > 1000
