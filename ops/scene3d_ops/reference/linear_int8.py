"""Specification of linear layers with int8 weights."""

from __future__ import annotations

import torch
from jaxtyping import Float, Float32, Int8
from torch import Tensor
from torch.nn import functional

INT8_BLOCK = 32
"""Inputs of a row that share a scale when states are rounded."""


def round_rows(value: Float[Tensor, "n i"]) -> tuple[Int8[Tensor, "n i"], Float32[Tensor, "n"]]:
    """Integers from -127 to 127 and a scale per row, whose product is near `value`; ties go to even."""
    value = value.float()
    most = value.abs().amax(dim=1)
    shrink = torch.where(most > 0, 127.0 / most, 0.0)
    return (value * shrink[:, None]).round().to(torch.int8), most / 127.0


def linear_int8(
    x: Float32[Tensor, "n c"],
    weight: Int8[Tensor, "o i"],
    scale: Float32[Tensor, "o"],
    *,
    norm: Float32[Tensor, "i"] | None = None,
    epsilon: float = 0.0,
    gated: bool = False,
    bias: Float32[Tensor, "o"] | None = None,
    residual: Float32[Tensor, "n o"] | None = None,
) -> Float32[Tensor, "n o"]:
    """See `scene3d_ops.linear_int8`, whose weight this takes unpacked."""
    if norm is not None:
        x = x * torch.rsqrt(x.square().mean(dim=1, keepdim=True) + epsilon) * norm
    if gated:
        gate, value = x.chunk(2, dim=1)
        x = functional.silu(gate) * value
    n, inputs = x.shape
    padded = functional.pad(x, (0, -inputs % INT8_BLOCK))
    integer, block_scale = round_rows(padded.reshape(-1, INT8_BLOCK))
    near = (integer * block_scale[:, None]).view(n, padded.shape[1])[:, :inputs]
    y = near @ weight.to(x.dtype).T * scale
    if bias is not None:
        y = y + bias
    return y if residual is None else y + residual
