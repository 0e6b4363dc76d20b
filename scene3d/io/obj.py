"""Wavefront OBJ in: vertices in file order, polygons, colours from vertices, textures or materials."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from jaxtyping import Float64, Int64, UInt8

from scene3d.errors import InputError
from scene3d.io.limits import read_whole
from scene3d.io.picture import decode_picture, look_up, mean_per_point
from scene3d.io.polygons import fan
from scene3d.io.raw import Points, RawScan, as_bytes, in_memory
from scene3d.io.text import numbers
from scene3d.types import Note

_GREY = (128, 128, 128)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Corners:
    counts: Int64[np.ndarray, "p"]
    point: Int64[np.ndarray, "c"]
    texture: Int64[np.ndarray, "c"]
    """-1 where the corner has none."""
    material: Int64[np.ndarray, "p"]
    """Index into the names in order of `usemtl`; -1 before the first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Material:
    rgb: tuple[int, int, int] = _GREY
    picture: UInt8[np.ndarray, "h w 3"] | None = field(default=None)


def read_obj(path: Path) -> RawScan:
    """Read an OBJ; texture and material colours become the mean colour at each vertex.

    Raises:
        InputError: No vertices, a damaged line, or a face that names a vertex that does not exist.
    """
    lines = [line.strip() for line in read_whole(path).replace(b"\\\n", b" ").splitlines()]
    xyz, rgb = _vertices(path, [line[2:] for line in lines if line[:2] in (b"v ", b"v\t")])
    uv = _texture_coordinates(path, [line[3:] for line in lines if line.startswith(b"vt ")])
    names = [line[7:].decode("latin-1").strip() for line in lines if line.startswith(b"usemtl ")]
    corners = _corners(path, lines, points=len(xyz), textures=len(uv))
    faces = fan(corners.counts, corners.point, points=len(xyz), where=str(path))
    notes: tuple[Note, ...] = ()
    if rgb is None and names and len(faces):
        rgb, notes = _painted(path, lines, names, corners, uv, len(xyz))
    count, chunks = in_memory(Points(xyz=xyz, rgb=rgb))
    is_mesh = len(faces) > 0
    return RawScan(count=count, chunks=chunks, faces=faces if is_mesh else None, may_be_camera_frame=False, notes=notes)


def _vertices(path: Path, rows: list[bytes]) -> tuple[Float64[np.ndarray, "n 3"], UInt8[np.ndarray, "n 3"] | None]:
    if not rows:
        raise InputError(f"{path}: the OBJ has no vertices (lines 'v x y z'); export the mesh again")
    widths = np.array([row.count(b" ") for row in map(_squeezed, rows)]) + 1
    if widths.min() < 3:
        raise InputError(f"{path}: a vertex line with {widths.min()} numbers instead of 3; the file is damaged")
    if (widths == widths[0]).all():
        table = numbers(b" ".join(rows), where=str(path)).reshape(len(rows), -1)
    else:
        table = numbers(b" ".join(b" ".join(row.split()[:3]) for row in rows), where=str(path)).reshape(-1, 3)
    colour = table[:, -3:] if table.shape[1] in (6, 7) else None
    return np.ascontiguousarray(table[:, :3]), None if colour is None else as_bytes(colour)


def _squeezed(row: bytes) -> bytes:
    return b" ".join(row.split())


def _texture_coordinates(path: Path, rows: list[bytes]) -> Float64[np.ndarray, "t 2"]:
    pairs = [row.split()[:2] for row in rows]
    if any(len(pair) < 2 for pair in pairs):
        raise InputError(f"{path}: a texture coordinate ('vt') with fewer than 2 numbers; the file is damaged")
    return numbers(b" ".join(b" ".join(pair) for pair in pairs), where=str(path)).reshape(-1, 2)


