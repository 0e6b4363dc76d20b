"""Posed pictures as a lazy sequence, and their depth as points."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator, Sequence
from typing import overload

import numpy as np
import torch
from jaxtyping import Float32, Float64

from scene3d.io.raw import Points
from scene3d.types import Frame


class MovedFrames(Sequence[Frame]):
    """Frames whose poses are taken to the scene's frame when they are read."""

    def __init__(
        self,
        frames: Sequence[Frame],
        *,
        rotation: Float64[np.ndarray, "3 3"],
        scale: float,
        origin: Float64[np.ndarray, "3"],
    ) -> None:
        """Move each pose by `scene = rotation · (file − origin) · scale`."""
        self._frames = frames
        self._rotation, self._scale, self._origin = rotation, scale, origin

    @classmethod
    def moved(
        cls,
        frames: Sequence[Frame],
        *,
        rotation: Float64[np.ndarray, "3 3"],
        scale: float,
        origin: Float64[np.ndarray, "3"],
    ) -> Sequence[Frame]:
        """The frames in the scene's frame; an empty tuple where there are none."""
        return cls(frames, rotation=rotation, scale=scale, origin=origin) if len(frames) else ()

    def __len__(self) -> int:
        """Number of frames."""
        return len(self._frames)

    @overload
    def __getitem__(self, index: int) -> Frame: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Frame]: ...
    def __getitem__(self, index: int | slice) -> Frame | Sequence[Frame]:
        """Read one frame, or select some without reading them."""
        if isinstance(index, slice):
            chosen = self._frames[index]
            return MovedFrames.moved(chosen, rotation=self._rotation, scale=self._scale, origin=self._origin)
        frame = self._frames[index]
        pose = frame.world_from_camera.numpy().copy()
        with np.errstate(invalid="ignore"):  # recorders write infinite poses where they lost track
            pose[:3, 3] = self._rotation @ (pose[:3, 3] - self._origin) * self._scale
            pose[:3, :3] = self._rotation @ pose[:3, :3]
        return dataclasses.replace(frame, world_from_camera=torch.from_numpy(pose))


def evenly(count: int, most: int) -> list[int]:
    """At most `most` indices of `count`, evenly spread, the first and the last among them."""
    if count <= most:
        return list(range(count))
    return np.unique(np.linspace(0, count - 1, most).round().astype(int)).tolist()


def depth_of_colour_pixels(
    depth_m: Float32[np.ndarray, "dh dw"],
    *,
    depth_intrinsic: Float64[np.ndarray, "3 3"],
    intrinsic: Float64[np.ndarray, "3 3"],
    size: tuple[int, int],
) -> Float32[np.ndarray, "h w"]:
    """Depth for each pixel of the colour picture: that of the nearest depth pixel, nothing is interpolated.

    Args:
        depth_m: As it was recorded; its camera stands where the colour camera stands.
        depth_intrinsic: In pixels of the depth image.
        intrinsic: In pixels of the colour picture.
        size: Width and height of the colour picture.
    """
    place = []
    for axis, (wanted, present) in enumerate(zip(size, depth_m.shape[::-1], strict=True)):
        ray = (np.arange(wanted) - intrinsic[axis, 2]) / intrinsic[axis, axis]
        with np.errstate(invalid="ignore", over="ignore"):
            pixel = np.nan_to_num(np.rint(ray * depth_intrinsic[axis, axis] + depth_intrinsic[axis, 2]), nan=-1.0)
        place.append(np.where((pixel >= 0) & (pixel < present), pixel, -1).astype(np.int64))
    columns, rows = place
    seen = (rows[:, None] >= 0) & (columns >= 0)
    return np.where(seen, depth_m[rows[:, None], columns], np.float32(0))


def depth_points(frames: Iterator[Frame], *, columns: int = 320, farthest_m: float = 6.0) -> Iterator[Points]:
    """Back-project the depth of each frame to coloured points in the frames' world.

    Args:
        frames: Those without depth, and those whose pose is not finite, are passed over.
        columns: About how many pixels per row are used.
        farthest_m: Depth beyond is left out: structured light is noise there.
    """
    for frame in frames:
        if frame.depth_m is None or not bool(torch.isfinite(frame.world_from_camera).all()):
            continue
        step = max(1, frame.rgb.shape[1] // columns)
        depth = frame.depth_m.numpy()[::step, ::step].astype(np.float64)
        rows, cols = np.nonzero((depth > 0) & (depth < farthest_m))
        z, k, pose = depth[rows, cols], frame.intrinsic.numpy(), frame.world_from_camera.numpy()
        rgb = frame.rgb.numpy()[rows * step, cols * step]
        x, y = (cols * step - k[0, 2]) * z / k[0, 0], (rows * step - k[1, 2]) * z / k[1, 1]
        yield Points(xyz=np.stack([x, y, z], axis=1) @ pose[:3, :3].T + pose[:3, 3], rgb=rgb)


def fused(frames: Sequence[Frame], *, most: int) -> tuple[int, Callable[[], Iterator[Points]]]:
    """Points of at most `most` of the frames, evenly chosen: an upper bound of their count, and chunks."""
    chosen = evenly(len(frames), most)
    pixels = max((math.prod(frames[i].rgb.shape[:2]) for i in chosen[:1]), default=0)
    return pixels * len(chosen), lambda: depth_points(frames[i] for i in chosen)
