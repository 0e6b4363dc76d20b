"""Pieces of masks: what of a mask holds together."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Bool, Float32
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from torch import Tensor

from scene3d.geometry.voxels import voxelize
from scene3d_ops import Lattice

_BEFORE = 13
"""Of the 27 cells around and with a cell those that come before it: every pair of neighbours once."""


def without_crumbs(
    mask: Bool[Tensor, "q n"], xyz_m: Float32[Tensor, "n 3"], *, cell_m: float, least: float
) -> Bool[Tensor, "q n"]:
    """Masks without the small pieces that nothing joins to a large one.

    Points belong together where a chain of occupied cells, which touch at least at their corners, leads from one to
    the other.

    Args:
        mask: Points of each object.
        xyz_m: Points, metres.
        cell_m: Edge of a cell, metres.
        least: Pieces with less than this share of the largest piece's points are left out.

    Raises:
        InputError: As `voxelize`.
    """
    if not mask.numel():
        return mask
    voxels = voxelize(xyz_m, size_m=cell_m)
    before = Lattice(torch.nn.functional.pad(voxels.index, (1, 0))).subm_map(3)[:_BEFORE].numpy()
    cell_of = voxels.voxel_of_point.numpy()
    place = np.full(len(voxels.index) + 1, -1)  # in a row's own list of cells; the last serves cells that are not there
    kept = torch.zeros_like(mask)
    for row, chosen in enumerate(mask.numpy()):
        point = np.flatnonzero(chosen)
        if not len(point):
            continue
        cell, own = np.unique(cell_of[point], return_inverse=True)
        place[cell] = np.arange(len(cell))
        start = place[before[:, cell]]
        end = np.broadcast_to(np.arange(len(cell)), start.shape)[start >= 0]
        place[cell] = -1
        link = coo_array((np.ones(len(end), dtype=bool), (start[start >= 0], end)), shape=(len(cell), len(cell)))
        piece = connected_components(link, directed=False)[1][own]
        size = np.bincount(piece)
        kept[row, torch.from_numpy(point[size[piece] >= least * size.max()])] = True
    return kept
