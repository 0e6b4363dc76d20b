"""How much a file may ask of the machine, and the check that it holds what its header promises."""

from __future__ import annotations

from pathlib import Path

from scene3d.errors import InputError

MAX_BYTES_IN_MEMORY = 4 << 30
"""What a file that must be read whole, or a compressed block, may take in memory."""
MAX_PIXELS = 100_000_000
"""Largest picture that is decoded."""
MAX_HEADER_BYTES = 1 << 20


def check_fits(path: Path, *, needed: int, present: int, what: str) -> None:
    """Refuse a header that promises more than the file holds, before anything is allocated.

    Raises:
        InputError: `needed` bytes are not there.
    """
    if needed > present:
        raise InputError(
            f"{path}: truncated: {what} needs {needed:,} bytes, {max(present, 0):,} are there; copy the file again"
        )


def check_memory(path: Path, *, needed: int, what: str) -> None:
    """Refuse what would not fit in memory.

    Raises:
        InputError: `needed` bytes exceed `MAX_BYTES_IN_MEMORY`.
    """
    if needed > MAX_BYTES_IN_MEMORY:
        raise InputError(
            f"{path}: {what} would take {needed / 2**30:.1f} GiB in memory, at most {MAX_BYTES_IN_MEMORY >> 30} GiB "
            "are allowed; thin the scan out or save it as a binary PLY of points, which is read in pieces"
        )


def read_whole(path: Path) -> bytes:
    """The content of a file that is not too large.

    Raises:
        InputError: Too large, empty, or not readable.
    """
    size = path.stat().st_size
    check_memory(path, needed=size, what="the file")
    if size == 0:
        raise InputError(f"{path}: the file is empty; export or copy the scan again")
    return path.read_bytes()
