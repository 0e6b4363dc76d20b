"""GLB and glTF 2.0 in: the node tree flattened to one mesh, colours from vertices, textures or factors."""

from __future__ import annotations

import base64
import binascii
import json
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
from jaxtyping import Float64, Int64, Shaped, UInt8

from scene3d.errors import InputError
from scene3d.io.limits import MAX_BYTES_IN_MEMORY, check_fits, check_memory, read_whole
from scene3d.io.picture import decode_picture, look_up
from scene3d.io.polygons import fan
from scene3d.io.raw import Points, RawScan, Said, as_bytes, in_memory
from scene3d.types import Note

_KINDS = {5120: "<i1", 5121: "<u1", 5122: "<i2", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
_WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT4": 16}
_MAX_PRIMITIVES = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Document:
    path: Path
    json: dict[str, Any]
    buffers: tuple[bytes, ...]
    pictures: dict[int, UInt8[np.ndarray, "h w 3"]]
    """Decoded textures by image index, filled on first use."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Piece:
    """One primitive in the file's world frame."""

    xyz: Float64[np.ndarray, "n 3"]
    faces: Int64[np.ndarray, "f 3"]
    rgb: UInt8[np.ndarray, "n 3"] | None


def read_gltf(path: Path) -> RawScan:
    """Read a `.glb` or `.gltf` with its buffers and textures; y is up and the unit is metres by the standard.

    Raises:
        InputError: Not glTF 2.0, truncated, compressed by an extension, or without geometry.
    """
    try:
        document = _document(path)
        placed = _placed_meshes(document)
        pieces = _pieces(document, placed)
    except (KeyError, IndexError, TypeError, AttributeError, ValueError, OverflowError, RecursionError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path}: not valid glTF ({type(error).__name__}: {error}); export it again") from error
    pieces = [piece for piece in pieces if len(piece.xyz)]
    if not pieces:
        raise InputError(f"{path}: the glTF scene has no geometry; export it with its meshes")
    return _joined(pieces)


def _pieces(document: _Document, placed: list[tuple[dict[str, Any], Float64[np.ndarray, "4 4"]]]) -> list[_Piece]:
    """Geometry of all primitives; a mesh that is placed very often is refused before it fills the memory."""
    pieces, total = [], 0
    for primitive, world in placed:
        pieces.append(_piece(document, primitive, world))
        total += 27 * len(pieces[-1].xyz) + 24 * len(pieces[-1].faces)
        check_memory(document.path, needed=total, what="the flattened scene")
    return pieces


def _joined(pieces: list[_Piece]) -> RawScan:
    first = np.cumsum([0, *(len(p.xyz) for p in pieces)])
    faces = np.concatenate([p.faces + start for p, start in zip(pieces, first[:-1], strict=True)])
    is_coloured = any(p.rgb is not None for p in pieces)
    grey = [np.full((len(p.xyz), 3), 128, np.uint8) if p.rgb is None else p.rgb for p in pieces]
    points = Points(xyz=np.concatenate([p.xyz for p in pieces]), rgb=np.concatenate(grey) if is_coloured else None)
    count, chunks = in_memory(points)
    text = "vertex colours, textures and base colours decoded to one colour per vertex"
    return RawScan(
        count=count,
        chunks=chunks,
        faces=faces if len(faces) else None,
        up=Said(value="y", reason="glTF is y-up by its standard"),
        unit_m=Said(value=1.0, reason="glTF is in metres by its standard"),
        may_be_camera_frame=False,
        notes=(Note(topic="colour", text=text),) if is_coloured else (),
    )


def _document(path: Path) -> _Document:
    data = read_whole(path)
    embedded: bytes | None = None
    if data[:4] == b"glTF":
        check_fits(path, needed=20, present=len(data), what="the GLB header")
        version, length, json_size = struct.unpack_from("<III", data, 4)
        check_fits(path, needed=max(length, 20 + json_size), present=len(data), what="the GLB")
        if version != 2:
            raise InputError(f"{path}: glTF version {version}; only 2 is read, convert it with your 3D program")
        text = data[20 : 20 + json_size]
        embedded = data[28 + json_size :] if len(data) > 28 + json_size else b""
    elif path.suffix.lower() == ".glb":
        raise InputError(f"{path}: does not begin with 'glTF'; the ending is .glb but the content is something else")
    else:
        text = data
    document = json.loads(text)
    if not isinstance(document, dict):
        raise InputError(f"{path}: the glTF is not a JSON object; export it again")
    buffers, total = [], 0
    for entry in document.get("buffers", []):
        buffers.append(embedded if "uri" not in entry and embedded is not None else _fetched(path, entry["uri"]))
        total += len(buffers[-1])
        check_memory(path, needed=total, what="the buffers")
    return _Document(path=path, json=document, buffers=tuple(buffers), pictures={})


def _fetched(path: Path, uri: str) -> bytes:
    """Bytes of a data URI or of a file beside the glTF; nothing is fetched from elsewhere."""
    if uri.startswith("data:"):
        try:
            return base64.b64decode(uri.partition(",")[2], validate=True)
        except binascii.Error as error:
            raise InputError(f"{path}: a damaged data URI ({error}); export it again") from error
    beside = (path.parent / unquote(uri)).resolve()
    if not beside.is_relative_to(path.parent.resolve()) or not beside.is_file():
        raise InputError(f"{path}: needs {uri!r}, which is not beside it; copy the files together or export a .glb")
    return read_whole(beside)


def _placed_meshes(document: _Document) -> list[tuple[dict[str, Any], Float64[np.ndarray, "4 4"]]]:
    """Primitives with the transform of their node."""
    nodes, meshes = document.json.get("nodes", []), document.json.get("meshes", [])
    scenes = document.json.get("scenes")
    children = {child for node in nodes for child in node.get("children", [])}
    roots = scenes[document.json.get("scene", 0)].get("nodes", []) if scenes else set(range(len(nodes))) - children
    waiting = [(root, np.eye(4), 0) for root in roots]
    placed = []
    while waiting:
        index, parent, depth = waiting.pop()
        world = parent @ _node_transform(nodes[index])
        if "mesh" in nodes[index]:
            placed += [(primitive, world) for primitive in meshes[nodes[index]["mesh"]]["primitives"]]
        waiting += [(child, world, depth + 1) for child in nodes[index].get("children", [])]
        if depth > 1000 or len(placed) > _MAX_PRIMITIVES or len(waiting) > _MAX_PRIMITIVES:
            raise InputError(f"{document.path}: the node tree is circular or too large; export it flattened")
    return placed if nodes else [(p, np.eye(4)) for mesh in meshes for p in mesh["primitives"]]


def _node_transform(node: dict[str, Any]) -> Float64[np.ndarray, "4 4"]:
    if "matrix" in node:
        return np.array(node["matrix"], dtype=np.float64).reshape(4, 4).T
    x, y, z, w = np.array(node.get("rotation", (0, 0, 0, 1)), dtype=np.float64)
    turn = np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )
    transform = np.eye(4)
    transform[:3, :3] = turn * np.array(node.get("scale", (1, 1, 1)), dtype=np.float64)
    transform[:3, 3] = node.get("translation", (0, 0, 0))
    return transform


