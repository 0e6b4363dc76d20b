"""Text files with one integer per line: the benchmark's masks and labels, read at the speed of the disk."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from jaxtyping import Int64, UInt8

from scene3d.errors import InputError

_ZERO_LINE, _ONE_LINE = np.frombuffer(b"0\n1\n", dtype="<u2")
_NEWLINE, _DIGIT_ZERO = ord("\n"), ord("0")
_MAX_DIGITS = 18  # more may not fit an int64


def read_integers(path: Path) -> Int64[np.ndarray, "n"]:
    """All integers of a file, one per line; lines may end in `\\r\\n`, and the last one need not end.

    Raises:
        InputError: The file cannot be read, or a line is no integer; the line is named.
    """
    return _parse(_content(path), path)


def read_mask(path: Path) -> tuple[Int64[np.ndarray, "m"], int]:
    """Where a mask file is not zero, ascending, and its number of lines.

    Raises:
        InputError: As `read_integers`.
    """
    text = _content(path)
    lines = np.frombuffer(text, dtype="<u2", count=len(text) // 2)
    ones = lines == _ONE_LINE
    if len(text) % 2 == 0 and (ones | (lines == _ZERO_LINE)).all():
        return np.flatnonzero(ones), len(lines)
    values = _parse(text, path)
    return np.flatnonzero(values), len(values)


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error


def _parse(text: bytes, path: Path) -> Int64[np.ndarray, "n"]:
    text = text.rstrip().replace(b"\r\n", b"\n")
    if not text:
        return np.zeros(0, dtype=np.int64)
    data = np.frombuffer(text + b"\n", dtype=np.uint8)
    end = np.flatnonzero(data == _NEWLINE)
    width = np.diff(end, prepend=-1) - 1
    plain = np.count_nonzero((data - _DIGIT_ZERO) < 10) + len(end) == len(data)
    if not plain or width.min() == 0 or width.max() > _MAX_DIGITS:
        return _parse_line_by_line(text, path)
    return _decimal(data, end, width)


def _decimal(
    data: UInt8[np.ndarray, "b"], end: Int64[np.ndarray, "n"], width: Int64[np.ndarray, "n"]
) -> Int64[np.ndarray, "n"]:
    """Add up the digits of all lines place by place, units first."""
    value = np.zeros(len(end), dtype=np.int64)
    for place in range(int(width.max())):
        digit = data[end - 1 - place].astype(np.int64) - _DIGIT_ZERO
        value += np.where(width > place, digit, 0) * 10**place
    return value


def _parse_line_by_line(text: bytes, path: Path) -> Int64[np.ndarray, "n"]:
    """The slow way, for signs and blanks, and to name the line that is wrong."""
    values = []
    for number, line in enumerate(text.split(b"\n"), start=1):
        try:
            values.append(int(line))
        except ValueError:
            raise InputError(f"{path}: line {number} is {line[:40]!r}, not an integer") from None
    try:
        return np.array(values, dtype=np.int64)
    except OverflowError:
        raise InputError(f"{path}: {max(values, key=abs)} does not fit 64 bits; is this a file of labels?") from None
