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
    check_places(states, keys, place, count)
    if not fits_kernel(keys) or backend.current(keys.device) != "native":
        return reference.attend_cached(states, turn, keys, values, place=place, count=count, real=real, prefix=prefix)
    b, k, capacity, d = keys.shape
    queries = states.shape[1] // d - 2 * k
    states, cosine, sine = states.contiguous(), turn[0].contiguous(), turn[1].contiguous()
    out = torch.empty(states.shape[0], queries * d)
    held = (states, cosine, sine, keys, values, real, out)
    pointers = (None if t is None else t.data_ptr() for t in held)
    counted = None if count is None else count.data_ptr()
    native.library().scene3d_set_threads(torch.get_num_threads())
    _kernel()(*pointers, *shared_pointers(prefix), counted, b, queries, k, d, capacity, place)
    return out


def check_places(states: Tensor, keys: Tensor, place: int, count: Tensor | None) -> None:
    """Whether new tokens fit a cache.

    Raises:
        ValueError: They lie outside `keys`, or are not as many as `count` says.
    """
    b, _, capacity, _ = keys.shape
    longest, all_of_them = (1, b) if count is None else (int(count.max()) if b else 0, int(count.sum()))
    if not 0 <= place <= place + longest <= capacity:
        raise ValueError(f"places {place} to {place + longest - 1} lie outside keys of {capacity} tokens")
    if states.shape[0] != all_of_them:
        raise ValueError(f"{states.shape[0]} new tokens, but {all_of_them} are counted")


def fits_kernel(keys: Tensor) -> bool:
    """Whether the kernels take heads of this width, on this device."""
    return keys.shape[3] % _WIDTH == 0 and keys.shape[3] <= _WIDEST and keys.device.type == "cpu"


def shared_pointers(prefix: SharedPast | None) -> tuple[int | None, int | None, int | None, int, int]:
    """What the kernels are told of a prefix: keys, values, which are real, capacity, length."""
    if prefix is None:
        return None, None, None, 0, 0
    real = None if prefix.real is None else prefix.real.data_ptr()
    return prefix.keys.data_ptr(), prefix.values.data_ptr(), real, prefix.keys.shape[1], prefix.length


@functools.cache
def _kernel() -> ctypes._NamedFuncPointer:
    kernel = native.library()["scene3d_attend_cached"]
    kernel.argtypes = [ctypes.c_void_p] * 10 + [ctypes.c_int64] * 2 + [ctypes.c_void_p] + [ctypes.c_int64] * 6
    kernel.restype = ctypes.c_int64
    return kernel
