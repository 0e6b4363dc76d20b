"""Points to a picture without a GPU, a display or a mesh: nearest point wins each pixel."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from scene3d_ops import knn

BACKGROUND = (255, 255, 255)
_NOTHING = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """An eye and how much it sees."""

    eye_m: tuple[float, float, float]
    target_m: tuple[float, float, float]
    up: tuple[float, float, float] = (0.0, 0.0, 1.0)
    span_m: float | None = None
    """Metres across the picture's shorter edge for a parallel view; None for a perspective view of 60 degrees."""


def top_view(xyz_m: Float[Tensor, "n 3"]) -> View:
    """Straight down, +y up, everything inside."""
    low, high = xyz_m.amin(0), xyz_m.amax(0)
    x, y = ((low + high) / 2)[:2].tolist()
    span = float((high - low)[:2].max()) * 1.05 + 0.1
    return View(eye_m=(x, y, float(high[2]) + 1), target_m=(x, y, float(low[2])), up=(0.0, 1.0, 0.0), span_m=span)


def oblique_view(xyz_m: Float[Tensor, "n 3"]) -> View:
    """From a corner and above, down into the room, everything inside."""
    low, high = xyz_m.amin(0), xyz_m.amax(0)
    middle, reach = (low + high) / 2, float((high - low).norm()) + 0.5
    eye = middle + 0.8 * reach * torch.tensor([-0.55, -0.65, 0.8])
    return View(eye_m=tuple(eye.tolist()), target_m=tuple(middle.tolist()))


def splat(
    xyz_m: Float[Tensor, "n 3"],
    rgb: UInt8[Tensor, "n 3"],
    view: View,
    *,
    width: int = 960,
    height: int = 720,
    point_m: float = 0.02,
) -> UInt8[Tensor, "h w 3"]:
    """Draw points as squares.

    Args:
        xyz_m: Points, metres.
        rgb: Their colours.
        view: Where from.
        width: Of the picture, pixels.
        height: Of the picture, pixels.
        point_m: Edge of a point, metres; drawn with at least one and at most nine pixels.

    Returns:
        The picture; white where there is nothing.
    """
    column, row, depth, pixels_per_m = project_view(xyz_m, view, width, height)
    size = (point_m * pixels_per_m).clamp(1, 9)
    # Depth in micrometres above the point's number: the least such key at a pixel names its nearest point.
    key = (depth.clamp(0, 4000).double() * 1e6).long() * 2**31 + torch.arange(len(xyz_m))
    nearest = torch.full((height * width,), _NOTHING)
    reach = int(size.max()) // 2 if len(size) else 0
    for dy in range(-reach, reach + 1):
        for dx in range(-reach, reach + 1):
            x, y = column.round().long() + dx, row.round().long() + dy
            seen = (depth > 0.05) & (x >= 0) & (x < width) & (y >= 0) & (y < height)
            seen &= size >= 2 * max(abs(dx), abs(dy))
            nearest.scatter_reduce_(0, (y * width + x)[seen], key[seen], "amin")
    picture = torch.tensor(BACKGROUND, dtype=torch.uint8).repeat(height * width, 1)
    hit = nearest != _NOTHING
    picture[hit] = rgb[nearest[hit] % 2**31]
    return picture.view(height, width, 3)


def spacing(xyz_m: Float[Tensor, "n 3"], *, sample: int = 2000) -> float:
    """Typical distance of a point to its nearest neighbours, metres: drawn larger, points close to a surface."""
    if len(xyz_m) < 5:
        return 0.02
    some = xyz_m[torch.linspace(0, len(xyz_m) - 1, min(sample, len(xyz_m))).long()]
    _, squared = knn(xyz_m.contiguous(), 5, some.contiguous())
    return float(squared[:, 1:].mean(1).median().sqrt())


def project_view(
    xyz_m: Float[Tensor, "n 3"], view: View, width: int, height: int
) -> tuple[Float[Tensor, "n"], Float[Tensor, "n"], Float[Tensor, "n"], Float[Tensor, "n"]]:
    """Column, row, depth in metres and pixels per metre of each point."""
    eye, target, up = (torch.tensor(v) for v in (view.eye_m, view.target_m, view.up))
    forward = torch.nn.functional.normalize(target - eye, dim=0)
    right = torch.nn.functional.normalize(torch.linalg.cross(forward, up), dim=0)
    down = torch.linalg.cross(forward, right)
    x, y, depth = ((xyz_m - eye) @ torch.stack([right, down, forward]).T).unbind(1)
    if view.span_m is None:
        scale = 0.5 * min(width, height) / 0.5774 / depth.clamp_min(0.05)  # tan 30°
    else:
        scale = torch.full_like(depth, min(width, height) / view.span_m)
    return x * scale + width / 2, y * scale + height / 2, depth, scale
