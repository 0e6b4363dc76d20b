"""Axis-aligned boxes `xmin ymin zmin xmax ymax zmax`: overlaps with the rounding of each benchmark, and box AP."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from jaxtyping import Float, Int64, Integer

from scene3d.errors import InputError
from scene3d.evaluate.instance import IOU_THRESHOLDS, table_of
from scene3d.evaluate.masks import MaskList
from scene3d.evaluate.precision import ExampleStore, voc_area
from scene3d.labels import ClassList, class_list


def box_iou(
    a: Float[np.ndarray, "p 6"], b: Float[np.ndarray, "k 6"], *, epsilon: float = 0.0
) -> Float[np.ndarray, "p k"]:
    """IoU of each pair, in the precision of the boxes.

    Args:
        a: Boxes, minimum then maximum.
        b: Boxes likewise.
        epsilon: Added to the union, as benchmarks do against division by zero; then an exact half is just below it.

    Returns:
        Intersection over union; 0 where both volumes are 0.
    """
    low = np.maximum(a[:, None, :3], b[None, :, :3])
    high = np.minimum(a[:, None, 3:], b[None, :, 3:])
    shared = _volume(np.maximum(high - low, 0))
    union = _volume(a[:, 3:] - a[:, :3])[:, None] + _volume(b[:, 3:] - b[:, :3]) - shared + a.dtype.type(epsilon)
    return np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)


def bounding_boxes(xyz_m: Float[np.ndarray, "n 3"], masks: MaskList) -> Float[np.ndarray, "q 6"]:
    """The box around the points of each mask; nan for an empty mask."""
    boxes = np.full((len(masks), 6), np.nan)
    for box, (start, stop) in zip(boxes, itertools.pairwise(masks.start.tolist()), strict=True):
        if stop > start:
            points = xyz_m[masks.element[start:stop]]
            box[:3], box[3:] = points.min(axis=0), points.max(axis=0)
    return boxes


class BoxAP:
    """Streaming box AP as VoteNet introduced it for ScanNet: the VOC rule, IoU strictly above the threshold.

    Nothing is ignored: void and small objects count like all others. Predictions choose, best score first; each takes
    the object it overlaps most, and a second one on the same object is false. Of equal scores, the first added comes
    first.

    Args:
        classes: `scannet20`, `scannet200` or a class list; walls and floors are never scored.
        class_agnostic: Score all objects as one class `object`.

    Source: Qi et al., ICCV 2019 (arXiv:1904.09664), utils/eval_det.py.
    """

    def __init__(self, *, classes: str | ClassList = "scannet20", class_agnostic: bool = False):
        self.classes = class_list(classes) if isinstance(classes, str) else classes
        self.class_agnostic = class_agnostic
        self._class_of_label = {label: c for c, (label, _) in enumerate(self.classes.things())}
        self._names = ("object",) if class_agnostic else tuple(name for _, name in self.classes.things())
        self._examples = ExampleStore(len(self._names), len(IOU_THRESHOLDS))

    def add(
        self,
        box: Float[np.ndarray, "q 6"],
        label: Integer[np.ndarray, "q"],
        score: Float[np.ndarray, "q"],
        *,
        truth_box: Float[np.ndarray, "k 6"],
        truth_label: Integer[np.ndarray, "k"],
    ) -> None:
        """Score one scene; labels are official class ids, boxes in metres.

        Raises:
            InputError: A score is not a number.
        """
        if np.isnan(score).any():
            raise InputError("a score is not a number; scores order the predictions")
        predicted, true = self._classes_of(label), self._classes_of(truth_label)
        for c in np.unique(true[true >= 0]):
            mine = np.flatnonzero(predicted == c)
            mine = mine[np.argsort(-score[mine], kind="stable")]
            self._add_class(int(c), score[mine].astype(np.float64), box_iou(box[mine], truth_box[true == c]))
        absent = np.flatnonzero((predicted >= 0) & ~np.isin(predicted, true))
        for t in range(len(IOU_THRESHOLDS)):
            false = np.zeros(len(absent), dtype=bool)
            self._examples.write(
                predicted[absent], np.full(len(absent), t), score[absent].astype(np.float64), true=false
            )
        self._examples.saw(true[true >= 0])

    def merge(self, other: BoxAP) -> None:
        """Take in the scenes of another instance of the same settings.

        Raises:
            InputError: The settings differ.
        """
        if (self.classes, self.class_agnostic) != (other.classes, other.class_agnostic):
            raise InputError("cannot merge box AP of different classes")
        self._examples.merge(other._examples)

    def result(self) -> dict[str, Any]:
        """As `InstanceAP.result`."""
        ap = self._examples.average_precision(voc_area)
        return table_of(ap, self._names, self.classes)

    def _add_class(self, c: int, score: Float[np.ndarray, "q"], iou: Float[np.ndarray, "q k"]) -> None:
        """Record one class of one scene, predictions best first."""
        choice = iou.argmax(axis=1) if len(iou) else np.zeros(0, dtype=np.int64)
        best = iou.max(axis=1, initial=0.0)
        for t, threshold in enumerate(IOU_THRESHOLDS):
            hits = np.flatnonzero(best > threshold)
            _, first = np.unique(choice[hits], return_index=True)
            true = np.zeros(len(score), dtype=bool)
            true[hits[first]] = True
            self._examples.write(np.full(len(score), c), np.full(len(score), t), score, true=true)
            missed = iou.shape[1] - len(first)
            self._examples.miss(np.full(missed, c), np.full(missed, t))

    def _classes_of(self, label: Integer[np.ndarray, "q"]) -> Int64[np.ndarray, "q"]:
        classes = np.array([self._class_of_label.get(value, -1) for value in label.tolist()], dtype=np.int64)
        return np.where(classes >= 0, 0, -1) if self.class_agnostic else classes


def _volume(size: Float[np.ndarray, "*n 3"]) -> Float[np.ndarray, "*n"]:
    return size[..., 0] * size[..., 1] * size[..., 2]
