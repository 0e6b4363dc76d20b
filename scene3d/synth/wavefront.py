"""Wavefront OBJ and MTL text to arrays: the only geometry format that the furniture libraries use."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Int32, Int64

from scene3d.errors import InputError


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """What a scan can see of an MTL material."""

    name: str
    rgb: tuple[float, float, float] = (0.8, 0.8, 0.8)
    """Diffuse colour, 0–1."""
    opacity: float = 1.0
    picture: str | None = None
    """File of the diffuse texture, as written in the MTL."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjMesh:
    """Triangles of an OBJ file, in the file's own unit and axes."""

    xyz: Float32[np.ndarray, "v 3"]
    faces: Int32[np.ndarray, "f 3"]
    uv: Float32[np.ndarray, "f 3 2"]
    material: Int32[np.ndarray, "f"]
    """Index into `materials`."""
    materials: tuple[Material, ...]


def read_obj(data: bytes, read_library: Callable[[str], bytes], *, name: str = "model.obj") -> ObjMesh:
    """Parse OBJ text; polygons are split into fans, lines and points are left out.

    Args:
        data: The OBJ file.
        read_library: Gives the bytes of an MTL file by the name that `mtllib` uses.
        name: For error messages.

    Raises:
        InputError: No faces, or an index out of range.
    """
    lines = data.replace(b"\\\r\n", b" ").replace(b"\\\n", b" ").splitlines()
    keys = [line[:2] for line in lines]  # compared many times, in files of a hundred thousand lines
    xyz = _numbers([line[2:] for line, key in zip(lines, keys, strict=True) if key == b"v "], columns=3, name=name)
    pictures = [line[3:] for line, key in zip(lines, keys, strict=True) if key == b"vt" and line[2:3] == b" "]
    texture_uv = _numbers(pictures, columns=2, name=name)
    library = _materials_of([line for line, key in zip(lines, keys, strict=True) if key == b"mt"], read_library)
    corners, counts, material, names = _polygons(
        [line for line, key in zip(lines, keys, strict=True) if key in (b"f ", b"us")]
    )
    if not counts:
        raise InputError(f"{name}: no faces in this OBJ file; is it a surface model?")
    index = _corner_indices(corners, len(xyz), len(texture_uv), name)
    triangles, polygon = _fan(np.array(counts))
    vertex, picture = index[triangles, 0], index[triangles, 1]
    uv = np.zeros((*vertex.shape, 2), np.float32)
    if len(texture_uv):
        uv = np.where(picture[..., None] >= 0, texture_uv[picture], np.float32(0))
    return ObjMesh(
        xyz=xyz,
        faces=vertex.astype(np.int32),
        uv=uv,
        material=np.array(material, np.int32)[polygon],
        materials=tuple(library.get(key, Material(name=key)) for key in names),
    )


def read_mtl(text: str) -> dict[str, Material]:
    """Parse an MTL file: diffuse colour, opacity and diffuse texture per material."""
    found: dict[str, Material] = {}
    name, values = "", {}

    def close() -> None:
        if name:
            found[name] = Material(name=name, **values)

    for line in text.splitlines():
        key, _, rest = line.strip().partition(" ")
        rest = rest.strip()
        if key == "newmtl":
            close()
            name, values = rest, {}
        elif key == "Kd" and not rest.startswith(("spectral", "xyz")):
            values["rgb"] = tuple(min(max(float(x), 0.0), 1.0) for x in (rest.split() * 3)[:3])
        elif key == "d":
            values["opacity"] = float(rest.split()[-1])
        elif key == "Tr":
            values["opacity"] = 1 - float(rest.split()[-1])
        elif key == "map_Kd":
            values["picture"] = rest.split()[-1] if rest.startswith("-") else rest
    close()
    return found


def _numbers(rows: list[bytes], *, columns: int, name: str) -> Float32[np.ndarray, "n c"]:
    if not rows:
        return np.zeros((0, columns), np.float32)
    width = len(rows[0].split())
    flat = np.fromstring(b" ".join(rows), sep=" ", dtype=np.float32)
    if len(flat) != width * len(rows):  # rows of unlike length, as vertices with colours beside plain ones
        flat, width = np.array([row.split()[:columns] for row in rows], np.float32).ravel(), columns
    if width < columns or not np.isfinite(flat).all():
        raise InputError(f"{name}: a vertex has {width} numbers or one that is not finite; expected {columns}")
    return np.ascontiguousarray(flat.reshape(len(rows), width)[:, :columns])


def _materials_of(lines: list[bytes], read_library: Callable[[str], bytes]) -> dict[str, Material]:
    library: dict[str, Material] = {}
    for line in lines:
        if line.startswith(b"mtllib "):
            library |= read_mtl(read_library(line[7:].decode("latin-1").strip()).decode("latin-1"))
    return library


def _polygons(lines: list[bytes]) -> tuple[list[bytes], list[int], list[int], list[str]]:
    """Corner texts of all polygons in a row, corners per polygon, material per polygon, material names."""
    names: dict[str, int] = {"": 0}
    current = 0
    words: list[list[bytes]] = []
    material: list[int] = []
    for line in lines:
        if line.startswith(b"f "):
            words.append(line.split())
            material.append(current)
        elif line.startswith(b"usemtl "):
            current = names.setdefault(line[7:].decode("latin-1").strip(), len(names))
    surfaces = [i for i, polygon in enumerate(words) if len(polygon) > 3]  # the first word is the "f"
    corners = [corner for i in surfaces for corner in words[i][1:]]
    return corners, [len(words[i]) - 1 for i in surfaces], [material[i] for i in surfaces], list(names)


def _corner_indices(corners: list[bytes], vertices: int, pictures: int, name: str) -> Int64[np.ndarray, "c 2"]:
    """Vertex and texture index per corner, from 0; -1 where a corner has no texture coordinate."""
    slashes = corners[0].count(b"/")
    text = b" ".join(corners)
    if text.count(b"/") == slashes * len(corners) and b"//" not in text:
        table = np.fromstring(text.replace(b"/", b" "), sep=" ", dtype=np.int64).reshape(len(corners), slashes + 1)
        picture = table[:, 1] if slashes else np.zeros(len(corners), np.int64)
        index = np.stack([table[:, 0], picture], 1)
    else:
        parts = [[*corner.split(b"/"), b"0"][:2] for corner in corners]
        index = np.array([(int(vertex), int(picture or 0)) for vertex, picture in parts], np.int64)
    total = np.array([vertices, pictures])
    index = np.where(index < 0, index + total, index - 1)  # negative indices count from the end
    if index[:, 0].min() < 0 or (index >= total).any():
        raise InputError(
            f"{name}: a face names vertex {int(index[:, 0].max()) + 1} of {vertices}; is the file cut off?"
        )
    return index


def _fan(counts: Int64[np.ndarray, "p"]) -> tuple[Int64[np.ndarray, "f 3"], Int64[np.ndarray, "f"]]:
    """Corner positions of the triangles of each polygon, and the polygon that each comes from."""
    first = np.concatenate([[0], np.cumsum(counts)[:-1]])
    polygon = np.repeat(np.arange(len(counts)), counts - 2)
    step = np.arange(len(polygon)) - np.repeat(np.cumsum(counts - 2) - (counts - 2), counts - 2)
    start = first[polygon]
    return np.stack([start, start + step + 1, start + step + 2], 1), polygon
