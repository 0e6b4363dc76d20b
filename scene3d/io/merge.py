"""Merges the points of a scan that is too large: one point per voxel, in bounded memory, in one more pass."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float64, Int32, Int64, Shaped

from scene3d.io.raw import Points, taken

_BITS = 21
_TOP = (1 << _BITS) - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """One point per occupied voxel."""

    points: Points
    """Mean place, colour and normal of each voxel; custom fields from one of its points, since ids have no mean."""
    size: float
    """Edge of the voxels in the file's unit; at least what was asked for."""
    point_of_file: Int32[np.ndarray, "m"] | None
    """For each point of the file, its voxel, -1 where it is not finite; None where nobody asked."""


@dataclass(slots=True)
class _Voxels:
    """Sums per voxel, keys ascending."""

    key: Int64[np.ndarray, "v"]
    weight: Float64[np.ndarray, "v"]
    sums: Float64[np.ndarray, "v c"]
    """Place, then colour, then normal."""
    fields: dict[str, Shaped[np.ndarray, "v ..."]] = field(default_factory=dict)


def merge(
    chunks: Callable[[], Iterator[Points]],
    *,
    low: Float64[np.ndarray, "3"],
    extent: float,
    size: float,
    max_points: int,
    follow: bool = True,
) -> Merged:
    """Keep one point per voxel; the voxels double in size until at most `max_points` are occupied.

    Args:
        chunks: Reads the file from its start; called twice if `follow`.
        low: Least coordinate on each axis.
        extent: Largest side of the bounding box.
        size: Edge of a voxel to begin with, in the file's unit.
        max_points: Upper bound on the points that are kept, and with it on the memory.
        follow: Whether to read the file again to tell the voxel of each of its points.
    """
    while extent / size > _TOP:
        size *= 2
    held: _Voxels | None = None
    waiting: list[_Voxels] = []
    colours = normals = 0
    for points in chunks():
        colours, normals = 3 * (points.rgb is not None), 3 * (points.normal is not None)
        waiting.append(_sums(points, low, size))
        if sum(len(v.key) for v in waiting) > max_points:
            held, size = _shrunk(_combined(([held] if held else []) + waiting), size, max_points)
            waiting = []
    held, size = _shrunk(_combined(([held] if held else []) + waiting), size, max_points)
    index = [_find(held.key, points.xyz, low, size) for points in chunks()] if follow else []
    mean = held.sums / held.weight[:, None]
    normal = mean[:, 3 + colours :]
    points = Points(
        xyz=mean[:, :3] + low,
        rgb=np.rint(mean[:, 3:6]).astype(np.uint8) if colours else None,
        normal=normal / np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-12) if normals else None,
        fields=held.fields,
    )
    return Merged(points=points, size=size, point_of_file=np.concatenate(index) if index else None)


def _sums(points: Points, low: Float64[np.ndarray, "3"], size: float) -> _Voxels:
    finite = np.flatnonzero(np.isfinite(points.xyz).all(axis=1))
    points = taken(points, finite)
    offset = points.xyz - low
    normal = None if points.normal is None else np.nan_to_num(points.normal, posinf=0.0, neginf=0.0)
    columns = [c for c in (offset, points.rgb, normal) if c is not None]
    one = _Voxels(
        key=_key(offset, size),
        weight=np.ones(len(finite)),
        sums=np.concatenate([c.astype(np.float64) for c in columns], axis=1),
        fields=points.fields,
    )
    return _combined([one])


def _combined(parts: list[_Voxels]) -> _Voxels:
    """Add up what shares a key; earlier parts come first."""
    key = np.concatenate([p.key for p in parts])
    order = np.argsort(key, kind="stable")
    starts = np.flatnonzero(np.diff(key[order], prepend=-1))
    if len(starts) == 0:
        return parts[0]
    first = order[starts]
    return _Voxels(
        key=key[first],
        weight=np.add.reduceat(np.concatenate([p.weight for p in parts])[order], starts),
        sums=np.add.reduceat(np.concatenate([p.sums for p in parts])[order], starts, axis=0),
        fields={name: np.concatenate([p.fields[name] for p in parts])[first] for name in parts[0].fields},
    )


def _shrunk(voxels: _Voxels, size: float, max_points: int) -> tuple[_Voxels, float]:
    while len(voxels.key) > max_points:
        size *= 2
        x, y, z = (voxels.key >> shift & _TOP for shift in (2 * _BITS, _BITS, 0))
        voxels.key = (x >> 1) << 2 * _BITS | (y >> 1) << _BITS | z >> 1
        voxels = _combined([voxels])
    return voxels, size


def _find(
    keys: Int64[np.ndarray, "v"], xyz: Float64[np.ndarray, "n 3"], low: Float64[np.ndarray, "3"], size: float
) -> Int32[np.ndarray, "n"]:
    """Voxel of each point. Doubling a size is exact in floating point, so the cell is the one it was summed in."""
    finite = np.isfinite(xyz).all(axis=1)
    index = np.full(len(xyz), -1, dtype=np.int32)
    wanted, back = np.unique(_key(xyz[finite] - low, size), return_inverse=True)
    index[finite] = np.searchsorted(keys, wanted)[back]
    return index


def _key(offset: Float64[np.ndarray, "n 3"], size: float) -> Int64[np.ndarray, "n"]:
    x, y, z = np.floor(offset / size).astype(np.int64).T
    return x << 2 * _BITS | y << _BITS | z
