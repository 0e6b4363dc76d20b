"""LAS and LAZ in, through laspy (extra `las`), in pieces."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from scene3d.errors import InputError, MissingDependencyError, Scene3DError
from scene3d.io.limits import check_fits, check_memory
from scene3d.io.raw import CHUNK, Points, RawScan, Said, as_bytes, scale_to_bytes

_FEET = {9002: 0.3048, 9003: 1200 / 3937}
_LINEAR_UNITS_KEY = 3076
_FIELDS = ("intensity", "classification", "return_number", "number_of_returns", "gps_time", "point_source_id")


def read_las(path: Path) -> RawScan:
    """Read a LAS or LAZ; z is up by the standard, the unit is that of its coordinate system, else metres.

    Raises:
        InputError: Not a LAS, truncated or damaged.
        MissingDependencyError: laspy is not installed.
    """
    try:
        import laspy
    except ImportError as error:
        raise MissingDependencyError(f"{path}: LAS and LAZ need laspy; run `pip install 'scene3d[las]'`") from error
    with path.open("rb") as file:
        magic = file.read(4)
    if path.stat().st_size < 227 or magic != b"LASF":
        raise InputError(f"{path}: does not begin with 'LASF' and a header; the content is no LAS or is truncated")
    try:
        with laspy.open(path) as file:
            header = file.header
            count, size = header.point_count, header.point_format.size
            packed = header.are_points_compressed
            unit = _unit(header)
            present = path.stat().st_size - header.offset_to_point_data
    except Exception as error:  # the parsers behind laspy raise whatever a damaged byte leads them to
        raise _damaged(path, error) from error
    if count <= 0:
        raise InputError(f"{path}: the LAS announces {count} points; export it again")
    check_fits(path, needed=present and count // 1000 if packed else count * size, present=present, what="the points")
    check_memory(path, needed=min(count, CHUNK) * size, what="one piece of the points")
    return RawScan(
        count=count,
        chunks=lambda: _chunks(path, count),
        up=Said(value="z", reason="LAS is z-up by its standard"),
        unit_m=unit,
        is_unit_certain=True,
        may_be_camera_frame=False,
    )


def _chunks(path: Path, count: int) -> Iterator[Points]:
    import laspy

    seen, scale = 0, None
    try:
        with laspy.open(path) as file:
            names = set(file.header.point_format.dimension_names)
            extra = tuple(file.header.point_format.extra_dimension_names)
            for rows in file.chunk_iterator(CHUNK):
                colour = None
                if {"red", "green", "blue"} <= names:
                    colour = np.stack([np.asarray(rows[c]) for c in ("red", "green", "blue")], axis=1)
                    scale = scale or scale_to_bytes(colour)
                kept = [name for name in (*_FIELDS, *extra) if name in names]
                seen += len(rows)
                yield Points(
                    xyz=np.stack([np.asarray(rows[c], dtype=np.float64) for c in "xyz"], axis=1),
                    rgb=None if colour is None else as_bytes(colour, scale=scale),
                    fields={name: np.asarray(rows[name]) for name in kept},
                )
    except Scene3DError:
        raise
    except Exception as error:  # see read_las
        raise _damaged(path, error) from error
    if seen != count:
        raise InputError(f"{path}: truncated: {seen:,} points of {count:,} are there; copy the file again")


def _unit(header: Any) -> Said:
    """Linear unit of the GeoTIFF keys, where there are any."""
    for record in header.vlrs:
        for key in getattr(record, "geo_keys", ()):
            if key.id == _LINEAR_UNITS_KEY and key.value_offset in _FEET:
                return Said(value=_FEET[key.value_offset], reason="its coordinate system is in feet")
    return Said(value=1.0, reason="LAS is in metres unless its coordinate system says otherwise")


def _damaged(path: Path, error: Exception) -> InputError:
    return InputError(f"{path}: not a readable LAS ({type(error).__name__}: {error}); copy or export it again")
