"""Referring segmentation and the run-length codec, by worked masks, dense pictures and pycocotools."""

import numpy as np
import pytest

from scene3d.errors import InputError
from scene3d.evaluate.masks2d import ReferringMasks, referring_masks
from scene3d.evaluate.rle import encode, intersection, iou, read_mask


def picture(*cells: tuple[int, int], shape=(4, 5)) -> dict:
    mask = np.zeros(shape, dtype=bool)
    for cell in cells:
        mask[cell] = True
    return encode(mask)


@pytest.mark.parametrize("seed", range(40))
def test_codec_equals_pycocotools(seed):
    coco = pytest.importorskip("pycocotools.mask")
    random = np.random.default_rng(seed)
    shape = tuple(random.integers(1, 60, 2))
    a, b = (random.random(shape) < random.choice([0, 0.03, 0.5, 1]) for _ in range(2))
    text = [coco.encode(np.asfortranarray(mask.astype(np.uint8))) for mask in (a, b)]
    ours = [read_mask({"size": t["size"], "counts": t["counts"].decode()}, where="x") for t in text]
    plain = read_mask(encode(a), where="x")
    assert (ours[0].dense() == a).all()
    assert (plain.dense() == a).all()
    assert ours[0].area == a.sum()
    assert intersection(*ours) == (a & b).sum()
    assert iou(*ours) == pytest.approx(float(coco.iou([text[0]], [text[1]], [0])[0, 0]))


def dense_oracle(samples):
    """GRES by pictures: (predicted or None, truth) pairs of boolean arrays, an empty truth meaning no target."""
    scores, shared, joined, precise = [], 0, 0, []
    for predicted, truth in samples:
        predicted = np.zeros_like(truth) if predicted is None else predicted
        i, u = (predicted & truth).sum(), (predicted | truth).sum()
        shared, joined = shared + i, joined + u
        scores.append(i / u if truth.any() else float(not predicted.any()))
        if truth.any():
            precise.append(i / u >= 0.7)
    return np.mean(scores), shared / joined, np.mean(precise)


@pytest.mark.parametrize("seed", range(10))
def test_equals_dense_pictures(seed):
    random = np.random.default_rng(seed)
    samples = []
    for _ in range(12):
        truth = (random.random((6, 7)) < 0.5) & (random.random() < 0.7)
        predicted = None if random.random() < 0.2 else truth ^ (random.random((6, 7)) < random.choice([0, 0.05, 0.3]))
        samples.append((predicted, truth))
    truths = {str(i): encode(t) | ({} if t.any() else {"no_target": True}) for i, (_, t) in enumerate(samples)}
    said = {str(i): None if p is None else encode(p) for i, (p, _) in enumerate(samples)}
    result = referring_masks(said, truths)
    assert (result["gIoU"], result["cIoU"], result["Pr@0.7"]) == pytest.approx(dense_oracle(samples))


def test_worked_sample():
    truths = {"a": picture((0, 0), (0, 1)), "b": {"no_target": True}, "c": {"no_target": True}, "d": picture((1, 1))}
    said = {"a": picture((0, 1), (0, 2)), "b": None, "c": picture((2, 2)), "d": picture((1, 1))}
    assert referring_masks(said, truths) == pytest.approx(
        {
            "gIoU": (1 / 3 + 1 + 0 + 1) / 4,
            "cIoU": (1 + 1) / (3 + 1 + 1),
            "N_acc": 0.5,
            "T_acc": 1.0,
            "Pr@0.7": 0.5,
            "Pr@0.8": 0.5,
            "Pr@0.9": 0.5,
        }
    )


def test_missing_prediction_is_empty():
    truths = {"a": picture((0, 0)), "b": {"no_target": True}}
    assert referring_masks({}, truths) == referring_masks({"a": picture(), "b": picture()}, truths)
    assert referring_masks({}, truths)["gIoU"] == 0.5


def test_quirks():
    unflagged, one = {"a": picture()}, {"a": picture((0, 0))}
    assert referring_masks({}, unflagged)["gIoU"] == 1
    assert referring_masks({}, unflagged, official_quirks=True)["gIoU"] == 0
    assert referring_masks(one, one)["N_acc"] is None
    assert referring_masks(one, one, official_quirks=True)["T_acc"] == 0


def test_merging_equals_one_pass():
    truth, other = (read_mask(picture(*cells), where="x") for cells in (((0, 0),), ((0, 0), (1, 1))))
    whole, left, right = ReferringMasks(), ReferringMasks(), ReferringMasks()
    for part, sample in ((left, (other, truth)), (right, (None, truth))):
        part.add(*sample)
        whole.add(*sample)
    left.merge(right)
    assert left.result() == whole.result()


@pytest.mark.parametrize(
    ("said", "truth", "message"),
    [
        ({"x": None}, {"a": picture()}, "'x'"),
        ({"a": picture(shape=(5, 4))}, {"a": picture((0, 0))}, "cannot be compared"),
        ({"a": {"size": [2, 2], "counts": [3]}}, {"a": picture()}, "sum to 3"),
        ({"a": {"size": [2, 2], "counts": "\x01"}}, {"a": picture()}, "no compressed COCO RLE"),
        ({"a": {"size": [2, 2], "counts": [1.5, 2.5]}}, {"a": picture()}, "whole numbers"),
        ({"a": [1]}, {"a": picture()}, "expected a COCO RLE"),
        ({}, {"a": picture((0, 0)) | {"no_target": True}}, "marked no_target"),
        ({}, {}, "no samples"),
    ],
)
def test_errors(said, truth, message):
    with pytest.raises(InputError, match=message):
        referring_masks(said, truth)
