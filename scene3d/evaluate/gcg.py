"""Grounded conversation generation (GCG): captions whose phrases have masks, as GLaMM's evaluation scores them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from scene3d.errors import InputError, MissingDependencyError
from scene3d.evaluate.captions import CaptionMetrics
from scene3d.evaluate.json_input import as_mapping, as_records, as_text, entry
from scene3d.evaluate.rle import Mask, iou_matrix, read_mask

TextEncoder = Callable[[Sequence[str]], np.ndarray]
"""Texts to one embedding each, (n, c)."""

MAX_DETECTIONS = 100
"""Masks of one image that AP counts, as in the COCO evaluation."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GroundedCaption:
    """A caption with its phrases and masks; phrase i names mask i."""

    caption: str
    phrases: tuple[str, ...]
    masks: tuple[Mask, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GroundedTruth:
    """The ground truth of one image."""

    captions: tuple[str, ...]
    phrases: tuple[str, ...]
    masks: tuple[Mask, ...]
    ignored: tuple[bool, ...]
    """Per mask, whether AP neither rewards nor punishes what lies in it (COCO's iscrowd)."""


@dataclass(slots=True)
class GroundedCaptionMetrics:
    """Collects images; the numbers are those of GLaMM's script.

    - AP50: COCO average precision at IoU 0.5 where all masks score alike, so images count in the order added.
    - mIoU: pairs are taken greedily by IoU, each mask once; the mean over the pairs of an image (0 without any), then
      over images. Masks left over do not lower it.
    - recall: pairs are taken greedily by IoU, and at the first whose IoU or phrase similarity is below 0.5 the image is
      done; pairs found over phrases of the ground truth. A mask without a phrase is similar to none.

    Source: Rasheed et al., "GLaMM", CVPR 2024 (arXiv:2311.03356).
    """

    encoder: TextEncoder = field(default_factory=lambda: token_overlap)
    encoder_name: str = "token-overlap"
    captions: CaptionMetrics = field(default_factory=CaptionMetrics)
    best_iou: list[float] = field(default_factory=list)
    hits: list[np.ndarray] = field(default_factory=list)
    """Per image and counted mask: 1 right, 0 wrong, -1 ignored."""
    positives: int = 0
    recalled: int = 0
    phrases: int = 0

    def add(self, image_id: str, predicted: GroundedCaption | None, truth: GroundedTruth) -> None:
        """Add one image; None where nothing was predicted.

        Raises:
            InputError: The image came before, has no caption, or a mask has another size than the truth's.
        """
        said = predicted or GroundedCaption(caption="", phrases=(), masks=())
        self.captions.add(image_id, said.caption, truth.captions)
        overlap = iou_matrix(list(said.masks), list(truth.masks))  # (p, t)
        pairs = greedy_pairs(overlap)
        self.best_iou.append(float(np.mean([overlap[pair] for pair in pairs])) if pairs else 0.0)
        self.hits.append(_matched(_cover_of_crowds(overlap, said.masks, truth), np.array(truth.ignored, dtype=bool)))
        self.positives += len(truth.masks) - sum(truth.ignored)
        self.phrases += len(truth.phrases)
        self.recalled += self._recalled(overlap.T, truth.phrases, said.phrases)

    def merge(self, other: GroundedCaptionMetrics) -> None:
        """Take in what another process collected, after what is here.

        Raises:
            InputError: Another text encoder, or the same image in both.
        """
        if other.encoder_name != self.encoder_name:
            raise InputError(f"cannot merge recalls of two text encoders, {self.encoder_name} and {other.encoder_name}")
        self.captions.merge(other.captions)
        self.best_iou += other.best_iou
        self.hits += other.hits
        self.positives += other.positives
        self.recalled += other.recalled
        self.phrases += other.phrases

    def result(self, *, meteor: bool = True) -> dict[str, Any]:
        """METEOR, CIDEr, AP50, mIoU, recall, and the name of the text encoder that recall rests on."""
        texts = self.captions.result(meteor=meteor)
        return {
            "METEOR": texts.meteor,
            "CIDEr": texts.cider,
            "AP50": _average_precision(np.concatenate(self.hits), self.positives),
            "mIoU": float(np.mean(self.best_iou)),
            "recall": self.recalled / self.phrases if self.phrases else None,
            "text_encoder": self.encoder_name,
        }

    def _recalled(self, overlap: np.ndarray, phrases: Sequence[str], said: Sequence[str]) -> int:
        candidates = [pair for pair in greedy_pairs(overlap) if overlap[pair] >= 0.5]
        if not candidates or not phrases or not said:
            return 0
        embedding = np.asarray(self.encoder([*phrases, *said]), dtype=float)
        norm = np.linalg.norm(embedding, axis=1, keepdims=True)
        embedding = np.divide(embedding, norm, out=np.zeros_like(embedding), where=norm > 0)
        similarity = np.zeros(overlap.shape)
        rows, columns = min(len(phrases), overlap.shape[0]), min(len(said), overlap.shape[1])
        similarity[:rows, :columns] = embedding[:rows] @ embedding[len(phrases) : len(phrases) + columns].T
        alike = [similarity[pair] >= 0.5 - 1e-9 for pair in candidates]  # a half by rounding is a half
        return len(alike) if all(alike) else alike.index(False)


def greedy_pairs(overlap: np.ndarray) -> list[tuple[int, int]]:
    """Pairs of rows and columns by falling IoU, each row and column once, until the IoU is 0."""
    pairs, left = [], overlap.copy()
    while left.size and left.max() > 0:
        row, column = (int(i) for i in np.unravel_index(np.argmax(left), left.shape))
        pairs.append((row, column))
        left[row, :] = 0
        left[:, column] = 0
    return pairs


def token_overlap(texts: Sequence[str]) -> np.ndarray:
    """Bags of lower-case words, (n, vocabulary): their cosine is the fallback similarity of phrases."""
    bags = [Counter(text.lower().split()) for text in texts]
    number = {word: i for i, word in enumerate(dict.fromkeys(word for bag in bags for word in bag))}
    result = np.zeros((len(texts), max(len(number), 1)))
    for row, bag in enumerate(bags):
        for word, count in bag.items():
            result[row, number[word]] = count
    return result


def transformer_encoder(folder: Path) -> TextEncoder:
    """Mean of the last hidden states of a Hugging Face encoder; with bert-base-uncased this is the official one.

    Raises:
        MissingDependencyError: torch or transformers is not installed.
        InputError: The folder holds no such model.
    """
    try:
        import torch
        from transformers import AutoModel, AutoTokenizer
    except ImportError as error:
        raise MissingDependencyError(f"a text encoder needs torch and transformers: {error}") from error
    try:
        tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder).eval()
    except (OSError, ValueError) as error:
        raise InputError(f"{folder}: cannot be loaded as a text encoder: {error}") from error

    def encode(texts: Sequence[str]) -> np.ndarray:
        rows = []
        with torch.inference_mode():
            for text in texts:  # one by one: padding would enter the mean
                tokens = tokenizer(text, return_tensors="pt", max_length=512, truncation=True)
                rows.append(model(**tokens).last_hidden_state[0].mean(dim=0).numpy())
        return np.stack(rows)

    return encode


