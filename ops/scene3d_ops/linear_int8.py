"""Linear layers with int8 weights: a quarter of the memory to read per token, on one row or on hundreds."""

from __future__ import annotations

import ctypes
import functools
from dataclasses import dataclass

import torch
from jaxtyping import Float, Float32, Int8, UInt8
from torch import Tensor

from scene3d_ops import backend, native, reference

_PANEL, _QUAD, _BLOCK = 16, 4, reference.INT8_BLOCK
_NOTHING, _NORM, _GATE = 0, 1, 2  # as in csrc/linear_int8.h


@dataclass(frozen=True, slots=True, kw_only=True)
class Int8Weight:
    """A weight matrix rounded to int8 with one scale per output, in the order in which the kernels read it."""

    packed: UInt8[Tensor, "panels quads 16 4"]
    """Panels of 16 outputs, in them groups of 4 inputs; 128 is added, and padding is 128."""
    scale: Float32[Tensor, "o"]
    inputs: int

    @classmethod
    def of(cls, weight: Float[Tensor, "o i"]) -> Int8Weight:
        """Round a matrix: the largest entry of each row becomes ±127."""
        value, scale = reference.round_rows(weight)
        outputs, inputs = value.shape
        panels, width = -(-outputs // _PANEL), -(-inputs // _BLOCK) * _BLOCK
        padded = value.new_zeros(panels * _PANEL, width)
        padded[:outputs, :inputs] = value
        quads = padded.view(panels, _PANEL, width // _QUAD, _QUAD).transpose(1, 2)
        return cls(packed=(quads.to(torch.int16) + 128).to(torch.uint8).contiguous(), scale=scale, inputs=inputs)

    @property
    def outputs(self) -> int:
        """Rows of the matrix."""
        return len(self.scale)

    def rounded(self) -> Int8[Tensor, "o i"]:
        """The matrix in int8, unpacked."""
        panels, quads = self.packed.shape[:2]
        value = (self.packed.transpose(1, 2).to(torch.int16) - 128).to(torch.int8)
        return value.reshape(panels * _PANEL, quads * _QUAD)[: self.outputs, : self.inputs]


def linear_int8(
    x: Float32[Tensor, "n c"],
    weight: Int8Weight,
    *,
    norm: Float32[Tensor, "i"] | None = None,
    epsilon: float = 0.0,
    gated: bool = False,
    bias: Float32[Tensor, "o"] | None = None,
    residual: Float32[Tensor, "n o"] | None = None,
) -> Float32[Tensor, "n o"]:
    """`prepare(x) · weight^T + bias + residual`, with `prepare(x)` rounded to int8 by blocks of 32 inputs of a row.

    With one scale per row a single large state, as language models have them, would leave nothing of the others; with
    scales per block a row's answer also depends on no other row. No gradients.

    Args:
        x: States. With `gated` a row holds gates and then values: twice the matrix's inputs.
        weight: The rounded matrix.
        norm: Scale each row to root mean square 1, then each input by this.
        epsilon: Added to the mean square under the root of `norm`.
        gated: Multiply silu(gates) by values first.
        bias: Added to each row.
        residual: Added to the result.

    Raises:
        ValueError: Widths do not fit, or both `norm` and `gated` are asked for.
    """
    _check(x, weight, norm, gated)
    if backend.current(x.device) != "native" or x.device.type != "cpu":
        return reference.linear_int8(
            x, weight.rounded(), weight.scale, norm=norm, epsilon=epsilon, gated=gated, bias=bias, residual=residual
        )
    x = x.contiguous()
    out = torch.empty(len(x), weight.outputs)
    pointers = [_pointer(t) for t in (x, norm, weight.packed, weight.scale, bias, residual, out)]
    before = _GATE if gated else _NOTHING if norm is None else _NORM
    native.library().scene3d_set_threads(torch.get_num_threads())
    _kernel()(*pointers, len(x), weight.inputs, weight.outputs, before, epsilon)
    return out


def _check(x: Tensor, weight: Int8Weight, norm: Tensor | None, gated: bool) -> None:
    expected = weight.inputs * (2 if gated else 1)
    if x.shape[1] != expected or (norm is not None and len(norm) != weight.inputs):
        raise ValueError(f"states of width {x.shape[1]} meet {weight.inputs} inputs; expected width {expected}")
    if gated and norm is not None:
        raise ValueError("states are either normed or gated, not both")


@functools.cache
def _kernel() -> ctypes._NamedFuncPointer:
    """The C function with its signature; `native.call` would take longer than a small product."""
    kernel = native.library()["scene3d_linear_int8"]
    kernel.argtypes = [ctypes.c_void_p] * 7 + [ctypes.c_int64] * 4 + [ctypes.c_float]
    kernel.restype = ctypes.c_int64
    return kernel


def _pointer(tensor: Tensor | None) -> int | None:
    if tensor is None:
        return None
    if not tensor.is_contiguous():
        raise ValueError(f"a tensor of shape {tuple(tensor.shape)} must be contiguous")
    return tensor.data_ptr()
