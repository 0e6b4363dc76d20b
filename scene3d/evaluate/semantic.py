"""ScanNet semantic IoU: labels of vertices in, intersection over union of each class out."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Int64, Integer

from scene3d.errors import InputError
from scene3d.evaluate.precision import mean_of_present
from scene3d.labels import ClassList, class_list


class SemanticIoU:
    """Streaming IoU per class, tp / (tp + fp + fn), over the vertices whose true label is valid.

    A prediction that is no valid label counts as a miss of the true class. The official script lets a negative label
    wrap around its confusion matrix, so that -1 means the last class of scannet20; `official_quirks` does the same.

    Args:
        classes: `scannet20`, `scannet200` or a class list.
        official_quirks: Reproduce that wrap.

    Source: BenchmarkScripts/3d_evaluation/evaluate_semantic_label.py of ScanNet (Dai et al., CVPR 2017).
    """

    def __init__(self, *, classes: str | ClassList = "scannet20", official_quirks: bool = False):
        self.classes = class_list(classes) if isinstance(classes, str) else classes
        self.official_quirks = official_quirks
        self._count = len(self.classes.ids)
        self._class_of_label: Int64[np.ndarray, "l"] = np.full(max(self.classes.ids) + 1, self._count, dtype=np.int64)
        self._class_of_label[list(self.classes.ids)] = np.arange(self._count)
        self._confusion: Int64[np.ndarray, "c1 c1"] = np.zeros((self._count + 1, self._count + 1), dtype=np.int64)

    def add(self, predicted: Integer[np.ndarray, "n"], truth: Integer[np.ndarray, "m"]) -> None:
        """Count one scene; official class ids, one per vertex.

        Raises:
            InputError: The lengths differ.
        """
        if len(predicted) != len(truth):
            raise InputError(f"{len(predicted):,} predicted labels for {len(truth):,} vertices; give one per vertex")
        if self.official_quirks:
            predicted = np.where(predicted < 0, predicted + len(self._class_of_label), predicted)
        side = self._count + 1
        cell = self._classes_of(truth) * side + self._classes_of(predicted)
        self._confusion += np.bincount(cell, minlength=side * side).reshape(side, side)

    def merge(self, other: SemanticIoU) -> None:
        """Take in the scenes of another instance of the same classes.

        Raises:
            InputError: The classes differ.
        """
        if self.classes != other.classes:
            raise InputError(f"cannot merge IoU over {other.classes.name} into one over {self.classes.name}")
        self._confusion += other._confusion

    def result(self) -> dict[str, Any]:
        """`miou` and `per_class`, fractions 0–1; a class that neither occurs nor is predicted is nan and left out."""
        valid = self._confusion[:-1]
        hit = np.diagonal(valid).astype(np.float64)
        union = valid.sum(axis=1) + valid[:, :-1].sum(axis=0) - hit
        iou = np.divide(hit, union, out=np.full(self._count, np.nan), where=union > 0)
        per_class = {name: float(value) for name, value in zip(self.classes.names, iou, strict=True)}
        return {"miou": mean_of_present(iou), "per_class": per_class}

    def _classes_of(self, label: Integer[np.ndarray, "n"]) -> Int64[np.ndarray, "n"]:
        """Index of each label's class; the number of classes where the label is not valid."""
        known = (label >= 0) & (label < len(self._class_of_label))
        return np.where(known, self._class_of_label[np.where(known, label, 0)], self._count)
