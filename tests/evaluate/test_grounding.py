"""Grounding: the rules by hand, F1 against all assignments, files and splits."""

from __future__ import annotations

import itertools
import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scene3d.errors import InputError
from scene3d.evaluate.grounding import GroundingScore, benchmark_box_iou, mask_iou
from scene3d.evaluate.grounding_files import (
    nr3d_eval_types,
    read_records,
    scanrefer_eval_types,
    score_records,
    with_eval_types,
)

UNIT = [0, 0, 0, 1, 1, 1]
HALF = [0, 0, 0, 1, 1, 0.5]
FAR = [5, 5, 5, 6, 6, 6]


def record(scene, annotation, boxes, kind=None, of=0):
    extra = {} if kind is None else {"eval_type": kind}
    return {"scene_id": scene, "object_id": of, "ann_id": annotation, "boxes": boxes, **extra}


def keyed(*records):
    return {(r["scene_id"], str(r["object_id"]), str(r["ann_id"])): r for r in records}


def test_scanrefer_takes_the_first_box_and_counts_the_missing():
    truth = keyed(
        record("a", 0, [UNIT], "unique"),
        record("a", 1, [UNIT], "multiple"),
        record("a", 2, [UNIT], "multiple"),
        record("a", 3, [UNIT], "multiple"),
    )
    predicted = keyed(record("a", 0, [UNIT, FAR]), record("a", 1, [FAR, UNIT]), record("a", 2, [HALF]))
    result = score_records("scanrefer", predicted, truth).result()
    assert result["acc@0.25"] == pytest.approx({"unique": 1.0, "multiple": 1 / 3, "overall": 0.5})
    # An IoU of exactly a half misses by the epsilon in the union.
    assert result["acc@0.5"] == pytest.approx({"unique": 1.0, "multiple": 0.0, "overall": 0.25})


def test_scanrefer_quirk_averages_over_the_predictions():
    truth = keyed(record("a", 0, [UNIT], "unique"), record("a", 1, [UNIT], "multiple"))
    predicted = keyed(record("a", 0, [UNIT]), record("b", 0, [UNIT], "multiple"))
    with pytest.raises(InputError, match="prediction for b, annotation 0 of object 0"):
        score_records("scanrefer", predicted, truth)
    result = score_records("scanrefer", predicted, truth, official_quirks=True).result()
    assert result["acc@0.25"] == {"unique": 1.0, "multiple": 0.0, "overall": 0.5}


def test_multi3drefer_by_hand():
    truth = keyed(
        record("a", 0, [], "zt_wo_d"),
        record("a", 1, [], "zt_w_d"),
        record("a", 2, [], "zt_w_d"),
        record("a", 3, [UNIT], "st_w_d"),
        record("a", 4, [UNIT, FAR], "mt"),
    )
    predicted = keyed(
        record("a", 0, []), record("a", 1, [UNIT]), record("a", 3, []), record("a", 4, [FAR, UNIT, [8, 8, 8, 9, 9, 9]])
    )
    result = score_records("multi3drefer", predicted, truth).result()["f1@0.5"]
    # No answer to annotation 2 is not the answer "nothing".
    expected = {"zt_w_d": 0.0, "zt_wo_d": 1.0, "st_w_d": 0.0, "mt": 0.8, "overall": 1.8 / 5}
    assert math.isnan(result.pop("st_wo_d"))
    assert result == pytest.approx(expected)


def test_assignment_maximises_the_sum_not_the_hits():
    # The sum is larger with the diagonal (.9 + .2) than with the two hits of .5 across.
    score = GroundingScore("multi3drefer")
    score.add(np.array([[0.9, 0.5], [0.5, 0.2]]), eval_type="mt")
    assert score.result()["f1@0.5"]["mt"] == 0.5


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), p=st.integers(0, 4), k=st.integers(1, 4))
def test_f1_is_that_of_the_best_assignment(seed, p, k):
    iou = np.random.default_rng(seed).random((p, k)).astype(np.float32)
    small, large = (iou, k) if p <= k else (iou.T, p)
    choices = itertools.permutations(range(large), len(small))
    best = max(choices, key=lambda choice: sum(float(small[i, j]) for i, j in enumerate(choice)))
    score = GroundingScore("multi3drefer")
    score.add(iou, eval_type="mt")
    for threshold in (0.25, 0.5):
        hits = sum(small[i, j] >= threshold for i, j in enumerate(best))
        assert score.result()[f"f1@{threshold}"]["mt"] == pytest.approx(2 * hits / (p + k), abs=1e-9)


def test_nr3d_groups_two_ways():
    score = GroundingScore("nr3d")
    score.add(np.array([[1.0]]), eval_type="easy_dep")
    score.add(np.array([[0.6]]), eval_type="hard_indep")
    result = score.result()
    assert result["acc"] == {"easy": 1.0, "hard": 0.0, "view_dep": 1.0, "view_indep": 0.0, "overall": 0.5}
    assert result["acc@0.5"]["overall"] == 1.0


def test_merging_equals_adding():
    whole, part = GroundingScore("scanrefer"), GroundingScore("scanrefer")
    whole.add(np.array([[0.3]]), eval_type="unique")
    part.add_unanswered(eval_type="unique")
    whole.merge(part)
    assert whole.result()["acc@0.25"]["unique"] == 0.5
    with pytest.raises(InputError, match="cannot merge"):
        whole.merge(GroundingScore("nr3d"))