def _cover_of_crowds(overlap: np.ndarray, masks: Sequence[Mask], truth: GroundedTruth) -> np.ndarray:
    """The IoUs, but for crowds the part of the predicted mask that lies in the crowd."""
    result = overlap.copy()
    area = np.array([mask.area for mask in masks], dtype=float)
    for column in np.flatnonzero(truth.ignored):
        common = overlap[:, column] * (area + truth.masks[column].area) / (1 + overlap[:, column])
        result[:, column] = np.divide(common, area, out=np.zeros_like(area), where=area > 0)
    return result


def _matched(overlap: np.ndarray, ignored: np.ndarray) -> np.ndarray:
    """COCO's matching at IoU 0.5 for the first `MAX_DETECTIONS` masks, in order: each takes the best free mask."""
    outcome = np.zeros(min(len(overlap), MAX_DETECTIONS), dtype=np.int8)
    free = np.ones(overlap.shape[1], dtype=bool)
    for i in range(len(outcome)):
        for candidates, hit in ((free & ~ignored, 1), (ignored, -1)):  # ignored masks may be taken again and again
            scores = np.where(candidates, overlap[i], -1.0)
            if scores.size and scores.max() >= 0.5:
                outcome[i] = hit
                free[scores.size - 1 - int(np.argmax(scores[::-1]))] = False  # of equals COCO takes the last
                break
    return outcome


