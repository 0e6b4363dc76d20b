"""Attention of new tokens to a cache: turn, remember, look back. One call instead of two dozen small ones."""

from __future__ import annotations

import ctypes
import functools

import torch
from jaxtyping import Bool, Float32, Int64
from torch import Tensor

from scene3d_ops import backend, native, reference
from scene3d_ops.reference import SharedPast

_WIDTH, _WIDEST = 32, 1024  # the kernels take heads whose halves are whole vectors


def attend_cached(
    states: Float32[Tensor, "n c"],
    turn: tuple[Float32[Tensor, "n d"], Float32[Tensor, "n d"]],
    keys: Float32[Tensor, "b k s d"],
    values: Float32[Tensor, "b k s d"],
    *,
    place: int,
    count: Int64[Tensor, "b"] | None = None,
    real: Bool[Tensor, "b s"] | None = None,
    prefix: SharedPast | None = None,
) -> Float32[Tensor, "n hd"]:
    """Answer of each new token's queries to the keys before it and its own. No gradients.

    Args:
        states: Queries, keys and values of the new tokens side by side, (h + 2k) · d wide; h is a multiple of k. Those
            of one sequence follow each other, and sequences do in their order.
        turn: Cosine and sine by which queries and keys are turned, channel i with channel i + d/2; the sine is negative
            in its first half.
        keys: Those that came before, turned; the new ones are written from `place` on.
        values: The same.
        place: Tokens of the sequences that came before.
        count: New tokens of each sequence; by default one each.
        real: False for padding, among places 0 … `place`; the new tokens are real. By default all are.
        prefix: What all sequences share, before their own.

    Raises:
        ValueError: New tokens lie outside `keys`, or are not as many as `count` says.
    """
    b, k, capacity, d = keys.shape
    last = place + (1 if count is None else int(count.max()) if b else 0)
    if not 0 <= place <= last <= capacity:
        raise ValueError(f"places {place} to {last - 1} lie outside keys of {capacity} tokens")
    if len(states) != (b if count is None else int(count.sum())):
        raise ValueError(f"{len(states)} new tokens, but {b if count is None else int(count.sum())} are counted")
    if d % _WIDTH or d > _WIDEST or keys.device.type != "cpu" or backend.current(keys.device) != "native":
        return reference.attend_cached(states, turn, keys, values, place=place, count=count, real=real, prefix=prefix)
    queries = states.shape[1] // d - 2 * k
    out = torch.empty(len(states), queries * d)
    held = (states, *(part.contiguous() for part in turn), keys, values, real, out)
    shared = (None, None, None, 0, 0)
    if prefix is not None:
        pointers = [None if t is None else t.data_ptr() for t in (prefix.keys, prefix.values, prefix.real)]
        shared = (*pointers, prefix.keys.shape[1], prefix.length)
    counted = None if count is None else count.data_ptr()
    native.library().scene3d_set_threads(torch.get_num_threads())
    pointers = (None if t is None else t.data_ptr() for t in held)
    _kernel()(*pointers, *shared, counted, b, queries, k, d, capacity, place)
    return out


@functools.cache
def _kernel() -> ctypes._NamedFuncPointer:
    kernel = native.library()["scene3d_attend_cached"]
    kernel.argtypes = [ctypes.c_void_p] * 10 + [ctypes.c_int64] * 2 + [ctypes.c_void_p] + [ctypes.c_int64] * 6
    kernel.restype = ctypes.c_int64
    return kernel
