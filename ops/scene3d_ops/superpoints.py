"""Over-segmentation: a weighted graph into small connected patches."""

from __future__ import annotations

import torch
from jaxtyping import Float32, Int64
from torch import Tensor

from scene3d_ops import backend, native, reference


def over_segment_graph(
    edge: Int64[Tensor, "e 2"], weight: Float32[Tensor, "e"], count: int, *, threshold: float, min_size: int
) -> Int64[Tensor, "count"]:
    """Cut a graph where the edges across are heavy compared with those inside.

    Edges are taken from light to heavy. One joins the segments at its ends if it is no heavier than what both of them
    let in: the heaviest edge inside plus `threshold` / size. Then segments below `min_size` join their neighbours, over
    light edges first; one that has no neighbour stays small. The order of the edges does not matter; the numbering of
    the points decides between edges of exactly the same weight.

    Args:
        edge: Ends of each edge, 0 … count-1; direction and repetition do not matter.
        weight: Dissimilarity of the ends, finite.
        count: Number of points.
        threshold: Larger values give larger segments; in units of weight × points.
        min_size: Points that a segment shall have.

    Returns:
        Segment of each point, 0 … s-1, numbered in the order of first points.

    Raises:
        ValueError: An edge ends outside the points, a weight is not finite, or there are 2³¹ points or more.

    Source: Felzenszwalb and Huttenlocher, IJCV 2004, section 3; the joining of small segments is that of ScanNet's
        segmentator.
    """
    if count >= 2**31:
        raise ValueError(f"{count:,} points exceed the limit of {2**31 - 1:,}; downsample first")
    if len(edge):
        low, high = (int(bound) for bound in edge.aminmax())
        if low < 0 or high >= count:
            raise ValueError(f"edge ends run from {low} to {high}; expected 0 to {count - 1}")
    if not bool(torch.isfinite(weight).all()):
        raise ValueError(f"{int((~torch.isfinite(weight)).sum()):,} of {len(weight):,} edge weights are not finite")
    if backend.current() == "reference" or edge.device.type != "cpu":
        return reference.over_segment_graph(edge, weight, count, threshold, min_size)
    label = torch.empty(count, dtype=torch.int64)
    native.call(
        "scene3d_over_segment_graph",
        *(edge.contiguous(), weight.contiguous(), len(edge), count, float(threshold), min_size, label),
    )
    return label
