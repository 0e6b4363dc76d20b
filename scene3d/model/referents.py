"""Proposals to referents: what an object is, how it looks, where it stands. Right of here nobody knows of points."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from scene3d.model.encoding import Encoding
from scene3d.model.scan import floor_height
from scene3d.types import Referents

PLACE = ("x", "y", "z", "width", "depth", "height", "front x", "front y", "front known", "wall gap", "corner gap")
"""Columns of `Referents.place`: centre from the middle of the floor, extent of the box along the scan's axes, metres;
the unit vector of the front, times the probability that it is right; gaps to the nearest wall and to the nearest wall
across it, metres, at most `FAR_M`."""
FAR_M = 3.0
_UPRIGHT = 0.3
_WALL_POINTS = 4096


def referents(
    encoding: Encoding, xyz_m: Float[Tensor, "n 3"], normal: Float[Tensor, "n 3"], box: Float[Tensor, "q 6"]
) -> Referents:
    """All proposals of an encoded scan as referents, in their order.

    Args:
        encoding: Of the scan.
        xyz_m: Its points, metres; `encoding.superpoint` numbers their superpoints.
        normal: Unit normals of the points.
        box: Minimum and maximum of each proposal's points.
    """
    claimed = encoding.mask.any(0)[encoding.superpoint]
    floor_z = floor_height(xyz_m)
    low, high = box[:, :3], box[:, 3:]
    middle = (xyz_m.amin(0) + xyz_m.amax(0)) / 2
    middle[2] = floor_z
    known = encoding.facing_logit.sigmoid()[:, None]
    front = torch.nn.functional.normalize(encoding.facing, dim=1) * known
    gaps = wall_gaps(box, xyz_m, normal, ~claimed & (xyz_m[:, 2] > floor_z + 0.2))
    return Referents(
        id=tuple(range(len(box))),
        embedding=encoding.feature,
        kind=encoding.class_logit[:, :-1].softmax(1),
        look=torch.cat([encoding.colour_logit.softmax(1), encoding.material_logit.softmax(1)], dim=1),
        place=torch.cat([(low + high) / 2 - middle, high - low, front, known, gaps], dim=1),
        score=encoding.score,
    )


def wall_gaps(
    box: Float[Tensor, "q 6"], xyz_m: Float[Tensor, "n 3"], normal: Float[Tensor, "n 3"], free: Bool[Tensor, "n"]
) -> Float[Tensor, "q 2"]:
    """Gaps between boxes and the nearest wall, and the nearest wall that stands across that one.

    Walls are upright surface among the `free` points, which belong to no object.
    """
    wall = torch.nonzero(free & (normal[:, 2].abs() < _UPRIGHT))[:, 0]
    if not len(wall) or not len(box):
        return torch.full((len(box), 2), FAR_M)
    wall = wall[torch.linspace(0, len(wall) - 1, min(len(wall), _WALL_POINTS)).long()]
    place, side = xyz_m[wall, :2], torch.nn.functional.normalize(normal[wall, :2], dim=1)
    outside = torch.maximum(box[:, None, :2] - place, place - box[:, None, 3:5]).clamp_min(0)  # (q, w, 2)
    gap = outside.norm(dim=2)
    first = gap.argmin(1)
    across = (side[first] @ side.T).abs() < 0.5
    second = torch.where(across, gap, FAR_M).amin(1)
    return torch.stack([gap.amin(1), second], dim=1).clamp_max(FAR_M)
