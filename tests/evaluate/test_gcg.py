"""Grounded captions: AP against pycocotools, greedy matching and recall against a slow rewrite, worked cases."""

import contextlib
import io

import numpy as np
import pytest

from scene3d.errors import InputError
from scene3d.evaluate.gcg import (
    GroundedCaption,
    GroundedCaptionMetrics,
    GroundedTruth,
    read_grounded_caption,
    read_grounded_truths,
    token_overlap,
)
from scene3d.evaluate.rle import encode, read_mask

WORDS = ("red chair", "blue chair", "table", "the lamp")


def random_images(seed: int) -> list[tuple[list, list, list, list]]:
    """Predicted masks and phrases, true masks and phrases, per image."""
    random = np.random.default_rng(seed)
    images = []
    for _ in range(6):
        true = [random.random((8, 9)) < 0.4 for _ in range(random.integers(1, 5))]
        said = [
            mask ^ (random.random((8, 9)) < random.choice([0.02, 0.2, 0.5])) for mask in true if random.random() < 0.8
        ]
        said += [random.random((8, 9)) < 0.3 for _ in range(random.integers(0, 3))]
        random.shuffle(said)
        images.append(
            (said, [str(random.choice(WORDS)) for _ in said], true, [str(random.choice(WORDS)) for _ in true])
        )
    return images


def scored(images) -> dict:
    metrics = GroundedCaptionMetrics()
    for i, (said, phrases, true, labels) in enumerate(images):
        metrics.add(
            str(i),
            GroundedCaption(caption="a chair", phrases=tuple(phrases), masks=masks_of(said)),
            GroundedTruth(
                captions=("a chair",), phrases=tuple(labels), masks=masks_of(true), ignored=(False,) * len(true)
            ),
        )
    return metrics.result(meteor=False)


def masks_of(pictures):
    return tuple(read_mask(encode(mask), where="x") for mask in pictures)


def coco_ap50(images) -> float:
    coco = pytest.importorskip("pycocotools.coco").COCO
    evaluation = pytest.importorskip("pycocotools.cocoeval").COCOeval
    mask = pytest.importorskip("pycocotools.mask")
    truth, found = [], []
    for image, (said, _, true, _) in enumerate(images):
        for pictures, target in ((true, truth), (said, found)):
            for picture in pictures:
                rle = mask.encode(np.asfortranarray(picture.astype(np.uint8)))
                area = float(picture.sum())
                target.append(
                    {"image_id": image, "category_id": 1, "segmentation": rle, "iscrowd": 0, "score": 1.0, "area": area}
                )
    for number, annotation in enumerate(truth, start=1):
        annotation["id"] = number
    with contextlib.redirect_stdout(io.StringIO()):
        ground = coco()
        ground.dataset = {
            "images": [{"id": i, "height": 8, "width": 9} for i in range(len(images))],
            "annotations": truth,
            "categories": [{"id": 1}],
        }
        ground.createIndex()
        run = evaluation(ground, ground.loadRes(found), "segm")
        run.evaluate()
        run.accumulate()
        run.summarize()
    return run.stats[1]


def slow_miou_and_recall(images) -> tuple[float, float]:
    means, hits, total = [], 0, 0
    for said, phrases, true, labels in images:
        left = {(g, p): (a & b).sum() / (a | b).sum() for g, a in enumerate(true) for p, b in enumerate(said)}
        taken = []
        while left and max(left.values()) > 0:
            (g, p), best = max(left.items(), key=lambda item: item[1])
            taken.append((g, p, best))
            left = {pair: value for pair, value in left.items() if pair[0] != g and pair[1] != p}
        means.append(np.mean([best for _, _, best in taken]) if taken else 0)
        total += len(labels)
        for g, p, best in taken:
            a, b = labels[g].split(), phrases[p].split()
            if best < 0.5 or len(set(a) & set(b)) / np.sqrt(len(a) * len(b)) < 0.5 - 1e-12:
                break
            hits += 1
    return float(np.mean(means)), hits / total


