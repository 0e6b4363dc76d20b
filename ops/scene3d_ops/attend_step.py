"""Attention of one new token per sequence: turn, remember, look back. One call instead of two dozen small ones."""

from __future__ import annotations

import ctypes
import functools

import torch
from jaxtyping import Bool, Float32
from torch import Tensor

from scene3d_ops import backend, native, reference
from scene3d_ops.reference import SharedPast

_WIDTH = 32  # the kernels take heads whose halves are whole vectors


def attend_step(
    states: Float32[Tensor, "b c"],
    turn: tuple[Float32[Tensor, "b d"], Float32[Tensor, "b d"]],
    keys: Float32[Tensor, "b k s d"],
    values: Float32[Tensor, "b k s d"],
    *,
    place: int,
    real: Bool[Tensor, "b s"] | None = None,
    prefix: SharedPast | None = None,
) -> Float32[Tensor, "b hd"]:
    """Answer of each new token's queries to the keys before it and its own. No gradients.

    Args:
        states: Queries, keys and values of the new token side by side, (h + 2k) · d wide; h is a multiple of k.
        turn: Cosine and sine by which queries and keys are turned, channel i with channel i + d/2; the sine is negative
            in its first half.
        keys: Those that came before, turned; the new ones are written at `place`.
        values: The same.
        place: Tokens of the sequences that came before.
        real: False for padding, among places 0 … place; the new token is real. By default all are.
        prefix: What all sequences share, before their own.

    Raises:
        ValueError: `place` lies outside `keys`.
    """
    b, k, capacity, d = keys.shape
    if not 0 <= place < capacity:
        raise ValueError(f"place {place} lies outside keys of {capacity} tokens")
    if d % _WIDTH or keys.device.type != "cpu" or backend.current(keys.device) != "native":
        return reference.attend_step(states, turn, keys, values, place=place, real=real, prefix=prefix)
    queries = states.shape[1] // d - 2 * k
    out = torch.empty(b, queries * d)
    held = (states, *turn, keys, values, real, out)
    shared = (None, None, None, 0, 0)
    if prefix is not None:
        pointers = [None if t is None else t.data_ptr() for t in (prefix.keys, prefix.values, prefix.real)]
        shared = (*pointers, prefix.keys.shape[1], prefix.length)
    native.library().scene3d_set_threads(torch.get_num_threads())
    _kernel()(*(None if t is None else t.data_ptr() for t in held), *shared, b, queries, k, d, capacity, place)
    return out


@functools.cache
def _kernel() -> ctypes._NamedFuncPointer:
    kernel = native.library()["scene3d_attend_step"]
    kernel.argtypes = [ctypes.c_void_p] * 10 + [ctypes.c_int64] * 8
    kernel.restype = ctypes.c_int64
    return kernel
