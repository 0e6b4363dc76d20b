"""PCD in: ascii, binary and binary_compressed; organised clouds with NaN where nothing came back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from jaxtyping import Shaped

from scene3d.errors import InputError
from scene3d.io.limits import check_fits, check_memory
from scene3d.io.lzf import decompress
from scene3d.io.raw import CHUNK, Points, RawScan, colour_scale_of, from_columns
from scene3d.io.text import numbers

_KEYS = ("VERSION", "FIELDS", "SIZE", "TYPE", "COUNT", "WIDTH", "HEIGHT", "VIEWPOINT", "POINTS", "DATA")
_KINDS = {"F": "f", "I": "i", "U": "u"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Header:
    columns: tuple[tuple[str, str], ...]
    """Name and numpy kind; a field of COUNT k appears as k columns `name_0` …"""
    points: int
    data: str
    size: int

    @property
    def dtype(self) -> np.dtype:
        return np.dtype([(name, "<" + kind) for name, kind in self.columns])


def read_pcd(path: Path) -> RawScan:
    """Read a PCD; ascii and binary are streamed, binary_compressed is unpacked in memory.

    Raises:
        InputError: Not a PCD, truncated, or without points.
    """
    header = _read_header(path)
    present = path.stat().st_size - header.size
    if header.data == "binary_compressed":
        needed = header.points * header.dtype.itemsize
        check_memory(path, needed=needed, what="the unpacked cloud")
        check_fits(path, needed=8, present=present, what="the compressed block")
    elif header.data == "binary":
        check_fits(path, needed=header.points * header.dtype.itemsize, present=present, what="the cloud")
    else:
        check_fits(path, needed=2 * header.points * len(header.columns) - 1, present=present, what="the cloud")
    read = {"ascii": _ascii, "binary": _binary, "binary_compressed": _compressed}[header.data]
    return RawScan(count=header.points, chunks=lambda: _chunks(path, read(path, header)))


def _chunks(path: Path, columns_in_pieces: Iterator[dict[str, Shaped[np.ndarray, "n"]]]) -> Iterator[Points]:
    scale = None
    for columns in columns_in_pieces:
        columns = _unpack_colour(columns)
        scale = scale or colour_scale_of(columns)
        yield from_columns(columns, where=str(path), colour_scale=scale)


def _binary(path: Path, header: _Header) -> Iterator[dict[str, Shaped[np.ndarray, "n"]]]:
    with path.open("rb") as file:
        file.seek(header.size)
        for first in range(0, header.points, CHUNK):
            rows = np.fromfile(file, dtype=header.dtype, count=min(CHUNK, header.points - first))
            yield {name: np.ascontiguousarray(rows[name]) for name, _ in header.columns if name in _kept(header)}


def _ascii(path: Path, header: _Header) -> Iterator[dict[str, Shaped[np.ndarray, "n"]]]:
    width = len(header.columns)
    with path.open("rb") as file:
        file.seek(header.size)
        for first in range(0, header.points, CHUNK):
            count = min(CHUNK, header.points - first)
            values = numbers(b"".join(islice(file, count)), where=str(path))
            if values.size != count * width:
                raise InputError(
                    f"{path}: truncated or ragged: {values.size:,} numbers where {count:,} points of {width} values "
                    "were announced; export the scan again"
                )
            table = values.reshape(count, width)
            with np.errstate(invalid="ignore", over="ignore"):
                yield {n: table[:, i].astype(k) for i, (n, k) in enumerate(header.columns) if n in _kept(header)}


def _compressed(path: Path, header: _Header) -> Iterator[dict[str, Shaped[np.ndarray, "n"]]]:
    """Fields one after the other, LZF-compressed as one block after its two sizes."""
    needed = header.points * header.dtype.itemsize
    with path.open("rb") as file:
        file.seek(header.size)
        packed, unpacked = (int(v) for v in np.frombuffer(file.read(8), dtype="<u4"))
        check_fits(path, needed=packed, present=path.stat().st_size - header.size - 8, what="the compressed block")
        if unpacked != needed:
            raise InputError(f"{path}: the block unpacks to {unpacked:,} bytes, the header announces {needed:,}")
        data = decompress(file.read(packed), size=unpacked, where=str(path))
    columns, at = {}, 0
    for name, kind in header.columns:
        columns[name] = np.frombuffer(data, dtype="<" + kind, count=header.points, offset=at)
        at += columns[name].nbytes
    yield {name: columns[name] for name in _kept(header)}


def _kept(header: _Header) -> tuple[str, ...]:
    """All columns but padding, which is named `_`."""
    return tuple(name for name, _ in header.columns if not name.startswith("_"))


def _unpack_colour(columns: dict[str, Shaped[np.ndarray, "n"]]) -> dict[str, Shaped[np.ndarray, "n"]]:
    """PCL packs colour into the bits 0xRRGGBB of one float or integer named `rgb` or `rgba`."""
    name = next((n for n in ("rgb", "rgba") if n in columns), None)
    if name is None or columns[name].dtype.itemsize not in (4, 8):
        return columns
    packed = columns[name]
    bits = packed.view(np.uint32) if packed.dtype == np.float32 else packed.astype(np.uint32)
    colour = {part: (bits >> shift & 255).astype(np.uint8) for part, shift in (("red", 16), ("green", 8), ("blue", 0))}
    return {**{n: v for n, v in columns.items() if n != name}, **colour}


def _read_header(path: Path) -> _Header:
    words: dict[str, list[str]] = {}
    with path.open("rb") as file:
        for line in islice(iter(lambda: file.readline(65536), b""), 256):
            key, *rest = line.decode("latin-1").split() or [""]
            if key in _KEYS:
                words[key] = rest
            elif key and not key.startswith("#"):
                break
            if key == "DATA":
                break
        size = file.tell()
    if "DATA" not in words or not words.get("FIELDS"):
        raise InputError(f"{path}: no PCD header (FIELDS … DATA); the ending is .pcd but the content is something else")
    try:
        return _parsed(path, words, size)
    except (ValueError, KeyError, IndexError, TypeError) as error:
        raise InputError(f"{path}: broken PCD header ({error}); export the cloud again") from error


def _parsed(path: Path, words: dict[str, list[str]], size: int) -> _Header:
    fields = words["FIELDS"]
    counts = [int(c) for c in words.get("COUNT", ["1"] * len(fields))]
    columns: list[tuple[str, str]] = []
    padding = 0
    for name, item, kind, count in zip(fields, words["SIZE"], words["TYPE"], counts, strict=True):
        if not 0 < count <= 4096 or len(columns) > 65536:
            raise ValueError(f"field {name!r} has COUNT {count}")
        for i in range(count):
            padding += name == "_"
            unique = f"_{padding}" if name == "_" else name if count == 1 else f"{name}_{i}"
            columns.append((unique, np.dtype(f"{_KINDS[kind]}{int(item)}").str[1:]))
    if len({name for name, _ in columns}) < len(columns):
        raise ValueError("two fields share a name")
    points = int(words["POINTS"][0]) if "POINTS" in words else int(words["WIDTH"][0]) * int(words["HEIGHT"][0])
    data = words["DATA"][0].lower()
    if data not in ("ascii", "binary", "binary_compressed"):
        raise ValueError(f"unknown DATA {data!r}")
    if points <= 0:
        raise InputError(f"{path}: the PCD announces {points} points; export the cloud again")
    return _Header(columns=tuple(columns), points=points, data=data, size=size)
