"""The compact training file: one scan on a coarse lattice with its truth, about a byte and a half a point.

A regular `.npz` whose members are LZMA streams; `data/README.md` describes the arrays. A point keeps its place inside
its cell only along the main axis of its normal, the one direction in which a surface has a place.
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
from scene3d.synth.packing import CellPoints, pack, unpack
from scene3d.synth.packing_first import unpack_first
from scene3d.synth.scan import SimulatedScan

_SCHEMA, _FIRST_SCHEMA = "scene3d/training-scene/2", "scene3d/training-scene/1"
_UNPACK = {_SCHEMA: unpack, _FIRST_SCHEMA: unpack_first}


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
    if header.get("schema") not in _UNPACK:
        raise InputError(f"{path}: schema {header.get('schema')!r}, expected {_SCHEMA!r}; generate it again")
    points = _UNPACK[header["schema"]](arrays)
    tables = arrays["label_table"]
    rgb = points.rgb if header["has_colour"] else None
    return TrainingScene(
        name=header["name"],
        kind=header["kind"],
        xyz_m=torch.from_numpy(((points.place + arrays["origin"]) * header["voxel_m"]).astype(np.float32)),
        rgb=None if rgb is None else torch.from_numpy(np.rint(rgb).astype(np.uint8)),
        normal=torch.from_numpy(points.normal.astype(np.float32)),
        instance=torch.from_numpy(tables[points.label, 0]),
        category_id=torch.from_numpy(tables[points.label, 1]),
        superpoint=torch.from_numpy(points.superpoint),
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
    _, first, group = np.unique(key, return_index=True, return_inverse=True)
    normal = _mean(scan.normal, group)
    pair = (scan.instance.astype(np.int64) << 32) + scan.category_id
    pairs, code = np.unique(pair, return_inverse=True)
    table = np.stack([pairs >> 32, pairs & 0xFFFFFFFF], axis=1)
    points = CellPoints(
        extent=extent,
        cell=cell[first],
        place=_mean(scan.xyz_m / np.float64(voxel_m) - origin, group),
        rgb=None if scan.rgb is None else _mean(scan.rgb, group),
        normal=normal / np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-12),
        label=majority(code, group),
        superpoint=_renumbered(majority(scan.superpoint, group)),
    )
    return pack(points) | {"origin": origin.astype(np.int32), "label_table": table.astype(np.int32)}


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
