"""From a file as it was read to a scene: finite points, metres, z up, near the origin, and a note on each decision."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float64, Int32, Shaped
from torch import Tensor

from scene3d.errors import InputError
from scene3d.io.frames import MovedFrames
from scene3d.io.merge import merge
from scene3d.io.orient import Upright, upright
from scene3d.io.polygons import follow_points
from scene3d.io.raw import CATEGORY, INSTANCE, SUPERPOINT, Points, RawScan, joined, read_once, taken
from scene3d.io.unit import LARGEST_M, UNITS_M, decide_unit, unit_name
from scene3d.types import Note, Scene, Truth

_FAR_M = 100.0
"""Coordinates beyond lose precision in 32 bits: the scan is moved to the origin."""
_SURVEYED_POINTS = 200_000
_VOXEL_M = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What the user asks of a reader; None leaves the decision to the file."""

    up_axis: str | None = None
    unit: str | float | None = None
    origin: tuple[float | int, float | int, float | int] | None = None
    """Point of the file that becomes the origin, in the file's unit and axes."""
    max_points: int = 2_000_000
    voxel_m: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Survey:
    """The scan from afar, in the file's unit."""

    finite: int
    low: Float64[np.ndarray, "3"]
    high: Float64[np.ndarray, "3"]
    extent: float
    """Largest side, 1 % of strays on either side left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    """The points that stay."""

    points: Points
    index: Int32[np.ndarray, "m"] | None
    """Scene point of each file point; None: all, in order."""
    notes: tuple[Note, ...]


def place(scan: RawScan, *, path: Path, wishes: Wishes) -> Scene:
    """Decide unit, up and origin, thin out what is too large, and bring the scan there.

    Raises:
        InputError: No finite point, no extent, an absurd extent, or a wish that makes no sense.
    """
    if scan.count <= wishes.max_points:
        scan = read_once(scan)
    survey = _survey(scan, path)
    unit = decide_unit(
        asked=wishes.unit, stated=scan.unit_m, extent=survey.extent, is_unit_certain=scan.is_unit_certain
    )
    scale = float(unit.value)
    _check_extent(survey, scale, path)
    kept = _keep(scan, survey, scale, wishes)
    middle = (survey.low + survey.high) / 2
    turn = upright(
        (kept.points.xyz - (0.0 if scan.may_be_camera_frame else middle)) * scale,
        asked=wishes.up_axis,
        stated=scan.up,
        may_be_camera_frame=scan.may_be_camera_frame,
    )
    origin, origin_note = _origin(survey, scale, wishes)
    notes = (
        Note(topic="up_axis", text=turn.reason),
        Note(topic="unit", text=f"unit taken as {unit_name(scale)}: {unit.reason}"),
        *origin_note,
        *kept.notes,
        *scan.notes,
    )
    return _scene(scan, kept, path=path, turn=turn, scale=scale, origin=origin, notes=notes)


def _survey(scan: RawScan, path: Path) -> _Survey:
    """Bounds of all points and a sample of them, in one pass."""
    finite, low, high, some = 0, np.full(3, np.inf), np.full(3, -np.inf), []
    step = max(1, scan.count // _SURVEYED_POINTS)
    for points in scan.chunks():
        xyz = points.xyz[np.isfinite(points.xyz).all(axis=1)]
        finite += len(xyz)
        some.append(xyz[::step])
        if len(xyz):
            low, high = np.minimum(low, xyz.min(axis=0)), np.maximum(high, xyz.max(axis=0))
    if finite == 0 and scan.is_fused:
        raise InputError(f"{path}: no frame has both depth and a pose; record or export the frames again")
    if finite == 0:
        raise InputError(
            f"{path}: 0 of {scan.count:,} points are finite; the export went wrong or the view is empty, scan it again"
        )
    inner = np.quantile(np.concatenate(some), [0.01, 0.99], axis=0) if some else np.zeros((2, 3))
    with np.errstate(over="ignore"):
        return _Survey(finite=finite, low=low, high=high, extent=float((inner[1] - inner[0]).max()))


def _check_extent(survey: _Survey, scale: float, path: Path) -> None:
    with np.errstate(over="ignore"):
        side_m = float((survey.high - survey.low).max()) * scale
    if not side_m <= LARGEST_M:
        raise InputError(
            f"{path}: the scan measures {side_m:.3g} m, more than {LARGEST_M:,.0f} m; remove stray points or say "
            f"what the unit is: unit= one of {', '.join(UNITS_M)}"
        )
    if side_m < 1e-4:
        raise InputError(
            f"{path}: all {survey.finite:,} points lie within {side_m:.3g} m; export the scan again or pass unit="
        )


def _keep(scan: RawScan, survey: _Survey, scale: float, wishes: Wishes) -> _Kept:
    """All finite points, or one per voxel where they are too many or the user asks for it."""
    dropped = 0 if scan.is_fused else scan.count - survey.finite
    notes = (Note(topic="points", text=f"{dropped:,} of {scan.count:,} points are not finite and were dropped"),)
    notes = notes if dropped else ()
    if survey.finite <= wishes.max_points and wishes.voxel_m is None and not scan.is_fused:
        points = joined(scan.chunks())
        if not dropped:
            return _Kept(points=points, index=None, notes=())
        finite = np.flatnonzero(np.isfinite(points.xyz).all(axis=1))
        index = np.full(len(points.xyz), -1, dtype=np.int32)
        index[finite] = np.arange(len(finite), dtype=np.int32)
        return _Kept(points=taken(points, finite), index=index, notes=notes)
    extent = float((survey.high - survey.low).max())
    size = (wishes.voxel_m or _VOXEL_M) / scale
    merged = merge(
        scan.chunks, low=survey.low, size=size, extent=extent, max_points=wishes.max_points, follow=not scan.is_fused
    )
    why = "depth images overlap" if scan.is_fused else f"more than {wishes.max_points:,} points"
    why = why if wishes.voxel_m is None else "as asked for"
    text = (
        f"{survey.finite:,} points were merged into {len(merged.points.xyz):,}, one per voxel of "
        f"{merged.size * scale * 100:.3g} cm ({why}; max_points and voxel_m override)"
    )
    return _Kept(points=merged.points, index=merged.point_of_file, notes=(*notes, Note(topic="points", text=text)))


def _origin(survey: _Survey, scale: float, wishes: Wishes) -> tuple[Float64[np.ndarray, "3"], tuple[Note, ...]]:
    """The file's point that becomes the origin."""
    if wishes.origin is not None:
        origin = np.array(wishes.origin, dtype=np.float64)
        if origin.shape != (3,) or not np.isfinite(origin).all():
            raise InputError(f"origin {wishes.origin!r}: three finite coordinates of the file are needed")
        why = "as asked for"
    elif max(np.abs(survey.low).max(), np.abs(survey.high).max()) * scale <= _FAR_M:
        return np.zeros(3), ()
    else:
        origin = np.round((survey.low + survey.high) / 2 * scale) / scale
        why = f"coordinates beyond {_FAR_M:.0f} m lose precision"
    place_text = ", ".join(f"{v:,.3f}" for v in origin)
    return origin, (Note(topic="origin", text=f"({place_text}) of the file became the origin: {why}"),)


