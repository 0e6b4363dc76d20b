"""PLY in: ascii and binary of both byte orders, custom fields kept, polygons fanned into triangles."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import numpy as np
from jaxtyping import Int64, Shaped

from scene3d.errors import InputError
from scene3d.io.limits import MAX_BYTES_IN_MEMORY, check_fits
from scene3d.io.ply_header import Element, Header, read_header
from scene3d.io.polygons import fan
from scene3d.io.raw import CHUNK, Points, RawScan, Said, colour_scale_of, from_columns
from scene3d.io.text import numbers
from scene3d.types import Note

_INDEX_NAMES = ("vertex_indices", "vertex_index")
OWN_COMMENT = "scene3d: metres, z up"
"""Comment of the files that `save_ply` writes; such a file needs no guessing."""


def read_ply(path: Path) -> RawScan:
    """Read a PLY; points are streamed, faces are kept in memory.

    Raises:
        InputError: Not a PLY, truncated, or without points.
    """
    header = read_header(path)
    vertex = header.element("vertex")
    if vertex is None or vertex.count == 0:
        raise InputError(f"{path}: the PLY has no vertices; export the scan with its points")
    if vertex.lists:
        raise InputError(f"{path}: vertex property {vertex.lists[0]!r} is a list; save the PLY without it")
    start = _vertex_start(path, header)
    notes = tuple(
        Note(topic="faces", text=f"PLY element {e.name!r} is not understood and was left out")
        for e in header.elements
        if e.name not in ("vertex", "face") and e.count
    )
    faces, more = _faces(path, header, start)
    own = OWN_COMMENT in header.comments
    reason = "the file says so in a comment"
    return RawScan(
        count=vertex.count,
        chunks=lambda: _chunks(path, header, vertex, start),
        faces=faces,
        up=Said(value="z", reason=reason) if own else None,
        unit_m=Said(value=1.0, reason=reason) if own else None,
        is_unit_certain=own,
        may_be_camera_frame=faces is None,
        notes=notes + more,
    )


def _chunks(path: Path, header: Header, vertex: Element, start: int) -> Iterator[Points]:
    scale = None
    with path.open("rb") as file:
        file.seek(start)
        for first in range(0, vertex.count, CHUNK):
            count = min(CHUNK, vertex.count - first)
            if header.order:
                rows = np.fromfile(file, dtype=vertex.dtype(header.order), count=count)
                columns = {name: _native(rows[name]) for name, _ in vertex.scalars}
            else:
                columns = _ascii_rows(path, file, vertex, count)
            scale = scale or colour_scale_of(columns)
            yield from_columns(columns, where=str(path), colour_scale=scale)


def _ascii_rows(path: Path, file: BinaryIO, vertex: Element, count: int) -> dict[str, Shaped[np.ndarray, "n"]]:
    values = numbers(b"".join(islice(file, count)), where=str(path))
    width = len(vertex.scalars)
    if values.size != count * width:
        raise InputError(
            f"{path}: truncated or ragged: {values.size:,} numbers where {count:,} vertices of {width} values "
            "were announced; export the scan again"
        )
    table = values.reshape(count, width)
    with np.errstate(invalid="ignore", over="ignore"):
        return {name: table[:, i].astype(kind) for i, (name, kind) in enumerate(vertex.scalars)}


def _vertex_start(path: Path, header: Header) -> int:
    """Byte where the vertices begin, checked against the size of the file."""
    size, at = path.stat().st_size, header.size
    for element in header.elements:
        least = element.least_bytes if header.order else 2 * element.count * element.width
        check_fits(path, needed=least - (0 if header.order else 1), present=size - at, what=f"element {element.name!r}")
        if element.name == "vertex":
            return at
        if element.lists or not header.order:
            raise InputError(f"{path}: element {element.name!r} stands before the vertices; save the PLY again")
        at += least
    return at


def _faces(path: Path, header: Header, start: int) -> tuple[Int64[np.ndarray, "f 3"] | None, tuple[Note, ...]]:
    """Triangles of the element that follows the vertices."""
    vertex, face = header.element("vertex"), header.element("face")
    if face is None or vertex is None or face.count == 0:
        return None, ()
    names = [name for name in face.lists if name in _INDEX_NAMES]
    follows = header.elements.index(face) == header.elements.index(vertex) + 1
    size = path.stat().st_size
    if not names or not follows or size - start > MAX_BYTES_IN_MEMORY:
        why = "are too many to keep in memory" if names and follows else "are stored in an unknown way"
        return None, (Note(topic="faces", text=f"{face.count:,} faces {why} and were left out"),)
    with path.open("rb") as file:
        file.seek(start)
        if header.order:
            file.seek(start + vertex.least_bytes)
            counts, corners = _binary_lists(path, file.read(), face, header.order, names[0])
        else:
            counts, corners = _ascii_lists(path, file, vertex, face, names[0])
    return fan(counts, corners, points=vertex.count, where=str(path)), ()


def _ascii_lists(
    path: Path, file: BinaryIO, vertex: Element, face: Element, name: str
) -> tuple[Int64[np.ndarray, "f"], Int64[np.ndarray, "c"]]:
    if face.names[0] != name:
        raise InputError(f"{path}: faces do not begin with {name!r}; save the PLY as binary")
    lines = list(islice(file, vertex.count, vertex.count + face.count))
    check_fits(path, needed=face.count, present=len(lines), what="the face list, in lines,")
    try:
        counts = np.array([line.split(None, 1)[0] for line in lines], dtype=np.int64)
        values = [line.split()[1 : 1 + n] for line, n in zip(lines, counts.tolist(), strict=True)]
        corners = np.array([v for row in values for v in row], dtype=np.int64)
    except (ValueError, IndexError, OverflowError) as error:
        raise InputError(f"{path}: a face is not a list of integers ({error}); export the scan again") from error
    return counts, corners


def _binary_lists(
    path: Path, data: bytes, face: Element, order: str, name: str
) -> tuple[Int64[np.ndarray, "f"], Int64[np.ndarray, "c"]]:
    """Counts and concatenated corners; all faces alike (the usual mesh of triangles) is read in one step."""
    check_fits(path, needed=face.least_bytes, present=len(data), what="the face list")
    first = face.record_lengths(data, 0, order)
    if face.record_bytes(first) * face.count <= len(data):
        rows = np.frombuffer(data, dtype=face.dtype(order, lengths=first), count=face.count)
        if all((rows[f"{other} count"] == length).all() for other, length in first.items()):
            corners = _native(rows[name]).astype(np.int64).reshape(-1)
            return np.full(face.count, first[name], dtype=np.int64), corners
    return _uneven_lists(path, data, face, order, name)


def _uneven_lists(
    path: Path, data: bytes, face: Element, order: str, name: str
) -> tuple[Int64[np.ndarray, "f"], Int64[np.ndarray, "c"]]:
    """Faces of differing corner counts: each one's place follows from the one before, hence the loop."""
    starts, counts, at = np.zeros(face.count, np.int64), np.zeros(face.count, np.int64), 0
    item = np.dtype(order + face.list_type(name))
    for i in range(face.count):
        lengths = face.record_lengths(data, at, order)
        starts[i], counts[i] = at + face.offset_of(name, lengths), lengths[name]
        at += face.record_bytes(lengths)
        check_fits(path, needed=at, present=len(data), what=f"face {i:,} of {face.count:,}")
    first = np.repeat(starts - np.concatenate([[0], np.cumsum(counts)[:-1]]) * item.itemsize, counts)
    places = first + np.arange(counts.sum()) * item.itemsize
    corner_bytes = np.frombuffer(data, np.uint8)[places[:, None] + np.arange(item.itemsize)]
    return counts, _native(corner_bytes.reshape(-1).view(item)).astype(np.int64)


def _native(values: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(values, dtype=values.dtype.newbyteorder("="))
