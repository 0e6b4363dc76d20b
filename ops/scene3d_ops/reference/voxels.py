"""Specification of the voxel ops."""

from __future__ import annotations

import math

import torch
from jaxtyping import Int, Int32, Int64
from torch import Tensor


def unique_cells(cell: Int[Tensor, "n d"]) -> tuple[Int32[Tensor, "v d"], Int64[Tensor, "n"]]:
    """See `scene3d_ops.unique_cells`."""
    if not len(cell):
        return cell.to(torch.int32), cell.new_empty(0, dtype=torch.int64)
    low, high = cell.amin(dim=0).tolist(), cell.amax(dim=0).tolist()
    extent = [top - bottom + 1 for bottom, top in zip(low, high, strict=True)]
    if math.prod(extent) >= 2**63:
        raise ValueError(
            f"cells from {low} to {high} do not fit into one 63-bit key; use larger cells or drop outliers"
        )
    key = torch.zeros(len(cell), dtype=torch.int64, device=cell.device)
    for axis, size in enumerate(extent):
        key = key * size + (cell[:, axis].long() - low[axis])
    key, inverse = torch.unique(key, return_inverse=True)  # sorted, and the key sorts as the cells do
    columns = []
    for axis in reversed(range(len(extent))):
        columns.append(key % extent[axis] + low[axis])
        key = key // extent[axis]
    return torch.stack(columns[::-1], dim=1).to(torch.int32), inverse
