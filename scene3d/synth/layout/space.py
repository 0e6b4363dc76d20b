"""Who stands where: oriented boxes, what they may touch, and whether people can still walk."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64
from scipy import ndimage

from scene3d.synth.layout.plan import Plan, inside

_CELL_M = 0.1
_BODY = np.array([[0, 1, 1, 1, 0], [1, 1, 1, 1, 1], [1, 1, 1, 1, 1], [1, 1, 1, 1, 1], [0, 1, 1, 1, 0]], bool)
"""Cells that somebody covers who passes between the furniture: half a metre."""
_OPEN_SHARE = 0.8


@dataclass(frozen=True, slots=True, kw_only=True)
class Footprint:
    """An upright box turned about z."""

    centre_m: Float64[np.ndarray, "2"]
    half_m: tuple[float, float]
    """Half the width and half the depth, in the box's own axes."""
    turn_rad: float
    bottom_m: float
    top_m: float

    def axes(self) -> Float64[np.ndarray, "2 2"]:
        """Unit vectors of width and depth."""
        c, s = np.cos(self.turn_rad), np.sin(self.turn_rad)
        return np.array([[c, s], [-s, c]])

    def corners_m(self, *, shrink_m: float = 0.0) -> Float64[np.ndarray, "4 2"]:
        """The four corners in plan, counter-clockwise."""
        half = np.maximum(np.array(self.half_m) - shrink_m, 0.001)
        return self.centre_m + (np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * half) @ self.axes()

    def contains(self, points_m: Float64[np.ndarray, "n 2"], *, margin_m: float = 0.0) -> Bool[np.ndarray, "n"]:
        """Whether points lie within the plan of the box, `margin_m` around it included."""
        local = (points_m - self.centre_m) @ self.axes().T
        return np.asarray((np.abs(local) <= np.array(self.half_m) + margin_m).all(1))


def overlap_m(a: Footprint, b: Footprint) -> float:
    """How deep two boxes reach into each other, metres; 0 or less where a plane parts them.

    The separating axis theorem over the two axes of each and the height.
    """
    depth = min(a.top_m, b.top_m) - max(a.bottom_m, b.bottom_m)
    reach = float(np.hypot(*a.half_m) + np.hypot(*b.half_m))
    between = b.centre_m - a.centre_m
    if depth <= 0 or between @ between >= reach * reach:
        return min(depth, 0.0)
    for axis in (*a.axes(), *b.axes()):
        extent = sum(float(np.abs(box.axes() @ axis) @ np.array(box.half_m)) for box in (a, b))
        depth = min(depth, extent - abs(float(between @ axis)))
        if depth <= 0:
            return depth
    return depth


class Space:
    """The floor plan with everything that takes up room in it."""

    def __init__(self, plan: Plan) -> None:
        """Start empty."""
        self.plan = plan
        self.taken: dict[int, Footprint] = {}
        self._centres_m: list[Float64[np.ndarray, "2"]] = []
        self._reach_m: list[float] = []
        self.zones: list[Footprint] = []
        """Kept free of furniture: door swings, the fronts of windows."""
        self.doors_m: list[Float64[np.ndarray, "2"]] = []
        """A point to stand on before each door."""
        low, high = plan.floor_m.min(0), plan.floor_m.max(0)
        columns, rows = np.ceil((high - low) / _CELL_M).astype(int)
        x, y = np.meshgrid(np.arange(columns) + 0.5, np.arange(rows) + 0.5)
        self._cells_m = np.stack([x, y], -1).reshape(-1, 2) * _CELL_M + low
        self._shape = (int(rows), int(columns))
        self._floor = inside(self._cells_m, plan.floor_m)
        self._blocked = np.zeros(len(self._cells_m), bool)

    def within(self, box: Footprint) -> bool:
        """Whether the box lies in the room: its corners inside, no corner of the room inside it."""
        if box.top_m > self.plan.height_m or box.bottom_m < -1e-6:
            return False
        if not inside(box.corners_m(shrink_m=0.002), self.plan.floor_m).all():
            return False
        return not Footprint.contains(box, self.plan.floor_m, margin_m=-0.004).any()

    def free(self, box: Footprint, *, ignoring: tuple[int, ...] = (), zones: bool = True) -> bool:
        """Whether the box lies in the room and meets neither things nor zones.

        Args:
            box: The box.
            ignoring: Ids of things that it may meet.
            zones: Whether zones count.
        """
        if not self.within(box):
            return False
        if zones and any(overlap_m(box, zone) > 0 for zone in self.zones):
            return False
        return all(overlap_m(box, other) <= 0 for key, other in self._near(box) if key not in ignoring)

    def _near(self, box: Footprint) -> list[tuple[int, Footprint]]:
        """The things whose circumscribed circles meet the box's."""
        if not self.taken:
            return []
        centre, reach = np.array(self._centres_m), np.array(self._reach_m)
        apart = np.linalg.norm(centre - box.centre_m, axis=1) - reach - np.hypot(*box.half_m)
        keys = list(self.taken)
        return [(keys[i], self.taken[keys[i]]) for i in np.flatnonzero(apart < 0)]

    def walkable_with(self, box: Footprint) -> bool:
        """Whether most of the floor stays connected to every door once the box stands there."""
        if box.bottom_m > 1.6 or box.top_m < 0.06 or not self.doors_m:
            return True
        blocked = self._blocked | box.contains(self._cells_m)
        free = (self._floor & ~blocked).reshape(self._shape)
        parts = np.zeros(self._shape, np.int32)
        count = ndimage.label(ndimage.binary_erosion(free, _BODY), output=parts)
        if not count:
            return False
        sizes = np.bincount(parts.ravel())[1:]
        largest = int(sizes.argmax()) + 1
        connected = bool(sizes.max() >= _OPEN_SHARE * sizes.sum())
        return connected and all(self._reaches(parts == largest, at) for at in self.doors_m)

    def _reaches(self, region: Bool[np.ndarray, "r c"], at_m: Float64[np.ndarray, "2"]) -> bool:
        return bool((np.linalg.norm(self._cells_m[region.ravel()] - at_m, axis=1) < 0.35).any())

    def take(self, key: int, box: Footprint) -> None:
        """Put the box in, under an object's id."""
        self.taken[key] = box
        self._centres_m.append(box.centre_m)
        self._reach_m.append(float(np.hypot(*box.half_m)))
        if box.bottom_m < 1.6 and box.top_m > 0.06:
            self._blocked |= box.contains(self._cells_m)