def _piece(document: _Document, primitive: dict[str, Any], world: Float64[np.ndarray, "4 4"]) -> _Piece:
    if "extensions" in primitive and "KHR_draco_mesh_compression" in primitive["extensions"]:
        raise InputError(f"{document.path}: the mesh is Draco-compressed; export it without compression")
    attributes = primitive["attributes"]
    local = _values(document, attributes["POSITION"]).astype(np.float64)
    n = len(local)
    mode = primitive.get("mode", 4)
    if "indices" in primitive:
        corners = _values(document, primitive["indices"]).reshape(-1).astype(np.int64)
    else:
        corners = np.arange(n if mode >= 4 else 0)
    faces = _triangles(document, corners, mode, n)
    with np.errstate(invalid="ignore", over="ignore"):
        xyz = local @ world[:3, :3].T + world[:3, 3]
    rgb = _colour(document, primitive, n)
    if rgb is not None and len(rgb) != n:
        raise InputError(f"{document.path}: {len(rgb):,} colours for {n:,} vertices; export it again")
    return _Piece(xyz=xyz, faces=faces, rgb=rgb)


def _triangles(document: _Document, corners: Int64[np.ndarray, "c"], mode: int, n: int) -> Int64[np.ndarray, "f 3"]:
    if mode == 4:
        triples = corners[: len(corners) // 3 * 3].reshape(-1, 3)
    elif mode == 5 and len(corners) >= 3:
        triples = np.stack([corners[:-2], corners[1:-1], corners[2:]], axis=1)
        triples[1::2] = triples[1::2, [1, 0, 2]]
    elif mode == 6 and len(corners) >= 3:
        triples = np.stack([np.full(len(corners) - 2, corners[0]), corners[1:-1], corners[2:]], axis=1)
    else:
        triples = np.zeros((0, 3), np.int64)
    return fan(np.full(len(triples), 3), triples.reshape(-1), points=n, where=str(document.path))


def _colour(document: _Document, primitive: dict[str, Any], n: int) -> UInt8[np.ndarray, "n 3"] | None:
    attributes = primitive["attributes"]
    if "COLOR_0" in attributes:
        colour = _values(document, attributes["COLOR_0"])
        scale = {"f": 255.0, "u": 255.0 / (2 ** (8 * colour.dtype.itemsize) - 1)}[colour.dtype.kind]
        return as_bytes(colour[:, :3].astype(np.float64), scale=scale)
    if "material" not in primitive:
        return None
    paint = document.json["materials"][primitive["material"]].get("pbrMetallicRoughness", {})
    factor = np.array(paint.get("baseColorFactor", (1, 1, 1, 1)), dtype=np.float64)[:3]
    texture = paint.get("baseColorTexture")
    if texture is None:
        return np.tile(as_bytes(factor[None], scale=255.0), (n, 1)) if "baseColorFactor" in paint else None
    uv = _values(document, attributes[f"TEXCOORD_{texture.get('texCoord', 0)}"]).astype(np.float64)
    seen = look_up(_picture(document, texture["index"]), uv[:, :2], from_top=True)
    return as_bytes(seen.astype(np.float64) * factor, scale=1.0)


def _picture(document: _Document, texture: int) -> UInt8[np.ndarray, "h w 3"]:
    index = document.json["textures"][texture]["source"]
    if index not in document.pictures:
        image = document.json["images"][index]
        if "bufferView" in image:
            view = document.json["bufferViews"][image["bufferView"]]
            start = view.get("byteOffset", 0)
            data = document.buffers[view["buffer"]][start : start + view["byteLength"]]
        else:
            data = _fetched(document.path, image["uri"])
        document.pictures[index] = decode_picture(data, where=str(document.path))
    return document.pictures[index]


def _values(document: _Document, index: int) -> Shaped[np.ndarray, "n k"]:
    """One accessor as rows, checked against the length of its buffer."""
    accessor = document.json["accessors"][index]
    count, width = int(accessor["count"]), _WIDTHS[accessor["type"]]
    dtype = np.dtype(_KINDS[accessor["componentType"]])
    if "sparse" in accessor or "bufferView" not in accessor:
        raise InputError(f"{document.path}: sparse or compressed accessors are not read; export it without compression")
    view = document.json["bufferViews"][accessor["bufferView"]]
    buffer = document.buffers[view["buffer"]]
    start = int(view.get("byteOffset", 0)) + int(accessor.get("byteOffset", 0))
    row = dtype.itemsize * width
    stride = int(view.get("byteStride", 0)) or row
    if count < 0 or start < 0 or stride < row or count * stride > MAX_BYTES_IN_MEMORY:
        raise InputError(f"{document.path}: an accessor of {count} items {stride} bytes apart; export it again")
    if count == 0:
        return np.zeros((0, width), dtype)
    check_fits(document.path, needed=start + (count - 1) * stride + row, present=len(buffer), what="an accessor")
    rows = np.ndarray((count, width), dtype, buffer=buffer, offset=start, strides=(stride, dtype.itemsize))
    values = np.ascontiguousarray(rows)
    if accessor.get("normalized") and dtype.kind == "u" and accessor["type"] == "VEC2":
        return values.astype(np.float64) / (2 ** (8 * dtype.itemsize) - 1)
    return values
