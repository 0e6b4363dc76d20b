"""Close-ups of things, cut out of a scan, and pictures of them: what a network that knows photographs can look at."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from scene3d.model.scan import ScanPoints
from scene3d_ops import segment_max, segment_sum

_RIM, _LEAST_RIM_M = 0.15, 0.1
"""How far around a thing a close-up reaches: a share of its longest edge, and at least so far."""
_SIDES = 12
"""Directions from which a thing may be looked at first."""
_MARGIN = 0.06
"""Share of a picture that stays empty."""
_SPLAT, _LARGEST_SPLAT = 1.4, 10
"""Edge of a point's square, as a multiple of the points' distance, and at most, pixels."""
_GREY = 0.7
"""Of points without colour."""
_AMBIENT = 0.62
_LIGHT = (0.4, 0.75, 0.5)
"""Towards the lamp: to the right of who looks, up, and back to who looks."""
_UNSEEN_M = 32.0
"""Surfaces that face away lie behind all others, so far behind."""
_DEPTHS_PER_M = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseUp:
    """One thing and the rim around it."""

    xyz_m: Float[Tensor, "n 3"]
    """Heights above the floor."""
    channels: Float[Tensor, "n 8"]
    """As `ScanPoints.channels` gives them."""
    inside: Bool[Tensor, "n"]
    """Points of the thing itself, one of them at least."""


def close_ups(scan: ScanPoints, mask: Bool[Tensor, "q s"]) -> list[tuple[CloseUp, Int64[Tensor, "n"]]]:
    """What recognition sees of each thing of a scan, and the superpoints of its points.

    Args:
        scan: Thinned to `RecognitionConfig.point_m`.
        mask: Superpoints of each thing, points in one of them at least.
    """
    channels = scan.channels()
    xyz_m = scan.xyz_m - scan.xyz_m.new_tensor([0.0, 0.0, scan.floor_z_m])
    found = []
    for row in mask:
        inside = row[scan.superpoint]
        own = xyz_m[inside]
        low, high = own.amin(0), own.amax(0)
        rim = max(_LEAST_RIM_M, _RIM * float((high - low).max()))
        near = torch.nonzero(((xyz_m >= low - rim) & (xyz_m <= high + rim)).all(1))[:, 0]
        view = CloseUp(xyz_m=xyz_m[near], channels=channels[near], inside=inside[near])
        found.append((view, scan.superpoint[near]))
    return found


@dataclass(frozen=True, slots=True)
class Things:
    """The points of several things, without their rims."""

    xyz_m: Float[Tensor, "n 3"]
    channels: Float[Tensor, "n 8"]
    owner: Int64[Tensor, "n"]
    many: int

    @classmethod
    def of(cls, close_ups: Sequence[CloseUp]) -> Things:
        """In the order of the close-ups."""
        owner = torch.arange(len(close_ups)).repeat_interleave(torch.tensor([int(c.inside.sum()) for c in close_ups]))
        xyz_m = torch.cat([c.xyz_m[c.inside] for c in close_ups])
        channels = torch.cat([c.channels[c.inside] for c in close_ups])
        return cls(xyz_m, channels, owner, len(close_ups))

    def best_side_rad(self) -> Float[Tensor, "q"]:
        """The direction, counter-clockwise from the x axis, from which most of each thing's surface was scanned."""
        side = torch.arange(_SIDES) * (2 * math.pi / _SIDES)
        towards = self.channels[:, 4:6] @ torch.stack([side.cos(), side.sin()])
        return side[segment_sum(towards.clamp_min(0), self.owner, self.many).argmax(1)]


