"""Boxes: aligned ones as (minimum, maximum), upright ones as (centre, size, yaw). Metres, z up."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from scene3d.errors import InputError

_CORNERS = ((0, 0, 0), (1, 0, 0), (1, 1, 0), (0, 1, 0), (0, 0, 1), (1, 0, 1), (1, 1, 1), (0, 1, 1))
"""The bottom counter-clockwise, then the top."""


def box_of_points(xyz_m: Float[Tensor, "n 3"]) -> Float[Tensor, "6"]:
    """Smallest aligned box around points: minimum, then maximum.

    Raises:
        InputError: There are no points.
    """
    if not len(xyz_m):
        raise InputError("no points to draw a box around; is the mask empty?")
    return torch.cat([xyz_m.amin(dim=0), xyz_m.amax(dim=0)])


def boxes_of_masks(
    xyz_m: Float[Tensor, "n 3"], mask: Bool[Tensor, "q n"], *, trimmed: float = 0.0
) -> Float[Tensor, "q 6"]:
    """Aligned box around the points of each mask: minimum, then maximum; all zeros for an empty mask.

    Args:
        xyz_m: Points.
        mask: Which of them are meant.
        trimmed: Share of the points that may lie outside on each of the six sides.

    Raises:
        InputError: `trimmed` leaves nothing inside.
    """
    if not 0 <= trimmed < 0.5:
        raise InputError(f"trimmed {trimmed}: a share of at least 0 and below 0.5 may lie outside of a box")
    rows = []
    for chosen in mask:  # q is small, and a (q, n, 3) table would not be
        inside = xyz_m[chosen]
        cut = int(len(inside) * trimmed)
        if cut:
            ends = (1 + cut, len(inside) - cut)
            rows.append(torch.cat([inside.kthvalue(end, dim=0).values for end in ends]))
        else:
            rows.append(box_of_points(inside) if len(inside) else xyz_m.new_zeros(6))
    return torch.stack(rows) if rows else xyz_m.new_zeros(0, 6)


def aligned_to_centre_size(box: Float[Tensor, "q 6"]) -> Float[Tensor, "q 6"]:
    """(minimum, maximum) to (centre, size)."""
    low, high = box[:, :3], box[:, 3:]
    return torch.cat([(low + high) / 2, high - low], dim=1)


def centre_size_to_aligned(box: Float[Tensor, "q 6"]) -> Float[Tensor, "q 6"]:
    """(centre, size) to (minimum, maximum)."""
    centre, half = box[:, :3], box[:, 3:] / 2
    return torch.cat([centre - half, centre + half], dim=1)


def aligned_corners(box: Float[Tensor, "q 6"]) -> Float[Tensor, "q 8 3"]:
    """Corners of (minimum, maximum) boxes: the bottom counter-clockwise seen from above, then the top."""
    where = box.new_tensor(_CORNERS)
    low, high = box[:, None, :3], box[:, None, 3:]
    return low + where * (high - low)


def yawed_corners(box: Float[Tensor, "q 7"]) -> Float[Tensor, "q 8 3"]:
    """Corners of (centre, size, yaw) boxes, in the order of `aligned_corners` before turning."""
    x, y, z = ((box.new_tensor(_CORNERS) - 0.5) * box[:, None, 3:6]).unbind(dim=-1)
    c, s = torch.cos(box[:, 6:]), torch.sin(box[:, 6:])
    return torch.stack([c * x - s * y, s * x + c * y, z], dim=-1) + box[:, None, :3]


def enclosing_aligned(corner_m: Float[Tensor, "q k 3"]) -> Float[Tensor, "q 6"]:
    """Smallest aligned box around each set of corners."""
    return torch.cat([corner_m.amin(dim=1), corner_m.amax(dim=1)], dim=1)


def transform_points(xyz: Float[Tensor, "*shape 3"], to_from: Float[Tensor, "4 4"]) -> Float[Tensor, "*shape 3"]:
    """Points carried by an affine map, computed in the precision of the map and returned in that of the points."""
    moved = xyz.to(to_from.dtype) @ to_from[:3, :3].T + to_from[:3, 3]
    return moved.to(xyz.dtype)


def transform_aligned(box: Float[Tensor, "q 6"], to_from: Float[Tensor, "4 4"]) -> Float[Tensor, "q 6"]:
    """Aligned boxes around the carried corners of aligned boxes: exact for turns by right angles, else they grow."""
    return enclosing_aligned(transform_points(aligned_corners(box), to_from))
