"""Specification of a structured-light camera. In numpy: the order of its float operations is part of it."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int64, UInt8


def jittered(
    depth_m: Float32[np.ndarray, "h w"], jitter: Float32[np.ndarray, "2 h w"], *, spread_px: float
) -> Float32[np.ndarray, "h w"]:
    """See `scene3d_ops.rgbd_camera.jittered`."""
    h, w = depth_m.shape
    down, across = np.rint(jitter * np.float32(spread_px)).astype(np.intp)
    row = np.clip(np.arange(h)[:, None] + down, 0, h - 1)
    column = np.clip(np.arange(w) + across, 0, w - 1)
    return depth_m[row, column]


def depth_jumps(
    depth_m: Float32[np.ndarray, "h w"], may: Bool[np.ndarray, "h w"], *, axis: int, least_m: float
) -> Int64[np.ndarray, "k"]:
    """See `scene3d_ops.rgbd_camera.depth_jumps`."""
    size = depth_m.shape[axis]
    beside = depth_m.take(np.minimum(np.arange(size) + 1, size - 1), axis)
    with np.errstate(invalid="ignore"):
        jump = np.abs(beside - depth_m) > least_m
    return np.flatnonzero(jump & np.isfinite(beside) & np.isfinite(depth_m) & may)


def weak_pattern(
    rgb: Float32[np.ndarray, "h w 3"],
    cos_incidence: Float32[np.ndarray, "h w"],
    return_rate: Float32[np.ndarray, "h w"],
    *,
    patch: Float64[np.ndarray, "h_4 w_4"],
    grain: Float64[np.ndarray, "h w"],
) -> Bool[np.ndarray, "h w"]:
    """See `scene3d_ops.rgbd_camera.weak_pattern`."""
    h, w = grain.shape
    luminance = (rgb[..., 0] + rgb[..., 1] + rgb[..., 2]) / 3
    survives = return_rate * np.clip((cos_incidence - 0.06) / 0.2, 0, 1)
    survives *= np.clip(0.55 + luminance / 0.1, 0, 1)
    coarse = patch.repeat(4, axis=0).repeat(4, axis=1)[:h, :w]
    return 0.65 * coarse + 0.35 * grain > survives


def projector_shadow(depth_m: Float32[np.ndarray, "h w"], *, parallax_px_m: float) -> Bool[np.ndarray, "h w"]:
    """See `scene3d_ops.rgbd_camera.projector_shadow`."""
    column = np.arange(depth_m.shape[1]) - parallax_px_m / depth_m
    nearest_right = np.minimum.accumulate(column[:, ::-1], axis=1)[:, ::-1]
    return column > nearest_right + 1.5


def disparity_steps(
    depth_m: Float32[np.ndarray, "h w"],
    lost: Bool[np.ndarray, "h w"],
    noise: Float32[np.ndarray, "h w"],
    *,
    spread: float,
    step_m: float,
    range_m: tuple[float, float],
) -> Float32[np.ndarray, "h w"]:
    """See `scene3d_ops.rgbd_camera.disparity_steps`."""
    step = np.float32(step_m)
    kept = ~lost & np.isfinite(depth_m) & (depth_m > range_m[0]) & (depth_m < range_m[1])
    disparity = np.rint(step / np.where(kept, depth_m, 1) + noise * np.float32(spread))
    return np.where(kept, step / np.maximum(disparity, 1), 0).astype(np.float32)


def exposed(
    rgb: Float32[np.ndarray, "h w 3"],
    move_px: Int64[np.ndarray, "k 2"],
    grain: Float32[np.ndarray, "h w"],
    *,
    gain: Float32[np.ndarray, "3"],
    spread: float,
) -> UInt8[np.ndarray, "h w 3"]:
    """See `scene3d_ops.rgbd_camera.exposed`."""
    h, w = grain.shape
    total = np.zeros((h, w, 3), np.float32)
    for across, down in move_px:
        row = np.clip(np.arange(h) + down, 0, h - 1)
        column = np.clip(np.arange(w) + across, 0, w - 1)
        total += rgb[row[:, None], column]
    noisy = total / len(move_px) * gain + np.float32(spread) * grain[..., None]
    return (np.clip(noisy, 0, 1) * 255).astype(np.uint8)
