"""Upright boxes seen from above: outlines, gaps between them, gaps to the walls."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float64

_SIGNS = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) / 2


def box_corners_m(
    centre_m: Float64[np.ndarray, "n 3"], size_m: Float64[np.ndarray, "n 3"], yaw_rad: Float64[np.ndarray, "n"]
) -> Float64[np.ndarray, "n 4 2"]:
    """Corners of each outline, counter-clockwise."""
    offset = _SIGNS * size_m[:, None, :2]
    c, s = np.cos(yaw_rad)[:, None], np.sin(yaw_rad)[:, None]
    x, y = offset[..., 0], offset[..., 1]
    return centre_m[:, None, :2] + np.stack([x * c - y * s, x * s + y * c], axis=-1)


def footprint_gaps_m(corners: Float64[np.ndarray, "n 4 2"]) -> Float64[np.ndarray, "n n"]:
    """Shortest distance between each two outlines; 0 where they overlap."""
    one_way = _segment_gaps_m(corners, corners)
    gap = np.minimum(one_way, one_way.T)
    return np.where(_overlapping(corners), 0.0, gap)


def polygon_gaps_m(
    corners: Float64[np.ndarray, "n 4 2"], polygon_m: Float64[np.ndarray, "k 2"]
) -> Float64[np.ndarray, "n"]:
    """Distance from each outline's closest corner to the closest side of a polygon."""
    start, end = polygon_m, np.roll(polygon_m, -1, axis=0)
    gap = _point_segment_m(corners[:, :, None], start, end)
    return gap.min(axis=(1, 2), initial=np.inf)


def inside_footprint(
    centre_m: Float64[np.ndarray, "n 3"],
    size_m: Float64[np.ndarray, "n 3"],
    yaw_rad: Float64[np.ndarray, "n"],
    *,
    grow_m: float,
) -> Bool[np.ndarray, "n n"]:
    """Whether the centre of the row's object is inside the outline of the column's, grown on each side."""
    to = centre_m[:, None, :2] - centre_m[None, :, :2]
    c, s = np.cos(yaw_rad), np.sin(yaw_rad)
    along = to[..., 0] * c + to[..., 1] * s
    across = to[..., 1] * c - to[..., 0] * s
    half = size_m[:, :2] / 2 + grow_m
    return (np.abs(along) <= half[:, 0]) & (np.abs(across) <= half[:, 1])


def _segment_gaps_m(
    corners: Float64[np.ndarray, "n 4 2"], others: Float64[np.ndarray, "n 4 2"]
) -> Float64[np.ndarray, "n n"]:
    """From the corners of the row's outline to the sides of the column's."""
    start, end = others, np.roll(others, -1, axis=1)
    gap = _point_segment_m(corners[:, None, :, None], start[None, :, None], end[None, :, None])
    return gap.min(axis=(2, 3), initial=np.inf)


def _point_segment_m(point: np.ndarray, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    way = end - start
    share = ((point - start) * way).sum(-1) / np.maximum((way * way).sum(-1), 1e-12)
    closest = start + share.clip(0, 1)[..., None] * way
    return np.linalg.norm(point - closest, axis=-1)


def _overlapping(corners: Float64[np.ndarray, "n 4 2"]) -> Bool[np.ndarray, "n n"]:
    """Whether no side of either outline separates the two."""
    sides = np.roll(corners, -1, axis=1)[:, :2] - corners[:, :2]
    axis = np.stack([-sides[..., 1], sides[..., 0]], axis=-1)  # two directions per outline
    shadow = np.einsum("iad,jcd->iajc", axis, corners)
    low, high = shadow.min(3), shadow.max(3)
    own = np.arange(len(corners))
    own_low, own_high = low[own, :, own], high[own, :, own]
    meets = ((low <= own_high[:, :, None]) & (high >= own_low[:, :, None])).all(axis=1)
    return meets & meets.T
