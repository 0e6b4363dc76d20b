"""Precision and recall from scored examples: what the detection metrics share after matching."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float64, Int64, Integer


class ExampleStore:
    """True and false positives by class and threshold, with the objects that nothing found."""

    def __init__(self, classes: int, thresholds: int):
        self._shape = (classes, thresholds)
        self._cell: list[Int64[np.ndarray, "e"]] = []
        self._score: list[Float64[np.ndarray, "e"]] = []
        self._true: list[Bool[np.ndarray, "e"]] = []
        self._missed: Int64[np.ndarray, "c t"] = np.zeros(self._shape, dtype=np.int64)
        self._predicted: Bool[np.ndarray, "c"] = np.zeros(classes, dtype=bool)
        self._present: Bool[np.ndarray, "c"] = np.zeros(classes, dtype=bool)

    def write(
        self,
        of_class: Integer[np.ndarray, "e"] | np.integer,
        t: int,
        score: Float64[np.ndarray, "e"],
        *,
        true: Bool[np.ndarray, "e"],
    ) -> None:
        """Record examples at threshold `t`; `of_class` is one class for all or one for each."""
        self._cell.append(np.broadcast_to(of_class * self._shape[1] + t, score.shape))
        self._score.append(score)
        self._true.append(true)

    def miss(self, of_class: int, t: int) -> None:
        """Record an object that no prediction found at threshold `t`."""
        self._missed[of_class, t] += 1

    def saw(self, *, predicted: Int64[np.ndarray, "p"], present: Int64[np.ndarray, "k"]) -> None:
        """Record which classes were predicted and which have objects."""
        self._predicted[predicted] = True
        self._present[present] = True

    def merge(self, other: ExampleStore) -> None:
        """Take in the examples of another store of the same shape."""
        self._cell += other._cell
        self._score += other._score
        self._true += other._true
        self._missed += other._missed
        self._predicted |= other._predicted
        self._present |= other._present

    def average_precision(self) -> Float64[np.ndarray, "c t"]:
        """Area under each curve; nan for a class without objects, 0 for one with objects but no prediction."""
        cell = np.concatenate([np.zeros(0, dtype=np.int64), *self._cell])
        score = np.concatenate([np.zeros(0), *self._score])
        true = np.concatenate([np.zeros(0, dtype=bool), *self._true])
        order = np.argsort(cell, kind="stable")
        bounds = np.searchsorted(cell[order], np.arange(self._missed.size + 1))
        ap = np.where(self._present, 0.0, np.nan)[:, None].repeat(self._shape[1], axis=1)
        for c, t in np.argwhere((self._present & self._predicted)[:, None] & np.ones(self._shape, dtype=bool)):
            at = c * self._shape[1] + t
            block = order[bounds[at] : bounds[at + 1]]
            ap[c, t] = scannet_area(score[block], true[block], missed=int(self._missed[c, t]))
        return ap


def scannet_area(score: Float64[np.ndarray, "e"], true: Bool[np.ndarray, "e"], *, missed: int) -> float:
    """Area under the precision–recall curve by ScanNet's rule: a point weighs half the recall between its neighbours.

    Args:
        score: Confidence of each example; equal ones make one point of the curve.
        true: Whether the example is a true positive.
        missed: Objects that no example found.

    Returns:
        The area, 0 where there is no example.

    Source: evaluate_matches of the ScanNet benchmark script, after the Cityscapes one.
    """
    if len(score) == 0:
        return 0.0
    order = np.argsort(score, kind="stable")
    ranked = score[order]
    true_below = np.concatenate(([0], np.cumsum(true[order])))
    start = np.flatnonzero(np.concatenate(([True], ranked[1:] != ranked[:-1])))
    found = int(true_below[-1])
    true_positive = found - true_below[start]
    precision = np.append(true_positive / (len(score) - start), 1.0)
    recall = np.append(true_positive / (found + missed), 0.0)  # the last point is artificial
    padded = np.concatenate((recall[:1], recall, [0.0]))
    return float(np.dot(precision, (padded[:-2] - padded[2:]) / 2))


def mean_of_present(values: Float64[np.ndarray, "c"]) -> float:
    """Mean over the classes that occur; nan where none does."""
    present = values[~np.isnan(values)]
    return float(present.mean()) if len(present) else float("nan")
