"""What a scan's annotations ask of its elements and queries, and which query answers for which object."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int64
from scipy.optimize import linear_sum_assignment
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from scene3d.model.decoder import Decoded
from scene3d.model.scan import most_frequent
from scene3d.train.data import NOT_ANNOTATED, STRUCTURE, TrainingSample
from scene3d_ops import segment_max, segment_sum

BACKGROUND, IGNORED = STRUCTURE, NOT_ANNOTATED


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanTargets:
    """Truth of one scan on its elements; o objects."""

    element_object: Int64[Tensor, "e"]
    """Object that most points of the element belong to, `BACKGROUND`, or `IGNORED` where nothing is annotated."""
    mask: Float[Tensor, "o e"]
    """1 where the element belongs to the object."""
    size: Float[Tensor, "e"]
    """Points per element: its weight in a mask."""
    centre_m: Float[Tensor, "o 3"]
    label: Int64[Tensor, "o"]
    """Class, or -1 where the object's label is none of the classes."""
    facing: Float[Tensor, "o 2"]
    facing_known: Bool[Tensor, "o"]
    front_known: Bool[Tensor, "o"]
    """False where nobody told whether the object has a front."""
    colour: Int64[Tensor, "o"]
    """-1 where unknown."""
    material: Int64[Tensor, "o"]
    """-1 where unknown."""


def scan_targets(sample: TrainingSample) -> ScanTargets:
    """Carry a sample's annotations from its points to its elements."""
    scan, count, device = sample.scan, len(sample.label), sample.label.device
    superpoints = scan.superpoint_count
    size = segment_sum(torch.ones(len(scan.superpoint), 1, device=device), scan.superpoint, superpoints)[:, 0]
    present, compact = torch.unique(scan.superpoint, return_inverse=True)
    shifted = most_frequent(compact, sample.instance - IGNORED, len(present)) + IGNORED
    element_object = torch.full((superpoints,), IGNORED, device=device)
    element_object[present] = shifted
    owned = sample.instance >= 0
    owner, xyz_m = sample.instance[owned], scan.xyz_m[owned]
    centre_m = (segment_max(xyz_m, owner, count) - segment_max(-xyz_m, owner, count)) / 2
    return ScanTargets(
        element_object=element_object,
        mask=(element_object == torch.arange(count, device=device)[:, None]).float(),
        size=size,
        centre_m=centre_m,
        label=sample.label,
        facing=torch.stack([sample.yaw_rad.cos(), sample.yaw_rad.sin()], dim=1).nan_to_num(0),
        facing_known=~sample.yaw_rad.isnan(),
        front_known=sample.front_known,
        colour=sample.colour,
        material=sample.material,
    )


def sample_queries(
    targets: ScanTargets, *, objects: int, background: int, generator: torch.Generator
) -> Int64[Tensor, "q"]:
    """Elements to start queries from: each object about equally often whatever its size, and some of the background."""
    owner = targets.element_object
    inside = torch.nonzero(owner >= 0)[:, 0]
    picked = inside[:0]
    if len(inside):
        share = torch.bincount(owner[inside], minlength=len(targets.label))[owner[inside]]
        weight = 1 / share.double()
        picked = inside[torch.multinomial(weight.cpu(), min(objects, len(inside)), generator=generator)]
    outside = torch.nonzero(owner == BACKGROUND)[:, 0]
    outside = outside[torch.randperm(len(outside), generator=generator)[:background]]
    return torch.cat([picked, outside])


def match_own(targets: ScanTargets, query: Int64[Tensor, "q"]) -> Int64[Tensor, "q"]:
    """Each query answers for the object that its element belongs to; several queries may share one."""
    return targets.element_object[query].clamp_min(BACKGROUND)


def match_hungarian(targets: ScanTargets, decoded: Decoded, class_logit: Float[Tensor, "q k"]) -> Int64[Tensor, "q"]:
    """Each object is answered for by the one query that fits best; the other queries by none.

    Source: costs and weights as in Mask3D (Schult et al., ICRA 2023): class 2, cross-entropy 5, dice 2.
    """
    with torch.no_grad():
        cost = matching_cost(targets, decoded.mask_logit, class_logit)
    rows, columns = linear_sum_assignment(cost.cpu().numpy())
    matched = torch.full((len(cost),), BACKGROUND)
    matched[torch.from_numpy(rows)] = torch.from_numpy(columns)
    return matched.to(cost.device)


def matching_cost(
    targets: ScanTargets, mask_logit: Float[Tensor, "q e"], class_logit: Float[Tensor, "q k"]
) -> Float[Tensor, "q o"]:
    """Cost of letting query i answer for object j."""
    weight = targets.size / targets.size.sum()
    zeros = torch.zeros_like(mask_logit)
    as_object = binary_cross_entropy_with_logits(mask_logit, zeros + 1, reduction="none") * weight
    as_rest = binary_cross_entropy_with_logits(mask_logit, zeros, reduction="none") * weight
    cross_entropy = as_object @ targets.mask.T + as_rest @ (1 - targets.mask).T
    probability = mask_logit.sigmoid()
    shared = (probability * targets.size) @ targets.mask.T
    total = (probability @ targets.size)[:, None] + targets.mask @ targets.size
    dice = 1 - (2 * shared + 1) / (total + 1)
    known = targets.label.clamp_min(0)
    class_cost = -class_logit.softmax(1)[:, known] * (targets.label >= 0)
    return 2 * class_cost + 5 * cross_entropy + 2 * dice


def mask_overlap(mask: Bool[Tensor, "q e"], targets: ScanTargets) -> Float[Tensor, "q o"]:
    """IoU, by points, of masks with the objects; elements that are not annotated count for neither."""
    size = targets.size * (targets.element_object != IGNORED)
    inside = mask.float()
    shared = (inside * size) @ targets.mask.T
    union = (inside @ size)[:, None] + targets.mask @ size - shared
    return shared / union.clamp_min(1)