def draw(
    things: Things,
    azimuth_rad: Float[Tensor, "q v"],
    *,
    pixels: int,
    elevation_rad: float = 0.45,
    point_m: float = 0.02,
) -> Float[Tensor, "q v 3 h w"]:
    """Pictures from several sides of each thing, which fills them; the nearest point that faces the eye hides others.

    Args:
        things: What is drawn.
        azimuth_rad: Direction of the eye from each thing, counter-clockwise from the x axis.
        pixels: Edge of the pictures.
        elevation_rad: Of the eye above the horizon.
        point_m: Distance between points.

    Returns:
        Lit colours of -1 to 1; 0 is empty.
    """
    views, owner = azimuth_rad.shape[1], things.owner
    middle = (segment_max(things.xyz_m, owner, things.many) - segment_max(-things.xyz_m, owner, things.many)) / 2
    eye = _eyes(azimuth_rad, elevation_rad)[owner]
    place = (eye @ (things.xyz_m - middle[owner])[:, None, :, None])[..., 0]  # n v 3: right, up, towards the eye
    normal = (eye @ things.channels[:, None, 4:7, None])[..., 0]
    reach = segment_max(place[..., :2].abs().amax((1, 2))[:, None], owner, things.many)[:, 0] + point_m / 2
    pixel_m = 2 * reach / (pixels * (1 - _MARGIN))
    edge = (_SPLAT * point_m / pixel_m).ceil().clamp(1, _LARGEST_SPLAT).long()[owner]

    corner = place[..., :2] / pixel_m[owner, None, None] * place.new_tensor([1.0, -1.0]) + pixels / 2
    corner = (corner - edge[:, None, None] / 2 + 0.5).floor().long()
    behind = torch.where(normal[..., 2] < -0.05, _UNSEEN_M, 0.0)
    depth = ((_UNSEEN_M / 2 - place[..., 2]).clamp_min(0) + behind) * _DEPTHS_PER_M
    point = torch.arange(len(owner))[:, None] * views + torch.arange(views)
    rank = (depth.long() << 32) | point
    picture = (owner[:, None] * views + torch.arange(views)) * pixels**2
    empty = torch.iinfo(torch.int64).max
    nearest = torch.full((things.many * views * pixels**2,), empty)
    for across in range(int(edge.max())):
        for down in range(int(edge.max())):
            drawn = edge > max(across, down)
            x, y = corner[drawn, :, 0] + across, corner[drawn, :, 1] + down
            shown = (x >= 0) & (x < pixels) & (y >= 0) & (y < pixels)
            cell = picture[drawn] + y * pixels + x
            nearest.scatter_reduce_(0, cell[shown], rank[drawn][shown], "amin")

    colour = _lit(things.channels, normal).reshape(-1, 3)
    canvas = colour.new_zeros(len(nearest), 3)
    hit = nearest < empty
    canvas[hit] = colour[nearest[hit] & 0xFFFFFFFF]
    return canvas.reshape(things.many, views, pixels, pixels, 3).permute(0, 1, 4, 2, 3)


def _eyes(azimuth_rad: Float[Tensor, "q v"], elevation_rad: float) -> Float[Tensor, "q v 3 3"]:
    """Rows: to the right of who looks, up, and from the thing to who looks."""
    c, s, zero = azimuth_rad.cos(), azimuth_rad.sin(), torch.zeros_like(azimuth_rad)
    level, rise = math.cos(elevation_rad), math.sin(elevation_rad)
    right = torch.stack([-s, c, zero], dim=-1)
    up = torch.stack([-c * rise, -s * rise, zero + level], dim=-1)
    towards = torch.stack([c * level, s * level, zero + rise], dim=-1)
    return torch.stack([right, up, towards], dim=-2)


def _lit(channels: Float[Tensor, "n 8"], normal: Float[Tensor, "n v 3"]) -> Float[Tensor, "n v 3"]:
    """Colours of -1 to 1 under a lamp at who looks; where there is no normal, half lit."""
    colour = torch.where(channels[:, 3:4] > 0, (channels[:, :3] + 1) / 2, _GREY)
    light = (normal @ normal.new_tensor(_LIGHT)).clamp(-1, 1)
    flat = (normal.abs().sum(-1) < 0.1) * 0.5
    shade = _AMBIENT + (1 - _AMBIENT) * (light + flat)
    return colour[:, None] * shade[..., None] * 2 - 1