@pytest.mark.parametrize("seed", range(12))
def test_equals_coco_and_the_slow_rewrite(seed):
    images = random_images(seed)
    result = scored(images)
    assert result["AP50"] == pytest.approx(coco_ap50(images), abs=1e-9)
    assert (result["mIoU"], result["recall"]) == pytest.approx(slow_miou_and_recall(images))


def test_truth_as_prediction_is_perfect_and_the_encoder_is_named():
    images = [(true, labels, true, labels) for _, _, true, labels in random_images(1)]
    result = scored(images)
    assert (result["AP50"], result["mIoU"], result["recall"]) == pytest.approx((1, 1, 1))
    assert result["text_encoder"] == "token-overlap"
    assert list(result)[:5] == ["METEOR", "CIDEr", "AP50", "mIoU", "recall"]


def test_image_without_prediction_scores_zero():
    truth = GroundedTruth(captions=("a chair",), phrases=("chair",), masks=masks_of([np.eye(3) > 0]), ignored=(False,))
    metrics = GroundedCaptionMetrics()
    metrics.add("1", None, truth)
    result = metrics.result(meteor=False)
    assert (result["AP50"], result["mIoU"], result["recall"], result["CIDEr"]) == (0, 0, 0, 0)


def test_recall_stops_at_the_first_pair_of_unlike_phrases():
    left, right = np.zeros((4, 4), dtype=bool), np.zeros((4, 4), dtype=bool)
    left[:, :2], right[:, 2:] = True, True
    almost = right.copy()
    almost[0, 2] = False
    assert scored([([left, almost], ["lamp", "table"], [left, right], ["chair", "table"])])["recall"] == 0
    assert scored([([almost, left], ["table", "lamp"], [right, left], ["table", "chair"])])["recall"] == 0
    assert scored([([left, almost], ["chair", "lamp"], [left, right], ["chair", "table"])])["recall"] == 0.5


def test_another_encoder_changes_recall_only():
    images = random_images(2)
    metrics = GroundedCaptionMetrics(lambda texts: np.ones((len(texts), 1)), "constant")
    said, phrases, true, labels = images[0]
    metrics.add(
        "0",
        GroundedCaption(caption="x", phrases=tuple(phrases), masks=masks_of(said)),
        GroundedTruth(captions=("x",), phrases=tuple(labels), masks=masks_of(true), ignored=(False,) * len(true)),
    )
    assert metrics.result(meteor=False)["text_encoder"] == "constant"
    with pytest.raises(InputError, match="two text encoders"):
        metrics.merge(GroundedCaptionMetrics())


def test_token_overlap_is_a_bag_of_words():
    a, b, empty = token_overlap(["The red chair", "the chair", ""])
    assert a @ b / np.linalg.norm(a) / np.linalg.norm(b) == pytest.approx(2 / np.sqrt(6))
    assert not empty.any()


def test_official_files():
    rle = encode(np.eye(3) > 0)
    captions = {"images": [{"id": 2}], "annotations": [{"image_id": 2, "caption": "a chair", "labels": ["chair"]}]}
    masks = {"annotations": [{"image_id": 2, "category_id": 1, "segmentation": rle}]}
    truth = read_grounded_truths(captions, masks, where="gt")["2"]
    assert (truth.phrases, truth.masks[0].area) == (("chair",), 3)
    record = {"2.jpg": {"caption": "a chair", "phrases": ["chair"], "pred_masks": [rle]}}
    assert read_grounded_caption(record, where="p").masks[0].area == 3
    with pytest.raises(InputError, match="lacks 'phrases'"):
        read_grounded_caption({"caption": "x"}, where="p")
    with pytest.raises(InputError, match="image 2 has no caption"):
        read_grounded_truths(captions | {"annotations": []}, masks, where="gt")
