"""A slow instance AP written from the benchmark's rules with dictionaries and loops: the oracle of the fast one."""

from __future__ import annotations

import numpy as np


def _intersections(mask, truth):
    shared = {}
    for vertex, inside in enumerate(mask):
        if inside:
            shared[int(truth[vertex])] = shared.get(int(truth[vertex]), 0) + 1
    return shared


def _curve_area(examples, missed):
    """`examples` are (score, is_true). Walk the distinct scores upwards and weigh by neighbouring recalls."""
    if not examples:
        return 0.0
    found = sum(1 for _, true in examples if true)
    points = []
    for level in sorted({score for score, _ in examples}):
        kept = [true for score, true in examples if score >= level]
        points.append((sum(kept) / len(kept), sum(kept) / (found + missed)))
    points.append((1.0, 0.0))
    recalls = [points[0][1], *(recall for _, recall in points), 0.0]
    return sum(p * (recalls[i] - recalls[i + 2]) * 0.5 for i, (p, _) in enumerate(points))


def _scene_examples(scene, label, valid, threshold, min_region):
    """Examples, missed objects, whether a prediction counted and whether an object counted."""
    masks, labels, scores, truth = scene
    sizes = {int(i): int((truth == i).sum()) for i in set(truth.tolist()) if i // 1000 == label}
    predictions = []
    for mask, its_label, score in zip(masks, labels, scores, strict=True):
        if int(its_label) == label and int(mask.sum()) >= min_region:
            predictions.append({"n": int(mask.sum()), "score": float(score), "shared": _intersections(mask, truth)})

    def overlaps(prediction, thing):
        shared = prediction["shared"].get(thing, 0)
        return shared / (sizes[thing] + prediction["n"] - shared) > threshold

    examples, missed, taken = [], 0, set()
    countable = [thing for thing in sorted(sizes) if sizes[thing] >= min_region]
    for thing in countable:
        current = None
        for at, prediction in enumerate(predictions):
            if at in taken or not overlaps(prediction, thing):
                continue
            if current is None:
                current = prediction["score"]
                taken.add(at)
            else:
                examples.append((min(current, prediction["score"]), False))
                current = max(current, prediction["score"])
        if current is None:
            missed += 1
        else:
            examples.append((current, True))
    for prediction in predictions:
        if any(overlaps(prediction, thing) for thing in sizes):
            continue
        ignore = sum(n for thing, n in prediction["shared"].items() if thing // 1000 not in valid)
        ignore += sum(n for thing, n in prediction["shared"].items() if thing in sizes and sizes[thing] < min_region)
        if ignore / prediction["n"] <= threshold:
            examples.append((prediction["score"], False))
    return examples, missed, bool(predictions), bool(countable)


def slow_instance_ap(scenes, valid, *, min_region):
    """AP as {label: [one per threshold]} of `scenes`, (masks, labels, scores, truth) each, over the labels `valid`."""
    thresholds = [*np.arange(0.5, 0.95, 0.05), 0.25]
    result = {}
    for label in valid:
        row = []
        for threshold in thresholds:
            parts = [_scene_examples(scene, label, set(valid), threshold, min_region) for scene in scenes]
            examples = [example for part in parts for example in part[0]]
            missed = sum(part[1] for part in parts)
            if not any(part[3] for part in parts):
                row.append(float("nan"))
            elif not any(part[2] for part in parts):
                row.append(0.0)
            else:
                row.append(_curve_area(examples, missed))
        result[label] = row
    return result
