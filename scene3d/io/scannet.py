"""ScanNet v2 scene folders in: mesh, over-segments, instances with ScanNet200 ids, axis alignment, frames."""

from __future__ import annotations

import csv
import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float64, Int32, Int64

from scene3d.errors import InputError
from scene3d.io.frames import MovedFrames
from scene3d.io.limits import read_whole
from scene3d.io.ply import read_ply
from scene3d.io.raw import CATEGORY, INSTANCE, SUPERPOINT, Points, RawScan, Said, joined
from scene3d.io.rgbd import find_frames
from scene3d.io.sens import SensFrames
from scene3d.io.text import numbers
from scene3d.labels import class_list
from scene3d.types import Frame, Note, TruthObject

_TABLE = "scannetv2-labels.combined.tsv"
_PARENTS_SEARCHED = 3


def find_mesh(folder: Path) -> Path | None:
    """The mesh of a ScanNet scene folder, if it is one; `_vh_clean_2` is the one that the benchmarks use."""
    meshes = sorted(folder.glob("*_vh_clean_2.ply")) or sorted(folder.glob("*_vh_clean.ply"))
    return meshes[0] if meshes else None


def read_scannet(mesh: Path) -> RawScan:
    """Read the scene around a `_vh_clean_2.ply`; every other file is optional.

    `<mesh>.0.010000.segs.json` gives superpoints, `<scene>.aggregation.json` instances, `<scene>.txt` the axis
    alignment, which is applied; `<scene>.sens` or extracted frames the pictures. Labels become ScanNet200 ids through
    `scannetv2-labels.combined.tsv` beside or above the folder; without it, labels that are ScanNet200 names do.

    Raises:
        InputError: A file that is there is damaged or does not go with the mesh.
    """
    scan = read_ply(mesh)
    points, name, folder = joined(scan.chunks()), _scene_name(mesh), mesh.parent
    notes = [*scan.notes]
    fields, objects = dict(points.fields), None
    segments_path = next(iter(sorted(folder.glob(f"{mesh.stem}.*segs.json"))), None)
    aggregation_path = _first(folder / f"{name}.aggregation.json", folder / f"{name}_vh_clean.aggregation.json")
    if segments_path is not None:
        segment = _segments(segments_path, len(points.xyz))
        fields[SUPERPOINT] = segment
        if aggregation_path is not None:
            fields[INSTANCE], fields[CATEGORY], objects = _instances(aggregation_path, segment, notes)
    alignment = _alignment(folder / f"{name}.txt")
    xyz = points.xyz
    if alignment is not None:
        xyz = xyz @ alignment[:3, :3].T + alignment[:3, 3]
        notes.append(Note(topic="up_axis", text=f"the axis alignment of {name}.txt was applied"))
    whole = Points(xyz=xyz, rgb=points.rgb, normal=_turned(points.normal, alignment), fields=fields)
    return dataclasses.replace(
        scan,
        chunks=lambda: iter((whole,)),
        up=Said(value="z", reason="ScanNet is z-up by its convention"),
        unit_m=Said(value=1.0, reason="ScanNet is in metres by its convention"),
        may_be_camera_frame=False,
        objects=objects,
        frames=_aligned(_frames(folder, name), alignment),
        file_from_points=None if alignment is None else np.linalg.inv(alignment),
        notes=tuple(notes),
    )


def find_label_table(folder: Path) -> Path | None:
    """`scannetv2-labels.combined.tsv` beside or above a scene folder."""
    near = (folder, *list(folder.resolve().parents)[:_PARENTS_SEARCHED])
    return _first(*(place / _TABLE for place in near))


def _frames(folder: Path, name: str) -> Sequence[Frame]:
    sens = folder / f"{name}.sens"
    return SensFrames(sens) if sens.is_file() else find_frames(folder) or find_frames(folder / "frames") or ()


def _aligned(frames: Sequence[Frame], alignment: Float64[np.ndarray, "4 4"] | None) -> Sequence[Frame]:
    if alignment is None:
        return frames
    rotation = alignment[:3, :3]
    return MovedFrames.moved(frames, rotation=rotation, scale=1.0, origin=-np.linalg.inv(rotation) @ alignment[:3, 3])


