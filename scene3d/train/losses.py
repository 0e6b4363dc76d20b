"""Losses of the detector: elements, masks after every layer, and what is read off the queries."""

from __future__ import annotations

import torch
from jaxtyping import Int64
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, smooth_l1_loss

from scene3d.model.decoder import Decoded
from scene3d.model.detector import QueryReading, SceneElements
from scene3d.train.targets import BACKGROUND, IGNORED, ScanTargets, mask_overlap


def element_losses(scene: SceneElements, targets: ScanTargets) -> dict[str, Tensor]:
    """Class of each superpoint and its vote for the centre of its object."""
    owner = targets.element_object
    background = scene.class_logit.shape[1] - 1
    label = torch.where(owner >= 0, targets.label[owner.clamp_min(0)] if len(targets.label) else owner, owner)
    wanted = torch.where(owner == BACKGROUND, background, label)
    known = (owner != IGNORED) & (wanted >= 0)
    weight = targets.size.sqrt()
    losses = {}
    if known.any():
        each = cross_entropy(scene.class_logit[known], wanted[known], reduction="none")
        losses["element class"] = (each * weight[known]).sum() / weight[known].sum()
    inside = owner >= 0
    if inside.any():
        each = smooth_l1_loss(
            scene.elements.vote_m[inside], targets.centre_m[owner[inside]], reduction="none", beta=0.1
        ).sum(1)
        losses["vote"] = (each * weight[inside]).sum() / weight[inside].sum()
    return losses


def mask_losses(decoded: Decoded, targets: ScanTargets, matched: Int64[Tensor, "q"]) -> dict[str, Tensor]:
    """Cross-entropy and dice of the masks of matched queries, elements weighted by their size."""
    answering = matched >= 0
    if not answering.any():
        return {}
    logit, wanted = decoded.mask_logit[answering], targets.mask[matched[answering]]
    weight = targets.size.sqrt() * (targets.element_object != IGNORED)
    each = binary_cross_entropy_with_logits(logit, wanted, reduction="none")
    # Most elements are far from any one object: its own elements and the others count half each.
    inside, outside = wanted * weight, (1 - wanted) * weight * (1 + 4 * logit.detach().sigmoid())
    balanced = (each * inside).sum(1) / inside.sum(1).clamp_min(1) + (each * outside).sum(1) / outside.sum(1).clamp_min(
        1
    )
    size = targets.size * (targets.element_object != IGNORED)
    probability = logit.sigmoid() * size
    shared = (probability * wanted).sum(1)
    dice = 1 - (2 * shared + 1) / (probability.sum(1) + wanted @ size + 1)
    return {"mask": balanced.mean(), "dice": dice.mean()}


def reading_losses(
    reading: QueryReading, decoded: Decoded, targets: ScanTargets, matched: Int64[Tensor, "q"]
) -> dict[str, Tensor]:
    """Class, quality of the mask, facing, colour and material of the queries."""
    background = reading.class_logit.shape[1] - 1
    answering = matched >= 0
    wanted = torch.full_like(matched, background)
    losses = {}
    quality = torch.zeros(len(matched), device=matched.device)
    if answering.any():
        target = matched[answering]
        wanted[answering] = targets.label[target]
        overlap = mask_overlap(decoded.mask_logit[answering] > 0, targets)
        quality[answering] = overlap.gather(1, target[:, None])[:, 0]
        losses |= _attribute_losses(reading, targets, answering, target)
    known = wanted >= 0
    if known.any():
        losses["class"] = cross_entropy(reading.class_logit[known], wanted[known])
    if len(matched):
        losses["quality"] = binary_cross_entropy_with_logits(reading.quality_logit, quality)
    return losses


def _attribute_losses(
    reading: QueryReading, targets: ScanTargets, answering: Tensor, target: Int64[Tensor, "a"]
) -> dict[str, Tensor]:
    losses = {}
    for name, logit, wanted in (
        ("colour", reading.colour_logit, targets.colour),
        ("material", reading.material_logit, targets.material),
    ):
        known = wanted[target] >= 0
        if known.any():
            losses[name] = cross_entropy(logit[answering][known], wanted[target][known])
    known = targets.facing_known[target]
    direction = torch.nn.functional.normalize(reading.facing[answering], dim=1)
    cosine = (direction * targets.facing[target]).sum(1)
    if known.any():
        losses["facing"] = (1 - cosine[known]).mean()
    told = targets.front_known[target]
    if told.any():
        right = (known & (cosine.detach() > 0.5**0.5)).float()
        confident = reading.facing_logit[answering]
        losses["facing confidence"] = binary_cross_entropy_with_logits(confident[told], right[told])
    return losses
