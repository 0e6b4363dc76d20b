"""One furniture model of a library as a textured mesh of true size: upright, front to -y, fit for ray casting."""

from __future__ import annotations

import io
import os
import posixpath
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32, Float64, Int64, UInt8
from PIL import Image

from scene3d.errors import InputError
from scene3d.synth.room import TexturedMesh
from scene3d.synth.wavefront import Material, ObjMesh, read_obj

DECODING = 1
"""Counts the ways in which meshes have been decoded; what was kept by another is not read."""
_MOST_PIXELS = 128
"""Edge of a texture, pixels: a depth camera two metres away sees no more."""
_MANY_FACES = 6000
_Z_UP_FROM_Y_UP = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])
"""Sweet Home 3D's front is +z with y up: ours is -y with z up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFiles:
    """The files around one OBJ of an open library."""

    archive: zipfile.ZipFile
    path: str

    def read(self, name: str) -> bytes | None:
        """Bytes of a file that the OBJ or its MTL names, relative to the OBJ; None when the library lacks it."""
        beside = posixpath.normpath(posixpath.join(posixpath.dirname(self.path), name.replace("\\", "/")))
        try:
            return self.archive.read(beside)
        except KeyError:
            return None


def load_mesh(
    files: ModelFiles, *, rotation: Float64[np.ndarray, "3 3"], size_m: tuple[float, float, float]
) -> TexturedMesh:
    """Read, turn and scale a model.

    A picture that the library lacks (some authors left their own disk's paths) is replaced by the material's diffuse
    colour, as Sweet Home 3D does. Finer detail than a depth camera resolves is merged away.

    Raises:
        InputError: The OBJ is missing or unreadable.
    """
    data = files.read(posixpath.basename(files.path))
    if data is None:
        raise InputError(f"{files.archive.filename}: no file {files.path} inside")
    mesh = read_obj(data, lambda name: files.read(name) or b"", name=files.path)
    used, material = np.unique(mesh.material, return_inverse=True)
    xyz_m = _fitted(mesh, _Z_UP_FROM_Y_UP @ rotation, np.array(size_m))
    textured = TexturedMesh(
        xyz_m=xyz_m,
        faces=mesh.faces,
        uv=mesh.uv,
        material=material.astype(np.int32),
        textures=tuple(_texture(mesh.materials[i], files) for i in used),
    )
    return simplify(textured) if len(mesh.faces) > _MANY_FACES else textured


def write_mesh(mesh: TexturedMesh, path: Path) -> None:
    """Keep a decoded mesh; another process may do the same at the same time."""
    arrays: dict[str, Any] = {f"texture{i}": texture for i, texture in enumerate(mesh.textures)}
    arrays |= {"xyz_m": mesh.xyz_m, "faces": mesh.faces, "uv": mesh.uv, "material": mesh.material}
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.stem}-{os.getpid()}.npz")
    np.savez(partial, **arrays)
    partial.replace(path)


def read_mesh(path: Path) -> TexturedMesh:
    """A mesh that `write_mesh` kept, the same bits."""
    with np.load(path, allow_pickle=False) as file:
        textures = tuple(file[f"texture{i}"] for i in range(sum(key.startswith("texture") for key in file.files)))
        return TexturedMesh(
            xyz_m=file["xyz_m"], faces=file["faces"], uv=file["uv"], material=file["material"], textures=textures
        )


def simplify(mesh: TexturedMesh, *, cell_m: float = 0.006) -> TexturedMesh:
    """Merge the vertices that share a cell and drop the faces that vanish; material and picture stay per face.

    Args:
        mesh: The mesh.
        cell_m: Edge of a cell, metres; a sixtieth of the mesh's size where that is smaller.
    """
    extent = float(np.ptp(mesh.xyz_m, axis=0).max())
    cell = np.floor(mesh.xyz_m / min(cell_m, extent / 60)).astype(np.int64)  # (v, 3)
    cell -= cell.min(0)
    span = cell.max(0) + 1
    key = (cell[:, 0] * span[1] + cell[:, 1]) * span[2] + cell[:, 2]
    _, first, merged = np.unique(key, return_index=True, return_inverse=True)
    faces = merged[mesh.faces]
    keep = (faces[:, 0] != faces[:, 1]) & (faces[:, 1] != faces[:, 2]) & (faces[:, 2] != faces[:, 0])
    keep &= _first_of_equals(faces, len(first))
    return TexturedMesh(
        xyz_m=mesh.xyz_m[first],
        faces=faces[keep].astype(np.int32),
        uv=mesh.uv[keep],
        material=mesh.material[keep],
        textures=mesh.textures,
    )


def _first_of_equals(faces: Int64[np.ndarray, "f 3"], vertices: int) -> np.ndarray:
    corners = np.sort(faces, 1)
    key = (corners[:, 0] * vertices + corners[:, 1]) * vertices + corners[:, 2]
    first = np.zeros(len(faces), bool)
    first[np.unique(key, return_index=True)[1]] = True
    return first


def _fitted(
    mesh: ObjMesh, turn: Float64[np.ndarray, "3 3"], size_m: Float64[np.ndarray, "3"]
) -> Float32[np.ndarray, "v 3"]:
    """Turn, then stretch the box of the used vertices to `size_m`, standing centred on the origin."""
    xyz = mesh.xyz.astype(np.float64) @ turn.T
    used = xyz[np.unique(mesh.faces)]
    low, high = used.min(0), used.max(0)
    scale = size_m / np.maximum(high - low, 1e-9)
    centre = (low + high) / 2
    centre[2] = low[2]
    return ((xyz - centre) * np.where(high - low > 1e-9, scale, 1.0)).astype(np.float32)


def _texture(material: Material, files: ModelFiles) -> UInt8[np.ndarray, "h w 3"]:
    data = files.read(material.picture) if material.picture else None
    if data is None:
        return (np.array(material.rgb).reshape(1, 1, 3) * 255).round().astype(np.uint8)
    with Image.open(io.BytesIO(data)) as picture:
        picture.draft("RGB", (_MOST_PIXELS, _MOST_PIXELS))
        picture = picture.convert("RGBA" if "A" in picture.mode or "transparency" in picture.info else "RGB")
        picture.thumbnail((_MOST_PIXELS, _MOST_PIXELS))
        pixels = np.asarray(picture)
    return _without_alpha(pixels) if pixels.shape[2] == 4 else np.ascontiguousarray(pixels)


def _without_alpha(pixels: UInt8[np.ndarray, "h w 4"]) -> UInt8[np.ndarray, "h w 3"]:
    """See-through pixels take the mean of the visible ones: leaves on cards keep the leaves' colour."""
    visible = pixels[..., 3] > 127
    mean = pixels[visible][:, :3].mean(0) if visible.any() else np.full(3, 255.0)
    return np.where(visible[..., None], pixels[..., :3], mean.round().astype(np.uint8))