def _turned(
    normal: Float64[np.ndarray, "n 3"] | None, alignment: Float64[np.ndarray, "4 4"] | None
) -> Float64[np.ndarray, "n 3"] | None:
    return normal if normal is None or alignment is None else normal @ alignment[:3, :3].T


def _scene_name(mesh: Path) -> str:
    return mesh.stem.removesuffix("_vh_clean_2").removesuffix("_vh_clean")


def _first(*paths: Path) -> Path | None:
    return next((path for path in paths if path.is_file()), None)


def _alignment(path: Path) -> Float64[np.ndarray, "4 4"] | None:
    """The line `axisAlignment = <16 numbers>` of the scene's text file."""
    if not path.is_file() or path.stat().st_size == 0:
        return None
    for line in read_whole(path).splitlines():
        key, _, value = line.partition(b"=")
        if key.strip() == b"axisAlignment":
            matrix = numbers(value, where=str(path))
            if matrix.size != 16 or not np.isfinite(matrix).all() or abs(np.linalg.det(matrix.reshape(4, 4))) < 1e-6:
                raise InputError(f"{path}: axisAlignment is not a rigid 4 × 4 matrix; copy the file again")
            return matrix.reshape(4, 4)
    return None


def _segments(path: Path, points: int) -> Int64[np.ndarray, "n"]:
    """Over-segment of each vertex."""
    try:
        segment = np.array(_json(path)["segIndices"])
    except (KeyError, ValueError, OverflowError) as error:
        raise InputError(f"{path}: no list 'segIndices' ({error}); copy the file again") from error
    if segment.shape != (points,) or segment.dtype.kind not in "iu":
        raise InputError(
            f"{path}: segments of shape {segment.shape}, the mesh has {points:,} vertices; they do not match"
        )
    return segment.astype(np.int64)


def _instances(
    path: Path, segment: Int64[np.ndarray, "n"], notes: list[Note]
) -> tuple[Int32[np.ndarray, "n"], Int32[np.ndarray, "n"], tuple[TruthObject, ...]]:
    """Object and category of each vertex, and the objects; a later group wins where two share a segment."""
    ids = _category_ids(path.parent, notes)
    known = class_list("scannet200")
    segments, back = np.unique(segment, return_inverse=True)
    instance, category = np.full(len(segments), -1, np.int32), np.zeros(len(segments), np.int32)
    objects = []
    try:
        for group in _json(path)["segGroups"]:
            label, object_id = str(group["label"]), int(group.get("objectId", group.get("id")))
            category_id = ids.get(label, 0)
            name = known.name_of(category_id)
            mine = np.isin(segments, np.array(group["segments"], dtype=np.int64))
            instance[mine], category[mine] = object_id, category_id if name else 0
            objects.append(TruthObject(id=object_id, label=name or label, category_id=category_id if name else 0))
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise InputError(f"{path}: not a list of 'segGroups' ({error}); copy the file again") from error
    return instance[back.reshape(-1)], category[back.reshape(-1)], tuple(objects)


def _category_ids(folder: Path, notes: list[Note]) -> dict[str, int]:
    """Raw category to id: from the label table beside or above the folder, else the names of the benchmark itself."""
    table = find_label_table(folder)
    known = class_list("scannet200")
    if table is None:
        notes.append(Note(topic="labels", text=f"no {_TABLE} nearby: only labels that are ScanNet200 names have an id"))
        return dict(zip(known.names, known.ids, strict=True))
    try:
        with table.open(encoding="utf-8", newline="") as file:
            return {row["raw_category"]: int(row["id"]) for row in csv.DictReader(file, delimiter="\t")}
    except (KeyError, TypeError, ValueError, csv.Error) as error:
        raise InputError(f"{table}: not ScanNet's label table ({error}); columns 'id' and 'raw_category'") from error


def _json(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(read_whole(path))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not JSON ({error}); copy the file again") from error
    if not isinstance(document, dict):
        raise InputError(f"{path}: a JSON {type(document).__name__} where an object is expected; copy the file again")
    return document
