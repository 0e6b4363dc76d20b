"""Sparse convolution on a GPU, in Triton: the same sums as the C++ kernels, over tiles of a thread block.

Output-stationary like those: a program owns a tile of output rows and columns, walks over the kernel offsets, skips
the offsets at which none of its rows has a neighbour, and gathers features straight from memory into the matrix unit.
Nothing is added atomically, so equal inputs give equal bits.
"""

# A launch turns plain numbers into `tl.constexpr`, which the type checker cannot know.
# pyright: reportArgumentType=false
from __future__ import annotations

import torch
import triton  # pyright: ignore[reportMissingImports]
import triton.language as tl  # pyright: ignore[reportMissingImports]
from jaxtyping import Float, Int32
from torch import Tensor

from scene3d_ops.convolution import Kernels

DTYPES = (torch.float32, torch.float16, torch.bfloat16)


class TritonKernels(Kernels):
    """See `scene3d_ops.convolution.Kernels`."""

    def forward(
        self, feature: Float[Tensor, "v ci"], weight: Float[Tensor, "k ci co"], table: Int32[Tensor, "k m"]
    ) -> Float[Tensor, "m co"]:
        """As `sparse_conv`. float32 goes through TF32 where `torch.backends.cuda.matmul.allow_tf32` says so."""
        _refuse_other_dtypes(feature)
        (offsets, ci, co), rows = weight.shape, table.shape[1]
        out = feature.new_empty(rows, co)
        if out.numel() == 0:
            return out
        tile_rows, tile_in, tile_out = 64, _tile(ci, 32), _tile(co, 64)
        grid = (triton.cdiv(rows, tile_rows), triton.cdiv(co, tile_out))
        _forward_kernel[grid](
            feature, weight, table, out, rows, offsets, ci, co, tile_rows, tile_in, tile_out, _precision(feature)
        )
        return out

    def weight_gradient(
        self, feature: Float[Tensor, "v ci"], gradient: Float[Tensor, "m co"], table: Int32[Tensor, "k m"]
    ) -> Float[Tensor, "k ci co"]:
        """`out[k] = sum over j of outer(feature[table[k, j]], gradient[j])`, summed in float32."""
        _refuse_other_dtypes(feature)
        (offsets, rows), ci, co = table.shape, feature.shape[1], gradient.shape[1]
        tile_rows, tile_in, tile_out = 32, _tile(ci, 64), _tile(co, 64)
        tiles = (triton.cdiv(ci, tile_in), triton.cdiv(co, tile_out))
        # Rows are split so that small kernels fill the GPU too; each part writes sums of its own, added afterwards.
        part_rows = max(tile_rows, triton.cdiv(triton.cdiv(rows, 32), tile_rows) * tile_rows)
        parts = triton.cdiv(rows, part_rows)
        sums = torch.zeros(parts, offsets, ci, co, dtype=torch.float32, device=feature.device)
        if sums.numel():
            _weight_gradient_kernel[(offsets * parts, *tiles)](
                feature, gradient, table, sums, rows, offsets, ci, co,
                part_rows, tile_rows, tile_in, tile_out, _precision(feature),
            )  # fmt: skip
        return sums.sum(dim=0).to(feature.dtype)


@triton.jit
def _forward_kernel(
    feature, weight, table, out, rows, offsets, ci, co,
    TILE_ROWS: tl.constexpr, TILE_IN: tl.constexpr, TILE_OUT: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    row = tl.program_id(0) * TILE_ROWS + tl.arange(0, TILE_ROWS)
    column = tl.program_id(1) * TILE_OUT + tl.arange(0, TILE_OUT)
    channel = tl.arange(0, TILE_IN)
    total = tl.zeros((TILE_ROWS, TILE_OUT), dtype=tl.float32)
    entry, matrix = table + row, weight
    for _ in range(offsets):
        neighbour = tl.load(entry, mask=row < rows, other=-1).to(tl.int64)
        if tl.max(neighbour, axis=0) >= 0:
            for first in range(0, ci, TILE_IN):
                c = first + channel
                x = tl.load(
                    feature + neighbour[:, None] * ci + c[None, :],
                    mask=(neighbour[:, None] >= 0) & (c[None, :] < ci),
                    other=0.0,
                )
                w = tl.load(
                    matrix + c[:, None] * co + column[None, :],
                    mask=(c[:, None] < ci) & (column[None, :] < co),
                    other=0.0,
                )
                total = tl.dot(x, w, total, input_precision=PRECISION)
        entry += rows
        matrix += ci * co
    place = out + row.to(tl.int64)[:, None] * co + column[None, :]
    tl.store(place, total.to(out.dtype.element_ty), mask=(row[:, None] < rows) & (column[None, :] < co))


@triton.jit
def _weight_gradient_kernel(
    feature, gradient, table, sums, rows, offsets, ci, co, part_rows,
    TILE_ROWS: tl.constexpr, TILE_IN: tl.constexpr, TILE_OUT: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    part = tl.program_id(0) // offsets
    offset = tl.program_id(0) % offsets
    channel = tl.program_id(1) * TILE_IN + tl.arange(0, TILE_IN)
    column = tl.program_id(2) * TILE_OUT + tl.arange(0, TILE_OUT)
    total = tl.zeros((TILE_IN, TILE_OUT), dtype=tl.float32)
    for first in range(0, part_rows, TILE_ROWS):
        row = part * part_rows + first + tl.arange(0, TILE_ROWS)
        neighbour = tl.load(table + offset.to(tl.int64) * rows + row, mask=row < rows, other=-1).to(tl.int64)
        if tl.max(neighbour, axis=0) >= 0:
            x = tl.load(  # transposed: channels by rows
                feature + neighbour[None, :] * ci + channel[:, None],
                mask=(neighbour[None, :] >= 0) & (channel[:, None] < ci),
                other=0.0,
            )
            g = tl.load(
                gradient + row.to(tl.int64)[:, None] * co + column[None, :],
                mask=(row[:, None] < rows) & (column[None, :] < co),
                other=0.0,
            )
            total = tl.dot(x, g, total, input_precision=PRECISION)
    place = sums + tl.program_id(0).to(tl.int64) * ci * co + channel[:, None] * co + column[None, :]
    tl.store(place, total, mask=(channel[:, None] < ci) & (column[None, :] < co))


def _tile(channels: int, most: int) -> int:
    """A power of two that covers `channels`, from 16, the least that the matrix unit takes, to `most`."""
    return min(max(16, 1 << (channels - 1).bit_length()), most)


def _precision(feature: Tensor) -> str:
    return "tf32" if feature.dtype == torch.float32 and torch.backends.cuda.matmul.allow_tf32 else "ieee"


def _refuse_other_dtypes(feature: Tensor) -> None:
    if feature.dtype not in DTYPES:
        raise TypeError(f"{feature.dtype} on a GPU; the kernels take float32, float16, bfloat16, `reference` any")
