"""E57 in, through pye57 (extra `e57`): all scans of the file, each at its own pose."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from scene3d.errors import InputError, MissingDependencyError, Scene3DError
from scene3d.io.limits import check_fits, check_memory
from scene3d.io.raw import Points, RawScan, Said, as_bytes, scale_to_bytes
from scene3d.types import Note

_PAGE = 1024
_BYTES_PER_POINT = 64
"""What one point of one scan takes while it is read."""


def read_e57(path: Path) -> RawScan:
    """Read an E57, one of its scans at a time; z is up and the unit is metres by the standard.

    Raises:
        InputError: Not an E57, truncated or damaged (its checksums are verified before the library sees it).
        MissingDependencyError: pye57 is not installed.
    """
    try:
        import pye57
    except ImportError as error:
        raise MissingDependencyError(f"{path}: E57 needs pye57; run `pip install 'scene3d[e57]'`") from error
    _check_pages(path)
    try:
        file = pye57.E57(str(path))
        counts = [file.get_header(i).point_count for i in range(file.scan_count)]
        file.close()
    except Exception as error:  # the library raises whatever a damaged file leads it to
        raise _damaged(path, error) from error
    if sum(counts) <= 0:
        raise InputError(f"{path}: the E57 holds no points; export it again")
    check_memory(path, needed=max(counts) * _BYTES_PER_POINT, what="its largest scan")
    text = f"{len(counts)} scans, each put at its own pose"
    return RawScan(
        count=sum(counts),
        chunks=lambda: _chunks(path, counts),
        up=Said(value="z", reason="E57 is z-up by its standard"),
        unit_m=Said(value=1.0, reason="E57 is in metres by its standard"),
        is_unit_certain=True,
        may_be_camera_frame=False,
        notes=(Note(topic="points", text=text),) if len(counts) > 1 else (),
    )


def _chunks(path: Path, counts: list[int]) -> Iterator[Points]:
    import pye57

    try:
        file = pye57.E57(str(path))
        try:
            coloured = [_has_colour(file.get_header(i)) for i in range(len(counts))]
            for i, count in enumerate(counts):
                yield _scan(path, file, i, count, is_coloured=all(coloured))
        finally:
            file.close()
    except Scene3DError:
        raise
    except Exception as error:  # see read_e57
        raise _damaged(path, error) from error


def _scan(path: Path, file: Any, index: int, count: int, *, is_coloured: bool) -> Points:
    """One scan; invalid points become NaN so that the order of the file is kept."""
    fields = set(file.get_header(index).point_fields)
    data = file.read_scan_raw(index)
    if "cartesianX" in fields:
        local = np.stack([data[f"cartesian{axis}"] for axis in "XYZ"], axis=1).astype(np.float64)
    elif "sphericalRange" in fields:
        r, azimuth, elevation = (data[f"spherical{n}"] for n in ("Range", "Azimuth", "Elevation"))
        flat = r * np.cos(elevation)
        local = np.stack([flat * np.cos(azimuth), flat * np.sin(azimuth), r * np.sin(elevation)], axis=1)
    else:
        raise InputError(f"{path}: scan {index} has neither cartesian nor spherical coordinates; export it again")
    if len(local) != count:
        raise InputError(f"{path}: scan {index} holds {len(local):,} points of {count:,}; copy the file again")
    for name in ("cartesianInvalidState", "sphericalInvalidState"):
        if name in data:
            local[data[name] != 0] = np.nan
    header = file.get_header(index)
    if header.has_pose():
        local = local @ np.asarray(header.rotation_matrix).T + np.asarray(header.translation)
    rgb = None
    if is_coloured:
        colour = np.stack([data[f"color{name}"] for name in ("Red", "Green", "Blue")], axis=1)
        rgb = as_bytes(colour, scale=scale_to_bytes(colour))
    return Points(xyz=local, rgb=rgb)


def _has_colour(header: Any) -> bool:
    return {"colorRed", "colorGreen", "colorBlue"} <= set(header.point_fields)


def _check_pages(path: Path) -> None:
    """Check the header and the checksum of every page, so that no damaged byte reaches the C++ reader."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(48)
        if len(head) < 48 or head[:8] != b"ASTM-E57":
            raise InputError(f"{path}: does not begin with 'ASTM-E57'; the content is no E57 or is truncated")
        announced, page = (int.from_bytes(head[i : i + 8], "little") for i in (16, 40))
        if page != _PAGE or announced % _PAGE:
            raise InputError(f"{path}: an E57 of {announced:,} bytes in pages of {page:,}; 1,024 are the standard")
        check_fits(path, needed=announced, present=size, what="the E57")
        file.seek(0)
        table = _crc32c_table()
        for first in range(0, announced, 4096 * _PAGE):
            block = np.frombuffer(file.read(min(4096 * _PAGE, announced - first)), np.uint8).reshape(-1, _PAGE)
            wrong = np.flatnonzero(_crc32c(block[:, :-4], table) != block[:, -4:].copy().view(">u4")[:, 0])
            if len(wrong):
                raise InputError(f"{path}: page {first // _PAGE + wrong[0]} is damaged (checksum); copy the file again")


def _crc32c(pages: np.ndarray, table: np.ndarray) -> np.ndarray:
    """CRC-32C (Castagnoli) of each row."""
    crc = np.full(len(pages), 0xFFFFFFFF, dtype=np.uint32)
    for column in pages.T:
        crc = table[(crc ^ column) & 0xFF] ^ (crc >> np.uint32(8))
    return crc ^ np.uint32(0xFFFFFFFF)


def _crc32c_table() -> np.ndarray:
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = np.where(table & 1, (table >> np.uint32(1)) ^ np.uint32(0x82F63B78), table >> np.uint32(1))
    return table


def _damaged(path: Path, error: Exception) -> InputError:
    return InputError(f"{path}: not a readable E57 ({type(error).__name__}: {error}); copy or export it again")
