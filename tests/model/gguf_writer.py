"""Writes small GGUF files, for tests."""

import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def write_gguf(
    path: Path, fields: Mapping[str, Any], tensors: Mapping[str, tuple[int, tuple[int, ...], bytes]]
) -> Path:
    """Fields by key; tensors by name: type, shape with rows first, and their bytes."""
    header = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(fields))
    header += b"".join(_string(key) + _typed(value) for key, value in fields.items())
    body = b""
    for name, (kind, shape, data) in tensors.items():
        header += _string(name) + struct.pack(f"<I{len(shape)}Q", len(shape), *shape[::-1])
        header += struct.pack("<IQ", kind, len(body))
        body += data + bytes(-len(data) % 32)
    path.write_bytes(header + bytes(-len(header) % 32) + body)
    return path


def _string(text: str) -> bytes:
    return struct.pack("<Q", len(text.encode())) + text.encode()


def _typed(value: Any) -> bytes:
    kind, data = _value(value)
    return struct.pack("<I", kind) + data


def _value(value: Any) -> tuple[int, bytes]:
    if isinstance(value, bool):
        return 7, struct.pack("<?", value)
    if isinstance(value, int):
        return 4, struct.pack("<I", value)
    if isinstance(value, float):
        return 6, struct.pack("<f", value)
    if isinstance(value, str):
        return 8, _string(value)
    kinds, parts = zip(*map(_value, value), strict=True)
    return 9, struct.pack("<IQ", kinds[0], len(parts)) + b"".join(parts)
