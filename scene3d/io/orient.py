"""Which way is up: the floor is found, or the format is believed, or the file is left as it is.

In this order:

1. What the user asks for.
2. What the format states: GLB and glTF are y-up; LAS, E57 and ScanNet are z-up.
3. **Camera frame.** Every point lies in a cone of 50 degrees around +z (or -z) and there are no faces: the axes are
   those of a depth camera, up is near -y (or +y), tilted by as much as 70 degrees.
4. **The floor.** Candidate axes are those to which most surfaces are parallel or perpendicular (floor and walls).
   For each, both ways round, the floor is the lowest flat layer with at most 3 % of the scan below. The better
   candidate has more surface in its floor, and the rest of the scan lower above it: rooms are wider than tall, and
   furniture stands on floors, not on walls. Within 10 degrees +z counts five times and +y half as much again, so
   that a z-up file is only turned on strong evidence.
5. No floor: a camera's frame is levelled by the surfaces that run vertically; every other file keeps its +z.

A scan within 3 degrees of upright is left alone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float64

from scene3d.errors import InputError
from scene3d.io.raw import Said
from scene3d.io.surfaces import Sample, dominant_axes, sample_surface

AXES = {
    "x": (1.0, 0.0, 0.0),
    "y": (0.0, 1.0, 0.0),
    "z": (0.0, 0.0, 1.0),
    "-x": (-1.0, 0.0, 0.0),
    "-y": (0.0, -1.0, 0.0),
    "-z": (0.0, 0.0, -1.0),
}
_LEAVE_DEG = 3.0
_NEAR_AXIS_DEG = 10.0
_CAMERA_TILT_DEG = 70.0
_CONE = np.tan(np.deg2rad(50))
_FLOOR_HALF_M = 0.05
_FLOOR_LEAST, _BELOW_MOST = 0.04, 0.03
_LOW_M = 0.8
"""Half of what is above a floor is seldom lower; nearer is no better."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Upright:
    """How the file is turned."""

    rotation: Float64[np.ndarray, "3 3"]
    """Takes the file's axes to z up."""
    reason: str
    is_camera_view: bool = False
    """Whether all points were seen from the file's origin, by one camera."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Floor:
    """A candidate for up, with its floor."""

    up: Float64[np.ndarray, "3"]
    share: float
    """Part of the surface that lies in the floor."""
    score: float


def upright(
    xyz_m: Float64[np.ndarray, "n 3"], *, asked: str | None, stated: Said | None, may_be_camera_frame: bool
) -> Upright:
    """Decide which way is up.

    Args:
        xyz_m: Points of the scan (some will do), file axes, metres.
        asked: Axis that the user asked for.
        stated: What the format states.
        may_be_camera_frame: Whether the file can be a single view in a camera's axes.

    Raises:
        InputError: `asked` is no axis.
    """
    if asked is not None:
        if asked not in AXES:
            raise InputError(f"up_axis {asked!r} is not one of {', '.join(AXES)}")
        return Upright(rotation=_turn_up(np.array(AXES[asked])), reason=f"{asked} is up, as asked for")
    if stated is not None:
        return Upright(
            rotation=_turn_up(np.array(AXES[str(stated.value)])), reason=f"{stated.value} is up: {stated.reason}"
        )
    sample = sample_surface(xyz_m)
    camera_up = _camera_up(xyz_m) if may_be_camera_frame else None
    axes = dominant_axes(sample.normal)
    if camera_up is None:
        return _by_floor(sample, axes, None)
    return replace(_by_floor(sample, axes, np.array(AXES[camera_up])), is_camera_view=True)


def _by_floor(sample: Sample, axes: Float64[np.ndarray, "k 3"], camera_up: Float64[np.ndarray, "3"] | None) -> Upright:
    floors = [floor for axis in (*axes, *-axes) if (floor := _floor(sample, axis, camera_up)) is not None]
    best = max(floors, key=lambda floor: floor.score, default=None)
    if camera_up is not None:
        frame = "a single view in a camera's axes"
        if best is not None:
            return _turned(best.up, f"{frame}; levelled by its floor, {best.share:.0%} of the surface")
        return _turned(*_by_walls(sample, axes, camera_up, frame))
    if best is None:
        return Upright(rotation=np.eye(3), reason="no floor was found; z is taken to be up. Override with up_axis")
    return _turned(best.up, f"the floor, {best.share:.0%} of the surface, says so")


def _by_walls(
    sample: Sample, axes: Float64[np.ndarray, "k 3"], camera_up: Float64[np.ndarray, "3"], frame: str
) -> tuple[Float64[np.ndarray, "3"], str]:
    """Up for a view without floor: the surfaces' own axis nearest to the camera's up."""
    aligned = [axis * np.sign(axis @ camera_up) for axis in axes if _degrees(axis, camera_up, either_way=True) < 35]
    if not aligned:
        return camera_up, f"{frame}; neither floor nor walls were found, the camera is taken to be level"
    return aligned[0], f"{frame} without a floor; levelled by the surfaces' main directions"


def _floor(sample: Sample, up: Float64[np.ndarray, "3"], camera_up: Float64[np.ndarray, "3"] | None) -> _Floor | None:
    """The lowest flat layer perpendicular to `up`, if there is one; `up` is then refined by the plane through it."""
    if camera_up is not None and _degrees(up, camera_up) > _CAMERA_TILT_DEG:
        return None
    is_level = np.abs(sample.normal @ up) > np.cos(np.deg2rad(15))
    height = sample.xyz_m @ up
    level = _lowest_level(height, is_level)
    if level is None:
        return None
    inside = is_level & (np.abs(height - level) < _FLOOR_HALF_M)
    plane = _plane(sample.xyz_m[inside], up)
    height, level = sample.xyz_m @ plane, float(np.median(sample.xyz_m[inside] @ plane))
    in_floor = is_level & (np.abs(height - level) < _FLOOR_HALF_M)
    share = float(in_floor.mean())
    rest = height[np.abs(height - level) >= _FLOOR_HALF_M] - level
    typical_m = max(float(np.median(rest)) if len(rest) else 0.0, _LOW_M)
    return _Floor(up=plane, share=share, score=share / typical_m**2 * _weight(plane, camera_up))


def _lowest_level(height: Float64[np.ndarray, "n"], is_level: np.ndarray) -> float | None:
    """Height of the lowest layer that holds enough of the surface and has next to nothing below."""
    if is_level.sum() < 50:
        return None
    low, high = np.quantile(height, [0.001, 1.0])
    bins = max(int((high - low) / _FLOOR_HALF_M), 1)
    count, edges = np.histogram(height[is_level], bins=bins, range=(low, low + bins * _FLOOR_HALF_M))
    two = count + np.append(count[1:], 0)  # a floor may lie astride two bins
    below = np.searchsorted(np.sort(height), edges[:-1] - _FLOOR_HALF_M) / len(height)
    enough = np.flatnonzero((two >= _FLOOR_LEAST * len(height)) & (below <= _BELOW_MOST))
    if len(enough) == 0:
        return None
    first = enough[0]
    fullest = first + int(two[first : first + 3].argmax())
    near = is_level & (height >= edges[fullest]) & (height < edges[fullest] + 2 * _FLOOR_HALF_M)
    return float(np.median(height[near]))


def _plane(xyz_m: Float64[np.ndarray, "n 3"], up: Float64[np.ndarray, "3"]) -> Float64[np.ndarray, "3"]:
    """Normal of the plane through the points, on the side of `up`; `up` itself where they do not span one."""
    centred = xyz_m - np.median(xyz_m, axis=0)
    variance, axes = np.linalg.eigh(centred.T @ centred)
    normal = axes[:, 0] * np.sign(axes[:, 0] @ up)
    return normal if variance[0] < 0.05 * variance[1] and _degrees(normal, up) < 8 else up


def _weight(up: Float64[np.ndarray, "3"], camera_up: Float64[np.ndarray, "3"] | None) -> float:
    if camera_up is not None:
        return float(np.clip(up @ camera_up, 0, 1) ** 2)
    for axis, weight in (("z", 5.0), ("y", 1.5)):
        if _degrees(up, np.array(AXES[axis])) < _NEAR_AXIS_DEG:
            return weight
    return 1.0


def _camera_up(xyz_m: Float64[np.ndarray, "n 3"]) -> str | None:
    """ "-y" for a view along +z (computer vision), "y" for one along -z (graphics), None for neither."""
    x, y, z = xyz_m.T
    for up, depth in (("-y", z), ("y", -z)):
        inside = (depth > 0) & (np.abs(x) < _CONE * depth) & (np.abs(y) < _CONE * depth)
        if inside.mean() > 0.995:
            return up
    return None


def _turned(up: Float64[np.ndarray, "3"], why: str) -> Upright:
    """Turn by as little as possible; along an axis of the file exactly, and not at all where it is upright already."""
    name, axis = min(AXES.items(), key=lambda item: _degrees(up, np.array(item[1])))
    off = _degrees(up, np.array(axis))
    if off < _LEAVE_DEG:
        kept = "z is up, left as it is" if name == "z" else f"{name} is up"
        return Upright(rotation=_turn_up(np.array(axis)), reason=f"{kept}: {why}")
    direction = ", ".join(f"{v:.2f}" for v in up)
    text = f"up is ({direction}) in the file, {off:.0f} degrees off its {name} axis: {why}. Override with up_axis"
    return Upright(rotation=_turn_up(up), reason=text)


def _turn_up(up: Float64[np.ndarray, "3"]) -> Float64[np.ndarray, "3 3"]:
    """Rotation that takes `up` to +z by the shortest way; half a turn goes about x."""
    x, y, z = up / np.linalg.norm(up)
    if z < -1 + 1e-9:
        return np.diag([1.0, -1.0, -1.0])
    cross = np.array([[0, 0, -x], [0, 0, -y], [x, y, 0]])
    return np.round(np.eye(3) + cross + cross @ cross / (1 + z), 15) + 0.0


def _degrees(a: Float64[np.ndarray, "3"], b: Float64[np.ndarray, "3"], *, either_way: bool = False) -> float:
    cosine = float(np.clip(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)), -1, 1))
    return float(np.degrees(np.arccos(abs(cosine) if either_way else cosine)))
