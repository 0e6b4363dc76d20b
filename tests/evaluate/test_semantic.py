"""Semantic IoU: by hand, against sets of vertices, and its quirk."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scene3d.errors import InputError
from scene3d.evaluate.folders import FolderRun, semantic_iou_of_folders
from scene3d.evaluate.semantic import SemanticIoU

labels = st.lists(
    st.tuples(st.sampled_from([0, 1, 2, 3, 39, 40]), st.sampled_from([-7, 0, 1, 2, 3, 39, 99])), max_size=60
)


@settings(max_examples=60, deadline=None)
@given(pairs=labels, cut=st.integers(0, 60))
def test_equals_sets_of_vertices(pairs, cut):
    truth = np.array([true for true, _ in pairs], dtype=int)
    predicted = np.array([found for _, found in pairs], dtype=int)
    iou, other = SemanticIoU(), SemanticIoU()
    iou.add(predicted[:cut], truth[:cut])
    other.add(predicted[cut:], truth[cut:])
    iou.merge(other)
    result = iou.result()
    scored = {i for i, true in enumerate(truth.tolist()) if true in iou.classes.ids}
    values = []
    for name, label in zip(iou.classes.names, iou.classes.ids, strict=True):
        a = {i for i in scored if truth[i] == label}
        b = {i for i in scored if predicted[i] == label}
        expected = len(a & b) / len(a | b) if a | b else math.nan
        assert result["per_class"][name] == pytest.approx(expected, nan_ok=True)
        values += [expected] if a | b else []
    assert result["miou"] == pytest.approx(np.mean(values) if values else math.nan, nan_ok=True)


def test_an_invalid_prediction_is_a_miss():
    iou = SemanticIoU()
    iou.add(np.array([3, 0, 1000]), np.array([3, 3, 3]))
    assert iou.result()["per_class"]["cabinet"] == pytest.approx(1 / 3)


def test_the_official_script_reads_minus_one_as_the_last_class():
    sane, official = SemanticIoU(), SemanticIoU(official_quirks=True)
    for iou in (sane, official):
        iou.add(np.array([-1, 3]), np.array([39, 3]))
    assert sane.result()["per_class"]["otherfurniture"] == 0.0
    assert official.result()["per_class"]["otherfurniture"] == 1.0


def test_unusable_input_is_refused():
    with pytest.raises(InputError, match="2 predicted labels for 3 vertices"):
        SemanticIoU().add(np.zeros(2, dtype=int), np.zeros(3, dtype=int))
    with pytest.raises(InputError, match="scannet200"):
        SemanticIoU().merge(SemanticIoU(classes="scannet200"))


def test_files_of_both_formats(tmp_path):
    pred, gt = tmp_path / "pred", tmp_path / "gt"
    pred.mkdir()
    gt.mkdir()
    (pred / "a.txt").write_text("3\n4\n")
    (gt / "a.txt").write_text("3\n3\n")
    np.savez(pred / "b.npz", label=np.array([4]))
    np.savez(gt / "b.npz", label=np.array([4]))
    (gt / "c.txt").write_text("5\n")
    result = semantic_iou_of_folders(FolderRun(pred=pred, gt=gt, workers=1)).result()
    assert {k: v for k, v in result["per_class"].items() if not math.isnan(v)} == {
        "cabinet": 0.5,
        "bed": 0.5,
        "chair": 0,
    }
    (pred / "c.txt").write_text("5\n5\n")
    with pytest.raises(InputError, match=r"c\.txt: 2 predicted labels"):
        semantic_iou_of_folders(FolderRun(pred=pred, gt=gt, workers=1))
    np.savez(pred / "b.npz", label=np.array([0.5]))
    with pytest.raises(InputError, match="label is float64"):
        semantic_iou_of_folders(FolderRun(pred=pred, gt=gt, workers=1))
