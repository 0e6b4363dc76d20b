"""Who is next to whom on a surface: edges of a mesh, edges between near points, and means over such neighbours."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float32, Int64
from torch import Tensor


def mesh_edges(faces: Int64[Tensor, "f 3"], count: int) -> Int64[Tensor, "e 2"]:
    """Edges of triangles, once each, lower vertex first, sorted.

    Args:
        faces: Vertex rows.
        count: Number of vertices.
    """
    ends = torch.cat([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    return _unique_edges(ends, count)


def near_edges(index: Int64[Tensor, "n k"]) -> Int64[Tensor, "e 2"]:
    """Edges from each point to its neighbours, once each, lower point first, sorted; a point itself is left out."""
    own = torch.arange(len(index), device=index.device)[:, None].expand_as(index)
    ends = torch.stack([own.reshape(-1), index.reshape(-1)], dim=1)
    return _unique_edges(ends[ends[:, 0] != ends[:, 1]], len(index))


def mean_over_edges(
    value: Float32[Tensor, "n c"], edge: Int64[Tensor, "e 2"], *, rounds: int
) -> Float32[Tensor, "n c"]:
    """Mean of each point and its neighbours, taken again and again: smooths over the surface and not across gaps."""
    start, end = edge[:, 0].contiguous(), edge[:, 1].contiguous()
    share = 1 / (1 + torch.bincount(edge.reshape(-1), minlength=len(value)).to(value.dtype))[:, None]
    for _ in range(rounds):
        value = value.index_add(0, start, value[end]).index_add_(0, end, value[start]).mul_(share)
    return value


def oriented_sum_over_edges(normal: Float32[Tensor, "n 3"], edge: Int64[Tensor, "e 2"]) -> Float32[Tensor, "n 3"]:
    """Sum of each normal and its neighbours', these turned to its side: for normals whose sign means nothing."""
    start, end = normal[edge[:, 0]], normal[edge[:, 1]]
    same_side = torch.where((start * end).sum(dim=1, keepdim=True) < 0, -1.0, 1.0)
    return normal.index_add(0, edge[:, 0], same_side * end).index_add_(0, edge[:, 1], same_side * start)


def _unique_edges(ends: Int64[Tensor, "m 2"], count: int) -> Int64[Tensor, "e 2"]:
    start, end = ends.unbind(dim=1)
    key = torch.minimum(start, end) * count + torch.maximum(start, end)
    # NumPy sorts integers with vector instructions: four times faster than torch on the same million keys.
    ordered = torch.from_numpy(np.sort(key.numpy())) if key.device.type == "cpu" else key.sort().values
    key = torch.unique_consecutive(ordered)
    low = torch.div(key, count, rounding_mode="trunc")
    return torch.stack([low, key - low * count], dim=1)
