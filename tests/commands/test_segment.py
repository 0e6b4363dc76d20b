"""Objects of a sample room from the command line, with the shipped model."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from scene3d import resources
from scene3d_viewer.cli import main

ROOM = str(resources.sample("office"))


def test_objects_are_found_by_queries_and_as_clusters(tmp_path: Path) -> None:
    found = {}
    for how in ("queries", "clusters"):
        out = tmp_path / f"{how}.npz"
        main(["segment", ROOM, "-o", str(out), "--proposals", how])
        with np.load(out) as file:
            found[how] = {name: file[name] for name in ("mask", "score", "label")}
    main(["segment", ROOM, "-o", str(tmp_path / "default.npz")])
    with np.load(tmp_path / "default.npz") as file:
        assert np.array_equal(file["mask"], found["queries"]["mask"])
    assert not np.array_equal(found["clusters"]["mask"], found["queries"]["mask"])
    for objects in found.values():
        assert "chair" in objects["label"][objects["score"] > 0.5]
    sure = {how: objects["mask"][objects["score"] > 0.5] for how, objects in found.items()}
    shared = sure["queries"].astype(np.float32) @ sure["clusters"].T.astype(np.float32)
    either = sure["queries"].sum(1)[:, None] + sure["clusters"].sum(1)[None] - shared
    assert np.mean((shared / either).max(1) > 0.5) > 0.7  # most of what one way finds the other finds too


def test_a_phrase_is_looked_for_among_clusters(tmp_path: Path) -> None:
    out = tmp_path / "found.json"
    main(["detect", ROOM, "chairs", "--json", str(out), "--proposals", "clusters"])
    assert json.loads(out.read_text())["objects"]


def test_another_way_to_propose_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["segment", ROOM, "--proposals", "boxes"])
    said = capsys.readouterr().err
    assert "boxes" in said
    assert "queries" in said
    assert "clusters" in said
