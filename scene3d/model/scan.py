"""What the backbone is given of a scan: thinned points, their channels, and the superpoint of each."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from scene3d.geometry import voxelize
from scene3d.types import Scene
from scene3d_ops import segment_mean

POINT_CHANNELS = 8
"""Colour (3), whether there is colour (1), normal (3), height above the floor (1)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanPoints:
    """One scan, thinned."""

    xyz_m: Float[Tensor, "n 3"]
    rgb: Float[Tensor, "n 3"] | None
    """0–1."""
    normal: Float[Tensor, "n 3"]
    """Unit length, or zero where unknown."""
    superpoint: Int64[Tensor, "n"]
    superpoint_count: int
    """Larger than the largest number in `superpoint` where thinning lost the last ones."""
    floor_z_m: float
    """Height of the floor, as far as can be told."""

    def channels(self) -> Float[Tensor, "n 8"]:
        """Input channels per point, each of the order of one."""
        ones = torch.ones_like(self.xyz_m[:, :1])
        colour = 0 * self.xyz_m if self.rgb is None else 2 * self.rgb - 1
        height = (self.xyz_m[:, 2:] - self.floor_z_m) / 2
        return torch.cat([colour, 0 * ones if self.rgb is None else ones, self.normal, height], dim=1)


def thin(scene: Scene, *, point_m: float) -> ScanPoints:
    """Reduce a scene to one point per cell of a `point_m` grid, as the training files are reduced.

    Args:
        scene: With superpoints and normals.
        point_m: Edge of a cell, metres.

    Returns:
        Mean place, colour and normal per cell; the superpoint is that of the cell's most frequent point.
    """
    if scene.superpoint is None or scene.normal is None:
        raise ValueError("a scene needs superpoints and normals before it is thinned")
    points = ScanPoints(
        xyz_m=scene.xyz_m,
        rgb=None if scene.rgb is None else scene.rgb.float() / 255,
        normal=scene.normal,
        superpoint=scene.superpoint,
        superpoint_count=int(scene.superpoint.max()) + 1,
        floor_z_m=floor_height(scene.xyz_m),
    )
    return coarser(points, point_m=point_m)


def coarser(scan: ScanPoints, *, point_m: float) -> ScanPoints:
    """One point per cell of a `point_m` grid, as `thin` reduces a scene."""
    voxels = voxelize(scan.xyz_m, size_m=point_m)
    count = len(voxels.index)
    cell = voxels.voxel_of_point
    return replace(
        scan,
        xyz_m=segment_mean(scan.xyz_m, cell, count),
        rgb=None if scan.rgb is None else segment_mean(scan.rgb, cell, count),
        normal=torch.nn.functional.normalize(segment_mean(scan.normal, cell, count), dim=1),
        superpoint=most_frequent(cell, scan.superpoint, count),
    )


def floor_height(xyz_m: Float[Tensor, "n 3"]) -> float:
    """Height of the floor: the first percentile of z, robust against stray points below."""
    z = xyz_m[:, 2]
    return float(z.kthvalue(max(1, len(z) // 100)).values)


def most_frequent(group: Int64[Tensor, "n"], value: Int64[Tensor, "n"], count: int) -> Int64[Tensor, "g"]:
    """The most frequent value of each group, the smallest among equals; every group has a member."""
    width = int(value.max()) + 1
    pair, votes = torch.unique(group * width + value, return_counts=True)  # sorted by group, then value
    order = torch.argsort(votes, descending=True, stable=True)
    order = order[torch.argsort(pair[order] // width, stable=True)]
    owner = pair[order] // width
    first = torch.ones_like(owner, dtype=torch.bool)
    first[1:] = owner[1:] != owner[:-1]
    winner = torch.empty(count, dtype=torch.int64, device=value.device)
    winner[owner[first]] = pair[order][first] % width
    return winner
