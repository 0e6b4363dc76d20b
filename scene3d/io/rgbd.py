"""Folders of posed RGB-D pictures in: ScanNet's extracted frames, `frame-*.color` folders, and our own frames.json."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, overload

import numpy as np
import torch
from jaxtyping import Float64

from scene3d.errors import InputError
from scene3d.io.frames import depth_of_colour_pixels, fused
from scene3d.io.limits import read_whole
from scene3d.io.picture import decode_depth, decode_picture
from scene3d.io.raw import RawScan, Said
from scene3d.io.text import numbers
from scene3d.types import Frame, Note

SCHEMA = "scene3d/frames/1"
_PICTURES = (".jpg", ".jpeg", ".png")
_MILLIMETRES = 0.001


@dataclass(frozen=True, slots=True, kw_only=True)
class _View:
    """Where the parts of one frame lie."""

    colour: Path
    depth: Path | None
    pose: Path | Float64[np.ndarray, "4 4"]
    intrinsic: Float64[np.ndarray, "3 3"]
    depth_intrinsic: Float64[np.ndarray, "3 3"] | None
    """None: the depth image shows what the colour picture shows, at its own resolution."""
    depth_unit_m: float
    time_s: float | None = None


class FolderFrames(Sequence[Frame]):
    """Frames of a folder, each decoded when it is asked for."""

    def __init__(self, views: Sequence[_View]) -> None:
        """Keep the places of the pictures."""
        self._views = views

    def __len__(self) -> int:
        """Number of frames."""
        return len(self._views)

    @overload
    def __getitem__(self, index: int) -> Frame: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Frame]: ...
    def __getitem__(self, index: int | slice) -> Frame | Sequence[Frame]:
        """Decode one frame, or select some without decoding.

        Raises:
            InputError: A picture or pose is missing or damaged.
        """
        if isinstance(index, slice):
            return FolderFrames(self._views[index])
        view = self._views[index]
        rgb = decode_picture(view.colour, where=str(view.colour))
        pose = _matrix(view.pose, 4) if isinstance(view.pose, Path) else view.pose
        depth = None
        if view.depth is not None:
            raw = decode_depth(view.depth, where=str(view.depth))
            own = _stretched(view.intrinsic, rgb.shape[1::-1], raw.shape[::-1])
            depth = depth_of_colour_pixels(
                raw.astype(np.float32) * np.float32(view.depth_unit_m),
                depth_intrinsic=own if view.depth_intrinsic is None else view.depth_intrinsic,
                intrinsic=view.intrinsic,
                size=(rgb.shape[1], rgb.shape[0]),
            )
        return Frame(
            rgb=torch.from_numpy(rgb),
            depth_m=None if depth is None else torch.from_numpy(depth),
            intrinsic=torch.from_numpy(view.intrinsic.copy()),
            world_from_camera=torch.from_numpy(pose.copy()),
            time_s=view.time_s,
        )


def find_frames(folder: Path) -> FolderFrames | None:
    """The frames of a folder, if it has one of the layouts that are understood.

    Layouts, tried in this order:
        `frames.json`: our own, see `docs/scans.md`.
        `color/N.jpg depth/N.png pose/N.txt intrinsic/intrinsic_color.txt`: ScanNet's, depth in millimetres.
        `frame-N.color.jpg frame-N.depth.png frame-N.pose.txt` with `intrinsics.txt`: depth in millimetres.

    Raises:
        InputError: The layout is there but a part of it is missing or damaged.
    """
    for find in (_own, _scannet, _flat):
        views = find(folder)
        if views:
            return FolderFrames(views)
    return None


def read_rgbd(folder: Path, *, frames: Sequence[Frame], max_frames: int) -> RawScan:
    """Fuse the depth of at most `max_frames` of the frames."""
    count, chunks = fused(frames, most=max_frames)
    text = f"fused from the depth of {min(len(frames), max_frames)} of {len(frames)} frames"
    return RawScan(
        count=count,
        chunks=chunks,
        unit_m=Said(value=1.0, reason="poses and depth are in metres"),
        may_be_camera_frame=False,
        frames=frames,
        is_fused=True,
        notes=(Note(topic="points", text=text),),
    )


def _own(folder: Path) -> list[_View]:
    index = folder / "frames.json"
    if not index.is_file():
        return []
    try:
        document = json.loads(read_whole(index))
        if document["schema"] != SCHEMA:
            raise InputError(f"{index}: schema {document['schema']!r}, this version reads {SCHEMA!r}")
        return [_own_view(folder, entry, document) for entry in document["frames"]]
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(
            f"{index}: not a list of frames ({type(error).__name__}: {error}); see docs/scans.md"
        ) from error


def _own_view(folder: Path, entry: dict[str, Any], document: dict[str, Any]) -> _View:
    unit = float(entry.get("depth_unit_m", document.get("depth_unit_m", _MILLIMETRES)))
    if not 0 < unit < 1e3:
        raise ValueError(f"depth_unit_m is {unit}")
    return _View(
        colour=folder / entry["rgb"],
        depth=folder / entry["depth"] if entry.get("depth") else None,
        pose=np.array(entry["world_from_camera"], dtype=np.float64).reshape(4, 4),
        intrinsic=_usable(entry.get("intrinsic", document.get("intrinsic")), folder / "frames.json"),
        depth_intrinsic=None,
        depth_unit_m=unit,
        time_s=None if entry.get("time_s") is None else float(entry["time_s"]),
    )


def _scannet(folder: Path) -> list[_View]:
    if not (folder / "color").is_dir() or not (folder / "pose").is_dir():
        return []
    intrinsic = _usable(_matrix(folder / "intrinsic" / "intrinsic_color.txt", 4)[:3, :3], folder)
    of_depth = folder / "intrinsic" / "intrinsic_depth.txt"
    depth_intrinsic = _usable(_matrix(of_depth, 4)[:3, :3], of_depth) if of_depth.is_file() else None
    views = []
    for colour in sorted((p for p in (folder / "color").iterdir() if p.suffix.lower() in _PICTURES), key=_by_number):
        depth, pose = folder / "depth" / f"{colour.stem}.png", folder / "pose" / f"{colour.stem}.txt"
        if pose.is_file():
            views.append(_view(colour, depth, pose, intrinsic, depth_intrinsic))
    return views


def _flat(folder: Path) -> list[_View]:
    poses = sorted(folder.glob("frame-*.pose.txt"))
    if not poses:
        return []
    intrinsic = _usable(_matrix(folder / "intrinsics.txt", 3), folder / "intrinsics.txt")
    views = []
    for pose in poses:
        stem = pose.name.removesuffix(".pose.txt")
        colour = next((p for e in _PICTURES if (p := folder / f"{stem}.color{e}").is_file()), None)
        if colour is not None:
            views.append(_view(colour, folder / f"{stem}.depth.png", pose, intrinsic, None))
    return views


def _view(
    colour: Path,
    depth: Path,
    pose: Path,
    intrinsic: Float64[np.ndarray, "3 3"],
    depth_intrinsic: Float64[np.ndarray, "3 3"] | None,
) -> _View:
    return _View(
        colour=colour,
        depth=depth if depth.is_file() else None,
        pose=pose,
        intrinsic=intrinsic,
        depth_intrinsic=depth_intrinsic,
        depth_unit_m=_MILLIMETRES,
    )


def _matrix(path: Path, rows: int) -> Float64[np.ndarray, "r r"]:
    if not path.is_file():
        raise InputError(f"{path}: does not exist; a folder of frames needs it, see docs/scans.md")
    values = numbers(read_whole(path), where=str(path))
    if values.size == 16 and rows == 3:
        return values.reshape(4, 4)[:3, :3]
    if values.size != rows * rows:
        raise InputError(f"{path}: holds {values.size} numbers, a matrix of {rows} × {rows} is needed")
    return values.reshape(rows, rows)


def _usable(matrix: object, where: Path) -> Float64[np.ndarray, "3 3"]:
    k = np.array(matrix, dtype=np.float64)
    if k.shape != (3, 3) or not np.isfinite(k).all() or k[0, 0] <= 0 or k[1, 1] <= 0:
        raise InputError(f"{where}: the camera matrix is not a pinhole matrix of 3 × 3; see docs/scans.md")
    return k


def _stretched(
    intrinsic: Float64[np.ndarray, "3 3"], size: tuple[int, ...], wanted: tuple[int, ...]
) -> Float64[np.ndarray, "3 3"]:
    """The matrix for the same view at another resolution; pixel centres are at whole numbers."""
    k = intrinsic.copy()
    for axis in (0, 1):
        factor = wanted[axis] / size[axis]
        k[axis, axis] *= factor
        k[axis, 2] = (k[axis, 2] + 0.5) * factor - 0.5
    return k


def _by_number(path: Path) -> tuple[int, str]:
    return (int(path.stem) if path.stem.isdigit() else -1, path.stem)
