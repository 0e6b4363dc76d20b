"""What geometry says about objects and pairs of them, in figures that language speaks of."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from scene3d.types import Referents

PAIR_FEATURES = 21


def pair_features(seen: Referents) -> Float[Tensor, "i j 21"]:
    """How object i lies to object j.

    Columns: offset (3), distance of centres on the floor and in space, gap between the boxes, the same as a closeness
    0–1, rise of i's bottom over j's top and of j's bottom over i's top, shares of i's and of j's ground plan that
    overlap, difference of log volumes, offset seen from j when looking along its front (left, ahead) and from i along
    its own (left, ahead), whether i is j, direction of the offset seen from j (left, ahead; of length 1), share of the
    lower one's height at which both are.
    """
    centre, low, high = _boxes(seen)
    offset = centre[:, None] - centre[None]
    flat = offset[..., :2].norm(dim=2)
    apart = torch.maximum(low[:, None] - high[None], low[None] - high[:, None])
    gap = apart.clamp_min(0).norm(dim=2)
    common = torch.minimum(high[:, None], high[None]) - torch.maximum(low[:, None], low[None])
    shared = common[..., :2].clamp_min(0).prod(2)
    ground = (high - low)[:, :2].clamp_min(0.02).prod(1)
    volume = (high - low).clamp_min(0.02).log().sum(1)
    front = seen.place[:, 6:8]
    direction = offset[..., :2] / flat[..., None].clamp_min(0.05)
    tall = (high - low)[:, 2].clamp_min(0.02)
    columns = [
        *offset.unbind(2),
        flat,
        offset.norm(dim=2),
        gap,
        torch.exp(-2 * gap),
        torch.exp(-flat),
        low[:, None, 2] - high[None, :, 2],
        low[None, :, 2] - high[:, None, 2],
        shared / ground[:, None],
        shared / ground[None],
        (volume[:, None] - volume[None]) / 3,
        *_seen_from(offset[..., :2], front[None].expand_as(offset[..., :2])),
        *_seen_from(-offset[..., :2], front[:, None].expand_as(offset[..., :2])),
        torch.eye(len(centre)),
        *_seen_from(direction, front[None].expand_as(direction)),
        common[..., 2].clamp_min(0) / torch.minimum(tall[:, None], tall[None]),
    ]
    return torch.stack(columns, dim=2)


def own_measures(seen: Referents) -> Float[Tensor, "r 9"]:
    """What objects can be ranked by alone: volume, longest edge, height, ground plan, top, bottom, wall gaps, place."""
    place = seen.place
    extent = place[:, 3:6].clamp_min(0.02)
    columns = [
        extent.log().sum(1) / 3,
        extent.amax(1).log(),
        extent[:, 2].log(),
        extent[:, :2].log().sum(1) / 2,
        place[:, 2] + extent[:, 2] / 2,
        place[:, 2] - extent[:, 2] / 2,
        place[:, 9],
        place[:, 10],
        place[:, :2].norm(dim=1) / 2,
    ]
    return torch.stack(columns, dim=1)


def sizes(seen: Referents) -> Float[Tensor, "r 2"]:
    """Log of the volume and of the longest edge."""
    extent = seen.place[:, 3:6].clamp_min(0.02)
    return torch.stack([extent.log().sum(1), extent.amax(1).log()], dim=1)


def placed_measures(seen: Referents, weight: Float[Tensor, "t a r"]) -> Float[Tensor, "t r m"]:
    """What objects can be ranked by relative to a few softly chosen others.

    For each of them: gap to it, distance of centres on the floor, how far left and ahead of it, seen along its front,
    and the angle to the left of that front. Then, standing at the first and looking to the second: how far right and
    ahead, the angle to the left, distance to the line between them, and how evenly between.
    """
    centre, low, high = _boxes(seen)
    gap = torch.maximum(low[:, None] - high[None], low[None] - high[:, None]).clamp_min(0).norm(dim=2)
    flat = centre[:, :2]
    offset = flat[:, None] - flat[None]  # [i, j]: from j to i
    left, ahead = _seen_from(offset, seen.place[None, :, 6:8].expand_as(offset))
    measured = torch.stack([gap, offset.norm(dim=2), left, ahead, _angle(left, ahead)], dim=2)  # (i, j, 5)
    single = torch.einsum("taj,ijm->tiam", weight, measured).flatten(2)
    whole = weight.sum(2, keepdim=True).clamp_min(1e-3)
    post = (weight / whole) @ flat  # (t, a, 2)
    stand, look = post[:, 0], post[:, 1] - post[:, 0]
    length = look.norm(dim=1, keepdim=True).clamp_min(0.1)
    toward = (look / length)[:, None]
    step = flat[None] - stand[:, None]
    along, aside = (step * toward).sum(2), step[..., 0] * toward[..., 1] - step[..., 1] * toward[..., 0]
    share = along / length
    off_line = aside.abs() + (share.clamp(0, 1) - share).abs() * length
    columns = [aside, along, _angle(-aside, along), off_line, (share - 0.5).abs()]
    return torch.cat([single, torch.stack(columns, dim=2)], dim=2)


def _boxes(seen: Referents) -> tuple[Tensor, Tensor, Tensor]:
    centre, extent = seen.place[:, :3], seen.place[:, 3:6]
    return centre, centre - extent / 2, centre + extent / 2


def _seen_from(offset: Float[Tensor, "*n 2"], front: Float[Tensor, "*n 2"]) -> tuple[Tensor, Tensor]:
    """Left and ahead of somebody who looks along `front`."""
    ahead = (offset * front).sum(-1)
    left = front[..., 0] * offset[..., 1] - front[..., 1] * offset[..., 0]
    return left, ahead


def _angle(left: Tensor, ahead: Tensor) -> Tensor:
    """Radians to the left of straight ahead; straight ahead for what is at the very place."""
    here = (left.abs() + ahead.abs()) < 1e-4
    return torch.atan2(left.masked_fill(here, 0.0), ahead.masked_fill(here, 1.0))
