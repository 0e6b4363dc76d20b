"""Precision and recall from scored examples: what the detection metrics share after matching."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
from jaxtyping import Bool, Float64, Int64


class ExampleStore:
    """True and false positives by class and threshold, with the objects that nothing found."""

    def __init__(self, classes: int, thresholds: int):
        self._shape = (classes, thresholds)
        self._cell: list[Int64[np.ndarray, "e"]] = []
        self._score: list[Float64[np.ndarray, "e"]] = []
        self._true: list[Bool[np.ndarray, "e"]] = []
        self._missed: Int64[np.ndarray, "c t"] = np.zeros(self._shape, dtype=np.int64)
        self._present: Bool[np.ndarray, "c"] = np.zeros(classes, dtype=bool)

    def write(
        self,
        of_class: Int64[np.ndarray, "e"],
        t: Int64[np.ndarray, "e"],
        score: Float64[np.ndarray, "e"],
        *,
        true: Bool[np.ndarray, "e"],
    ) -> None:
        """Record examples: class, index of the threshold, confidence, whether it is a true positive."""
        self._cell.append(of_class * self._shape[1] + t)
        self._score.append(score)
        self._true.append(true)

    def miss(self, of_class: Int64[np.ndarray, "k"], t: Int64[np.ndarray, "k"]) -> None:
        """Record objects that no prediction found, by class and threshold."""
        np.add.at(self._missed, (of_class, t), 1)

    def saw(self, of_class: Int64[np.ndarray, "k"]) -> None:
        """Record which classes have objects."""
        self._present[of_class] = True

    def merge(self, other: ExampleStore) -> None:
        """Take in the examples of another store of the same shape."""
        self._cell += other._cell
        self._score += other._score
        self._true += other._true
        self._missed += other._missed
        self._present |= other._present

    def average_precision(self, area: AreaRule) -> Float64[np.ndarray, "c t"]:
        """Area under each curve; nan for a class without objects, 0 for one with objects but no prediction."""
        cell = np.concatenate([np.zeros(0, dtype=np.int64), *self._cell])
        score = np.concatenate([np.zeros(0), *self._score])
        true = np.concatenate([np.zeros(0, dtype=bool), *self._true])
        found = np.bincount(cell[true], minlength=self._missed.size)
        ap = area(cell, score, true, found + self._missed.ravel()).reshape(self._missed.shape)
        return np.where(self._present[:, None], ap, np.nan)


AreaRule = Callable[
    [Int64[np.ndarray, "e"], Float64[np.ndarray, "e"], Bool[np.ndarray, "e"], Int64[np.ndarray, "k"]],
    Float64[np.ndarray, "k"],
]
"""Areas of k curves from examples: index of the curve, confidence, truth; and the number of objects of each curve."""


def scannet_area(
    cell: Int64[np.ndarray, "e"],
    score: Float64[np.ndarray, "e"],
    true: Bool[np.ndarray, "e"],
    objects: Int64[np.ndarray, "k"],
) -> Float64[np.ndarray, "k"]:
    """Areas by ScanNet's rule: equal scores make one point, which weighs half the recall between its neighbours.

    An artificial point of precision 1 and recall 0 ends each curve. A curve without examples has no area.

    Source: evaluate_matches of the ScanNet benchmark script, after the Cityscapes one.
    """
    order = np.lexsort((score, cell))
    cell, score = cell[order], score[order]
    true_before = np.concatenate(([0], np.cumsum(true[order])))
    start = np.flatnonzero(np.append(True, (np.diff(cell) != 0) | (np.diff(score) != 0))[: len(cell)])
    curve = cell[start]  # of each point
    end = np.searchsorted(cell, curve, side="right")
    true_positive = true_before[end] - true_before[start]
    precision, recall = true_positive / (end - start), true_positive / np.maximum(objects[curve], 1)
    same = curve[1:] == curve[:-1]
    below, above = recall.copy(), np.zeros_like(recall)
    below[1:][same], above[:-1][same] = recall[:-1][same], recall[1:][same]
    last = np.append(~same, True)[: len(curve)]
    weighted = precision * (below - above) / 2 + np.where(last, recall / 2, 0)
    area = np.zeros(len(objects))
    np.add.at(area, curve, weighted)
    return area


def voc_area(
    cell: Int64[np.ndarray, "e"],
    score: Float64[np.ndarray, "e"],
    true: Bool[np.ndarray, "e"],
    objects: Int64[np.ndarray, "k"],
) -> Float64[np.ndarray, "k"]:
    """Areas by the VOC rule of 2010: precision never rises with recall. Of equal scores, the first recorded is first.

    Source: Everingham et al., IJCV 2010; eval_det of VoteNet (Qi et al., ICCV 2019).
    """
    order = np.lexsort((-score, cell))
    bounds = np.searchsorted(cell[order], np.arange(len(objects) + 1))
    area = np.zeros(len(objects))
    for k, (begin, end) in enumerate(itertools.pairwise(bounds.tolist())):
        true_positive = np.cumsum(true[order[begin:end]])
        precision = true_positive / np.arange(1, end - begin + 1)
        envelope = np.maximum.accumulate(precision[::-1])[::-1]
        area[k] = np.dot(np.diff(true_positive, prepend=0) / max(objects[k], 1), envelope)
    return area


def mean_of_present(values: Float64[np.ndarray, "c"]) -> float:
    """Mean over the classes that occur; nan where none does."""
    present = values[~np.isnan(values)]
    return float(present.mean()) if len(present) else float("nan")
