"""Where a robot may stand: free floor of a scan as a grid, wide enough for the robot and connected.

What it says is perception of one scan, no guarantee of a safe motion: what was not scanned counts as occupied, and what
has moved since then is not known.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from scipy import ndimage

from scene3d.errors import ConfigError

CELL_M = 0.05
FLOOR_BAND_M = 0.1
"""Points this close to the floor's height are floor."""
_GAP_CELLS = 3
_LEAST_AREA_M2 = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class RobotConfig:
    """The robot that plans are made for."""

    radius_m: float = 0.25
    """Of the circle that it needs on the floor."""
    hands: int = 1
    height_m: float = 1.5
    """What hangs higher does not stop it."""
    reach_m: float = 0.9
    """How far from its middle it reaches over the floor."""
    highest_m: float = 1.9
    """How high above the floor it can take something."""

    def __post_init__(self) -> None:
        if self.hands not in (1, 2):
            raise ConfigError(f"hands {self.hands}: a robot with 1 or 2 hands is planned for")
        for name in ("radius_m", "height_m", "reach_m", "highest_m"):
            value = getattr(self, name)
            if not 0 < value < 10:
                raise ConfigError(f"{name} {value}: a length between 0 and 10 metres is needed")
        if self.reach_m < self.radius_m:
            raise ConfigError(f"reach_m {self.reach_m} is less than radius_m {self.radius_m}; nothing could be reached")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stance:
    """A place on the floor that faces an object."""

    x_m: float
    y_m: float
    z_m: float
    yaw_rad: float
    distance_m: float
    """From the robot's middle to the object, over the floor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FloorMap:
    """The floor as a grid of square cells; axis 0 is x, axis 1 is y."""

    origin_m: Float[np.ndarray, "2"]
    floor_z_m: float
    free: Bool[np.ndarray, "w h"]
    """Floor was seen here, and nothing stands on it up to the robot's height."""
    standing: Bool[np.ndarray, "w h"]
    """The robot's middle can be here, and get here from anywhere else that is true."""

    @property
    def is_known(self) -> bool:
        """Whether the scan shows enough floor to judge reachability at all."""
        return bool(self.free.sum() * CELL_M**2 >= _LEAST_AREA_M2)

    def stance(self, xy_m: Float[np.ndarray, "k 2"], *, reach_m: float) -> Stance | None:
        """The standing place closest to an object, facing it.

        Args:
            xy_m: Points of the object, from above; at least one.
            reach_m: How far the object may be from the robot's middle.

        Returns:
            None where no standing place is within reach.
        """
        places = np.argwhere(self.standing)
        if not len(places) or not len(xy_m):
            return None
        middle = (places + 0.5) * CELL_M + self.origin_m
        cells = np.unique(np.floor((xy_m - self.origin_m) / CELL_M), axis=0)
        target = (cells + 0.5) * CELL_M + self.origin_m
        low, high = target.min(0) - reach_m, target.max(0) + reach_m
        middle = middle[((middle >= low) & (middle <= high)).all(1)]
        if not len(middle):
            return None
        apart = np.linalg.norm(middle[:, None] - target[None], axis=2)
        nearest = int(apart.min(1).argmin())
        distance = float(apart[nearest].min())
        if distance > reach_m:
            return None
        x, y = middle[nearest]
        to_x, to_y = target[apart[nearest].argmin()] - middle[nearest]
        return Stance(
            x_m=float(x), y_m=float(y), z_m=self.floor_z_m, yaw_rad=math.atan2(to_y, to_x), distance_m=distance
        )

    def free_share(self, xy_m: Float[np.ndarray, "k 2"]) -> float:
        """Share of places on the floor that are free."""
        cell = np.floor((xy_m - self.origin_m) / CELL_M).astype(int)
        inside = ((cell >= 0) & (cell < self.free.shape)).all(1)
        taken = self.free[tuple(cell[inside].T)]
        return float(taken.sum() / max(1, len(xy_m)))


def floor_map(
    xyz_m: Float[np.ndarray, "n 3"], *, robot: RobotConfig, start_m: tuple[float, float] | None = None
) -> FloorMap:
    """Map the free floor of a scan.

    Args:
        xyz_m: Points of the scan, z up, metres.
        robot: Its radius and height.
        start_m: Where the robot is; None: in the largest connected area.
    """
    floor_z = _floor_height(xyz_m)
    height = xyz_m[:, 2] - floor_z
    margin = _GAP_CELLS + 1
    low = xyz_m[:, :2].min(0) - margin * CELL_M
    shape = tuple((np.ceil((xyz_m[:, :2].max(0) - low) / CELL_M) + margin).astype(int).tolist())
    floor = _cells(xyz_m[np.abs(height) <= FLOOR_BAND_M], low, shape)
    obstacle = _cells(xyz_m[(height > FLOOR_BAND_M) & (height <= robot.height_m)], low, shape)
    floor = ndimage.binary_closing(floor, iterations=_GAP_CELLS)
    free = floor & ~obstacle
    wide = np.asarray(ndimage.distance_transform_edt(free)) * CELL_M >= robot.radius_m
    return FloorMap(
        origin_m=low.astype(np.float64), floor_z_m=floor_z, free=free, standing=_connected(wide, low, start_m)
    )


def _floor_height(xyz_m: Float[np.ndarray, "n 3"]) -> float:
    """The fullest 5 cm layer of the lowest fifth of the scan's height: the floor, whatever strays lie below it."""
    low, high = np.quantile(xyz_m[:, 2], [0.001, 0.999])
    count, edge = np.histogram(
        xyz_m[:, 2], bins=max(1, int((high - low) / 5 / CELL_M)), range=(low, low + (high - low) / 5)
    )
    layer = int(count.argmax())
    inside = xyz_m[(xyz_m[:, 2] >= edge[layer]) & (xyz_m[:, 2] <= edge[layer + 1]), 2]
    return float(np.median(inside)) if len(inside) else float(low)


def _cells(
    xyz_m: Float[np.ndarray, "n 3"], low: Float[np.ndarray, "2"], shape: tuple[int, ...]
) -> Bool[np.ndarray, "w h"]:
    grid = np.zeros(shape, dtype=bool)
    grid[tuple(np.floor((xyz_m[:, :2] - low) / CELL_M).astype(int).T)] = True
    return grid


def _connected(
    wide: Bool[np.ndarray, "w h"], low: Float[np.ndarray, "2"], start_m: tuple[float, float] | None
) -> Bool[np.ndarray, "w h"]:
    area = np.zeros(wide.shape, dtype=np.int32)
    count = ndimage.label(wide, structure=np.ones((3, 3)), output=area)
    if not count:
        return wide
    if start_m is None:
        chosen = int(np.bincount(area.ravel())[1:].argmax()) + 1
    else:
        places = np.argwhere(wide)
        here = (np.array(start_m) - low) / CELL_M - 0.5
        chosen = int(area[tuple(places[np.linalg.norm(places - here, axis=1).argmin()])])
    return area == chosen
