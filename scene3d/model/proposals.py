"""From elements to candidate objects: which elements become queries, which masks survive, what is read off them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from scene3d.model.detector import Detector, QueryReading, SceneElements
from scene3d_ops import farthest_points, mask_iou


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingRules:
    """How masks are read. Chosen on rooms of training furniture; around these values AP50 moves by a hundredth."""

    queries: int = 384
    """Most queries decoded per scan."""
    foreground: float = 0.2
    """Elements at least this likely to be part of an object may become queries."""
    overlap: float = 0.4
    """Of two masks with at least this IoU the one with the lower score is dropped."""
    contained: float = 0.8
    """A mask of which this share lies inside a better one of about its own kind is a fragment, and dropped."""
    score: float = 0.05
    """Masks below this score are dropped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ElementProposals:
    """Candidate objects over elements, best first."""

    mask: Bool[Tensor, "q e"]
    score: Float[Tensor, "q"]
    """Uncalibrated."""
    feature: Float[Tensor, "q c"]
    reading: QueryReading


def choose_queries(scene: SceneElements, rules: ReadingRules) -> Int64[Tensor, "q"]:
    """Elements that are probably part of an object; where they are too many, those whose votes lie far apart."""
    foreground = 1 - scene.class_logit.softmax(1)[:, -1]
    candidate = torch.nonzero(foreground >= rules.foreground)[:, 0]
    if len(candidate) <= rules.queries:
        return candidate
    start = int(foreground[candidate].argmax())
    return candidate[farthest_points(scene.elements.vote_m[candidate].contiguous(), rules.queries, start=start)]


@torch.no_grad()
def propose(detector: Detector, scene: SceneElements, rules: ReadingRules) -> ElementProposals:
    """Decode a scan and keep the masks that no better one makes superfluous."""
    query = choose_queries(scene, rules)
    decoded = detector.decode(scene.elements, query)[-1]
    reading = detector.read(decoded.feature)
    mask = decoded.mask_logit > 0
    score = reading.quality_logit.sigmoid() * (1 - reading.class_logit.softmax(1)[:, -1])
    keep = without_duplicates(mask, score, scene.size, rules)
    return ElementProposals(
        mask=mask[keep],
        score=score[keep],
        feature=decoded.feature[keep],
        reading=select(reading, keep),
    )


def select(reading: QueryReading, index: Int64[Tensor, "k"]) -> QueryReading:
    """The rows `index` of a reading."""
    return QueryReading(**{name: getattr(reading, name)[index] for name in QueryReading.__dataclass_fields__})


def without_duplicates(
    mask: Bool[Tensor, "q e"], score: Float[Tensor, "q"], size: Float[Tensor, "e"], rules: ReadingRules
) -> Int64[Tensor, "k"]:
    """Indices of the masks to keep, best score first; equal scores in the order of the queries."""
    area = mask.float() @ size
    order = torch.argsort(score, descending=True, stable=True)
    order = order[(score[order] >= rules.score) & (area[order] > 0)]
    mask, area = mask[order], area[order]
    overlap = mask_iou(mask, mask, size)
    shared = overlap * (area[:, None] + area) / (1 + overlap)
    fragment = shared / area[:, None] >= rules.contained  # [i, j]: i lies inside j
    fragment &= area[:, None] >= 0.1 * area  # a cup on a table is no fragment of the table
    beaten = ((overlap >= rules.overlap) | fragment).cpu()
    kept: list[int] = []
    for i in range(len(order)):  # at most `queries` of them, each compared with those kept at once
        if not beaten[i, kept].any():
            kept.append(i)
    return order[torch.tensor(kept, dtype=torch.int64, device=order.device)]
