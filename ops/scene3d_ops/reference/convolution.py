"""Twin of the sparse convolution: gather, multiply, add, offset by offset. Autograd derives the gradients."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int32
from torch import Tensor


def sparse_conv(
    feature: Float[Tensor, "v ci"], weight: Float[Tensor, "k ci co"], table: Int32[Tensor, "k m"]
) -> Float[Tensor, "m co"]:
    """`out[j] = sum over k of feature[table[k, j]] @ weight[k]`, where table[k, j] is not -1.

    Elements of 16 bits are summed in float32, as the kernels do.
    """
    exact = torch.promote_types(feature.dtype, torch.float32)
    x, w = feature.to(exact), weight.to(exact)
    out = x.new_zeros(table.shape[1], weight.shape[2])
    for offset, rows in enumerate(table):
        there = (rows >= 0).nonzero().squeeze(1)
        out = out.index_add(0, there, x[rows[there].long()] @ w[offset])
    return out.to(feature.dtype)
