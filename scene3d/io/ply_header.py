"""The header of a PLY file: which elements there are, and how many bytes each of their records takes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from scene3d.errors import InputError
from scene3d.io.limits import MAX_HEADER_BYTES, check_fits

_KINDS = {
    **{"char": "i1", "uchar": "u1", "short": "i2", "ushort": "u2", "int": "i4", "uint": "u4", "float": "f4"},
    **{"int8": "i1", "uint8": "u1", "int16": "i2", "uint16": "u2", "int32": "i4", "uint32": "u4", "float32": "f4"},
    **{"double": "f8", "float64": "f8", "int64": "i8", "uint64": "u8"},
}
_ORDERS = {"ascii": "", "binary_little_endian": "<", "binary_big_endian": ">"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Property:
    """One property; `length_kind` is None for a scalar."""

    name: str
    kind: str
    length_kind: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Element:
    """One element: `count` records of the same properties."""

    name: str
    count: int
    properties: tuple[Property, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all properties in order."""
        return tuple(p.name for p in self.properties)

    @property
    def lists(self) -> tuple[str, ...]:
        """Names of the list properties."""
        return tuple(p.name for p in self.properties if p.length_kind)

    @property
    def scalars(self) -> tuple[tuple[str, str], ...]:
        """Name and numpy kind of the scalar properties."""
        return tuple((p.name, p.kind) for p in self.properties if not p.length_kind)

    @property
    def width(self) -> int:
        """Numbers per record when every list is empty."""
        return len(self.properties)

    @property
    def least_bytes(self) -> int:
        """Bytes of all records when every list is empty; exact without lists."""
        return self.count * sum(np.dtype(p.length_kind or p.kind).itemsize for p in self.properties)

    def dtype(self, order: str, *, lengths: dict[str, int] | None = None) -> np.dtype:
        """A record whose lists have the given lengths; the length itself is the field "<name> count"."""
        layout: list[tuple] = []
        for p in self.properties:
            if p.length_kind:
                layout.append((f"{p.name} count", order + p.length_kind))
                layout.append((p.name, order + p.kind, ((lengths or {})[p.name],)))
            else:
                layout.append((p.name, order + p.kind))
        return np.dtype(layout)

    def list_type(self, name: str) -> str:
        """Numpy kind of the items of a list property."""
        return next(p.kind for p in self.properties if p.name == name)

    def record_lengths(self, data: bytes, at: int, order: str) -> dict[str, int]:
        """Lengths of the lists of the record that starts at byte `at`; 0 where the data end early."""
        lengths = {}
        byte_order = "big" if order == ">" else "little"
        for p in self.properties:
            if p.length_kind:
                size = int(p.length_kind[1])
                length = int.from_bytes(data[at : at + size], byte_order)
                lengths[p.name] = length
                at += size + length * int(p.kind[1])
            else:
                at += int(p.kind[1])
        return lengths

    def record_bytes(self, lengths: dict[str, int]) -> int:
        """Bytes of a record with lists of these lengths."""
        return sum(_size(p, lengths) for p in self.properties)

    def offset_of(self, name: str, lengths: dict[str, int]) -> int:
        """Byte within a record where the items of the list `name` begin."""
        before = self.properties[: self.names.index(name)]
        own = self.properties[self.names.index(name)]
        return sum(_size(p, lengths) for p in before) + int((own.length_kind or "u0")[1])


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """The header of a file."""

    order: str
    """"<" or ">" for the byte order, "" for ascii."""
    elements: tuple[Element, ...]
    comments: tuple[str, ...]
    size: int
    """Bytes up to and including the line `end_header`."""

    def element(self, name: str) -> Element | None:
        """The element of that name, if there is one."""
        return next((e for e in self.elements if e.name == name), None)


def read_header(path: Path) -> Header:
    """Parse the header.

    Raises:
        InputError: Not a PLY, or a header that makes no sense.
    """
    with path.open("rb") as file:
        head = file.read(MAX_HEADER_BYTES)
    if not head.startswith(b"ply"):
        raise InputError(f"{path}: does not begin with 'ply'; the ending is .ply but the content is something else")
    end = head.find(b"end_header")
    line_end = head.find(b"\n", end)
    if end < 0 or line_end < 0:
        raise InputError(f"{path}: the PLY header has no end ('end_header'); the file is truncated, copy it again")
    lines = head[:end].decode("latin-1").splitlines()[1:]
    return _parsed(path, lines, line_end + 1)


def _parsed(path: Path, lines: list[str], size: int) -> Header:
    order: str | None = None
    comments: list[str] = []
    found: list[tuple[str, int, list[Property]]] = []
    line = ""
    try:
        for line in lines:
            word, *rest = line.split() or [""]
            if word == "format":
                order = _ORDERS[rest[0]]
            elif word in ("comment", "obj_info"):
                comments.append(" ".join(rest))
            elif word == "element":
                found.append((rest[0], int(rest[1]), []))
            elif word == "property":
                found[-1][2].append(_property(rest))
            elif word:
                raise ValueError(f"unknown word {word!r}")
    except (ValueError, KeyError, IndexError) as error:
        raise InputError(f"{path}: broken PLY header at {line!r} ({error}); export the scan again") from error
    if order is None:
        raise InputError(f"{path}: the PLY header names no format; export the scan again")
    for name, count, properties in found:
        names = [p.name for p in properties]
        if count < 0 or (count and not names) or len(set(names)) < len(names):
            raise InputError(f"{path}: PLY element {name!r} has {count} records of {names}; export the scan again")
    check_fits(path, needed=size, present=path.stat().st_size, what="the header")
    elements = tuple(Element(name=n, count=c, properties=tuple(p)) for n, c, p in found)
    return Header(order=order, elements=elements, comments=tuple(comments), size=size)


def _property(words: list[str]) -> Property:
    if words[0] == "list":
        length, kind = _KINDS[words[1]], _KINDS[words[2]]
        if length[0] == "f":
            raise ValueError("a list length must be an integer")
        return Property(name=words[3], kind=kind, length_kind=length)
    return Property(name=words[1], kind=_KINDS[words[0]])


def _size(p: Property, lengths: dict[str, int]) -> int:
    item = int(p.kind[1])
    return int(p.length_kind[1]) + item * lengths[p.name] if p.length_kind else item