def _average_precision(hits: np.ndarray, positives: int) -> float | None:
    """Mean of the interpolated precision at 101 recalls; None without ground truth."""
    if not positives:
        return None
    counted = hits[hits >= 0]
    right = np.cumsum(counted)
    precision = right / (np.arange(len(counted)) + 1 + np.spacing(1))
    envelope = np.append(np.maximum.accumulate(precision[::-1])[::-1], 0.0)
    place = np.searchsorted(right / positives, np.linspace(0, 1, 101), side="left")
    return float(envelope[place].mean())


def read_grounded_caption(record: Any, *, where: str) -> GroundedCaption:
    """One image's prediction: `{"caption", "phrases", "pred_masks": [RLE]}`, or an object that holds just that.

    Raises:
        InputError: Another shape.
    """
    record = as_mapping(record, where=where)
    if "caption" not in record and len(record) == 1:
        record = as_mapping(next(iter(record.values())), where=where)
    return GroundedCaption(
        caption=as_text(entry(record, "caption", where=where), where=f"{where}: caption"),
        phrases=tuple(as_text(phrase, where=f"{where}: phrase") for phrase in entry(record, "phrases", where=where)),
        masks=tuple(read_mask(rle, where=f"{where}: mask") for rle in entry(record, "pred_masks", where=where)),
    )


def read_grounded_truths(captions: Any, masks: Any, *, where: str) -> dict[str, GroundedTruth]:
    """The COCO files of GranD-f: captions with `labels`, and masks; images in order of their ids, as COCO counts them.

    Raises:
        InputError: Another shape, an image without caption, or a mask that is no RLE.
    """
    said, drawn = _by_image(captions, where=f"{where}: captions"), _by_image(masks, where=f"{where}: masks")
    images = as_records(as_mapping(captions, where=where).get("images"), where=f"{where}: images")
    truths = {}
    for image in sorted((entry(image, "id", where=where) for image in images), key=_coco_order):
        own, shapes = said.get(image, []), [a for a in drawn.get(image, []) if a.get("category_id", 1) == 1]
        if not own:
            raise InputError(f"{where}: image {image} has no caption")
        truths[str(image)] = GroundedTruth(
            captions=tuple(as_text(entry(a, "caption", where=where), where=f"{where}: image {image}") for a in own),
            phrases=tuple(own[0].get("labels", ())),
            masks=tuple(read_mask(a.get("segmentation") or {}, where=f"{where}: image {image}") for a in shapes),
            ignored=tuple(bool(a.get("iscrowd", 0)) for a in shapes),
        )
    return truths


def _by_image(coco: Any, *, where: str) -> dict[Any, list[Mapping[str, Any]]]:
    groups: dict[Any, list[Mapping[str, Any]]] = {}
    for annotation in as_records(as_mapping(coco, where=where).get("annotations"), where=f"{where}: annotations"):
        groups.setdefault(entry(annotation, "image_id", where=where), []).append(annotation)
    return groups


def _coco_order(image: Any) -> tuple[bool, Any]:
    return (isinstance(image, str), image)
