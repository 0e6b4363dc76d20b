"""Dense captioning (Scan2Cap): caption metrics over objects whose box was found, m@kIoU."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from scene3d.errors import InputError
from scene3d.evaluate.boxes import box_iou
from scene3d.evaluate.captions import score_tokens
from scene3d.evaluate.json_input import as_mapping, as_records, as_text, entry

MAX_TOKENS = 30
"""Tokens of a reference that count."""

NOT_FOUND = "sos eos"
"""What an object that was not found is captioned with."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CaptionedBox:
    """A predicted box and its caption."""

    box: np.ndarray
    """(6,) Minimum then maximum, metres."""
    caption: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DescribedObject:
    """An annotated object of a scene."""

    key: str
    """Unique among all scenes, such as `scene0011_00|4|chair`."""
    box: np.ndarray
    """(6,) Minimum then maximum, metres."""
    references: tuple[str, ...]
    """Descriptions, tokens set apart by spaces; see `wrapped`."""


@dataclass(slots=True)
class DenseCaptionMetrics:
    """Collects scenes; each object contributes its caption if its box was found, `NOT_FOUND` else.

    An object takes the caption of the predicted box that overlaps it most, and counts as found at a threshold when that
    IoU is strictly above it. With `official_quirks` boxes are assigned as inside Scan2Cap's training code: each
    predicted box goes to the object with the nearest centre, and the last of the boxes that pass speaks for the object.
    Texts are compared as they are, without a tokenizer, and CIDEr is on the scale of 0–10.

    Source: Chen et al., "Scan2Cap", CVPR 2021 (arXiv:2012.02206).
    """

    thresholds: tuple[float, ...] = (0.25, 0.5)
    official_quirks: bool = False
    references: dict[str, tuple[str, ...]] = field(default_factory=dict)
    captions: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Per object, its caption at each threshold."""

    def add(self, objects: Sequence[DescribedObject], predicted: Sequence[CaptionedBox]) -> None:
        """Add a scene.

        Raises:
            InputError: An object came before or has no description.
        """
        boxes = np.array([p.box for p in predicted], dtype=np.float64).reshape(-1, 6)
        targets = np.array([o.box for o in objects], dtype=np.float64).reshape(-1, 6)
        overlap = box_iou(boxes, targets, epsilon=1e-8)  # (p, k)
        assign = _nearest_centre if self.official_quirks else _best_overlap
        chosen = [assign(overlap, boxes, targets, threshold) for threshold in self.thresholds]
        for k, target in enumerate(objects):
            if target.key in self.references:
                raise InputError(f"object {target.key!r} was added twice; each object is scored once")
            if not target.references:
                raise InputError(f"object {target.key!r} has no description; leave it out of the ground truth")
            self.references[target.key] = tuple(shortened(text) for text in target.references)
            said = [int(choice[k]) for choice in chosen]
            self.captions[target.key] = tuple(wrapped(predicted[p].caption) if p >= 0 else NOT_FOUND for p in said)

    def merge(self, other: DenseCaptionMetrics) -> None:
        """Take in what another process collected.

        Raises:
            InputError: Other thresholds, or an object in both.
        """
        if other.thresholds != self.thresholds:
            raise InputError(f"cannot merge scores at IoU {self.thresholds} with scores at {other.thresholds}")
        twice = self.references.keys() & other.references.keys()
        if twice:
            raise InputError(f"object {min(twice)!r} was added twice; each object is scored once")
        self.references.update(other.references)
        self.captions.update(other.captions)

    def result(self, *, meteor: bool = True) -> dict[str, Any]:
        """Caption scores and the part of objects found, per threshold, such as `m@0.5`.

        Raises:
            InputError: Nothing was added.
        """
        if not self.references:
            raise InputError("the ground truth holds no described objects; nothing can be scored")
        result = {}
        for i, threshold in enumerate(self.thresholds):
            captions = [said[i] for said in self.captions.values()]
            scores = score_tokens(captions, list(self.references.values()), meteor=meteor)
            found = sum(caption != NOT_FOUND for caption in captions) / len(captions)
            result[f"m@{threshold:g}"] = {**scores.as_json(), "found": found}
        return result


def wrapped(text: str) -> str:
    """A caption between `sos` and `eos`; one that has them stays as it is, another is lower-cased, marks set apart."""
    if text.startswith("sos ") and text.endswith(" eos"):
        return text
    words = re.sub(r"\s*([.,!?;:])(?=\s|$)", r" \1", text.lower()).split()
    return " ".join(["sos", *words, "eos"])


def shortened(text: str) -> str:
    """A reference, wrapped, with at most `MAX_TOKENS` tokens between the marks."""
    words = wrapped(text).split(" ")[1:-1]
    return " ".join(["sos", *words[:MAX_TOKENS], "eos"])


def read_described_objects(annotations: Any, *, where: str) -> dict[str, list[DescribedObject]]:
    """ScanRefer annotations with boxes, by scene.

    Records `{"scene_id", "object_id", "object_name", "token": […] or "description", "bbox"}`; the box is its eight
    corners, as Scan2Cap's `build_benchmark_gt.py` writes them, or minimum and maximum.

    Raises:
        InputError: Another shape, or two boxes for one object.
    """
    found: dict[tuple[str, str], tuple[str, np.ndarray, list[str]]] = {}
    for i, record in enumerate(as_records(annotations, where=where)):
        here = f"{where}: record {i}"
        scene, number = str(entry(record, "scene_id", where=here)), str(entry(record, "object_id", where=here))
        box = read_box(entry(record, "bbox", where=here), where=here)
        key = f"{scene}|{number}|{record.get('object_name', '')}"
        token = record.get("token")
        text = " ".join(["sos", *token, "eos"]) if isinstance(token, list) else entry(record, "description", where=here)
        first = found.setdefault((scene, number), (key, box, []))
        if not np.allclose(first[1], box):
            raise InputError(f"{here}: object {key} has another box than before, {box.tolist()}")
        first[2].append(as_text(text, where=here))
    scenes: dict[str, list[DescribedObject]] = {}
    for (scene, _), (key, box, texts) in found.items():
        scenes.setdefault(scene, []).append(DescribedObject(key=key, box=box, references=tuple(texts)))
    return scenes


def read_captioned_boxes(predictions: Any, *, where: str) -> dict[str, list[CaptionedBox]]:
    """Scan2Cap's benchmark predictions, `{scene_id: [{"caption", "box"}]}`; other entries are not looked at.

    Raises:
        InputError: Another shape.
    """
    scenes = {}
    for scene, records in as_mapping(predictions, where=where).items():
        here = f"{where}: scene {scene}"
        scenes[scene] = [
            CaptionedBox(
                box=read_box(entry(record, "box", where=here), where=here),
                caption=as_text(entry(record, "caption", where=here), where=here),
            )
            for record in as_records(records, where=here)
        ]
    return scenes


def dense_captions(
    objects: Mapping[str, Sequence[DescribedObject]],
    predictions: Mapping[str, Sequence[CaptionedBox]],
    *,
    thresholds: Sequence[float] = (0.25, 0.5),
    official_quirks: bool = False,
    meteor: bool = True,
) -> dict[str, Any]:
    """Score all scenes of the ground truth; a scene without predictions has no object found.

    Raises:
        InputError: A predicted scene that the ground truth lacks; see also `DenseCaptionMetrics`.
    """
    unknown = [scene for scene in predictions if scene not in objects]
    if unknown:
        raise InputError(f"{len(unknown)} predicted scenes are not in the ground truth, such as {unknown[0]!r}")
    metrics = DenseCaptionMetrics(tuple(thresholds), official_quirks)
    for scene, described in objects.items():
        metrics.add(described, predictions.get(scene, ()))
    return metrics.result(meteor=meteor)


def read_box(value: Any, *, where: str) -> np.ndarray:
    """A box from its eight corners or its minimum and maximum, (6,).

    Raises:
        InputError: Another shape, or a value that is not finite.
    """
    try:
        numbers = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"{where}: a box must hold numbers, found {value!r:.60}") from error
    if numbers.shape not in ((6,), (8, 3)) or not np.isfinite(numbers).all():
        raise InputError(f"{where}: a box is 8 corners or xmin ymin zmin xmax ymax zmax, finite; found {value!r:.60}")
    if numbers.shape == (8, 3):
        return np.concatenate([numbers.min(axis=0), numbers.max(axis=0)])
    return numbers


def _best_overlap(overlap: np.ndarray, boxes: np.ndarray, targets: np.ndarray, threshold: float) -> np.ndarray:
    """The predicted box of highest IoU per object, (k,), -1 where that is not above the threshold."""
    if not len(overlap):
        return np.full(overlap.shape[1], -1)
    return np.where(overlap.max(axis=0) > threshold, overlap.argmax(axis=0), -1)


def _nearest_centre(overlap: np.ndarray, boxes: np.ndarray, targets: np.ndarray, threshold: float) -> np.ndarray:
    """The last predicted box per object among those nearest to it whose IoU is above the threshold, (k,), or -1."""
    chosen = np.full(len(targets), -1)
    if not len(targets):
        return chosen
    gap = (boxes[:, None, :3] + boxes[:, None, 3:] - targets[:, :3] - targets[:, 3:]) / 2
    for p, k in enumerate(np.square(gap).sum(axis=2).argmin(axis=1)):
        if overlap[p, k] > threshold:
            chosen[k] = p
    return chosen
