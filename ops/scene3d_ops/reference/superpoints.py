"""Specification of over-segmentation, as the paper writes it: one edge after the other."""

from __future__ import annotations

import torch
from jaxtyping import Float32, Int64
from torch import Tensor


def over_segment_graph(
    edge: Int64[Tensor, "e 2"], weight: Float32[Tensor, "e"], count: int, threshold: float, min_size: int
) -> Int64[Tensor, "count"]:
    """See `scene3d_ops.over_segment_graph`."""
    parent = list(range(count))
    size = [1] * count
    limit = [threshold] * count
    """Heaviest edge that a segment still lets in, per root."""

    def find(point: int) -> int:
        while parent[point] != point:
            parent[point] = parent[parent[point]]
            point = parent[point]
        return point

    def join(a: int, b: int, w: float) -> None:
        a, b = (a, b) if size[a] >= size[b] else (b, a)
        parent[b] = a
        size[a] += size[b]
        limit[a] = w + threshold / size[a]

    low, high = edge.amin(dim=1).tolist(), edge.amax(dim=1).tolist()
    edges = sorted(zip(weight.tolist(), low, high, strict=True))
    for w, i, j in edges:
        a, b = find(i), find(j)
        if a != b and w <= limit[a] and w <= limit[b]:
            join(a, b, w)
    for w, i, j in edges:
        a, b = find(i), find(j)
        if a != b and min(size[a], size[b]) < min_size:
            join(a, b, w)
    number: dict[int, int] = {}
    label = [number.setdefault(find(point), len(number)) for point in range(count)]
    return torch.tensor(label, dtype=torch.int64, device=edge.device)
