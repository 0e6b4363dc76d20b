"""Surfaces made small enough to travel: vertices that share a cell of a grid become one."""

from __future__ import annotations

import torch
from jaxtyping import Int64
from torch import Tensor

from scene3d.geometry import voxelize
from scene3d.geometry.splat import spacing
from scene3d_viewer.layers import Surface
from scene3d_viewer.regions import Regions


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
    size_m = spacing(surface.xyz_m) * (count / most) ** 0.5
    while True:
        cell = voxelize(surface.xyz_m, size_m=size_m).voxel_of_point
        cells = int(cell.max()) + 1
        if cells <= most:
            break
        size_m *= max(1.1, (cells / most) ** 0.5)
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
