"""What stands on what, what lies in what, and what blocks an opening: read off boxes and points."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float

from scene3d.planner.floor import CELL_M, FloorMap

_TOUCH_M = 0.1
_INSIDE_SHARE = 0.8
_FRONT_M = 0.4
_FREE_SHARE = 0.5
_SURE = 0.5


def supports(
    xyz_m: Float[np.ndarray, "n 3"],
    mask: Bool[np.ndarray, "q n"],
    box: Float[np.ndarray, "q 6"],
    surfaces: list[int],
    *,
    floor_z_m: float,
) -> dict[int, int]:
    """Row of the one of `surfaces` that each object stands on; objects on the floor or on nothing are left out.

    An object stands on another if points of the other lie under its footprint within 10 cm of its bottom.
    """
    found: dict[int, int] = {}
    points = [xyz_m[row] for row in mask]
    area = (box[:, 3] - box[:, 0]) * (box[:, 4] - box[:, 1])
    for upper in range(len(box)):
        if box[upper, 2] < floor_z_m + _TOUCH_M:
            continue
        gaps: dict[int, float] = {}
        for lower in surfaces:
            is_wider = area[lower] > 0.8 * area[upper]
            if (
                lower != upper
                and is_wider
                and box[lower, 2] < box[upper, 2] - 0.02
                and _footprints_meet(box[lower], box[upper])
            ):
                gap = _gap_below(points[lower], box[upper])
                if gap <= _TOUCH_M:
                    gaps[lower] = gap
        if gaps:
            found[upper] = min(gaps, key=lambda row: (gaps[row], row))
    return found


def containers(box: Float[np.ndarray, "q 6"], holders: list[int]) -> dict[int, int]:
    """Row of the smallest of `holders` that each object lies in: four fifths of its box are inside the other's."""
    size = np.maximum(box[:, 3:] - box[:, :3], 1e-3)
    volume = size.prod(1)
    found: dict[int, int] = {}
    for inner in range(len(box)):
        around = [
            outer
            for outer in holders
            if outer != inner
            and volume[inner] < 0.5 * volume[outer]
            and _common_volume(box[inner], box[outer]) >= _INSIDE_SHARE * volume[inner]
        ]
        if around:
            found[inner] = min(around, key=lambda row: volume[row])
    return found


def is_opening_free(
    box: Float[np.ndarray, "6"], floor: FloorMap, *, facing_rad: float | None, facing_confidence: float
) -> bool:
    """Whether there is room in front of something to open it.

    Where the front is not known, one free side suffices. Things that do not stand on the floor are not blocked.
    """
    if box[2] > floor.floor_z_m + 0.5 or not floor.is_known:
        return True
    centre, half = (box[:2] + box[3:5]) / 2, (box[3:5] - box[:2]) / 2
    angles = [k * np.pi / 2 for k in range(4)]
    if facing_rad is not None and facing_confidence > _SURE:
        angles = [facing_rad]
    return any(floor.free_share(_front(centre, half, angle)) >= _FREE_SHARE for angle in angles)


def _front(centre: Float[np.ndarray, "2"], half: Float[np.ndarray, "2"], angle: float) -> Float[np.ndarray, "k 2"]:
    """Places on a strip before the side of a box that looks along `angle`."""
    ahead, aside = np.array([np.cos(angle), np.sin(angle)]), np.array([-np.sin(angle), np.cos(angle)])
    start, width = float(np.abs(ahead) @ half), max(float(np.abs(aside) @ half), CELL_M)
    along = np.arange(start + CELL_M, start + _FRONT_M, CELL_M)
    across = np.arange(-width, width + CELL_M / 2, CELL_M)
    return centre + (along[:, None, None] * ahead + across[None, :, None] * aside).reshape(-1, 2)


def _footprints_meet(one: Float[np.ndarray, "6"], other: Float[np.ndarray, "6"]) -> bool:
    return bool((one[:2] < other[3:5]).all() and (other[:2] < one[3:5]).all())


def _gap_below(xyz_m: Float[np.ndarray, "k 3"], box: Float[np.ndarray, "6"]) -> float:
    """Height between the bottom of a box and the highest points below it; infinite where there are none."""
    inset = 0.1 * (box[3:5] - box[:2])
    under = ((xyz_m[:, :2] >= box[:2] + inset) & (xyz_m[:, :2] <= box[3:5] - inset)).all(1)
    z = xyz_m[under & (xyz_m[:, 2] <= box[2] + _TOUCH_M), 2]
    return float(abs(box[2] - np.quantile(z, 0.95))) if len(z) else np.inf


def _common_volume(one: Float[np.ndarray, "6"], other: Float[np.ndarray, "6"]) -> float:
    return float(np.clip(np.minimum(one[3:], other[3:]) - np.maximum(one[:3], other[:3]), 0, None).prod())
