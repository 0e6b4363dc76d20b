"""Polygons to triangles, and the check that every corner exists."""

from __future__ import annotations

import numpy as np
from jaxtyping import Int64

from scene3d.errors import InputError


def fan(
    counts: Int64[np.ndarray, "p"], corners: Int64[np.ndarray, "c"], *, points: int, where: str
) -> Int64[np.ndarray, "f 3"]:
    """Cut each polygon into the fan of triangles around its first corner; points and lines vanish.

    Args:
        counts: Corners of each polygon.
        corners: Point indices of all polygons, one after the other.
        points: Number of points that there are.
        where: The file, for messages.

    Raises:
        InputError: A corner names a point that does not exist.
    """
    if (counts < 0).any() or int(counts.sum()) != corners.size:
        raise InputError(
            f"{where}: the face list holds {corners.size:,} corners, not what its counts say; export again"
        )
    wrong = (corners < 0) | (corners >= points)
    if wrong.any():
        bad = int(corners[wrong][0])
        raise InputError(
            f"{where}: a face names point {bad:,}, there are {points:,}; the file is damaged, export it again"
        )
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]]) if counts.size else counts
    triangles = np.maximum(counts - 2, 0)
    first = np.repeat(starts, triangles)
    step = np.arange(int(triangles.sum())) - np.repeat(np.cumsum(triangles) - triangles, triangles)
    return np.stack([corners[first], corners[first + step + 1], corners[first + step + 2]], axis=1)


def follow_points(faces: Int64[np.ndarray, "f 3"], point_of_old: Int64[np.ndarray, "m"]) -> Int64[np.ndarray, "g 3"]:
    """Faces after points were dropped (-1) or merged; those that lost a corner or collapsed are left out."""
    new = point_of_old[faces]
    whole = (new >= 0).all(axis=1) & (new[:, 0] != new[:, 1]) & (new[:, 1] != new[:, 2]) & (new[:, 0] != new[:, 2])
    return new[whole]
