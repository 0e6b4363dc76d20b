"""Twin of the neighbour maps: every neighbour is looked up in the sorted keys by binary search."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Int, Int32, Int64
from torch import Tensor

KEY_BITS = 18
"""Bits of a key per axis; the batch has the 9 above them."""
KEY_MARGIN = 2
"""Added to each coordinate, so that a step of up to this many voxels never carries into the next field. Even, so that
parities stay."""
KEY_LIMIT = 2**KEY_BITS - 2 * KEY_MARGIN
"""Coordinates are below this."""
KEY_BATCHES = 2 ** (63 - 3 * KEY_BITS)


def pack_keys(index: Int32[Tensor, "v 4"]) -> Int64[Tensor, "v"]:
    """One sortable integer per voxel (batch, x, y, z): lexicographic order of rows is numeric order of keys."""
    batch, x, y, z = index.long().unbind(1)
    x, y, z = x + KEY_MARGIN, y + KEY_MARGIN, z + KEY_MARGIN
    return batch << 3 * KEY_BITS | x << 2 * KEY_BITS | y << KEY_BITS | z


def unpack_keys(key: Int64[Tensor, "v"]) -> Int32[Tensor, "v 4"]:
    """The voxels (batch, x, y, z) of keys."""
    axes = [(key >> shift * KEY_BITS & 2**KEY_BITS - 1) - KEY_MARGIN for shift in (2, 1, 0)]
    return torch.stack([key >> 3 * KEY_BITS, *axes], dim=1).int()


def in_range(index: Int[Tensor, "v 4"]) -> Bool[Tensor, "v"]:
    """Which voxels fit into keys."""
    limit = torch.tensor([KEY_BATCHES, KEY_LIMIT, KEY_LIMIT, KEY_LIMIT], device=index.device)
    return ((index >= 0) & (index < limit)).all(dim=1)


def sorted_keys(index: Int32[Tensor, "v 4"]) -> tuple[Int64[Tensor, "v"], int]:
    """Keys of voxels, and the first row that is out of range or not above the row before it; -1 where there is none."""
    key = pack_keys(index)
    fault = ~in_range(index)
    fault[1:] |= key[1:] <= key[:-1]
    rows = fault.nonzero()
    return key, int(rows[0]) if len(rows) else -1


def subm_table(key: Int64[Tensor, "v"], kernel_size: int) -> Int32[Tensor, "k v"]:
    """Row of the voxel at each offset of a submanifold kernel; see `scene3d_ops.neighbours.subm_table`."""
    if len(key) == 0:
        return torch.empty(kernel_size**3, 0, dtype=torch.int32, device=key.device)
    step = torch.arange(kernel_size, device=key.device) - kernel_size // 2
    dx, dy, dz = torch.meshgrid(step, step, step, indexing="ij")
    delta = (dx * 4**KEY_BITS + dy * 2**KEY_BITS + dz).reshape(-1, 1)  # the last axis is the fastest
    wanted = key + delta
    row = torch.searchsorted(key, wanted).clamp(max=len(key) - 1)
    return torch.where(key[row] == wanted, row, -1).int()


def coarsen(key: Int64[Tensor, "v"]) -> tuple[Int64[Tensor, "m"], Int32[Tensor, "v"]]:
    """Sorted keys of the parents of all voxels, and each voxel's row among them."""
    index = unpack_keys(key)
    index[:, 1:] >>= 1
    parent_key, parent = torch.unique(pack_keys(index), return_inverse=True)
    return parent_key, parent.int()


def stride_tables(
    key: Int64[Tensor, "v"], parent: Int32[Tensor, "v"], parents: int
) -> tuple[Int32[Tensor, "8 m"], Int32[Tensor, "8 v"]]:
    """Children of each parent and parent of each child, by octant; see `scene3d_ops.neighbours.coarsen`."""
    octant = (key >> 2 * KEY_BITS & 1) * 4 + (key >> KEY_BITS & 1) * 2 + (key & 1)
    child = torch.arange(len(key), device=key.device)
    down = torch.full((8, parents), -1, dtype=torch.int32, device=key.device)
    inverse = torch.full((8, len(key)), -1, dtype=torch.int32, device=key.device)
    down[octant, parent.long()] = child.int()
    inverse[octant, child] = parent
    return down, inverse
