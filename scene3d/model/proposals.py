"""From elements to candidate objects: which elements become queries, which masks survive, what is read off them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from scene3d.errors import ConfigError
from scene3d.model.clusters import cluster_elements, core_elements
from scene3d.model.detector import Detector, QueryReading, SceneElements
from scene3d_ops import farthest_points, mask_iou


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingRules:
    """How masks are read. Chosen on rooms of training furniture; around these values AP50 moves by a hundredth."""

    proposals: str = "queries"
    """queries: masks that the decoder draws. clusters: groups of elements by their votes, read by the decoder, whose
    training must let any element's query answer for its object (matching `own`)."""
    queries: int = 384
    """Most queries decoded, or clusters read, per scan."""
    foreground: float = 0.2
    """Elements at least this likely to be part of an object may become queries or parts of clusters."""
    radii_m: tuple[float, ...] = (0.1, 0.2)
    """Clusters: votes within each of these distances are linked."""
    alike: float = 0.6
    """Clusters: least agreement of the classes of linked elements."""
    overlap: float = 0.4
    """Of two masks with at least this IoU the one with the lower score is dropped."""
    contained: float = 0.8
    """A mask of which this share lies inside a better one of about its own kind is a fragment, and dropped."""
    score: float = 0.05
    """Masks below this score are dropped."""

    def __post_init__(self) -> None:
        """Refuse what no scan can be read by."""
        if self.proposals not in PROPOSERS:
            raise ConfigError(f"proposals {self.proposals!r} are unknown; there are: {', '.join(PROPOSERS)}")
        if not self.radii_m or min(self.radii_m) <= 0:
            raise ConfigError(f"radii_m {self.radii_m} must be one or more positive distances in metres")


@dataclass(frozen=True, slots=True, kw_only=True)
class ElementProposals:
    """Candidate objects over elements; what `propose` gives is best first."""

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
    """Candidate objects of a scan, as the rules find them, without those that a better one makes superfluous."""
    found = PROPOSERS[rules.proposals](detector, scene, rules)
    keep = without_duplicates(found.mask, found.score, scene.size, rules)
    return ElementProposals(
        mask=found.mask[keep],
        score=found.score[keep],
        feature=found.feature[keep],
        reading=select(found.reading, keep),
    )


def decoded_queries(detector: Detector, scene: SceneElements, rules: ReadingRules) -> ElementProposals:
    """The masks that the decoder draws for elements that may be part of an object; duplicates are among them."""
    return _decoded(detector, scene, choose_queries(scene, rules))


def clusters(detector: Detector, scene: SceneElements, rules: ReadingRules) -> ElementProposals:
    """Groups of elements by their votes, each read off the query that starts from its core.

    A cluster's score is that of the query, which speaks of the query's own mask, times the Dice coefficient of that
    mask and the cluster.
    """
    mask = cluster_elements(
        scene, radii_m=rules.radii_m, alike=rules.alike, foreground=rules.foreground, most=rules.queries
    )
    read = _decoded(detector, scene, core_elements(mask, scene))
    shared = (mask & read.mask).float() @ scene.size
    agreement = 2 * shared / (mask.float() @ scene.size + read.mask.float() @ scene.size)
    return replace(read, mask=mask, score=read.score * agreement)


PROPOSERS = {"queries": decoded_queries, "clusters": clusters}
"""What may stand in `ReadingRules.proposals`."""


def _decoded(detector: Detector, scene: SceneElements, query: Int64[Tensor, "q"]) -> ElementProposals:
    decoded = detector.decode(scene.elements, query)[-1]
    reading = detector.read(decoded.feature)
    return ElementProposals(
        mask=decoded.mask_logit > 0,
        score=reading.quality_logit.sigmoid() * (1 - reading.class_logit.softmax(1)[:, -1]),
        feature=decoded.feature,
        reading=reading,
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
