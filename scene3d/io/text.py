"""Tables of numbers in text: XYZ, TXT, CSV, PTS, ASC, with or without a line of column names."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import numpy as np
from jaxtyping import Float64

from scene3d.errors import InputError
from scene3d.io.raw import Points, RawScan, colour_scale_of, from_columns
from scene3d.types import Note

_LINES = 250_000
_GUESS = {
    3: ("x", "y", "z"),
    4: ("x", "y", "z", "intensity"),
    6: ("x", "y", "z", "red", "green", "blue"),
    7: ("x", "y", "z", "intensity", "red", "green", "blue"),
    9: ("x", "y", "z", "red", "green", "blue", "nx", "ny", "nz"),
}
_SEPARATORS = bytes.maketrans(b",;\t", b"   ")


def numbers(text: bytes, *, where: str) -> Float64[np.ndarray, "k"]:
    """All numbers of a text, separated by blanks or line ends.

    Raises:
        InputError: Something else than a number.
    """
    try:
        return np.array(text.split(), dtype=np.float64)
    except ValueError as error:
        raise InputError(f"{where}: not a table of numbers ({error}); export the scan again") from error


def read_text(path: Path) -> RawScan:
    """Read a table of points, in pieces.

    Columns are named by a first line such as `x y z r g b label` (also after `#` or `//`), else guessed from their
    number: 3 xyz, 4 with intensity, 6 with colour (with normals where the values are unit vectors), 7 PTS, 9 all.

    Raises:
        InputError: No table of numbers, ragged rows, or fewer than 3 columns.
    """
    names, skip, notes = _columns(path)
    count = _count_rows(path, skip)
    if count == 0:
        raise InputError(f"{path}: no line holds a point; the file is empty or has only a heading")
    return RawScan(count=count, chunks=lambda: _chunks(path, names, skip), notes=notes)


def _columns(path: Path) -> tuple[tuple[str, ...], int, tuple[Note, ...]]:
    """Column names, lines before the first point, and what was guessed."""
    with path.open("rb") as file:
        lines = [line[:65536].translate(_SEPARATORS) for line in islice(file, 64)]
    heading: tuple[str, ...] = ()
    for i, line in enumerate(lines):
        words = line.decode("latin-1").lstrip("\ufeff#/ ").split()
        if not words or (i == 0 and len(words) == 1 and words[0].isdigit()):  # PTS begins with the number of points
            continue
        if not line.lstrip().startswith((b"#", b"//")) and _is_number(words[0]):
            rows = [r.split() for r in lines[i:] if r.strip()]
            return _named(path, heading, len(words), rows, i)
        heading = tuple(word.strip('"').lower() for word in words)
    raise InputError(f"{path}: no numbers in the first {len(lines)} lines; is it a table of x y z?")


def _named(
    path: Path, heading: tuple[str, ...], width: int, rows: list[list[bytes]], skip: int
) -> tuple[tuple[str, ...], int, tuple[Note, ...]]:
    if len(heading) == width and {"x", "y", "z"} <= set(heading) and len(set(heading)) == width:
        return heading, skip, ()
    if width < 3:
        raise InputError(f"{path}: rows hold {width} numbers, at least 3 are needed: x y z")
    names = _GUESS.get(width, ("x", "y", "z", *(f"column_{i}" for i in range(3, width))))
    if width == 6 and _are_unit_vectors(rows):
        names = ("x", "y", "z", "nx", "ny", "nz")
    text = f"columns taken as {' '.join(names)}; a first line with the names overrides this"
    return names, skip, (Note(topic="points", text=text),)


def _are_unit_vectors(rows: list[list[bytes]]) -> bool:
    try:
        values = np.array([row[3:6] for row in rows[:32] if len(row) == 6], dtype=np.float64)
    except ValueError:
        return False
    return values.size > 0 and bool((np.abs(np.linalg.norm(values, axis=1) - 1) < 0.02).all())


def _count_rows(path: Path, skip: int) -> int:
    with path.open("rb") as file:
        for _ in islice(file, skip):
            pass
        return sum(1 for line in file if not line.isspace())


def _chunks(path: Path, names: tuple[str, ...], skip: int) -> Iterator[Points]:
    scale = None
    with path.open("rb") as file:
        for _ in islice(file, skip):
            pass
        while lines := _full_lines(file):
            values = numbers(b"".join(lines).translate(_SEPARATORS), where=str(path))
            if values.size != len(lines) * len(names):
                raise InputError(
                    f"{path}: {len(lines):,} lines hold {values.size:,} numbers, {len(names)} each were expected; "
                    "the table is ragged or truncated"
                )
            table = values.reshape(len(lines), len(names))
            columns = {name: table[:, i] for i, name in enumerate(names)}
            scale = scale or colour_scale_of(columns)
            yield from_columns(columns, where=str(path), colour_scale=scale)


def _full_lines(file: BinaryIO) -> list[bytes]:
    return [line for line in islice(file, _LINES) if not line.isspace()]


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True
