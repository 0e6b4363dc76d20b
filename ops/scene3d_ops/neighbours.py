"""Neighbour maps: for each voxel and each offset of a kernel, the row of the voxel that is there."""

from __future__ import annotations

import torch
from jaxtyping import Int32, Int64
from torch import Tensor

from scene3d_ops import backend, native, reference
from scene3d_ops.reference.neighbours import KEY_BATCHES, KEY_BITS, KEY_LIMIT, KEY_MARGIN


def sorted_keys(index: Int32[Tensor, "v 4"]) -> tuple[Int64[Tensor, "v"], int]:
    """One integer per voxel, whose order is that of the rows (batch, x, y, z).

    Args:
        index: Voxels; sorted, unique and in range if the keys are to be used.

    Returns:
        The keys, and the first row that is out of range or not above the row before it; -1 where there is none.
    """
    if not _native_serves(index):
        return reference.sorted_keys(index)
    key = torch.empty(len(index), dtype=torch.int64)
    limits = (KEY_BITS, KEY_MARGIN, KEY_LIMIT, KEY_BATCHES)
    return key, native.call("scene3d_sorted_keys", index, len(index), *limits, key)


def subm_table(key: Int64[Tensor, "v"], kernel_size: int) -> Int32[Tensor, "k v"]:
    """Neighbours of every voxel within a cube of `kernel_size`³, as a submanifold convolution reads them.

    Args:
        key: Sorted unique keys of the voxels (`reference.pack_keys`).
        kernel_size: 3 or 5.

    Returns:
        Row of the neighbour at each offset, -1 where there is none; offsets in lexicographic order of (dx, dy, dz), the
        last axis fastest, from -(kernel_size // 2). Neighbours are of the same batch.

    Raises:
        ValueError: Another kernel size.

    Source: the merge of sorted coordinates in place of a hash table is that of Tang et al., MLSys 2022 (TorchSparse),
        taken per column of the kernel.
    """
    if kernel_size not in (3, 5):
        raise ValueError(f"kernel_size is {kernel_size}; submanifold neighbour maps are made for 3 and 5")
    if not _native_serves(key):
        return reference.subm_table(key, kernel_size)
    table = torch.empty(kernel_size**3, len(key), dtype=torch.int32)
    native.call("scene3d_subm_table", key, len(key), kernel_size, KEY_BITS, table)
    return table


def coarsen(
    key: Int64[Tensor, "v"],
) -> tuple[Int64[Tensor, "m"], Int32[Tensor, "8 m"], Int32[Tensor, "8 v"]]:
    """The lattice of twice the step, and the maps of the convolution of kernel 2 and stride 2 down to it and back.

    Args:
        key: Sorted unique keys of the voxels (`reference.pack_keys`).

    Returns:
        Sorted keys of the parents; `down`, the child of each parent in each octant; `inverse`, the parent of each voxel
        in the row of the voxel's own octant. Elsewhere -1. Octants are in lexicographic order of the low bits of x, y
        and z.
    """
    if not _native_serves(key):
        parent_key, parent = reference.coarsen(key)
        return parent_key, *reference.stride_tables(key, parent, len(parent_key))
    v = len(key)
    parent_key, parent = torch.empty_like(key), torch.empty(v, dtype=torch.int32)
    scratch = torch.empty(4 * v, dtype=torch.int32)
    m = native.call("scene3d_coarsen", key, v, KEY_BITS, KEY_MARGIN, parent_key, parent, scratch)
    down = torch.full((8, m), -1, dtype=torch.int32)
    inverse = torch.full((8, v), -1, dtype=torch.int32)
    native.call("scene3d_stride_tables", key, parent, v, m, KEY_BITS, down, inverse)
    return parent_key[:m].clone(), down, inverse


def _native_serves(key: Tensor) -> bool:
    """Maps are made in C++ on the CPU; on a GPU the twin, which is sorts and searches, is as good as a kernel."""
    return key.device.type == "cpu" and backend.current() != "reference" and native.available()
