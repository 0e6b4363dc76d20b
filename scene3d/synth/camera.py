"""The simulated camera's optics: a pinhole, its rays, and where it looks."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Float64

from scene3d.errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class Camera:
    """A pinhole with the field of view of a Kinect; camera x right, y down, z forward."""

    width: int = 320
    height: int = 240
    focal_per_width: float = 0.914
    """585 pixels of focal length on 640 pixels of width: the first Kinect."""

    def __post_init__(self) -> None:
        if not (16 <= self.width <= 640 and 16 <= self.height <= 480):
            raise ConfigError(f"a picture of {self.width}×{self.height} pixels; take 16×16 to 640×480")

    @property
    def focal_px(self) -> float:
        """Focal length, pixels, the same along both axes."""
        return self.focal_per_width * self.width

    def intrinsic(self) -> Float64[np.ndarray, "3 3"]:
        """Pinhole matrix; integer pixel coordinates are pixel centres."""
        f = self.focal_px
        return np.array([[f, 0, (self.width - 1) / 2], [0, f, (self.height - 1) / 2], [0, 0, 1]])

    @functools.cache  # noqa: B019  (few cameras, and equal ones share)
    def directions(self) -> Float32[np.ndarray, "3 n"]:
        """Ray per pixel, row by row, in the camera frame; z = 1, so that a ray's parameter is depth along the axis."""
        u = (np.arange(self.width) - (self.width - 1) / 2) / self.focal_px
        v = (np.arange(self.height) - (self.height - 1) / 2) / self.focal_px
        x, y = (grid.ravel() for grid in np.meshgrid(u, v))
        direction = np.stack([x, y, np.ones_like(x)]).astype(np.float32)
        direction.flags.writeable = False
        return direction

    def unproject(self, depth_m: Float32[np.ndarray, "h w"]) -> Float32[np.ndarray, "h w 3"]:
        """Points in the camera frame, metres, one per pixel."""
        return self.directions().T.reshape(*depth_m.shape, 3) * depth_m[..., None]


def look(
    position_m: Float64[np.ndarray, "3"], yaw_rad: float, pitch_rad: float, roll_rad: float = 0.0
) -> Float64[np.ndarray, "4 4"]:
    """`world_from_camera` of a camera that looks along a yaw (0 along +x) and a pitch (negative is down)."""
    cy, sy, cp, sp = np.cos(yaw_rad), np.sin(yaw_rad), np.cos(pitch_rad), np.sin(pitch_rad)
    forward = np.array([cy * cp, sy * cp, sp])
    right = np.array([sy, -cy, 0.0])
    down = np.cross(forward, right)
    cr, sr = np.cos(roll_rad), np.sin(roll_rad)
    pose = np.eye(4)
    pose[:3, 0], pose[:3, 1], pose[:3, 2] = cr * right + sr * down, cr * down - sr * right, forward
    pose[:3, 3] = position_m
    return pose
