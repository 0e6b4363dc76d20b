"""Predictions of a scene against its objects: overlaps, then the greedy matching of the ScanNet benchmark."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int32, Int64, Integer

from scene3d.evaluate.masks import MaskList, run_starts
from scene3d.evaluate.precision import ExampleStore

ID_FACTOR = 1000
"""Ground truth holds `label * 1000 + instance + 1` per vertex."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneObjects:
    """The objects of a scene, by class and then by id: the order in which the benchmark lets them choose."""

    column: Int32[np.ndarray, "n"]
    """Per vertex: 0 for void, 1 … k for the objects."""
    of_class: Int64[np.ndarray, "k"]
    size: Int64[np.ndarray, "k"]
    """Vertices."""

    @classmethod
    def of(cls, truth: Integer[np.ndarray, "n"], class_of_label: Mapping[int, int]) -> SceneObjects:
        """Group the vertices of the classes that are scored; all others are void."""
        # Neighbours tend to share an object, so runs of equal ids are few: group runs, not vertices.
        start = np.flatnonzero(run_starts(truth))
        length = np.diff(start, append=len(truth))
        run_id = np.maximum(truth[start], 0)
        count = np.bincount(run_id, weights=length, minlength=1).astype(np.int64)
        present = np.flatnonzero(count)
        classes = np.array([class_of_label.get(label, -1) for label in (present // ID_FACTOR).tolist()], dtype=np.int64)
        present, classes = present[classes >= 0], classes[classes >= 0]
        order = np.argsort(classes, kind="stable")
        column_of_id = np.zeros(len(count), dtype=np.int32)  # half the memory to pass through
        column_of_id[present[order]] = 1 + np.arange(len(order))
        column = np.repeat(column_of_id[run_id], length)
        return cls(column=column, of_class=classes[order], size=count[present[order]])

    def as_one_class(self) -> SceneObjects:
        """The same objects, all of class 0."""
        return dataclasses.replace(self, of_class=np.zeros_like(self.of_class))

    def overlaps(
        self, mask: Bool[np.ndarray, "q e"] | MaskList, superpoint: Integer[np.ndarray, "n"] | None
    ) -> Int64[np.ndarray, "q k1"]:
        """Vertices that each mask shares with void (column 0) and with each object."""
        columns = len(self.size) + 1
        if superpoint is None:
            lists = mask if isinstance(mask, MaskList) else MaskList.of(mask)
            return lists.counts_by(self.column, columns)
        dense = mask.dense() if isinstance(mask, MaskList) else mask
        cell = superpoint.astype(np.int64) * columns + self.column
        table = np.bincount(cell, minlength=dense.shape[1] * columns).reshape(-1, columns)
        # Counts are far below 2**53, so the product in float64, which BLAS does fast, is exact.
        return (dense.astype(np.float64) @ table.astype(np.float64)).astype(np.int64)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenePairs:
    """Predictions of a scene against its objects of the same class."""

    predicted_class: Int64[np.ndarray, "p"]
    object_class: Int64[np.ndarray, "k"]
    object_counts: Bool[np.ndarray, "k"]
    """False for objects that are too small to be found."""
    iou: Float64[np.ndarray, "p k"]
    """0 where the classes differ."""
    ignored: Float64[np.ndarray, "p"]
    """Share of the prediction that lies on void or on small objects of its class."""

    @classmethod
    def of(
        cls,
        overlap: Int64[np.ndarray, "p k1"],
        predicted_class: Int64[np.ndarray, "p"],
        objects: SceneObjects,
        *,
        min_region: int,
    ) -> ScenePairs:
        """IoU of each pair of one class, from shared vertices (column 0: void)."""
        shared = np.where(predicted_class[:, None] == objects.of_class, overlap[:, 1:], 0)
        size = overlap.sum(axis=1)
        counts = objects.size >= min_region
        ignored = overlap[:, 0] + shared[:, ~counts].sum(axis=1)
        return cls(
            predicted_class=predicted_class,
            object_class=objects.of_class,
            object_counts=counts,
            iou=shared / (objects.size + size[:, None] - shared),
            ignored=ignored / np.maximum(size, 1),
        )

    def write_examples(
        self, score: Float64[np.ndarray, "p"], thresholds: Float64[np.ndarray, "t"], examples: ExampleStore
    ) -> None:
        """Match at each threshold and record what became of each prediction and object.

        Objects choose in order. One that meets several free predictions scores with the best of them; the others become
        false positives, yet only the first in the file is used up, so at IoU .25 another may serve a later object too.
        """
        best_iou = self.iou.max(axis=1, initial=0.0)
        limit = thresholds[:, None]
        t, prediction = np.nonzero((best_iou <= limit) & (self.ignored <= limit))
        examples.write(self.predicted_class[prediction], t, score[prediction], true=np.zeros(len(t), dtype=bool))

        chooser, prediction = np.nonzero((thresholds.min() < self.iou.T) & self.object_counts[:, None])
        t, hit = np.nonzero(self.iou[prediction, chooser] > limit)
        chooser, prediction = chooser[hit], prediction[hit]
        free = _free_when_chosen(t, chooser, prediction)
        t, chooser, prediction = t[free], chooser[free], prediction[free]
        best_first = np.lexsort((-score[prediction], chooser, t))
        t, chooser, prediction = t[best_first], chooser[best_first], prediction[best_first]
        best = np.append(True, (np.diff(t) != 0) | (np.diff(chooser) != 0))[: len(t)]
        examples.write(self.object_class[chooser], t, score[prediction], true=best)

        missed = np.broadcast_to(self.object_counts, (len(thresholds), len(self.object_counts))).copy()
        missed[t, chooser] = False
        t, chooser = np.nonzero(missed)
        examples.miss(self.object_class[chooser], t)
        examples.saw(self.object_class[self.object_counts])


def _free_when_chosen(
    t: Int64[np.ndarray, "h"], chooser: Int64[np.ndarray, "h"], prediction: Int64[np.ndarray, "h"]
) -> Bool[np.ndarray, "h"]:
    """Which hits, ordered by threshold, object, prediction, meet a prediction that no earlier object has used up."""
    free = np.ones(len(t), dtype=bool)
    # Above IoU .5 no two objects meet one prediction, so thresholds at which some do are few: look at these alone.
    meetings = np.zeros((t.max(initial=0) + 1, prediction.max(initial=0) + 1), dtype=np.int64)
    np.add.at(meetings, (t, prediction), 1)
    contested = np.flatnonzero(np.isin(t, np.nonzero(meetings > 1)[0]))
    used: set[tuple[int, int]] = set()
    served = None
    for h, at, k, p in zip(contested.tolist(), *(x[contested].tolist() for x in (t, chooser, prediction)), strict=True):
        if (at, p) in used:
            free[h] = False
        elif served != (at, k):
            served = (at, k)
            used.add((at, p))
    return free
