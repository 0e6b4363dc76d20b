"""Nearest neighbours and farthest-point sampling, both exact."""

from __future__ import annotations

import torch
from jaxtyping import Float32, Int64
from torch import Tensor

from scene3d_ops import backend, native, reference


def knn(
    xyz: Float32[Tensor, "n 3"], k: int, query: Float32[Tensor, "q 3"] | None = None
) -> tuple[Int64[Tensor, "q k"], Float32[Tensor, "q k"]]:
    """The k nearest points of each query, nearest first.

    Args:
        xyz: Points to choose from, finite.
        k: How many; at most n.
        query: Where to look from. None: from each point, which then finds itself, first unless it has duplicates.

    Returns:
        Rows of `xyz`, and squared distances. Of equally near points the lower row comes first.

    Raises:
        ValueError: k is not in 1 … n, or a coordinate is not finite.
    """
    if not 1 <= k <= len(xyz):
        raise ValueError(f"k = {k} neighbours asked of {len(xyz):,} points; expected 1 to {len(xyz):,}")
    _check_finite(xyz)
    if query is not None:
        _check_finite(query)
    if _needs_twin(xyz):
        return reference.knn(xyz, k, xyz if query is None else query)
    queries = len(xyz) if query is None else len(query)
    index = torch.empty(queries, k, dtype=torch.int64)
    squared = torch.empty(queries, k)
    seen_from = None if query is None else query.contiguous()
    native.call("scene3d_knn", xyz.contiguous(), len(xyz), seen_from, queries, k, index, squared)
    return index, squared


def farthest_points(xyz: Float32[Tensor, "n 3"], count: int, *, start: int = 0) -> Int64[Tensor, "count"]:
    """Points that cover the cloud: each one the farthest from all chosen before it.

    Args:
        xyz: Points to choose from, finite.
        count: How many; at most n.
        start: Row of the first one.

    Returns:
        Rows of `xyz` in the order of choice; of equally far points the lower row.

    Raises:
        ValueError: `count` exceeds the points, `start` is none of them, or a coordinate is not finite.
    """
    if not 0 <= count <= len(xyz):
        raise ValueError(f"{count} samples asked of {len(xyz):,} points; expected 0 to {len(xyz):,}")
    if count and not 0 <= start < len(xyz):
        raise ValueError(f"start = {start} is not a row of {len(xyz):,} points")
    _check_finite(xyz)
    if _needs_twin(xyz):
        return reference.farthest_points(xyz, count, start)
    chosen = torch.empty(count, dtype=torch.int64)
    native.call("scene3d_farthest_points", xyz.T.contiguous(), len(xyz), start, count, chosen)
    return chosen


def _needs_twin(xyz: Float32[Tensor, "n 3"]) -> bool:
    return backend.current() == "reference" or xyz.device.type != "cpu"


def _check_finite(xyz: Float32[Tensor, "n 3"]) -> None:
    finite = torch.isfinite(xyz).all(dim=1)
    if not bool(finite.all()):
        raise ValueError(f"{int((~finite).sum()):,} of {len(xyz):,} points are not finite; drop them first")
