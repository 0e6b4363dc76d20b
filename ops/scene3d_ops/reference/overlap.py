"""Specification of mask and box overlap."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor


def mask_iou(
    mask_a: Bool[Tensor, "a s"], mask_b: Bool[Tensor, "b s"], size: Int64[Tensor, "s"] | Float[Tensor, "s"]
) -> Float[Tensor, "a b"]:
    """See `scene3d_ops.mask_iou`."""
    size = size.to(torch.float32)
    weighted, plain = mask_a * size, mask_b.to(torch.float32)
    shared = weighted @ plain.T
    union = weighted.sum(dim=1)[:, None] + (plain @ size)[None] - shared
    return _ratio(shared, union)


def box_iou_aligned(a: Float[Tensor, "n 6"], b: Float[Tensor, "m 6"]) -> Float[Tensor, "n m"]:
    """See `scene3d_ops.box_iou_aligned`."""
    low = torch.maximum(a[:, None, :3], b[None, :, :3])
    high = torch.minimum(a[:, None, 3:], b[None, :, 3:])
    shared = (high - low).clamp(min=0).prod(dim=-1)
    volume_a, volume_b = ((box[:, 3:] - box[:, :3]).prod(dim=-1) for box in (a, b))
    return _ratio(shared, volume_a[:, None] + volume_b[None] - shared)


def box_iou_yawed(a: Float[Tensor, "n 7"], b: Float[Tensor, "m 7"]) -> Float[Tensor, "n m"]:
    """See `scene3d_ops.box_iou_yawed`."""
    top = torch.minimum((a[:, 2] + a[:, 5] / 2)[:, None], (b[:, 2] + b[:, 5] / 2)[None])
    bottom = torch.maximum((a[:, 2] - a[:, 5] / 2)[:, None], (b[:, 2] - b[:, 5] / 2)[None])
    shared = _rectangle_overlap(a[:, [0, 1, 3, 4, 6]], b[:, [0, 1, 3, 4, 6]]) * (top - bottom).clamp(min=0)
    volume_a, volume_b = (box[:, 3:6].prod(dim=-1) for box in (a, b))
    return _ratio(shared, volume_a[:, None] + volume_b[None] - shared)


def _ratio(shared: Float[Tensor, "n m"], union: Float[Tensor, "n m"]) -> Float[Tensor, "n m"]:
    """Their quotient; 0 where both shapes are empty."""
    return torch.where(union > 0, shared / torch.where(union > 0, union, 1.0), 0.0)


def _rectangle_overlap(a: Float[Tensor, "n 5"], b: Float[Tensor, "m 5"]) -> Float[Tensor, "n m"]:
    """Shared area of rectangles (x, y, length, width, yaw): b is seen from a's frame and its outline clipped to a.

    Clipping moves each point of the outline to the nearest point of the rectangle. On its way a point never crosses
    the inside, so the moved outline winds around the same inner points as before, and the area that it encloses (the
    integral of x dy - y dx) is the shared one: no polygon to build and no special cases. Each edge becomes a path of at
    most five straight pieces, which bend where the edge meets the lines that bound the rectangle.
    """
    corner = _corners_seen_from(a, b)  # (n, m, 4, 2)
    half = a[:, None, None, 2:4] / 2
    start, step = corner, corner.roll(-1, dims=2) - corner
    # Where along an edge (0 at its start, 1 at its end) it crosses the four lines that bound a.
    slope = torch.where(step == 0, 1.0, step)
    crossing = torch.cat([(-half - start) / slope, (half - start) / slope], dim=-1)
    crossing = torch.where(torch.cat([step, step], dim=-1) == 0, 0.0, crossing).clamp(0, 1)
    ends = crossing.new_tensor([0.0, 1.0]).expand(*crossing.shape[:-1], 2)
    along = torch.cat([crossing, ends], dim=-1).sort(dim=-1).values  # (n, m, 4, 6)
    path = start[..., None, :] + along[..., None] * step[..., None, :]
    path = torch.maximum(torch.minimum(path, half[..., None, :]), -half[..., None, :])
    x, y = path.unbind(dim=-1)
    doubled = x[..., :-1] * y[..., 1:] - x[..., 1:] * y[..., :-1]
    return doubled.sum(dim=(-1, -2)).abs() / 2


def _corners_seen_from(a: Float[Tensor, "n 5"], b: Float[Tensor, "m 5"]) -> Float[Tensor, "n m 4 2"]:
    """Corners of each b, counter-clockwise, in the frame of each a."""
    unit = b.new_tensor([[0.5, 0.5], [-0.5, 0.5], [-0.5, -0.5], [0.5, -0.5]])
    corner = _turned(unit * b[:, None, 2:4], b[:, None, 4]) + b[:, None, :2]  # (m, 4, 2), world
    return _turned(corner[None] - a[:, None, None, :2], -a[:, None, None, 4])


def _turned(xy: Float[Tensor, "*shape 2"], yaw: Float[Tensor, "*yaw"]) -> Float[Tensor, "*shape 2"]:
    c, s = torch.cos(yaw), torch.sin(yaw)
    return torch.stack([c * xy[..., 0] - s * xy[..., 1], s * xy[..., 0] + c * xy[..., 1]], dim=-1)
