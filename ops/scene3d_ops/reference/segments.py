"""Specification of the segment reductions."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int64
from torch import Tensor


def segment_sum(value: Float[Tensor, "n c"], segment: Int64[Tensor, "n"], count: int) -> Float[Tensor, "count c"]:
    """See `scene3d_ops.segment_sum`."""
    return value.new_zeros(count, value.shape[1]).index_add(0, segment, value)


def segment_mean(value: Float[Tensor, "n c"], segment: Int64[Tensor, "n"], count: int) -> Float[Tensor, "count c"]:
    """See `scene3d_ops.segment_mean`."""
    size = torch.bincount(segment, minlength=count).clamp(min=1)
    return segment_sum(value, segment, count) / size.to(value.dtype)[:, None]


def segment_max(value: Float[Tensor, "n c"], segment: Int64[Tensor, "n"], count: int) -> Float[Tensor, "count c"]:
    """See `scene3d_ops.segment_max`."""
    row = segment[:, None].expand_as(value)
    empty = value.new_zeros(count, value.shape[1])
    return empty.scatter_reduce(0, row, value, "amax", include_self=False)
