"""Surface directions of a scan: an even sample, its normals, and the axes along which flat surfaces agree."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64
from scipy.spatial import KDTree

_CELL_M = 0.05
_CELLS_ACROSS = 300
_SAMPLES = 10_000
_NEIGHBOURS = 14
_FLAT = 0.08
"""Least variance over middle one: below, the neighbourhood is a plane."""
_GRID = 1200
_WIDTHS_DEG = (6.0, 4.0, 3.0, 2.0, 2.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Points spread evenly over the surfaces, so that each stands for the same area."""

    xyz_m: Float64[np.ndarray, "n 3"]
    normal: Float64[np.ndarray, "n 3"]
    """Unit length, of either sign; zero where the surface is not flat."""


def sample_surface(xyz_m: Float64[np.ndarray, "n 3"]) -> Sample:
    """One point per cell of 5 cm (more for large scans), with the normal of its neighbourhood."""
    cell_m = max(_CELL_M, float(np.ptp(xyz_m, axis=0).max()) / _CELLS_ACROSS)
    cells = np.floor((xyz_m - xyz_m.min(axis=0)) / cell_m).astype(np.int64)
    key = (cells[:, 0] << 42) | (cells[:, 1] << 21) | cells[:, 2]
    _, inverse, count = np.unique(key, return_inverse=True, return_counts=True)
    mean = np.stack([np.bincount(inverse, weights=xyz_m[:, i]) for i in range(3)], axis=1) / count[:, None]
    if len(mean) < _NEIGHBOURS:
        return Sample(xyz_m=mean, normal=np.zeros_like(mean))
    chosen = np.random.default_rng(0).permutation(len(mean))[:_SAMPLES]
    _, near = KDTree(mean).query(mean[chosen], k=_NEIGHBOURS)
    around = mean[near] - mean[near].mean(axis=1, keepdims=True)
    variance, axes = np.linalg.eigh(np.einsum("nki,nkj->nij", around, around))
    is_flat = variance[:, 0] < _FLAT * variance[:, 1]
    return Sample(xyz_m=mean[chosen], normal=np.where(is_flat[:, None], axes[:, :, 0], 0.0))


def dominant_axes(normal: Float64[np.ndarray, "n 3"], *, most: int = 8) -> Float64[np.ndarray, "k 3"]:
    """Axes such that many surfaces are parallel or perpendicular to them, as floors and walls are; best first.

    Args:
        normal: Unit normals of either sign; zero rows are ignored.
        most: How many axes to return at most; they are at least 20 degrees apart.
    """
    flat = normal[np.abs(normal).sum(axis=1) > 0]
    if len(flat) < 50:
        return np.zeros((0, 3))
    left = _hemisphere(_GRID)
    agreement = _agreement(left, flat)
    found: list[np.ndarray] = []
    while len(found) < most and len(left):
        axis = refine_axis(left[agreement.argmax()], flat)
        near = np.abs(left @ left[agreement.argmax()]) > np.cos(np.deg2rad(20))
        left, agreement = left[~near], agreement[~near]
        if all(abs(axis @ other) < np.cos(np.deg2rad(10)) for other in found):
            found.append(axis)
    return np.array(found).reshape(-1, 3)


def refine_axis(axis: Float64[np.ndarray, "3"], normal: Float64[np.ndarray, "n 3"]) -> Float64[np.ndarray, "3"]:
    """Turn an axis to agree best with the normals parallel and perpendicular to it (reweighted least squares)."""
    for width_deg in _WIDTHS_DEG:
        cosine = np.clip(np.abs(normal @ axis), 0, 1)
        parallel = np.exp(-((np.degrees(np.arccos(cosine)) / width_deg) ** 2))
        perpendicular = np.exp(-((np.degrees(np.arcsin(cosine)) / width_deg) ** 2))
        pull = (normal * (parallel - 0.5 * perpendicular)[:, None]).T @ normal
        best = np.linalg.eigh(pull)[1][:, -1]
        if abs(best @ axis) < np.cos(np.deg2rad(12)):  # nothing there to hold it: leave it where it was
            return axis
        axis = best * np.sign(best @ axis)
    return axis


def _agreement(
    axes: Float64[np.ndarray, "a 3"], normal: Float64[np.ndarray, "n 3"], width_deg: float = 6.0
) -> Float64[np.ndarray, "a"]:
    """Part of the surface parallel to each axis' plane, and half of the part that is upright on it."""
    squared = (axes @ normal[:: max(1, len(normal) // 3000)].T) ** 2
    width = np.sin(np.deg2rad(width_deg)) ** 2
    return np.exp((squared - 1) / width).mean(axis=1) + 0.5 * np.exp(-squared / width).mean(axis=1)


def _hemisphere(count: int) -> Float64[np.ndarray, "k 3"]:
    """Directions spread evenly over half a sphere, by the golden angle."""
    i = np.arange(count)
    z = (i + 0.5) / count
    radius, angle = np.sqrt(1 - z * z), i * np.pi * (3 - np.sqrt(5))
    return np.stack([radius * np.cos(angle), radius * np.sin(angle), z], axis=1)