def _scene(
    scan: RawScan,
    kept: _Kept,
    *,
    path: Path,
    turn: Upright,
    scale: float,
    origin: Float64[np.ndarray, "3"],
    notes: tuple[Note, ...],
) -> Scene:
    rotation, points = turn.rotation, kept.points
    file_from_scene = np.eye(4)
    file_from_scene[:3, :3], file_from_scene[:3, 3] = rotation.T / scale, origin
    if scan.file_from_points is not None:
        file_from_scene = scan.file_from_points @ file_from_scene
    faces = scan.faces
    if faces is not None and kept.index is not None:
        faces = follow_points(faces, kept.index.astype(np.int64))
    fields = dict(points.fields)
    superpoint = fields.pop(SUPERPOINT, None)
    return Scene(
        name=scan_name(path),
        xyz_m=torch.from_numpy(((points.xyz - origin) @ rotation.T * scale).astype(np.float32)),
        rgb=None if points.rgb is None else _tensor(points.rgb),
        normal=_normals(points, rotation),
        faces=None if faces is None or len(faces) == 0 else _tensor(faces),
        superpoint=None if superpoint is None else _tensor(np.unique(superpoint, return_inverse=True)[1].reshape(-1)),
        frames=MovedFrames.moved(scan.frames, rotation=rotation, scale=scale, origin=origin),
        file_from_scene=torch.from_numpy(file_from_scene),
        scene_point_of_file=None if kept.index is None else torch.from_numpy(kept.index),
        viewpoint_m=torch.from_numpy((rotation @ -origin * scale).astype(np.float32)) if turn.is_camera_view else None,
        truth=_truth(scan, fields),
        fields={name: _tensor(values) for name, values in fields.items() if values.dtype.kind in "fiub"},
        notes=(*notes, *_missing(points, faces)),
    )


def scan_name(path: Path) -> str:
    """Name of the scan of a file: what stands before the ending, ScanNet's suffix left out."""
    name = path.name if path.is_dir() else path.stem
    return name.removesuffix("_vh_clean_2").removesuffix("_vh_clean") or "scan"


def _truth(scan: RawScan, fields: dict[str, Shaped[np.ndarray, "n ..."]]) -> Truth | None:
    instance, category = fields.pop(INSTANCE, None), fields.pop(CATEGORY, None)
    if instance is None or category is None:
        return None
    return Truth(
        instance=_tensor(instance.astype(np.int32)),
        category_id=_tensor(category.astype(np.int32)),
        objects=scan.objects or (),
    )


def _normals(points: Points, rotation: Float64[np.ndarray, "3 3"]) -> Tensor | None:
    """Normals in the scene's frame, of unit length; zero where the file has none."""
    if points.normal is None:
        return None
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        turned = np.nan_to_num(points.normal, posinf=0.0, neginf=0.0) @ rotation.T
        length = np.linalg.norm(turned, axis=1, keepdims=True)
        unit = np.where((length > 1e-12) & np.isfinite(length), turned / length, 0.0)
    return torch.from_numpy(unit.astype(np.float32))


def _missing(points: Points, faces: Shaped[np.ndarray, "f 3"] | None) -> tuple[Note, ...]:
    notes = []
    if points.rgb is None:
        notes.append(Note(topic="colour", text="the file has no colour; the model sees shape only"))
    elif len(points.rgb) and (points.rgb == points.rgb[0]).all():
        notes.append(Note(topic="colour", text=f"every point has the same colour {tuple(points.rgb[0].tolist())}"))
    if faces is None or len(faces) == 0:
        notes.append(Note(topic="faces", text="the file has no faces; neighbours are found among the points"))
    return tuple(notes)


def _tensor(values: Shaped[np.ndarray, "..."]) -> Tensor:
    """A tensor of its own; unsigned integers, which torch hardly supports, become the next larger signed ones."""
    wider = {"u2": np.int32, "u4": np.int64, "u8": np.int64}.get(values.dtype.str[1:], values.dtype.newbyteorder("="))
    return torch.from_numpy(np.array(values, dtype=wider, order="C"))
