"""PLY out: points, colours, normals, faces and custom fields, binary, readable by every 3D program."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int64, Shaped, UInt8
from torch import Tensor

from scene3d.errors import InputError
from scene3d.io.ply import OWN_COMMENT
from scene3d.types import Scene

_NAMES = {"i1": "char", "u1": "uchar", "i2": "short", "u2": "ushort", "i4": "int", "u4": "uint", "f4": "float"}
_NAMES["f8"] = "double"
_NARROWED = {"b1": "u1", "i8": "i4", "u8": "u4", "f2": "f4"}
"""PLY has no such types: what they are written as."""


def save_ply(
    path: str | Path,
    xyz_m: Float[Tensor, "n 3"],
    *,
    rgb: UInt8[Tensor, "n 3"] | None = None,
    normal: Float[Tensor, "n 3"] | None = None,
    faces: Int64[Tensor, "f 3"] | None = None,
    fields: Mapping[str, Tensor] | None = None,
) -> None:
    """Write a binary little-endian PLY; a comment marks it as metric and z up, so that `load_scene` need not guess.

    Args:
        path: The file, overwritten if it exists; its folder must exist.
        xyz_m: Points, scene frame, metres.
        rgb: Colours.
        normal: Unit normals.
        faces: Triangles.
        fields: Further properties per point, such as an instance id; 64-bit integers are written as 32-bit.

    Raises:
        InputError: The file cannot be written, or a field has an unsuitable name, shape or range.
    """
    columns = {name: xyz_m[:, i] for i, name in enumerate(("x", "y", "z"))}
    if normal is not None:
        columns |= {name: normal[:, i] for i, name in enumerate(("nx", "ny", "nz"))}
    if rgb is not None:
        columns |= {name: rgb[:, i] for i, name in enumerate(("red", "green", "blue"))}
    clash = set(columns) & set(fields or {})
    if clash:
        raise InputError(f"{path}: a custom field may not be called {sorted(clash)[0]!r}; rename it")
    arrays = {n: _column(path, n, values, len(xyz_m)) for n, values in {**columns, **(fields or {})}.items()}
    rows = np.empty(len(xyz_m), dtype=[(name, values.dtype) for name, values in arrays.items()])
    for name, values in arrays.items():
        rows[name] = values
    header = ["ply", "format binary_little_endian 1.0", f"comment {OWN_COMMENT}", f"element vertex {len(rows)}"]
    header += [f"property {_NAMES[values.dtype.str[1:]]} {name}" for name, values in arrays.items()]
    if faces is not None:
        header += [f"element face {len(faces)}", "property list uchar int vertex_indices"]
    try:
        with Path(path).open("wb") as file:
            file.write(("\n".join([*header, "end_header"]) + "\n").encode("ascii"))
            file.write(rows.tobytes())
            if faces is not None:
                file.write(_face_bytes(faces))
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror or error}); choose another place") from error


def save_scene_ply(path: str | Path, scene: Scene, *, fields: Mapping[str, Tensor] | None = None) -> None:
    """Write a scene with what it knows of its points: colour, normals, faces, superpoints, truth, one-column fields.

    Args:
        path: The file.
        scene: The scene; it is written in its own frame, not in that of its file.
        fields: Further properties per point; they win over the scene's own.

    Raises:
        InputError: See `save_ply`.
    """
    known = {name: values for name, values in scene.fields.items() if values.ndim == 1 and " " not in name}
    if scene.superpoint is not None:
        known["superpoint"] = scene.superpoint
    if scene.truth is not None:
        known |= {"instance": scene.truth.instance, "category_id": scene.truth.category_id}
    merged = {**known, **(fields or {})}
    save_ply(path, scene.xyz_m, rgb=scene.rgb, normal=scene.normal, faces=scene.faces, fields=merged)


def _column(path: str | Path, name: str, values: Tensor, count: int) -> Shaped[np.ndarray, "n"]:
    if values.shape != (count,) or not name or not name.isascii() or len(name.split()) != 1:
        raise InputError(
            f"{path}: field {name!r} of shape {tuple(values.shape)}; one value per point ({count:,}) and a name "
            "without blanks are needed"
        )
    array = (values.float() if values.dtype == torch.bfloat16 else values).detach().cpu().numpy()
    kind = _NARROWED.get(array.dtype.str[1:], array.dtype.str[1:])
    if array.dtype.kind in "iu" and array.size and not _holds(kind, array):
        raise InputError(f"{path}: field {name!r} exceeds 32 bits ({array.min()} … {array.max()}); renumber it")
    return array.astype("<" + kind)


def _holds(kind: str, array: Shaped[np.ndarray, "n"]) -> bool:
    bounds = np.iinfo(kind)
    return bounds.min <= int(array.min()) and int(array.max()) <= bounds.max


def _face_bytes(faces: Int64[Tensor, "f 3"]) -> bytes:
    rows = np.empty(len(faces), dtype=[("count", "u1"), ("corners", "<i4", 3)])
    rows["count"], rows["corners"] = 3, faces.cpu().numpy()
    return rows.tobytes()
