"""Instance AP as the ScanNet benchmark defines it: one scene after the other goes in, the numbers come out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Float64, Int64, Integer

from scene3d.errors import InputError
from scene3d.evaluate.instance_matching import SceneObjects, ScenePairs
from scene3d.evaluate.masks import MaskList
from scene3d.evaluate.precision import ExampleStore, mean_of_present, scannet_area
from scene3d.labels import ClassList, class_list

IOU_THRESHOLDS: Float64[np.ndarray, "t"] = np.append(np.arange(0.5, 0.95, 0.05), 0.25)
"""The benchmark's own floats: `arange` gives 0.6000000000000001, and 0.95 is not reached."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InstancePrediction:
    """What a model found in one scene, in the order in which the benchmark would read it."""

    mask: Bool[np.ndarray, "q e"] | MaskList
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
        if self.superpoint is not None:
            return len(self.superpoint)
        return self.mask.elements if isinstance(self.mask, MaskList) else self.mask.shape[1]

    def over_vertices(self) -> MaskList:
        """The masks as lists of vertices."""
        if self.superpoint is None:
            return self.mask if isinstance(self.mask, MaskList) else MaskList.of(self.mask)
        dense = self.mask.dense() if isinstance(self.mask, MaskList) else self.mask
        return MaskList.of(dense[:, self.superpoint])


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
        self._names = ("object",) if class_agnostic else tuple(name for _, name in self.classes.things())
        self._examples = ExampleStore(len(self._names), len(IOU_THRESHOLDS))

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
        objects = SceneObjects.of(truth, self._class_of_label)
        overlap = objects.overlaps(prediction.mask, prediction.superpoint)
        kept = np.flatnonzero((self._classes_of(prediction) >= 0) & (overlap.sum(axis=1) >= self.min_region))
        pairs = ScenePairs.of(
            overlap[kept],
            self._classes_of(prediction)[kept],
            objects.as_one_class() if self.class_agnostic else objects,
            min_region=self.min_region,
        )
        pairs.write_examples(prediction.score[kept].astype(np.float64), IOU_THRESHOLDS, self._examples)

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
        return table_of(self._examples.average_precision(scannet_area), self._names, self.classes)

    def _classes_of(self, prediction: InstancePrediction) -> Int64[np.ndarray, "q"]:
        """Index of each prediction's class, -1 where the benchmark does not score it."""
        if self.class_agnostic:
            return np.zeros(len(prediction.label), dtype=np.int64)
        return np.array([self._class_of_label.get(label, -1) for label in prediction.label.tolist()], dtype=np.int64)

    def _settings(self) -> tuple[str, tuple[int, ...], int, bool]:
        return self.classes.name, self.classes.ids, self.min_region, self.class_agnostic


def table_of(ap: Float64[np.ndarray, "c t"], names: Sequence[str], classes: ClassList) -> dict[str, Any]:
    """The result of an AP by class and by `IOU_THRESHOLDS`: means over the classes that occur, overall and by split."""
    columns = {"ap": ap[:, :-1].mean(axis=1), "ap50": ap[:, 0], "ap25": ap[:, -1]}
    result: dict[str, Any] = _means(columns, np.ones(len(names), dtype=bool))
    result["per_class"] = {
        name: {key: float(values[c]) for key, values in columns.items()} for c, name in enumerate(names)
    }
    split_of = dict(zip(classes.names, classes.splits, strict=True))
    if any(split_of.get(name) for name in names):
        for split in ("head", "common", "tail"):
            result[split] = _means(columns, np.array([split_of[name] == split for name in names]))
    return result


def _means(columns: Mapping[str, Float64[np.ndarray, "c"]], of: Bool[np.ndarray, "c"]) -> dict[str, Any]:
    return {key: mean_of_present(values[of]) for key, values in columns.items()}
