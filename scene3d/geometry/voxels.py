"""Points to voxels: the only place where metres become lattice indices."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float, Float32, Int32, Int64
from torch import Tensor

from scene3d.errors import InputError
from scene3d_ops import segment_mean, unique_cells

COARSEST_STRIDE = 16
"""Cells of the coarsest level of a U-Net with five levels; lattices start at multiples of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Voxels:
    """The occupied cells of a lattice, in lexicographic order, so that equal scans give equal tensors."""

    index: Int32[Tensor, "v 3"]
    """Lattice index minus `origin_cell`: not negative."""
    origin_cell: Int64[Tensor, "3"]
    """Lattice index of `index` (0, 0, 0), a multiple of 16 on each axis: every stride sees the same parent cells."""
    voxel_of_point: Int64[Tensor, "n"]
    """Row of `index` that holds each point."""
    size_m: float
    """Edge of a cell."""

    def mean_of_points(self, value: Float[Tensor, "n c"]) -> Float[Tensor, "v c"]:
        """Features of points, averaged over each voxel."""
        return segment_mean(value, self.voxel_of_point, len(self.index))

    def centre_m(self) -> Float32[Tensor, "v 3"]:
        """Centres of the cells in the frame of the points."""
        return ((self.index + self.origin_cell).double() + 0.5).mul(self.size_m).float()


def voxelize(xyz_m: Float32[Tensor, "n 3"], *, size_m: float) -> Voxels:
    """Group points that share a cell of a `size_m` grid anchored at the origin.

    Args:
        xyz_m: Points, metres.
        size_m: Edge of a cell, metres; positive.

    Raises:
        InputError: `size_m` is not positive, a point is not finite, or the points span too many cells.

    Source: Choy et al., CVPR 2019 (arXiv:1904.08755), section 3, with sorted keys in place of a hash table.
    """
    if not (math.isfinite(size_m) and size_m > 0):
        raise InputError(f"voxel size {size_m!r} m is not a positive length; 0.02 to 0.05 suit a room")
    check_points(xyz_m)
    if not len(xyz_m):
        empty = torch.empty(0, dtype=torch.int64, device=xyz_m.device)
        origin = torch.zeros(3, dtype=torch.int64, device=xyz_m.device)
        return Voxels(index=empty.int().reshape(0, 3), origin_cell=origin, voxel_of_point=empty, size_m=size_m)
    cell = torch.floor(xyz_m / size_m)
    if float(cell.amax() - cell.amin()) >= 2**31 or float(cell.abs().max()) >= 2**52:
        low, high = xyz_m.amin(dim=0).tolist(), xyz_m.amax(dim=0).tolist()
        raise InputError(f"points from {low} to {high} m are too far apart for cells of {size_m} m; drop the outliers")
    cell = cell.long()
    origin = torch.div(cell.amin(dim=0), COARSEST_STRIDE, rounding_mode="floor") * COARSEST_STRIDE
    try:
        index, voxel_of_point = unique_cells(cell - origin)
    except ValueError as error:
        raise InputError(f"voxels of {size_m} m: {error}") from error
    return Voxels(index=index, origin_cell=origin, voxel_of_point=voxel_of_point, size_m=size_m)


def check_points(xyz_m: Float32[Tensor, "n 3"]) -> None:
    """Refuse points that are not finite.

    Raises:
        InputError: With their number and the first of them.
    """
    broken = (~torch.isfinite(xyz_m).all(dim=1)).nonzero()[:, 0]
    if len(broken):
        raise InputError(
            f"{len(broken):,} of {len(xyz_m):,} points are not finite (the first is row {int(broken[0])}); "
            "drop them, as `load_scene` does"
        )
