"""GGUF files: the header and the tensors of llama.cpp's format, as NumPy arrays in float32."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from scene3d.errors import InputError

_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_STRING, _ARRAY = 8, 9
_LEAST_VERSION = 2  # since then counts have 64 bits


@dataclass(frozen=True, slots=True, kw_only=True)
class GGUF:
    """What a GGUF file holds."""

    fields: dict[str, Any]
    """Numbers, strings, and lists of either, by key."""
    tensors: dict[str, np.ndarray]
    """float32, rows first: (out, in) for the weight of a linear layer."""


def read_gguf(path: Path) -> GGUF:
    """Read a file whole and decode its tensors to float32.

    Raises:
        InputError: Not a GGUF file, cut short, or a tensor of a type other than F32, F16, Q4_0, Q4_1 and Q8_0.

    Source: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md and the block layouts of ggml-common.h.
    """
    try:
        return _parsed(path.read_bytes(), path)
    except (OSError, ValueError, struct.error, IndexError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path}: not a readable GGUF file ({error}); was it copied whole?") from error


def _parsed(data: bytes, path: Path) -> GGUF:
    cursor = _Cursor(data)
    magic, version = data[:4], 0
    cursor.at = 4
    if magic == b"GGUF":
        version = cursor.scalar("I")
    if version < _LEAST_VERSION:
        raise InputError(f"{path}: starts with {magic!r}, version {version}; expected GGUF of version 2 or later")
    tensor_count, field_count = cursor.scalar("Q"), cursor.scalar("Q")
    fields = {cursor.string(): cursor.value(cursor.scalar("I")) for _ in range(field_count)}
    entries = [cursor.tensor_entry() for _ in range(tensor_count)]
    alignment = fields.get("general.alignment", 32)
    start = -(-cursor.at // alignment) * alignment
    tensors = {}
    for name, shape, kind, offset in entries:
        if kind not in _BLOCKS:
            known = ", ".join(block.name for block in _BLOCKS.values())
            raise InputError(f"{path}: tensor {name!r} is of GGML type {kind}; readable are {known}")
        tensors[name] = _BLOCKS[kind].read(data, start + offset, math.prod(shape)).reshape(shape)
    return GGUF(fields=fields, tensors=tensors)


class _Cursor:
    """Reads the header from front to back."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def scalar(self, code: str) -> Any:
        (value,) = struct.unpack_from(f"<{code}", self.data, self.at)
        self.at += struct.calcsize(code)
        return value

    def string(self) -> str:
        length = self.scalar("Q")
        self.at += length
        return self.data[self.at - length : self.at].decode("utf-8")

    def value(self, kind: int) -> Any:
        if kind == _STRING:
            return self.string()
        if kind != _ARRAY:
            return self.scalar(_SCALARS[kind])
        inner, count = self.scalar("I"), self.scalar("Q")
        return [self.value(inner) for _ in range(count)]

    def tensor_entry(self) -> tuple[str, tuple[int, ...], int, int]:
        """Name, shape with rows first (the file counts from the fastest axis), type, offset."""
        name, axes = self.string(), self.scalar("I")
        shape = tuple(self.scalar("Q") for _ in range(axes))[::-1]
        return name, shape, self.scalar("I"), self.scalar("Q")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Block:
    """How one GGML type packs `size` numbers into a record."""

    name: str
    size: int
    record: np.dtype
    decode: Callable[[np.ndarray], np.ndarray]

    def read(self, data: bytes, start: int, count: int) -> np.ndarray:
        records = np.frombuffer(data, self.record, count // self.size, start)
        return self.decode(records).reshape(-1)


def _nibbles(packed: np.ndarray) -> np.ndarray:
    """The low halves of a record's bytes are its first sixteen numbers, the high halves the others."""
    return np.concatenate([packed & 15, packed >> 4], axis=1).astype(np.float32)


def _single(records: np.ndarray, name: str) -> np.ndarray:
    return records[name].astype(np.float32)[:, None]


_SCALE = ("scale", "<f2")
_BLOCKS = {
    0: _Block(name="F32", size=1, record=np.dtype("<f4"), decode=lambda r: r.astype(np.float32)),
    1: _Block(name="F16", size=1, record=np.dtype("<f2"), decode=lambda r: r.astype(np.float32)),
    2: _Block(
        name="Q4_0",
        size=32,
        record=np.dtype([_SCALE, ("packed", "u1", 16)]),
        decode=lambda r: (_nibbles(r["packed"]) - 8) * _single(r, "scale"),
    ),
    3: _Block(
        name="Q4_1",
        size=32,
        record=np.dtype([_SCALE, ("least", "<f2"), ("packed", "u1", 16)]),
        decode=lambda r: _nibbles(r["packed"]) * _single(r, "scale") + _single(r, "least"),
    ),
    8: _Block(
        name="Q8_0",
        size=32,
        record=np.dtype([_SCALE, ("packed", "i1", 32)]),
        decode=lambda r: r["packed"].astype(np.float32) * _single(r, "scale"),
    ),
}