def test_masks_in_both_notations():
    truth = keyed({**record("a", 0, [], "unique"), "masks": [[0, 1, 2]]})
    predicted = keyed({**record("a", 0, []), "masks": [{"counts": [1, 2, 1, 1]}]})
    assert mask_iou([np.array([1, 2, 4])], [np.array([0, 1, 2])])[0, 0] == 0.5
    result = score_records("scanrefer", predicted, truth, masks=True).result()
    assert (result["acc@0.25"]["unique"], result["acc@0.5"]["unique"]) == (1.0, 1.0)


def test_precision_of_the_benchmarks():
    half, unit = np.array([HALF], dtype=float), np.array([UNIT], dtype=float)
    assert benchmark_box_iou("scanrefer", half, unit).dtype == np.float64
    assert benchmark_box_iou("multi3drefer", half, unit).dtype == np.float32
    assert benchmark_box_iou("multi3drefer", half, unit)[0, 0] < 0.5
    # In a union of 2 m³ the step of single precision is lost, so an exact half is a hit.
    double = np.array([[0, 0, 0, 2, 1, 1.0]])
    assert benchmark_box_iou("multi3drefer", unit, double)[0, 0] == 0.5


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"boxes": [[1, 0, 0, 0, 1, 1]]}, "is no box"),
        ({"boxes": [[0, 0, 0, 1, 1]]}, "is no box"),
        ({"boxes": [[0, 0, 0, 1, 1, math.nan]]}, "is no box"),
        ({"boxes": "chair"}, "must be a list"),
        ({"eval_type": "both"}, "no eval_type 'both'"),
        ({"boxes": []}, "has no true object"),
    ],
)
def test_unusable_truth_is_named(change, message):
    truth = keyed({**record("a", 0, [UNIT], "unique"), **change})
    with pytest.raises(InputError, match=message):
        score_records("scanrefer", keyed(record("a", 0, [UNIT])), truth)


def test_unusable_files_are_named(tmp_path):
    path = tmp_path / "p.json"
    path.write_text(json.dumps([record("a", 0, []), record("a", "0", [])]))
    with pytest.raises(InputError, match="record 1 repeats a, annotation 0"):
        read_records(path, "scanrefer")
    path.write_text(json.dumps([{"scene_id": "a", "ann_id": 0}]))
    assert list(read_records(path, "multi3drefer")) == [("a", "", "0")]
    with pytest.raises(InputError, match="no 'object_id'"):
        read_records(path, "scanrefer")
    path.write_text("{}")
    with pytest.raises(InputError, match="expected a list"):
        read_records(path, "scanrefer")
    path.write_text("[")
    with pytest.raises(InputError, match="cannot be read as JSON"):
        read_records(path, "scanrefer")


def test_unique_and_multiple_from_the_annotations(tmp_path):
    labels = tmp_path / "labels.tsv"
    labels.write_text(
        "id\traw_category\tnyu40class\n1\toffice chair\tchair\n2\tchair\tchair\n3\tlamp\tlamp\n4\tbox\tbox\n"
    )
    names = [
        ("a", "1", "chair"),
        ("a", "2", "office_chair"),
        ("a", "3", "lamp"),
        ("b", "1", "chair"),
        ("b", "2", "lamp"),
    ]
    rows = [{"scene_id": s, "object_id": o, "object_name": n, "ann_id": a} for s, o, n in names for a in "01"]
    rows.append({"scene_id": "b", "object_id": "3", "object_name": "box", "ann_id": "0"})
    path = tmp_path / "ScanRefer_filtered_val.json"
    path.write_text(json.dumps(rows))
    types = scanrefer_eval_types(path, labels)
    # Lamp and box are both "others", of which scene b has two.
    expected = {("a", "1"): "multiple", ("a", "2"): "multiple", ("a", "3"): "unique", ("b", "1"): "unique"}
    expected |= {("b", "2"): "multiple", ("b", "3"): "multiple"}
    assert {key[:2]: kind for key, kind in types.items()} == expected
    with pytest.raises(InputError, match="do not have c"):
        with_eval_types(keyed(record("c", 0, [UNIT])), types)
    labels.write_text("id\tname\n1\tchair\n")
    with pytest.raises(InputError, match="raw_category"):
        scanrefer_eval_types(path, labels)


def test_splits_of_nr3d_from_its_table(tmp_path):
    path = tmp_path / "nr3d.csv"
    path.write_text(
        "stimulus_id,tokens,scan_id,target_id\n"
        "s-chair-2-4-5,\"['the', 'left', 'chair']\",s,4\n"
        "s-chair-2-4-5,\"['the', 'chair']\",s,4\n"
        "s-lamp-3-7-8-9,\"['the', 'leftover', 'lamp']\",s,7\n"
        "s-desk-1-1,\"['facing']\",s,1\n"
    )
    assert nr3d_eval_types(path) == {
        ("s", "4", "0"): "easy_dep",
        ("s", "4", "1"): "easy_indep",
        ("s", "7", "0"): "hard_indep",
        ("s", "1", "0"): "easy_dep",
    }
    path.write_text("stimulus_id,tokens,scan_id,target_id\nchair,[],s,4\n")
    with pytest.raises(InputError, match="line 2 is not a row of Nr3D"):
        nr3d_eval_types(path)