def _corners(path: Path, lines: list[bytes], *, points: int, textures: int) -> _Corners:
    """All face corners; negative indices count back from the elements read so far."""
    words: list[bytes] = []
    counts: list[int] = []
    material: list[int] = []
    back: list[tuple[int, int]] = []
    seen, seen_textures, used = 0, 0, -1
    for line in lines:  # one pass over lines, since relative indices and materials depend on what stands before
        if line[:2] in (b"v ", b"v\t"):
            seen += 1
        elif line[:2] in (b"f ", b"f\t"):
            corner_words = line[2:].split()
            words += corner_words
            counts.append(len(corner_words))
            material.append(used)
            back.append((seen, seen_textures))
        elif line.startswith(b"vt "):
            seen_textures += 1
        elif line.startswith(b"usemtl "):
            used += 1
    sizes = np.array(counts, dtype=np.int64)
    so_far = np.repeat(np.array(back, dtype=np.int64).reshape(-1, 2), sizes, axis=0)
    point = _resolved(path, [w.split(b"/", 1)[0] for w in words], so_far[:, 0])
    texture = _resolved(path, [w.split(b"/")[1] if b"/" in w else b"" for w in words], so_far[:, 1])
    if (texture >= textures).any() or (point < 0).any() or (point >= points).any():
        raise InputError(
            f"{path}: a face names a vertex that does not exist ({points:,} there are); the file is damaged"
        )
    return _Corners(counts=sizes, point=point, texture=texture, material=np.array(material, dtype=np.int64))


def _resolved(path: Path, words: list[bytes], so_far: Int64[np.ndarray, "c"]) -> Int64[np.ndarray, "c"]:
    """Indices from 0; -1 where a corner names none."""
    try:
        index = np.array([int(w) if w else 0 for w in words], dtype=np.int64)
    except (ValueError, OverflowError) as error:
        raise InputError(f"{path}: a face corner is not an index ({error}); the file is damaged") from error
    return np.where(index > 0, index - 1, np.where(index < 0, so_far + index, -1))


def _painted(
    path: Path, lines: list[bytes], names: list[str], corners: _Corners, uv: Float64[np.ndarray, "t 2"], points: int
) -> tuple[UInt8[np.ndarray, "n 3"] | None, tuple[Note, ...]]:
    """Colours per point from textures and materials."""
    libraries = [line[7:].decode("latin-1").strip() for line in lines if line.startswith(b"mtllib ")]
    materials: dict[str, _Material] = {}
    problems: list[str] = []
    for library in libraries:
        materials |= _materials(path.parent / library, problems)
    notes = tuple(Note(topic="colour", text=text) for text in problems)
    if not any(name in materials for name in names):
        return None, (*notes, Note(topic="colour", text="materials are named but not found; the mesh has no colour"))
    colour = np.full((len(corners.point), 3), 128, dtype=np.uint8)
    of_corner = np.repeat(corners.material, corners.counts)
    for i, name in enumerate(names):
        here = of_corner == i
        material = materials.get(name, _Material())
        colour[here] = material.rgb
        if material.picture is not None and len(uv):
            mapped = here & (corners.texture >= 0)
            colour[mapped] = look_up(material.picture, uv[corners.texture[mapped]], from_top=False)
    text = "decoded from textures and materials to one colour per vertex"
    return mean_per_point(colour, corners.point, points=points), (*notes, Note(topic="colour", text=text))


def _materials(path: Path, problems: list[str]) -> dict[str, _Material]:
    """Materials of a library; what cannot be read is reported in `problems`, since colour is not essential."""
    if not path.is_file():
        problems.append(f"the material library {path.name} is not beside the OBJ")
        return {}
    found: dict[str, _Material] = {}
    name = ""
    for line in read_whole(path).decode("latin-1").splitlines() if path.stat().st_size else []:
        word, _, rest = line.strip().partition(" ")
        if word == "newmtl":
            name = rest.strip()
            found[name] = _Material()
        elif word == "Kd" and name and found[name].picture is None:
            found[name] = _Material(rgb=_diffuse(rest))
        elif word == "map_Kd" and name:
            picture_path = path.parent / rest.split(" -")[-1].strip().replace("\\", "/")
            try:
                found[name] = _Material(picture=decode_picture(picture_path, where=str(path)))
            except InputError as error:
                problems.append(f"texture left out: {error}")
    return found


def _diffuse(text: str) -> tuple[int, int, int]:
    try:
        r, g, b = (round(255 * min(max(float(v), 0.0), 1.0)) for v in text.split()[:3])
    except (ValueError, OverflowError):
        return _GREY
    return r, g, b
