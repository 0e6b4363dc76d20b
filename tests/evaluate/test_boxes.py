"""Box overlaps and VoteNet's box AP, by hand and against a loop over ranked predictions."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scene3d.errors import InputError
from scene3d.evaluate.boxes import BoxAP, bounding_boxes, box_iou
from scene3d.evaluate.instance import IOU_THRESHOLDS
from scene3d.evaluate.masks import MaskList

UNIT = [0.0, 0.0, 0.0, 1.0, 1.0, 1.0]
HALF = [0.0, 0.0, 0.0, 1.0, 1.0, 0.5]


def test_overlap_of_boxes_by_hand():
    iou = box_iou(np.array([UNIT]), np.array([UNIT, HALF, [2, 2, 2, 3, 3, 3], [0, 0, 0, 0, 1, 1]], dtype=float))
    assert iou.tolist() == [[1.0, 0.5, 0.0, 0.0]]


def test_epsilon_takes_an_exact_half_below_it_and_saves_flat_boxes():
    flat = np.array([[0.0, 0, 0, 1, 1, 0]])
    assert 0.4999 < box_iou(np.array([UNIT]), np.array([HALF]), epsilon=1e-8)[0, 0] < 0.5
    assert box_iou(flat, flat)[0, 0] == box_iou(flat, flat, epsilon=1e-8)[0, 0] == 0.0


def test_bounding_boxes_of_masks():
    xyz = np.array([[0.0, 1, 2], [3, 0, 1], [9, 9, 9]])
    boxes = bounding_boxes(xyz, MaskList.of(np.array([[True, True, False], [False, False, False]])))
    assert boxes[0].tolist() == [0, 0, 1, 3, 1, 2]
    assert np.isnan(boxes[1]).all()


def add(ap, boxes, labels, scores, truth_boxes, truth_labels):
    ap.add(
        np.array(boxes, dtype=float).reshape(-1, 6),
        np.array(labels, dtype=int),
        np.array(scores, dtype=float),
        truth_box=np.array(truth_boxes, dtype=float).reshape(-1, 6),
        truth_label=np.array(truth_labels, dtype=int),
    )


def test_a_second_box_on_an_object_is_false():
    ap = BoxAP()
    add(ap, [UNIT, UNIT, [5, 5, 5, 6, 6, 6]], [3, 3, 3], [0.9, 0.8, 0.7], [UNIT, [5, 5, 5, 6, 6, 6]], [3, 3])
    # Ranked: true, false, true. Precision envelope 1 up to recall 1/2, then 2/3.
    assert ap.result()["ap50"] == pytest.approx(0.5 * 1 + 0.5 * 2 / 3)


def test_predictions_of_absent_classes_in_a_scene_count_against_other_scenes():
    ap = BoxAP()
    add(ap, [UNIT], [3], [0.5], [UNIT], [3])
    add(ap, [UNIT], [3], [0.9], [UNIT], [4])
    per_class = ap.result()["per_class"]
    assert per_class["cabinet"]["ap50"] == 0.5
    assert per_class["bed"]["ap50"] == 0.0
    assert math.isnan(per_class["chair"]["ap50"])


def test_class_agnostic_counts_all_scored_classes():
    ap = BoxAP(class_agnostic=True)
    add(ap, [UNIT], [4], [0.5], [UNIT, [5, 5, 5, 6, 6, 6]], [3, 1])
    assert ap.result()["per_class"]["object"]["ap50"] == 1.0


def test_unusable_input_is_refused():
    with pytest.raises(InputError, match="not a number"):
        add(BoxAP(), [UNIT], [3], [math.nan], [UNIT], [3])
    with pytest.raises(InputError, match="different classes"):
        BoxAP().merge(BoxAP(classes="scannet200"))


def slow_voc(scenes, label, threshold):
    """One class by a walk down the ranking; nan without objects."""
    total = sum(int((scene[4] == label).sum()) for scene in scenes)
    ranked = sorted(
        (-float(score), at, i)
        for at, scene in enumerate(scenes)
        for i, (its, score) in enumerate(zip(scene[1], scene[2], strict=True))
        if its == label
    )
    found, points, right = set(), [], 0
    for rank, (_, at, i) in enumerate(ranked, start=1):
        candidates = [
            (box_iou(scenes[at][0][i : i + 1], truth[None])[0, 0], -k)
            for k, (truth, its) in enumerate(zip(scenes[at][3], scenes[at][4], strict=True))
            if its == label
        ]
        best = max(candidates, default=(0.0, 0))
        if best[0] > threshold and (at, best[1]) not in found:
            found.add((at, best[1]))
            right += 1
        points.append((right / max(total, 1), right / rank))
    if total == 0:
        return math.nan
    recalls = sorted({recall for recall, _ in points} | {0.0})
    steps = itertools.pairwise(recalls)
    return sum((high - low) * max(p for recall, p in points if recall >= high) for low, high in steps)


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_equals_a_walk_down_the_ranking(seed):
    rng = np.random.default_rng(seed)

    def boxes(n):
        low = rng.integers(0, 4, (n, 3)).astype(float)
        return np.concatenate([low, low + rng.integers(1, 4, (n, 3))], axis=1)

    scenes, ap, merged = [], BoxAP(), BoxAP()
    for _ in range(2):
        q, k = int(rng.integers(0, 7)), int(rng.integers(0, 5))
        scene = (boxes(q), rng.choice([1, 3, 4], q), rng.random(q), boxes(k), rng.choice([1, 3, 4], k))
        scenes.append(scene)
        part = BoxAP()
        for one in (ap, part):
            one.add(scene[0], scene[1], scene[2], truth_box=scene[3], truth_label=scene[4])
        merged.merge(part)
    per_class = ap.result()["per_class"]
    assert str(merged.result()) == str(ap.result())
    for label, name in ((3, "cabinet"), (4, "bed")):
        slow = [slow_voc(scenes, label, threshold) for threshold in IOU_THRESHOLDS]
        expected = [np.mean(slow[:-1]), slow[0], slow[-1]]
        assert list(per_class[name].values()) == pytest.approx(expected, abs=1e-9, nan_ok=True)
