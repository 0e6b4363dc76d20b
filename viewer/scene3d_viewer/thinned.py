"""Surfaces made small enough to travel: vertices that share a cell of a grid become one."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from scene3d.geometry import voxelize
from scene3d_viewer.layers import Surface
from scene3d_viewer.regions import Regions

_COARSER = 1.05
"""Than would be enough if cells grew fewer as the square of their size."""


def thinned(surface: Surface, *, most: int) -> tuple[Surface, Int64[Tensor, "m"]]:
    """Reduce a surface to at most `most` vertices.

    Args:
        surface: A mesh or points.
        most: At least 1.

    Returns:
        The surface itself where it is small enough, else one with the first vertex of each cell and with the faces
        that still have three corners; and the vertices kept.
    """
    count = len(surface.xyz_m)
    kept = torch.arange(count)
    if count <= most:
        return surface, kept
    x, y, z = (surface.xyz_m.amax(0) - surface.xyz_m.amin(0)).tolist()
    size_m = max(2 * (x * y + y * z + z * x) / most, 1e-6) ** 0.5  # as if the scan were the box around it
    cell, cells = _cells(surface.xyz_m, size_m)
    tries = 0
    while cells > most or (cells < most / 2 and tries < 4):
        size_m *= _COARSER * (cells / most) ** 0.5
        cell, cells = _cells(surface.xyz_m, size_m)
        tries += 1
    first = torch.full((cells,), count).scatter_reduce_(0, cell, kept, "amin")
    faces = None if surface.faces is None else cell[surface.faces]
    if faces is not None:
        a, b, c = faces.unbind(1)
        faces = faces[(a != b) & (b != c) & (a != c)]
    small = Surface(
        xyz_m=surface.xyz_m[first],
        rgb=surface.rgb[first],
        faces=faces if faces is not None and len(faces) else None,
        normal=None if surface.normal is None else surface.normal[first],
        regions=Regions(of_point=surface.regions.of_point[first], member=surface.regions.member),
    )
    return small, first


def _cells(xyz_m: Float[Tensor, "n 3"], size_m: float) -> tuple[Int64[Tensor, "n"], int]:
    """The cell of each point, and how many there are."""
    voxels = voxelize(xyz_m, size_m=size_m)
    return voxels.voxel_of_point, len(voxels.index)
