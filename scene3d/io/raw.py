"""What a reader hands over: points in the file's own axes and unit, before anything is decided about them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float64, Int64, Shaped, UInt8

from scene3d.errors import InputError
from scene3d.types import Frame, Note, TruthObject

CHUNK = 1_000_000
"""Points that a reader keeps in memory at a time when a file is streamed."""

INSTANCE, CATEGORY, SUPERPOINT = "scannet/instance", "scannet/category", "scannet/superpoint"
"""Names in `Points.fields` under which annotations travel, so that they are thinned and reordered with the points."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Points:
    """Some points of a file, in its order."""

    xyz: Float64[np.ndarray, "n 3"]
    """The file's axes, unit and origin."""
    rgb: UInt8[np.ndarray, "n 3"] | None = None
    normal: Float64[np.ndarray, "n 3"] | None = None
    fields: dict[str, Shaped[np.ndarray, "n ..."]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """Something that the format or the file itself states."""

    value: str | float
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RawScan:
    """A file as it was read."""

    count: int
    """Points in the file; an upper bound where depth images are fused."""
    chunks: Callable[[], Iterator[Points]]
    """Reads the points from the start, a bounded number at a time; may be called again."""
    faces: Int64[np.ndarray, "f 3"] | None = None
    up: Said | None = None
    """Up axis by the convention of the format: "z", "y", …"""
    unit_m: Said | None = None
    """Metres per unit by the convention of the format."""
    is_unit_certain: bool = False
    """The stated unit is believed whatever the extent: surveys are large, and `save_ply` knows what it wrote."""
    may_be_camera_frame: bool = True
    """Whether the axes can be those of a depth camera."""
    is_fused: bool = False
    """Fused from overlapping depth images: always merged, and the file has no points of its own."""
    objects: tuple[TruthObject, ...] | None = None
    frames: Sequence[Frame] = ()
    """Poses in the file's axes and metres."""
    file_from_points: Float64[np.ndarray, "4 4"] | None = None
    """A transform that the reader applied already; None: the points are as in the file."""
    notes: tuple[Note, ...] = ()


def in_memory(points: Points) -> tuple[int, Callable[[], Iterator[Points]]]:
    """Count and chunks of points that were read whole."""
    return len(points.xyz), lambda: iter((points,))


def read_once(scan: RawScan) -> RawScan:
    """The same scan with its points kept in memory, so that the file is not read again for each pass."""
    points = joined(scan.chunks())
    return dataclasses.replace(scan, chunks=lambda: iter((points,)))


def joined(chunks: Iterator[Points]) -> Points:
    """All chunks as one."""
    parts = list(chunks)
    if len(parts) == 1:
        return parts[0]
    if not parts:
        return Points(xyz=np.zeros((0, 3)))
    return Points(
        xyz=np.concatenate([p.xyz for p in parts]),
        rgb=None if parts[0].rgb is None else np.concatenate([p.rgb for p in parts if p.rgb is not None]),
        normal=None if parts[0].normal is None else np.concatenate([p.normal for p in parts if p.normal is not None]),
        fields={name: np.concatenate([p.fields[name] for p in parts]) for name in parts[0].fields},
    )


def taken(points: Points, index: Int64[np.ndarray, "k"]) -> Points:
    """The points at `index`."""
    return Points(
        xyz=points.xyz[index],
        rgb=None if points.rgb is None else points.rgb[index],
        normal=None if points.normal is None else points.normal[index],
        fields={name: values[index] for name, values in points.fields.items()},
    )


def from_columns(
    columns: dict[str, Shaped[np.ndarray, "n"]], *, where: str, colour_scale: float | None = None
) -> Points:
    """Sort named columns into coordinates, colour, normals and custom fields.

    Args:
        columns: One array per property of the file; `x`, `y`, `z` must be among them.
        where: The file, for messages.
        colour_scale: Factor to 0–255, from `colour_scale_of` the first columns of the file; None: from these.

    Raises:
        InputError: No coordinates.
    """
    left = dict(columns)
    xyz = _take(left, ("x", "y", "z"))
    if xyz is None:
        raise InputError(f"{where}: no columns x, y, z among {', '.join(columns) or 'none'}; is it a point cloud?")
    rgb = _take_colour(left)
    normal = _take(left, ("nx", "ny", "nz")) or _take(left, ("normal_x", "normal_y", "normal_z"))
    with np.errstate(invalid="ignore", over="ignore"):
        return Points(
            xyz=np.stack([c.astype(np.float64) for c in xyz], axis=1),
            rgb=None if rgb is None else as_bytes(np.stack(rgb, axis=1), scale=colour_scale),
            normal=None if normal is None else np.stack([c.astype(np.float64) for c in normal], axis=1),
            fields=left,
        )


def colour_scale_of(columns: dict[str, Shaped[np.ndarray, "n"]]) -> float | None:
    """Factor that takes the colour columns to 0–255; None without colour."""
    rgb = _take_colour(dict(columns))
    return None if rgb is None else scale_to_bytes(np.stack(rgb, axis=1))


def scale_to_bytes(colour: Shaped[np.ndarray, "n c"]) -> float:
    """Factor to 0–255: 255 for floats of at most 1, 1/257 for 16-bit values above 255, else 1."""
    top = float(np.nanmax(np.where(np.isfinite(colour), colour, 0), initial=0.0))
    if colour.dtype.kind == "f" and top <= 1.0:
        return 255.0
    return 1 / 257 if top > 255 else 1.0


def as_bytes(colour: Shaped[np.ndarray, "n c"], *, scale: float | None = None) -> UInt8[np.ndarray, "n c"]:
    """Colours as bytes; `scale` None: see `scale_to_bytes`."""
    if colour.dtype == np.uint8:
        return np.ascontiguousarray(colour)
    with np.errstate(invalid="ignore", over="ignore"):
        values = np.nan_to_num(colour.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)
        return np.clip(np.rint(values * (scale or scale_to_bytes(colour))), 0, 255).astype(np.uint8)


def _take_colour(columns: dict[str, np.ndarray]) -> tuple[np.ndarray, ...] | None:
    """Pop red, green and blue under any of their usual names."""
    for names in (("red", "green", "blue"), ("r", "g", "b"), ("diffuse_red", "diffuse_green", "diffuse_blue")):
        if found := _take(columns, names):
            return found
    return None


def _take(columns: dict[str, np.ndarray], names: tuple[str, ...]) -> tuple[np.ndarray, ...] | None:
    """Pop the columns if all are there, whatever their case."""
    keys = {key.lower(): key for key in columns}
    if not all(name in keys for name in names):
        return None
    return tuple(columns.pop(keys[name]) for name in names)
