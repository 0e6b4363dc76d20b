"""STL in: binary and ascii triangles; corners at the same place become one point."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from jaxtyping import Float64

from scene3d.errors import InputError
from scene3d.io.limits import check_fits, read_whole
from scene3d.io.raw import Points, RawScan, in_memory
from scene3d.io.text import numbers

_RECORD = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])
_VERTEX = re.compile(rb"vertex([^a-zA-Z]+(?:[eE][^a-zA-Z]+)*)")


def read_stl(path: Path) -> RawScan:
    """Read an STL.

    Raises:
        InputError: Neither kind of STL, truncated, or without triangles.
    """
    data = read_whole(path)
    announced = int.from_bytes(data[80:84], "little") if len(data) >= 84 else -1
    if announced >= 0 and len(data) == 84 + 50 * announced:
        soup = np.frombuffer(data, _RECORD, count=announced, offset=84)["corners"].reshape(-1, 3).astype(np.float64)
    elif data[:512].lstrip().startswith(b"solid"):
        soup = _ascii(path, data)
    else:
        check_fits(
            path, needed=84 + 50 * max(announced, 0), present=len(data), what=f"an STL of {announced:,} triangles"
        )
        soup = np.frombuffer(data, _RECORD, count=announced, offset=84)["corners"].reshape(-1, 3).astype(np.float64)
    if len(soup) == 0:
        raise InputError(f"{path}: the STL holds 0 triangles; export the mesh again")
    xyz, point_of_corner = np.unique(soup, axis=0, return_inverse=True, equal_nan=False)
    count, chunks = in_memory(Points(xyz=xyz))
    faces = point_of_corner.reshape(-1, 3).astype(np.int64)
    return RawScan(count=count, chunks=chunks, faces=faces, may_be_camera_frame=False)


def _ascii(path: Path, data: bytes) -> Float64[np.ndarray, "c 3"]:
    values = numbers(b" ".join(_VERTEX.findall(data)), where=str(path))
    if values.size % 9:
        raise InputError(f"{path}: {values.size} coordinates do not make whole triangles; the file is truncated")
    return values.reshape(-1, 3)
