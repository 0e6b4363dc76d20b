"""Instance AP as the ScanNet benchmark defines it: one scene after the other goes in, the numbers come out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Float64, Int64, Integer

from scene3d.errors import InputError
from scene3d.evaluate.precision import ExampleStore, mean_of_present
from scene3d.labels import ClassList, class_list

IOU_THRESHOLDS: Float64[np.ndarray, "t"] = np.append(np.arange(0.5, 0.95, 0.05), 0.25)
"""The benchmark's own floats: `arange` gives 0.6000000000000001, and 0.95 is not reached."""

ID_FACTOR = 1000
"""Ground truth holds `label * 1000 + instance + 1` per vertex."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InstancePrediction:
    """What a model found in one scene, in the order in which the benchmark would read it."""

    mask: Bool[np.ndarray, "q e"]
    """Over vertices, or over superpoints where `superpoint` is given."""
    label: Integer[np.ndarray, "_"]
    """Official class ids, one per mask; predictions of a class that the benchmark does not score are passed over."""
    score: Float[np.ndarray, "_"]
    """One per mask; only their order counts."""
    superpoint: Integer[np.ndarray, "n"] | None = None
    """Superpoint of each vertex, 0 … e-1."""

    def __post_init__(self) -> None:
        """Refuse what cannot be scored."""
        counts = {len(self.mask), len(self.label), len(self.score)}
        if len(counts) != 1:
            raise InputError(
                f"{len(self.mask)} masks, {len(self.label)} labels and {len(self.score)} scores; give one of each"
            )
        if np.isnan(self.score).any():
            first = int(np.flatnonzero(np.isnan(self.score))[0])
            raise InputError(f"the score of prediction {first} is not a number; scores order the predictions")

    @property
    def vertices(self) -> int:
        """Number of vertices that the masks speak of."""
        return self.mask.shape[1] if self.superpoint is None else len(self.superpoint)


class InstanceAP:
    """Streaming instance AP; partial results of several workers merge into the result of one.

    Follows the official script in every number: IoU strictly above .50:.05:.90, area by its convolution rule, equal
    scores as one point, fewer than `min_region` vertices dropped (predictions) or ignored (objects), void left out of
    false positives. Where that script fails, because a class has objects and all of its predictions are ignored, AP is
    0.

    Args:
        classes: `scannet20`, `scannet200` or a class list; walls and floors are never scored.
        min_region: Vertices that a prediction or an object needs to count.
        class_agnostic: Score all objects as one class `object`, whatever the labels of the predictions. Objects of
            classes that the benchmark does not score remain void.

    Source: Dai et al., CVPR 2017 (arXiv:1702.04405), BenchmarkScripts/3d_evaluation/evaluate_semantic_instance.py.
    """

    def __init__(self, *, classes: str | ClassList = "scannet20", min_region: int = 100, class_agnostic: bool = False):
        self.classes = class_list(classes) if isinstance(classes, str) else classes
        self.min_region = min_region
        self.class_agnostic = class_agnostic
        self._class_of_label = {label: c for c, (label, _) in enumerate(self.classes.things())}
        names = ("object",) if class_agnostic else tuple(name for _, name in self.classes.things())
        self._names = names
        self._examples = ExampleStore(len(names), len(IOU_THRESHOLDS))

    def add(self, prediction: InstancePrediction, truth: Integer[np.ndarray, "n"]) -> None:
        """Score one scene.

        Args:
            prediction: Masks over the same vertices as `truth`.
            truth: `label * 1000 + instance + 1` per vertex; anything else, such as 0, is void.

        Raises:
            InputError: The masks speak of another number of vertices.
        """
        if prediction.vertices != len(truth):
            raise InputError(
                f"masks over {prediction.vertices:,} vertices, ground truth over {len(truth):,}; "
                "both must follow the vertex order of the same mesh"
            )
        objects = _objects(truth, self._class_of_label)
        kept, classes = self._scored(prediction)
        overlap = _overlaps(prediction, kept, objects)
        large = overlap.sum(axis=1) >= self.min_region
        pairs = _Pairs.of(
            overlap[large], classes[large], prediction.score[kept][large], objects, self.min_region, self.class_agnostic
        )
        for t, threshold in enumerate(IOU_THRESHOLDS):
            pairs.write_examples(float(threshold), t, self._examples)
        self._examples.saw(predicted=pairs.predicted_class, present=pairs.object_class[pairs.object_counts])

    def merge(self, other: InstanceAP) -> None:
        """Take in the scenes that another instance of the same settings has seen; the order does not matter.

        Raises:
            InputError: The settings differ.
        """
        if self._settings() != other._settings():
            raise InputError(f"cannot merge instance AP of {other._settings()} into {self._settings()}")
        self._examples.merge(other._examples)

    def result(self) -> dict[str, Any]:
        """AP, AP50 and AP25: means over classes, `per_class`, and `head`, `common`, `tail` where the list has splits.

        Fractions 0–1. A class without an object is nan and left out of means; with objects but no prediction it is 0.
        """
        ap = self._examples.average_precision()  # (c, t)
        columns = {"ap": ap[:, :-1].mean(axis=1), "ap50": ap[:, 0], "ap25": ap[:, -1]}
        result: dict[str, Any] = _means(columns, np.ones(len(self._names), dtype=bool))
        result["per_class"] = {
            name: {key: float(values[c]) for key, values in columns.items()} for c, name in enumerate(self._names)
        }
        if any(self.classes.splits) and not self.class_agnostic:
            split_of = dict(zip(self.classes.names, self.classes.splits, strict=True))
            for split in ("head", "common", "tail"):
                result[split] = _means(columns, np.array([split_of[name] == split for name in self._names]))
        return result

    def _scored(self, prediction: InstancePrediction) -> tuple[Int64[np.ndarray, "p"], Int64[np.ndarray, "p"]]:
        """Which predictions count, and their classes."""
        if self.class_agnostic:
            return np.arange(len(prediction.label)), np.zeros(len(prediction.label), dtype=np.int64)
        classes = np.array([self._class_of_label.get(int(label), -1) for label in prediction.label], dtype=np.int64)
        kept = np.flatnonzero(classes >= 0)
        return kept, classes[kept]

    def _settings(self) -> tuple[str, tuple[int, ...], int, bool]:
        return self.classes.name, self.classes.ids, self.min_region, self.class_agnostic


@dataclass(frozen=True, slots=True, kw_only=True)
class _Objects:
    """The objects of a scene, by class and then by id: the order in which the benchmark lets them choose."""

    column: Int64[np.ndarray, "n"]
    """Per vertex: 0 for void, 1 … k for the objects."""
    label_class: Int64[np.ndarray, "k"]
    size: Int64[np.ndarray, "k"]


def _objects(truth: Integer[np.ndarray, "n"], class_of_label: Mapping[int, int]) -> _Objects:
    ids = np.where(truth < 0, 0, truth).astype(np.int64)
    count = np.bincount(ids, minlength=1)
    present = np.flatnonzero(count)
    classes = np.array([class_of_label.get(int(i) // ID_FACTOR, -1) for i in present], dtype=np.int64)
    present, classes = present[classes >= 0], classes[classes >= 0]
    order = np.argsort(classes, kind="stable")
    present, classes = present[order], classes[order]
    column_of_id = np.zeros(len(count), dtype=np.int64)
    column_of_id[present] = 1 + np.arange(len(present))
    return _Objects(column=column_of_id[ids], label_class=classes, size=count[present])


def _overlaps(
    prediction: InstancePrediction, kept: Int64[np.ndarray, "p"], objects: _Objects
) -> Int64[np.ndarray, "p k1"]:
    """Vertices that each prediction shares with void (column 0) and with each object."""
    columns = len(objects.size) + 1
    if prediction.superpoint is None:
        rows = [np.bincount(objects.column[prediction.mask[q]], minlength=columns) for q in kept]
        return np.array(rows, dtype=np.int64).reshape(len(kept), columns)
    superpoints = prediction.mask.shape[1]
    cell = prediction.superpoint.astype(np.int64) * columns + objects.column
    table = np.bincount(cell, minlength=superpoints * columns).reshape(superpoints, columns)
    # Counts are far below 2**53, so the product in float64, which BLAS does fast, is exact.
    return (prediction.mask[kept].astype(np.float64) @ table.astype(np.float64)).astype(np.int64)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pairs:
    """Predictions of a scene against its objects of the same class."""

    predicted_class: Int64[np.ndarray, "p"]
    score: Float64[np.ndarray, "p"]
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
        score: Float[np.ndarray, "p"],
        objects: _Objects,
        min_region: int,
        class_agnostic: bool,
    ) -> _Pairs:
        object_class = np.zeros_like(objects.label_class) if class_agnostic else objects.label_class
        shared = np.where(predicted_class[:, None] == object_class, overlap[:, 1:], 0)
        size = overlap.sum(axis=1)
        counts = objects.size >= min_region
        ignored = overlap[:, 0] + shared[:, ~counts].sum(axis=1)
        return cls(
            predicted_class=predicted_class,
            score=score.astype(np.float64),
            object_class=object_class,
            object_counts=counts,
            iou=shared / (objects.size + size[:, None] - shared),
            ignored=ignored / np.maximum(size, 1),
        )

    def write_examples(self, threshold: float, t: int, examples: ExampleStore) -> None:
        """Match greedily at one threshold and record what became of each prediction.

        Objects choose in order. One that meets several free predictions scores with the best of them; the others become
        false positives, yet only the first in the file is used up, so at IoU .25 another may serve a later object too.
        """
        hit = self.iou > threshold
        used = np.zeros(len(self.score), dtype=bool)
        for k in np.flatnonzero(self.object_counts):
            free = np.flatnonzero(hit[:, k] & ~used)
            if len(free) == 0:
                examples.miss(int(self.object_class[k]), t)
                continue
            used[free[0]] = True
            ranked = np.sort(self.score[free])[::-1]
            examples.write(self.object_class[k], t, ranked, true=np.arange(len(ranked)) == 0)
        false = ~hit.any(axis=1) & (self.ignored <= threshold)
        examples.write(self.predicted_class[false], t, self.score[false], true=np.zeros(int(false.sum()), dtype=bool))


def _means(columns: Mapping[str, Float64[np.ndarray, "c"]], of: Bool[np.ndarray, "c"]) -> dict[str, Any]:
    return {key: mean_of_present(values[of]) for key, values in columns.items()}
