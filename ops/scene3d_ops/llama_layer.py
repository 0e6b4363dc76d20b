"""A layer of a Llama with int8 weights: new tokens and a cache in, the layer's states out, in one call."""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float32, Int64
from torch import Tensor

from scene3d_ops import backend, native
from scene3d_ops.attend_cached import SharedPast, attend_cached, check_places, fits_kernel, shared_pointers
from scene3d_ops.linear_int8 import Int8Weight, linear_int8


@dataclass(frozen=True, slots=True, kw_only=True)
class Int8Linear:
    """A linear layer with int8 weights."""

    weight: Int8Weight
    bias: Float32[Tensor, "o"] | None = None


class LlamaLayer:
    """The weights of a layer: attention and feed-forward, each on normed states and added to them.

    Args:
        query_key_value: Queries, keys and values side by side.
        output: After the attention.
        gate_up: Gates and values side by side.
        down: After them.
        attention_norm: Factor of each channel, once states have root mean square 1.
        mlp_norm: The same before the feed-forward part.
        epsilon: Added to mean squares under the root.
    """

    def __init__(
        self,
        *,
        query_key_value: Int8Linear,
        output: Int8Linear,
        gate_up: Int8Linear,
        down: Int8Linear,
        attention_norm: Float32[Tensor, "c"],
        mlp_norm: Float32[Tensor, "c"],
        epsilon: float,
    ) -> None:
        self.query_key_value, self.output, self.gate_up, self.down = query_key_value, output, gate_up, down
        self.attention_norm, self.mlp_norm = attention_norm.contiguous(), mlp_norm.contiguous()
        self.epsilon = epsilon
        parts = [_Linear.of(part) for part in (query_key_value, output, gate_up, down)]
        self._pointers = _Layer(*parts, self.attention_norm.data_ptr(), self.mlp_norm.data_ptr(), epsilon)

    def __call__(
        self,
        x: Float32[Tensor, "n c"],
        turn: tuple[Float32[Tensor, "n d"], Float32[Tensor, "n d"]],
        keys: Float32[Tensor, "b k s d"],
        values: Float32[Tensor, "b k s d"],
        *,
        place: int,
        count: Int64[Tensor, "b"] | None = None,
        real: Bool[Tensor, "b s"] | None = None,
        prefix: SharedPast | None = None,
    ) -> Float32[Tensor, "n c"]:
        """States of new tokens after the layer. The arguments but `x` are those of `attend_cached`. No gradients.

        Raises:
            ValueError: New tokens lie outside `keys`, or are not as many as `count` says.
        """
        check_places(x, keys, place, count)
        if not fits_kernel(keys) or backend.current(keys.device) != "native":
            look_back = functools.partial(
                attend_cached, turn=turn, keys=keys, values=values, place=place, count=count, real=real, prefix=prefix
            )
            return self.with_attention(x, look_back)
        x, out = x.contiguous(), torch.empty(x.shape)
        b, k, capacity, d = keys.shape
        cosine, sine = (part.contiguous() for part in turn)
        native.library().scene3d_set_threads(torch.get_num_threads())
        _kernel()(
            ctypes.byref(self._pointers), x.data_ptr(), cosine.data_ptr(), sine.data_ptr(), keys.data_ptr(),
            values.data_ptr(), None if real is None else real.data_ptr(), out.data_ptr(), *shared_pointers(prefix),
            None if count is None else count.data_ptr(), x.shape[0], b, self.output.weight.inputs // d, k, d, capacity,
            place,
        )  # fmt: skip
        return out

    def with_attention(
        self, x: Float32[Tensor, "n c"], attention: Callable[[Float32[Tensor, "n i"]], Float32[Tensor, "n o"]]
    ) -> Float32[Tensor, "n c"]:
        """The layer around any attention, a function of queries, keys and values side by side: its specification."""
        states = _run(self.query_key_value, x, norm=self.attention_norm, epsilon=self.epsilon)
        x = _run(self.output, attention(states), residual=x)
        states = _run(self.gate_up, x, norm=self.mlp_norm, epsilon=self.epsilon)
        return _run(self.down, states, gated=True, residual=x)


def _run(part: Int8Linear, x: Tensor, **options: object) -> Tensor:
    return linear_int8(x, part.weight, bias=part.bias, **options)  # type: ignore[arg-type]


class _Linear(ctypes.Structure):
    _fields_ = (
        ("weight", ctypes.c_void_p),
        ("scale", ctypes.c_void_p),
        ("bias", ctypes.c_void_p),
        ("inputs", ctypes.c_int64),
        ("outputs", ctypes.c_int64),
    )

    @classmethod
    def of(cls, part: Int8Linear) -> _Linear:
        weight, bias = part.weight, part.bias
        at = None if bias is None else bias.data_ptr()
        return cls(weight.packed.data_ptr(), weight.scale.data_ptr(), at, weight.inputs, weight.outputs)


class _Layer(ctypes.Structure):
    _fields_ = (
        ("query_key_value", _Linear),
        ("output", _Linear),
        ("gate_up", _Linear),
        ("down", _Linear),
        ("attention_norm", ctypes.c_void_p),
        ("mlp_norm", ctypes.c_void_p),
        ("epsilon", ctypes.c_float),
    )


@functools.cache
def _kernel() -> ctypes._NamedFuncPointer:
    kernel = native.library()["scene3d_llama_layer"]
    kernel.argtypes = [ctypes.c_void_p] * 11 + [ctypes.c_int64] * 2 + [ctypes.c_void_p] + [ctypes.c_int64] * 7
    kernel.restype = ctypes.c_int64
    return kernel
