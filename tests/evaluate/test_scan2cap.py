"""Dense captions: which caption an object gets at each overlap, and the official denominator."""

import numpy as np
import pytest

from scene3d.errors import InputError
from scene3d.evaluate.captions import score_tokens
from scene3d.evaluate.scan2cap import (
    CaptionedBox,
    DenseCaptionMetrics,
    DescribedObject,
    dense_captions,
    read_captioned_boxes,
    read_described_objects,
    shortened,
    wrapped,
)


def cube(x: float, size: float = 1.0) -> np.ndarray:
    return np.array([x, 0, 0, x + size, 1, 1], dtype=float)


def described(name: str, x: float, *texts: str) -> DescribedObject:
    return DescribedObject(key=name, box=cube(x), references=texts or (f"sos the {name} by the wall eos",))


def said(x: float, caption: str, size: float = 1.0) -> CaptionedBox:
    return CaptionedBox(box=cube(x, size), caption=caption)


def test_identity_is_perfect_at_every_overlap():
    objects = {"s": [described("chair", 0), described("lamp", 5), described("sofa", 9)]}
    boxes = {"s": [CaptionedBox(box=o.box, caption=o.references[0]) for o in objects["s"]]}
    for scores in dense_captions(objects, boxes, meteor=False).values():
        assert scores["BLEU"] == pytest.approx([1, 1, 1, 1])
        assert (scores["CIDEr"], scores["ROUGE_L"], scores["found"]) == pytest.approx((10, 1, 1))


def test_an_object_takes_the_best_box_if_it_overlaps_enough():
    objects = {"s": [described("chair", 0), described("lamp", 5)]}
    boxes = {
        "s": [said(0.1, "sos best eos"), said(0.3, "sos second eos"), said(5.5, "sos lamp eos")]
    }  # IoU .82 .54 .33
    metrics = DenseCaptionMetrics((0.25, 0.5))
    metrics.add(objects["s"], boxes["s"])
    assert metrics.captions == {"chair": ("sos best eos",) * 2, "lamp": ("sos lamp eos", "sos eos")}
    result = metrics.result(meteor=False)
    expected = score_tokens(["sos best eos", "sos eos"], [o.references for o in objects["s"]], meteor=False)
    assert result["m@0.5"] == {**expected.as_json(), "found": 0.5}
    assert result["m@0.25"]["found"] == 1


def test_the_overlap_must_be_above_the_threshold():
    metrics = DenseCaptionMetrics((0.5,))
    metrics.add([described("chair", 0)], [said(0, "sos x eos", size=2.0)])  # exactly a half, less the epsilon
    assert metrics.captions["chair"] == ("sos eos",)


def test_official_assignment_goes_by_centre_and_the_last_box_speaks():
    objects = [described("chair", 0), described("lamp", 5)]
    boxes = [said(0.0, "sos first eos"), said(0.1, "sos last eos")]
    quirky, sane = DenseCaptionMetrics((0.25,), official_quirks=True), DenseCaptionMetrics((0.25,))
    for metrics in (quirky, sane):
        metrics.add(objects, boxes)
    assert quirky.captions == {"chair": ("sos last eos",), "lamp": ("sos eos",)}
    assert sane.captions == {"chair": ("sos first eos",), "lamp": ("sos eos",)}


def test_texts_are_wrapped_and_references_cut():
    assert wrapped("sos As It Is. eos") == "sos As It Is. eos"
    assert wrapped("A chair, by the wall.") == "sos a chair , by the wall . eos"
    words = [f"w{i}" for i in range(40)]
    assert shortened(f"sos {' '.join(words)} eos") == f"sos {' '.join(words[:30])} eos"


def test_a_scene_without_predictions_counts():
    objects = {"a": [described("chair", 0)], "b": [described("lamp", 0)]}
    boxes = {"a": [CaptionedBox(box=cube(0), caption=objects["a"][0].references[0])]}
    assert dense_captions(objects, boxes, meteor=False)["m@0.5"]["found"] == 0.5


def test_merge_equals_one_pass():
    parts = [DenseCaptionMetrics(), DenseCaptionMetrics()]
    whole = DenseCaptionMetrics()
    for metrics, name in zip(parts, ("chair", "lamp"), strict=True):
        for target in (metrics, whole):
            target.add([described(name, 0)], [said(0, f"a {name}")])
    parts[0].merge(parts[1])
    assert parts[0].result(meteor=False) == whole.result(meteor=False)
    with pytest.raises(InputError, match="added twice"):
        parts[0].merge(parts[1])


def test_official_files():
    corners = [[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)]
    record = {"scene_id": "s", "object_id": "3", "object_name": "chair", "token": ["a", "chair"], "bbox": corners}
    objects = read_described_objects([record, record | {"token": ["it"]}], where="gt")
    assert objects["s"][0].key == "s|3|chair"
    assert objects["s"][0].references == ("sos a chair eos", "sos it eos")
    assert objects["s"][0].box.tolist() == [0, 0, 0, 1, 1, 1]
    boxes = read_captioned_boxes({"s": [{"caption": "x", "box": corners, "sem_prob": []}]}, where="p")
    assert boxes["s"][0].box.tolist() == [0, 0, 0, 1, 1, 1]


@pytest.mark.parametrize("box", [[0, 0, 0, 1, 1], [0, 0, 0, 1, 1, float("nan")], "box", [[0, 0, 0]] * 7])
def test_broken_boxes(box):
    with pytest.raises(InputError, match="box"):
        read_captioned_boxes({"s": [{"caption": "x", "box": box}]}, where="p")


def test_errors():
    with pytest.raises(InputError, match="predicted scenes are not"):
        dense_captions({"a": [described("chair", 0)]}, {"b": []})
    with pytest.raises(InputError, match="no described objects"):
        dense_captions({}, {})
    records = [{"scene_id": "s", "object_id": 1, "token": ["a"], "bbox": cube(x).tolist()} for x in (0, 1)]
    with pytest.raises(InputError, match="another box"):
        read_described_objects(records, where="gt")
