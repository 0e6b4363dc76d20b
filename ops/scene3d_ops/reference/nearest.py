"""Specification of nearest neighbours and farthest points."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float32, Int64
from torch import Tensor

_CHUNK = 384
"""Queries that share a set of candidates."""
_TABLE = 2**22
"""Distances held at once: bounds the memory."""


def knn(
    xyz: Float32[Tensor, "n 3"], k: int, query: Float32[Tensor, "q 3"]
) -> tuple[Int64[Tensor, "q k"], Float32[Tensor, "q k"]]:
    """See `scene3d_ops.knn`. Each query is compared with all points of a box that widens until it must hold the k."""
    index = torch.empty(len(query), k, dtype=torch.int64, device=xyz.device)
    squared = torch.empty(len(query), k, device=xyz.device)
    radius = _typical_radius(xyz, k)
    pending = _in_spatial_order(query, cell_m=6 * radius)
    while len(pending):
        unsure = [pending[:0]]
        for rows in pending.split(_CHUNK):
            at = query[rows]
            near = (xyz >= at.amin(dim=0) - radius) & (xyz <= at.amax(dim=0) + radius)
            candidate = near.all(dim=1).nonzero()[:, 0]
            if len(candidate) < k:
                unsure.append(rows)
                continue
            index[rows], squared[rows] = _k_smallest(xyz[candidate], candidate, at, k)
            # What lies outside the box is farther away than the radius (a margin for rounding).
            open_yet = squared[rows, -1] >= 0.99 * radius * radius
            unsure.append(rows[open_yet & (len(candidate) < len(xyz))])
        pending = torch.cat(unsure)
        radius *= 2
    return index, squared


def farthest_points(xyz: Float32[Tensor, "n 3"], count: int, start: int) -> Int64[Tensor, "count"]:
    """See `scene3d_ops.farthest_points`."""
    chosen = torch.empty(count, dtype=torch.int64, device=xyz.device)
    nearest = torch.full((len(xyz),), math.inf, device=xyz.device)
    last = start
    for sample in range(count):
        chosen[sample] = last
        nearest = torch.minimum(nearest, _squared(xyz - xyz[last]))
        last = int((nearest == nearest.max()).nonzero()[0, 0])  # of equals, the first
    return chosen


def _squared(offset: Float32[Tensor, "*shape 3"]) -> Float32[Tensor, "*shape"]:
    """Squared length, added in the order in which the kernels add: equal distances stay equal."""
    x, y, z = offset.unbind(dim=-1)
    return (x * x + y * y) + z * z


def _k_smallest(
    xyz: Float32[Tensor, "m 3"], index: Int64[Tensor, "m"], query: Float32[Tensor, "q 3"], k: int
) -> tuple[Int64[Tensor, "q k"], Float32[Tensor, "q k"]]:
    """The k nearest of these points, compared as one integer: bits of the distance, then the index."""
    smallest = []
    for at in query.split(max(1, _TABLE // len(xyz))):
        squared = _squared(at[:, None] - xyz[None])
        key = (squared.view(torch.int32).long() << 32) | index  # a float that is not negative sorts as its bits
        smallest.append(key.topk(k, dim=1, largest=False, sorted=True).values)
    key = torch.cat(smallest)
    return key & 0xFFFFFFFF, (key >> 32).to(torch.int32).view(torch.float32)


def _typical_radius(xyz: Float32[Tensor, "n 3"], k: int) -> float:
    """A disc of this radius holds about 2 k points, if they lie evenly on a sheet as wide as their box."""
    size = (xyz.amax(dim=0) - xyz.amin(dim=0)).sort(descending=True).values
    return max(math.sqrt(2 * k / (math.pi * len(xyz)) * float(size[0] * size[1])), 1e-6)


def _in_spatial_order(xyz: Float32[Tensor, "q 3"], *, cell_m: float) -> Int64[Tensor, "q"]:
    """Rows sorted by a coarse cell, so that a chunk of them fills a small box."""
    if not len(xyz):
        return torch.empty(0, dtype=torch.int64, device=xyz.device)
    cell = torch.floor((xyz - xyz.amin(dim=0)) / cell_m).long()
    x, y, z = cell.unbind(dim=1)
    return torch.argsort((x * (int(y.max()) + 1) + y) * (int(z.max()) + 1) + z)
