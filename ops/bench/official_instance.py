"""The yardstick of the evaluators: does what the official instance script does, in its order and with its data types.

Every mask is read line by line into 64-bit integers, every overlap is counted mask against object over all vertices,
and the curves are built with growing arrays. Written anew from the description of the steps, for timing and as a check.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

THRESHOLDS = np.append(np.arange(0.5, 0.95, 0.05), 0.25)
MIN_REGION = 100

Scene = dict[str, Any]


def read_ids(path: Path) -> np.ndarray:
    return np.array(path.read_text().splitlines(), dtype=np.int64)


def read_scene(prediction: Path, truth: Path) -> Scene:
    """Everything of one scene in memory: masks as 64-bit integers, one per vertex."""
    found = []
    for line in prediction.read_text().splitlines():
        mask, label, score = line.split(" ")
        path = prediction.parent / mask
        found.append({"key": str(path), "ids": read_ids(path), "label": int(float(label)), "score": float(score)})
    return {"predictions": found, "truth": read_ids(truth)}


def score_scenes(scenes: Iterable[Scene], labels: dict[int, str]) -> dict[str, float]:
    """AP, AP50 and AP25 of scenes; one is in memory at a time if they come from a generator."""
    matched = [_assign(scene, labels) for scene in scenes]
    table = np.array([[_class_area(matched, name, t) for t in THRESHOLDS] for name in labels.values()])
    return {
        "ap": float(np.nanmean(table[:, :-1])),
        "ap50": float(np.nanmean(table[:, 0])),
        "ap25": float(np.nanmean(table[:, -1])),
    }


def _objects(truth: np.ndarray, labels: dict[int, str]) -> dict[str, list[dict[str, Any]]]:
    objects: dict[str, list[dict[str, Any]]] = {name: [] for name in labels.values()}
    for instance in np.unique(truth):
        if int(instance) // 1000 in labels:
            size = int((truth == instance).sum())
            objects[labels[int(instance) // 1000]].append({"id": int(instance), "size": size, "hits": []})
    return objects


def _assign(scene: Scene, labels: dict[int, str]) -> dict[str, Any]:
    truth = scene["truth"]
    objects = _objects(truth, labels)
    predictions: dict[str, list[dict[str, Any]]] = {name: [] for name in labels.values()}
    void = ~np.isin(truth // 1000, list(labels))
    for raw in scene["predictions"]:
        if raw["label"] not in labels:
            continue
        name = labels[raw["label"]]
        mask = np.not_equal(raw["ids"], 0)
        size = int(np.count_nonzero(mask))
        if size < MIN_REGION:
            continue
        prediction = {"key": raw["key"], "score": raw["score"], "size": size, "hits": []}
        prediction["void"] = int(np.count_nonzero(np.logical_and(void, mask)))
        for thing in objects[name]:
            shared = int(np.count_nonzero(np.logical_and(truth == thing["id"], mask)))
            if shared > 0:
                iou = float(shared) / (thing["size"] + size - shared)
                thing["hits"].append((prediction, iou))
                prediction["hits"].append((thing, shared, iou))
        predictions[name].append(prediction)
    return {"objects": objects, "predictions": predictions}


def _class_area(matched: list[dict[str, Any]], name: str, threshold: float) -> float:
    y_true, y_score = np.empty(0), np.empty(0)
    missed, has_object, has_prediction = 0, False, False
    used: set[str] = set()
    for scene in matched:
        objects = [thing for thing in scene["objects"][name] if thing["size"] >= MIN_REGION]
        has_object |= bool(objects)
        has_prediction |= bool(scene["predictions"][name])
        for thing in objects:
            best = None
            for prediction, iou in thing["hits"]:
                if prediction["key"] in used or iou <= threshold:
                    continue
                if best is None:
                    best = prediction["score"]
                    used.add(prediction["key"])
                else:
                    y_true, y_score = np.append(y_true, 0), np.append(y_score, min(best, prediction["score"]))
                    best = max(best, prediction["score"])
            if best is None:
                missed += 1
            else:
                y_true, y_score = np.append(y_true, 1), np.append(y_score, best)
        for prediction in scene["predictions"][name]:
            if any(iou > threshold for _, _, iou in prediction["hits"]):
                continue
            small = sum(shared for thing, shared, _ in prediction["hits"] if thing["size"] < MIN_REGION)
            if (prediction["void"] + small) / prediction["size"] <= threshold:
                y_true, y_score = np.append(y_true, 0), np.append(y_score, prediction["score"])
    if not has_object:
        return float("nan")
    return _area(y_true, y_score, missed) if has_prediction and len(y_true) else 0.0


def _area(y_true: np.ndarray, y_score: np.ndarray, missed: int) -> float:
    order = np.argsort(y_score)
    below = np.append(np.cumsum(y_true[order]), 0)
    _, starts = np.unique(y_score[order], return_index=True)
    found = below[-2]
    precision, recall = np.zeros(len(starts) + 1), np.zeros(len(starts) + 1)
    for point, start in enumerate(starts):
        right = found - below[start - 1]
        precision[point] = right / (len(y_true) - start)
        recall[point] = right / (found + missed)
    precision[-1], recall[-1] = 1.0, 0.0
    padded = np.append(np.append(recall[0], recall), 0.0)
    return float(np.dot(precision, np.convolve(padded, [-0.5, 0, 0.5], "valid")))
