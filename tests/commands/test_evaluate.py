"""The commands end to end: files in, table and JSON out."""

from __future__ import annotations

import json

import numpy as np
import pytest
import tyro

from scene3d.commands.evaluate import COMMANDS
from scene3d.errors import InputError


def run(name, *arguments):
    tyro.cli(COMMANDS[name], args=[str(argument) for argument in arguments])


@pytest.fixture
def scans(tmp_path):
    """One scene: a bed, found, and a cabinet, missed."""
    (tmp_path / "pred" / "masks").mkdir(parents=True)
    (tmp_path / "gt").mkdir()
    truth = np.repeat([4001, 3002, 0], 200)
    np.savetxt(tmp_path / "gt" / "scene.txt", truth, fmt="%d")
    np.savetxt(tmp_path / "pred" / "masks" / "0.txt", truth == 4001, fmt="%d")
    (tmp_path / "pred" / "scene.txt").write_text("masks/0.txt 4 0.5\n")
    return tmp_path


def test_instance_writes_the_documented_json(scans, capsys):
    out = scans / "out" / "ap.json"
    run("scannet-instance", "--pred", scans / "pred", "--gt", scans / "gt", "--json", out)
    result = json.loads(out.read_text())
    assert (result["ap"], result["ap50"], result["ap25"]) == (0.5, 0.5, 0.5)
    assert result["per_class"]["bed"] == {"ap": 1.0, "ap50": 1.0, "ap25": 1.0}
    assert result["per_class"]["chair"] == {"ap": None, "ap50": None, "ap25": None}
    shown = capsys.readouterr().out
    assert "mean" in shown
    assert "50.0" in shown


def test_instance_options_reach_the_score(scans):
    out = scans / "ap.json"
    files = ("--pred", scans / "pred", "--gt", scans / "gt", "--json", out)
    run("scannet-instance", *files, "--class-agnostic", "--workers", 1)
    assert json.loads(out.read_text())["per_class"] == {"object": {"ap": 0.5, "ap50": 0.5, "ap25": 0.5}}
    run("scannet-instance", *files, "--classes", "scannet200")
    assert set(json.loads(out.read_text())) == {"ap", "ap50", "ap25", "per_class", "head", "common", "tail"}
    run("scannet-instance", *files, "--min-region", 201)
    assert json.loads(out.read_text())["ap"] is None
    np.save(scans / "scene.npy", np.random.default_rng(0).random((600, 3)))
    run("scannet-instance", *files, "--boxes", "--points", scans)
    assert json.loads(out.read_text())["per_class"]["bed"]["ap"] == 1.0
    with pytest.raises(InputError, match="0 workers"):
        run("scannet-instance", *files, "--workers", 0)


def test_semantic_writes_the_documented_json(tmp_path):
    for folder in ("pred", "gt"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "scene.txt").write_text("3\n4\n")
    run("scannet-semantic", "--pred", tmp_path / "pred", "--gt", tmp_path / "gt", "--json", tmp_path / "o.json")
    result = json.loads((tmp_path / "o.json").read_text())
    assert result["miou"] == 1.0
    assert (result["per_class"]["bed"], result["per_class"]["sofa"]) == (1.0, None)


def test_grounding_writes_the_documented_json(tmp_path):
    query = {"scene_id": "s", "object_id": "4", "ann_id": "0", "boxes": [[0, 0, 0, 1, 1, 1]]}
    for name in ("p.json", "g.json"):
        (tmp_path / name).write_text(json.dumps([query]))
    files = ("--pred", tmp_path / "p.json", "--gt", tmp_path / "g.json", "--json", tmp_path / "o.json")
    with pytest.raises(InputError, match="no 'eval_type'"):
        run("grounding", "--benchmark", "scanrefer", *files)
    table = tmp_path / "nr3d.csv"
    table.write_text("stimulus_id,tokens,scan_id,target_id\ns-chair-2-4-5,\"['left']\",s,4\n")
    run("grounding", "--benchmark", "nr3d", *files, "--annotations", table)
    result = json.loads((tmp_path / "o.json").read_text())
    assert result["acc"] == {"easy": 1.0, "hard": None, "view_dep": 1.0, "view_indep": None, "overall": 1.0}
    with pytest.raises(InputError, match="needs --labels"):
        run("grounding", "--benchmark", "scanrefer", *files, "--annotations", table)


def test_multi3drefer_needs_no_object_ids(tmp_path):
    truth = {"scene_id": "s", "object_id": 4, "ann_id": 0, "boxes": [], "eval_type": "zt_w_d"}
    (tmp_path / "g.json").write_text(json.dumps([truth]))
    (tmp_path / "p.json").write_text(json.dumps([{"scene_id": "s", "ann_id": 0, "boxes": []}]))
    files = ("--pred", tmp_path / "p.json", "--gt", tmp_path / "g.json", "--json", tmp_path / "o.json")
    run("grounding", "--benchmark", "multi3drefer", *files)
    assert json.loads((tmp_path / "o.json").read_text())["f1@0.5"]["zt_w_d"] == 1.0
    (tmp_path / "g.json").write_text(json.dumps([truth, {**truth, "object_id": 5}]))
    with pytest.raises(InputError, match="repeat within a scene"):
        run("grounding", "--benchmark", "multi3drefer", *files)
