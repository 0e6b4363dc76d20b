"""A simulated scan as a folder in ScanNet's layout, pictures and room truth beside it."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from plyfile import PlyData, PlyElement

from scene3d.labels import class_list
from scene3d.synth.compact import majority
from scene3d.synth.inventory import inventory, relations, room_outline
from scene3d.synth.scan import SimulatedScan

_ROOM_SCHEMA = "scene3d/room/1"


def write_scan_folder(folder: Path, scan: SimulatedScan, *, name: str) -> None:
    """Write a scan as ScanNet v2 lays its scenes out; the folder appears when all of it is there.

    Written are `NAME_vh_clean_2.ply`, `NAME_vh_clean_2.0.010000.segs.json`, `NAME.aggregation.json`, `NAME.txt`, then
    `NAME.room.json` with all objects and relations, and, where the scan kept frames, `color`, `depth`, `pose`,
    `intrinsic` and `instance`. As in ScanNet, an annotated object is a union of segments: those of which it owns the
    larger part.

    Args:
        folder: Replaced if it is there.
        scan: The scan.
        name: Scene name, which the files carry.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    scratch = folder.with_name(f".{folder.name}.{os.getpid()}")
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    _write_mesh(scratch / f"{name}_vh_clean_2.ply", scan)
    _write_json(
        scratch / f"{name}_vh_clean_2.0.010000.segs.json",
        {"params": {}, "sceneId": name, "segIndices": scan.superpoint.tolist()},
    )
    _write_json(scratch / f"{name}.aggregation.json", {"sceneId": f"scannet.{name}", "segGroups": _groups(scan)})
    (scratch / f"{name}.txt").write_text(_description(scan), encoding="ascii")
    _write_json(scratch / f"{name}.room.json", _room(scan, name))
    if scan.frames:
        _write_frames(scratch, scan)
    shutil.rmtree(folder, ignore_errors=True)
    scratch.rename(folder)


def _write_mesh(path: Path, scan: SimulatedScan) -> None:
    surface = scan.surface
    columns = [(axis, "<f4", surface.xyz_m[:, i]) for i, axis in enumerate("xyz")]
    if scan.has_colour:
        columns += [(channel, "u1", surface.rgb[:, i]) for i, channel in enumerate(("red", "green", "blue"))]
    vertex = np.empty(len(surface.xyz_m), [(field, kind) for field, kind, _ in columns])
    for field, _, values in columns:
        vertex[field] = values
    elements = [PlyElement.describe(vertex, "vertex")]
    if len(surface.faces):
        kind = "<u2" if len(surface.xyz_m) <= 2**16 else "<i4"  # faces are most of the file
        face = np.empty(len(surface.faces), [("vertex_indices", kind, (3,))])
        face["vertex_indices"] = surface.faces
        elements.append(PlyElement.describe(face, "face"))
    PlyData(elements, byte_order="<").write(str(path))


def _groups(scan: SimulatedScan) -> list[dict[str, Any]]:
    """One group per object, then one per class of structure."""
    instance, category = scan.labels.instance.astype(np.int64), scan.labels.category_id.astype(np.int64)
    free = max((o.id for o in scan.room.objects), default=-1) + 1
    structures = np.unique(category[(instance < 0) & (category > 0)])
    group_of_point = np.where(instance >= 0, instance, -1)
    for i, structure in enumerate(structures):
        group_of_point[(instance < 0) & (category == structure)] = free + i
    group_of_segment = majority(group_of_point + 1, scan.superpoint.astype(np.int64)) - 1
    label = {o.id: o.label for o in scan.room.objects}
    label |= {free + i: class_list("scannet200").name_of(int(c)) for i, c in enumerate(structures)}
    return [
        {"id": g, "objectId": g, "segments": np.flatnonzero(group_of_segment == g).tolist(), "label": label[g]}
        for g in np.unique(group_of_segment[group_of_segment >= 0]).tolist()
    ]


def _description(scan: SimulatedScan) -> str:
    """ScanNet's key = value lines; the alignment turns the room's walls along the axes."""
    alignment = np.linalg.inv(scan.world_from_room)
    focal, (width, height) = scan.camera.focal_px, (scan.camera.width, scan.camera.height)
    lines = {
        "axisAlignment": " ".join(f"{v:.6f}" for v in alignment.ravel()),
        "colorWidth": width,
        "colorHeight": height,
        "depthWidth": width,
        "depthHeight": height,
        "fx_color": f"{focal:.6f}",
        "fy_color": f"{focal:.6f}",
        "mx_color": f"{(width - 1) / 2:.6f}",
        "my_color": f"{(height - 1) / 2:.6f}",
        "numColorFrames": len(scan.frames),
        "numDepthFrames": len(scan.frames),
        "sceneType": scan.room.kind.title(),
    }
    return "".join(f"{key} = {value}\n" for key, value in lines.items())


def _room(scan: SimulatedScan, name: str) -> dict[str, Any]:
    return {
        "schema": _ROOM_SCHEMA,
        "name": name,
        "kind": scan.room.kind,
        "floor_m": room_outline(scan),
        "height_m": round(scan.room.height_m, 3),
        "fused": scan.fused,
        "scan_voxel_m": scan.voxel_m,
        "objects": [asdict(o) for o in inventory(scan)],
        "relations": relations(scan),
    }


def _write_frames(folder: Path, scan: SimulatedScan) -> None:
    """Pictures as ScanNet's exporter names them; depth in millimetres, instances as id + 1."""
    writers: dict[str, Callable[[Path, Any], None]] = {
        "color": lambda stem, f: Image.fromarray(f.rgb).save(stem.with_suffix(".jpg"), quality=92),
        "depth": lambda stem, f: _save_16_bit(stem, np.rint(f.depth_m * 1000)),
        "instance": lambda stem, f: _save_16_bit(stem, f.instance + 1),
        "pose": lambda stem, f: np.savetxt(stem.with_suffix(".txt"), f.world_from_camera, fmt="%.6f"),
    }
    for kind, write in writers.items():
        (folder / kind).mkdir()
        for i, frame in enumerate(scan.frames):
            write(folder / kind / f"{i}", frame)
    (folder / "intrinsic").mkdir()
    intrinsic = np.eye(4)
    intrinsic[:3, :3] = scan.camera.intrinsic()
    for kind in ("color", "depth"):
        np.savetxt(folder / "intrinsic" / f"intrinsic_{kind}.txt", intrinsic, fmt="%.6f")


def _save_16_bit(stem: Path, value: np.ndarray) -> None:
    Image.fromarray(value.astype(np.uint16)).save(stem.with_suffix(".png"), optimize=True)


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, separators=(",", ":")), encoding="utf-8")
