"""spconv behind `sparse_conv`: its gather, multiply and scatter on our neighbour maps, so that row orders agree.

On a GPU it needs the extra `cuda` or `cuda120`. On the CPU it serves to compare numbers, and is held to one thread:
with more, its scatter-add shares two pointers between threads and the sums come out wrong now and then.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock

import torch
from jaxtyping import Float, Int32
from torch import Tensor

from scene3d_ops import native
from scene3d_ops.convolution import Kernels
from scene3d_ops.layers import weight_from_spconv, weight_to_spconv

try:
    from spconv.pytorch import ops as spconv_ops  # pyright: ignore[reportMissingImports]
except ImportError as error:
    raise ImportError(
        "the spconv backend needs spconv: `pip install scene3d[cuda]`, or `pip install spconv` for its CPU build"
    ) from error


class SpconvKernels(Kernels):
    """See `scene3d_ops.convolution.Kernels`."""

    def forward(
        self, feature: Float[Tensor, "v ci"], weight: Float[Tensor, "k ci co"], table: Int32[Tensor, "k m"]
    ) -> Float[Tensor, "m co"]:
        """As `sparse_conv`."""
        rows = table.shape[1]
        if not (table >= 0).any():  # spconv does not take empty problems
            return feature.new_zeros(rows, weight.shape[2])
        pairs, count = _pairs(table)
        with on_cpu(threads=1):
            return spconv_ops.indice_conv(feature, _as_krsc(weight), pairs, count, rows)

    def weight_gradient(
        self, feature: Float[Tensor, "v ci"], gradient: Float[Tensor, "m co"], table: Int32[Tensor, "k m"]
    ) -> Float[Tensor, "k ci co"]:
        """`out[k] = sum over j of outer(feature[table[k, j]], gradient[j])`."""
        weight = feature.new_zeros(len(table), feature.shape[1], gradient.shape[1])
        if not (table >= 0).any():
            return weight
        pairs, count = _pairs(table)
        with on_cpu(threads=1):
            out = spconv_ops.indice_conv_backward(feature, _as_krsc(weight), gradient, pairs, count)[1]
        return weight_from_spconv(out)


@contextmanager
def on_cpu(*, threads: int) -> Iterator[None]:
    """Set the number of threads of spconv's CPU code, and let its backward pass run there.

    The wheel carries an OpenMP runtime of its own; the order of imports decides whether that one serves or torch's, so
    both are set. The backward pass fails without a GPU only because it asks for a CUDA stream, which its CPU code then
    does not use.
    """
    runtimes = [ctypes.CDLL(path) for path in native.mapped_openmp()]
    before = [runtime.omp_get_max_threads() for runtime in runtimes]
    for runtime in runtimes:
        runtime.omp_set_num_threads(threads)
    stream = spconv_ops.get_current_stream if torch.cuda.is_available() else lambda: 0
    try:
        with mock.patch.object(spconv_ops, "get_current_stream", stream):
            yield
    finally:
        for runtime, count in zip(runtimes, before, strict=True):
            runtime.omp_set_num_threads(count)


def _as_krsc(weight: Float[Tensor, "k ci co"]) -> Float[Tensor, "co a b c ci"]:
    """spconv's layout; which offsets lie beside which is of no account to it here, so they may form a line."""
    edge = round(len(weight) ** (1 / 3))
    return (
        weight_to_spconv(weight) if edge**3 == len(weight) else weight.permute(2, 0, 1)[:, :, None, None].contiguous()
    )


def _pairs(table: Int32[Tensor, "k m"]) -> tuple[Int32[Tensor, "2 k m"], Int32[Tensor, "k"]]:
    """Rows of input and output that each offset joins, packed to the left, and their number."""
    there = table >= 0
    place = (there.cumsum(dim=1) - 1)[there]
    offset, row = there.nonzero(as_tuple=True)
    pairs = torch.full((2, *table.shape), -1, dtype=torch.int32, device=table.device)
    pairs[0, offset, place] = table[there]
    pairs[1, offset, place] = row.int()
    return pairs, there.sum(dim=1, dtype=torch.int32)
