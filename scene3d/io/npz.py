"""NPZ and NPY in: arrays by name, never pickled objects."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path
from tokenize import TokenError

import numpy as np
from jaxtyping import Shaped

from scene3d.errors import InputError
from scene3d.io.limits import check_fits, check_memory
from scene3d.io.polygons import fan
from scene3d.io.raw import Points, RawScan, as_bytes, from_columns, in_memory

_COORDINATES = ("xyz", "xyz_m", "points", "point", "coord", "coords", "vertices", "positions", "pos", "arr_0")
_COLOURS = ("rgb", "color", "colors", "colour", "colours")
_NORMALS = ("normal", "normals")
_FACES = ("faces", "triangles")
_DAMAGE = (ValueError, TypeError, SyntaxError, TokenError, OverflowError, MemoryError, RecursionError, EOFError)
"""What numpy raises over headers, whose text it takes for Python."""


def read_npz(path: Path) -> RawScan:
    """Read an archive of arrays: `xyz` (n 3), and optionally `rgb`, `normal`, `faces` and fields of n rows.

    The names `points`, `coord`, `vertices`, `positions`, `colors`, `normals`, `triangles` and their like serve too.

    Raises:
        InputError: No archive, pickled content, no coordinates, or more unpacked than memory allows.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            check_memory(path, needed=sum(i.file_size for i in archive.infolist()), what="the unpacked archive")
            arrays = {i.filename.removesuffix(".npy"): _member(path, archive, i) for i in archive.infolist()}
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, NotImplementedError, RuntimeError) as error:
        raise InputError(f"{path}: not a readable .npz archive ({error}); save it again with numpy.savez") from error
    return _scan(path, arrays)


def read_npy(path: Path) -> RawScan:
    """Read one array: columns x y z, then as `read_text` guesses them (6: colour).

    Raises:
        InputError: No such array.
    """
    with path.open("rb") as file:
        array = _array(path, file, path.stat().st_size)
    if array.dtype.names:
        names = array.dtype.names
        return _raw(from_columns({name: array[name].reshape(-1) for name in names}, where=str(path)), None)
    if array.ndim != 2 or array.shape[1] < 3 or array.dtype.kind not in "fiu":
        raise InputError(f"{path}: an array of shape {array.shape} and type {array.dtype}; (n, 3) numbers are needed")
    arrays = {"xyz": array[:, :3]} | ({"rgb": array[:, 3:6]} if array.shape[1] >= 6 else {})
    return _scan(path, arrays)


def _member(path: Path, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Shaped[np.ndarray, "..."]:
    with archive.open(info) as file:
        return _array(path, file, info.file_size)


def _array(path: Path, file: object, size: int) -> Shaped[np.ndarray, "..."]:
    """Read one array after comparing what its header announces with the bytes there are."""
    try:
        version = np.lib.format.read_magic(file)  # pyright: ignore[reportArgumentType]
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, fortran, dtype = read(file)  # pyright: ignore[reportArgumentType]
        if dtype.hasobject:
            raise InputError(f"{path}: holds pickled Python objects, which are not read; save plain arrays")
        needed = int(np.prod(shape, dtype=object)) * dtype.itemsize
        check_fits(path, needed=needed, present=size, what="an array")
        values = np.frombuffer(file.read(needed), dtype=dtype)  # pyright: ignore[reportAttributeAccessIssue]
        return values.reshape(shape, order="F" if fortran else "C")
    except InputError:
        raise
    except _DAMAGE as error:
        raise InputError(f"{path}: a damaged array ({error}); save it again with numpy") from error


def _scan(path: Path, arrays: dict[str, Shaped[np.ndarray, "..."]]) -> RawScan:
    xyz = _pop(arrays, _COORDINATES)
    if xyz is None and {"x", "y", "z"} <= set(arrays):
        columns = {name: v for name, v in arrays.items() if v.ndim == 1 and len(v) == len(arrays["x"])}
        return _raw(from_columns(columns, where=str(path)), None)
    if xyz is None or xyz.ndim != 2 or xyz.shape[1] != 3 or xyz.dtype.kind not in "fiu" or len(xyz) == 0:
        found = {name: v.shape for name, v in arrays.items()} if xyz is None else xyz.shape
        raise InputError(f"{path}: an array 'xyz' of shape (n, 3) is needed, found {found}")
    n = len(xyz)
    rgb, normal, faces = _pop(arrays, _COLOURS), _pop(arrays, _NORMALS), _pop(arrays, _FACES)
    points = Points(
        xyz=xyz.astype(np.float64),
        rgb=None if rgb is None else as_bytes(_rows(path, rgb, n, "rgb")),
        normal=None if normal is None else _rows(path, normal, n, "normal").astype(np.float64),
        fields={name: v for name, v in arrays.items() if v.ndim >= 1 and len(v) == n and v.dtype.kind in "fiub"},
    )
    return _raw(points, None if faces is None else _triangles(path, faces, n))


def _raw(points: Points, faces: Shaped[np.ndarray, "f 3"] | None) -> RawScan:
    count, chunks = in_memory(points)
    return RawScan(count=count, chunks=chunks, faces=faces, may_be_camera_frame=faces is None)


def _rows(path: Path, values: Shaped[np.ndarray, "..."], n: int, name: str) -> Shaped[np.ndarray, "n 3"]:
    if values.shape != (n, 3) or values.dtype.kind not in "fiu":
        raise InputError(f"{path}: {name!r} has shape {values.shape}, expected ({n}, 3) to go with the points")
    return values


def _triangles(path: Path, faces: Shaped[np.ndarray, "..."], n: int) -> Shaped[np.ndarray, "f 3"]:
    if faces.ndim != 2 or faces.dtype.kind not in "iu":
        raise InputError(f"{path}: 'faces' has shape {faces.shape} of {faces.dtype}; (f, 3) integers are needed")
    corners = faces.astype(np.int64)
    return fan(np.full(len(corners), corners.shape[1], np.int64), corners.reshape(-1), points=n, where=str(path))


def _pop(arrays: dict[str, Shaped[np.ndarray, "..."]], names: tuple[str, ...]) -> Shaped[np.ndarray, "..."] | None:
    name = next((name for name in names if name in arrays), None)
    return None if name is None else arrays.pop(name)
