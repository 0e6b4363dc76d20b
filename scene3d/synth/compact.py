"""The compact training file: one simulated scan on a coarse lattice with its truth, about two bytes a point.

A regular `.npz` whose members are LZMA streams; `data/README.md` describes the arrays. Points are sorted by cell, so
what is stored are differences; a point keeps its place inside its cell only along the main axis of its normal, the one
direction in which a surface has a place.
"""

from __future__ import annotations

import io
import json
import os
import zipfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float32, Int, Int32, Int64, UInt8
from torch import Tensor

from scene3d.errors import InputError
from scene3d.synth.inventory import SceneObject, inventory, relations, relations_from_json, room_outline
from scene3d.synth.scan import SimulatedScan

_SCHEMA = "scene3d/training-scene/1"
_DEPTHS = 16
"""Places inside a cell along the normal's main axis."""
_NORMAL_STEPS = 31
"""Steps along each side of the unfolded octahedron."""
_COLOUR_SHIFT = 2
"""Lowest bits of a colour that are noise and not kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnotatedScan:
    """A scan at full resolution and what is known of it; n points."""

    name: str
    kind: str
    """bedroom, kitchen, …; "" where unknown."""
    xyz_m: Float32[np.ndarray, "n 3"]
    rgb: UInt8[np.ndarray, "n 3"] | None
    normal: Float32[np.ndarray, "n 3"]
    instance: Int32[np.ndarray, "n"]
    """`SceneObject.id`, -1 where there is none."""
    category_id: Int32[np.ndarray, "n"]
    """ScanNet200 id, structures included; 0 where unlabelled."""
    superpoint: Int[np.ndarray, "n"]
    """Not negative."""
    objects: tuple[SceneObject, ...]
    relations: dict[str, Any] | None
    """None where nobody told how the objects stand to each other."""
    floor_m: list[list[float]]
    """Corners of the floor; none where unknown."""
    voxel_m: float | None
    """Resolution; None where unknown."""
    fused: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingScene:
    """One scan as the training reads it: at most one point per cell of `voxel_m`, sorted by cell."""

    name: str
    kind: str
    """bedroom, kitchen, …; "" where unknown."""
    xyz_m: Float32[Tensor, "n 3"]
    rgb: UInt8[Tensor, "n 3"] | None
    normal: Float32[Tensor, "n 3"]
    """Unit length, towards the camera."""
    instance: Int32[Tensor, "n"]
    """`SceneObject.id`, -1 where there is none."""
    category_id: Int32[Tensor, "n"]
    """ScanNet200 id, structures included; 0 where unlabelled."""
    superpoint: Int64[Tensor, "n"]
    """0 … s-1, from the scan at full resolution."""
    objects: tuple[SceneObject, ...]
    """All that was in the room; `seen` tells which of it the scan shows."""
    relations: dict[str, Any] | None
    """None in real rooms. `supports`: pairs (upper, lower); `nearest`: for each object its closest others and the gaps
    in metres; `facing`: pairs (object, what its front points at). All by object id."""
    floor_m: Float32[Tensor, "k 2"]
    """Corners of the floor in the frame of the scan; none where unknown."""
    voxel_m: float
    scan_voxel_m: float | None
    fused: bool
    """False: bare points of a few views."""


def write_training_scene(path: Path, scan: SimulatedScan, *, name: str, voxel_m: float = 0.04) -> None:
    """Write the compact file of a simulated scan; arguments and errors as in `write_annotated_scan`."""
    annotated = AnnotatedScan(
        name=name,
        kind=scan.room.kind,
        xyz_m=scan.surface.xyz_m,
        rgb=scan.surface.rgb if scan.has_colour else None,
        normal=scan.surface.normal,
        instance=scan.labels.instance,
        category_id=scan.labels.category_id,
        superpoint=scan.superpoint,
        objects=inventory(scan),
        relations=relations(scan),
        floor_m=room_outline(scan),
        voxel_m=scan.voxel_m,
        fused=scan.fused,
    )
    write_annotated_scan(path, annotated, voxel_m=voxel_m)


def write_annotated_scan(path: Path, scan: AnnotatedScan, *, voxel_m: float = 0.04) -> None:
    """Write the compact file of a scan; a reader never sees half of it.

    Args:
        path: Ends in `.npz`.
        scan: The scan.
        voxel_m: Edge of a cell, metres; points of a cell become one, labels and superpoints by majority.

    Raises:
        InputError: The scan spans more cells than 32 bits number.
    """
    arrays = _encode(scan, voxel_m)
    header = {
        "schema": _SCHEMA,
        "name": scan.name,
        "kind": scan.kind,
        "voxel_m": voxel_m,
        "scan_voxel_m": scan.voxel_m,
        "fused": scan.fused,
        "has_colour": scan.rgb is not None,
        "floor_m": scan.floor_m,
        "objects": [asdict(o) for o in scan.objects],
        "relations": scan.relations,
    }
    arrays["header"] = np.frombuffer(json.dumps(header, separators=(",", ":")).encode(), np.uint8)
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    with zipfile.ZipFile(scratch, "w", zipfile.ZIP_LZMA) as file:
        for key, array in arrays.items():
            buffer = io.BytesIO()
            np.lib.format.write_array(buffer, np.ascontiguousarray(array), allow_pickle=False)
            # A fixed date: the same scan gives the same bytes.
            member = zipfile.ZipInfo(f"{key}.npy")
            member.compress_type = zipfile.ZIP_LZMA
            file.writestr(member, buffer.getvalue())
    scratch.replace(path)


def load_training_scene(path: Path | str) -> TrainingScene:
    """Read a compact file.

    Raises:
        InputError: Not a compact training file, or one of another version.
    """
    try:
        with zipfile.ZipFile(path) as file:
            arrays = {Path(member).stem: _array(file.read(member)) for member in file.namelist()}
        header = json.loads(arrays["header"].tobytes())
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(f"{path}: not a compact training scene ({error}); `scene3d synth` writes them") from error
    if header.get("schema") != _SCHEMA:
        raise InputError(f"{path}: schema {header.get('schema')!r}, expected {_SCHEMA!r}; generate it again")
    normal = _unfold(arrays["normal"])
    tables = arrays["label_table"]
    return TrainingScene(
        name=header["name"],
        kind=header["kind"],
        xyz_m=torch.from_numpy(_places(arrays, normal, header["voxel_m"])),
        rgb=torch.from_numpy(_colours(arrays["rgb"])) if header["has_colour"] else None,
        normal=torch.from_numpy(normal),
        instance=torch.from_numpy(tables[arrays["label"], 0]),
        category_id=torch.from_numpy(tables[arrays["label"], 1]),
        superpoint=torch.from_numpy(arrays["superpoint"].astype(np.int64)),
        objects=tuple(SceneObject.from_json(o) for o in header["objects"]),
        relations=None if header["relations"] is None else relations_from_json(header["relations"]),
        floor_m=torch.tensor(header["floor_m"], dtype=torch.float32).reshape(-1, 2),
        voxel_m=header["voxel_m"],
        scan_voxel_m=header["scan_voxel_m"],
        fused=header["fused"],
    )


def _array(data: bytes) -> np.ndarray:
    return np.lib.format.read_array(io.BytesIO(data), allow_pickle=False)


def _encode(scan: AnnotatedScan, voxel_m: float) -> dict[str, np.ndarray]:
    cell = np.floor(scan.xyz_m / np.float64(voxel_m)).astype(np.int64)
    origin = cell.min(axis=0)
    cell -= origin
    extent = cell.max(axis=0) + 1
    if extent.prod() >= 2**32:
        raise InputError(f"{scan.name}: {extent.tolist()} cells of {voxel_m} m; take larger cells")
    key = (cell[:, 0] * extent[1] + cell[:, 1]) * extent[2] + cell[:, 2]
    keys, group = np.unique(key, return_inverse=True)
    normal = _mean(scan.normal, group)
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-12)
    folded = _fold(normal)
    axis = np.abs(_unfold(folded)).argmax(axis=1)
    inside = _mean(scan.xyz_m / np.float64(voxel_m) - origin - cell, group)[np.arange(len(keys)), axis]
    pairs = np.stack([scan.instance, scan.category_id], axis=1)
    table, code = np.unique(pairs, axis=0, return_inverse=True)
    superpoint = majority(scan.superpoint, group)
    step = np.diff(keys, prepend=0).astype(np.uint32)
    rgb = np.zeros_like(scan.xyz_m, np.uint8) if scan.rgb is None else scan.rgb
    r, g, b = (_mean(rgb, group).astype(np.int32) >> _COLOUR_SHIFT).T
    return {
        "origin": origin.astype(np.int32),
        "extent": extent.astype(np.int32),
        "step": step.view(np.uint8).reshape(-1, 4).T,  # low bytes together: three of four planes are nearly empty
        "depth": np.clip(inside * _DEPTHS, 0, _DEPTHS - 1).astype(np.uint8),
        "rgb": np.stack([g, r - g, b - g]).astype(np.uint8),  # the differences are small
        "normal": folded,
        "label": majority(code.ravel(), group).astype(np.uint16),
        "label_table": table.astype(np.int32),
        "superpoint": _renumbered(superpoint).astype(np.uint16 if superpoint.max() < 2**16 else np.uint32),
    }


def _places(arrays: dict[str, np.ndarray], normal: np.ndarray, voxel_m: float) -> Float32[np.ndarray, "n 3"]:
    step = np.ascontiguousarray(arrays["step"].T).view(np.uint32).ravel()
    key = np.cumsum(step, dtype=np.int64)
    _, height, depth = arrays["extent"].astype(np.int64)
    cell = np.stack([key // (height * depth), key // depth % height, key % depth], axis=1)
    place = cell + 0.5
    place[np.arange(len(key)), np.abs(normal).argmax(axis=1)] += (arrays["depth"] + 0.5) / _DEPTHS - 0.5
    return ((place + arrays["origin"]) * voxel_m).astype(np.float32)


def _colours(planes: UInt8[np.ndarray, "3 n"]) -> UInt8[np.ndarray, "n 3"]:
    g, red_less_green, blue_less_green = planes
    levels = np.stack([g + red_less_green, g, g + blue_less_green], axis=1)  # wraps round as it did when written
    return (levels << _COLOUR_SHIFT) + np.uint8(1 << (_COLOUR_SHIFT - 1))


def _fold(normal: np.ndarray) -> UInt8[np.ndarray, "2 n"]:
    """Unit vectors to the unfolded octahedron. Source: Cigolle et al., JCGT 2014."""
    flat = normal / np.maximum(np.abs(normal).sum(axis=1, keepdims=True), 1e-12)
    sign = np.where(flat[:, :2] < 0, -1, 1)
    flat = np.where(flat[:, 2:] < 0, (1 - np.abs(flat[:, 1::-1])) * sign, flat[:, :2])
    return np.rint((flat + 1) / 2 * (_NORMAL_STEPS - 1)).astype(np.uint8).T


def _unfold(folded: UInt8[np.ndarray, "2 n"]) -> Float32[np.ndarray, "n 3"]:
    xy = folded.T.astype(np.float32) / (_NORMAL_STEPS - 1) * 2 - 1
    z = 1 - np.abs(xy).sum(axis=1, keepdims=True)
    sign = np.where(xy < 0, np.float32(-1), np.float32(1))
    xy = np.where(z < 0, (1 - np.abs(xy[:, ::-1])) * sign, xy)
    vector = np.concatenate([xy, z], axis=1)
    return (vector / np.linalg.norm(vector, axis=1, keepdims=True)).astype(np.float32)


def _mean(value: np.ndarray, group: Int64[np.ndarray, "n"]) -> np.ndarray:
    """Mean of each column per group, (v, c)."""
    count = np.bincount(group)
    return np.stack([np.bincount(group, column) / count for column in value.T.astype(np.float64)], axis=1)


def majority(label: Int[np.ndarray, "n"], group: Int64[np.ndarray, "n"]) -> Int64[np.ndarray, "v"]:
    """Most frequent label per group, the least of equals."""
    span = int(label.max()) + 1
    pair, count = np.unique(group * span + label, return_counts=True)
    owner = pair // span
    best = np.lexsort((pair, -count, owner))
    return pair[best][np.concatenate([[True], np.diff(owner[best]) > 0])] % span


def _renumbered(label: Int64[np.ndarray, "v"]) -> Int64[np.ndarray, "v"]:
    """0 … s-1 in the order of first appearance."""
    _, first, compact = np.unique(label, return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[compact]
