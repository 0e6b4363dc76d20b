"""Where small things can stand on a piece of furniture: level, upward surfaces with air above, found from the mesh."""

from __future__ import annotations

import functools

import numpy as np
from jaxtyping import Float64
from scipy.spatial import KDTree

from scene3d.synth.room import TexturedMesh
from scene3d.synth.textured_mesh import face_areas_m2, sampled

_SAMPLES_PER_M2 = 900
_MOST_SAMPLES = 9000
_REACH_M = 0.05
"""A surface is there when a sample lies this near; the samples lie about 3 cm apart."""


class Surfaces:
    """Samples of a mesh, asked for places to stand."""

    def __init__(self, mesh: TexturedMesh) -> None:
        """Sample the mesh evenly."""
        count = int(np.clip(face_areas_m2(mesh).sum() * _SAMPLES_PER_M2, 500, _MOST_SAMPLES))
        face, _, xyz_m = sampled(mesh, count)
        corner = mesh.xyz_m[mesh.faces[face]].astype(np.float64)
        normal = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
        steep = np.abs(normal[:, 2]) / np.maximum(np.linalg.norm(normal, axis=1), 1e-12)
        self.xyz_m = xyz_m.astype(np.float64)
        self.level = np.flatnonzero(steep > 0.97)  # either winding: authors are careless

    @functools.cached_property
    def _tree(self) -> KDTree:
        return KDTree(self.xyz_m[self.level])

    def candidates(
        self, rng: np.random.Generator, count: int, *, least_m: float, most_m: float
    ) -> Float64[np.ndarray, "n 3"]:
        """Random points of level surfaces between two heights."""
        z = self.xyz_m[self.level, 2]
        usable = self.level[(z >= least_m) & (z <= most_m)]
        if not len(usable):
            return np.zeros((0, 3))
        return self.xyz_m[rng.choice(usable, size=count)]

    def stand(
        self,
        corners_m: Float64[np.ndarray, "4 2"],
        at_m: Float64[np.ndarray, "3"],
        height_m: float,
        *,
        slack_m: float = 0.008,
    ) -> float | None:
        """Height at which a thing stands there; None when it would overhang, tilt or hit something.

        Args:
            corners_m: Plan of the thing, counter-clockwise.
            at_m: The point of the surface under its middle.
            height_m: Height of the thing.
            slack_m: How uneven the ground may be; more for soft things on soft ground.
        """
        under = self._levels_below(corners_m, at_m)
        if under is None:
            return None
        z = float(under.max())
        if float(under.min()) < z - slack_m:
            return None
        local = _inside_quad(self.xyz_m[:, :2], corners_m)
        above = self.xyz_m[local, 2]
        hit = (above > z + 0.004 + slack_m) & (above < z + height_m)
        return None if hit.any() else z

    def _levels_below(
        self, corners_m: Float64[np.ndarray, "4 2"], at_m: Float64[np.ndarray, "3"]
    ) -> Float64[np.ndarray, "n"] | None:
        """Heights of the surface under a grid of points of the plan; None when one of them has none."""
        weight = np.array([0.06, 0.35, 0.65, 0.94])
        bottom = corners_m[0] + weight[:, None] * (corners_m[1] - corners_m[0])
        top = corners_m[3] + weight[:, None] * (corners_m[2] - corners_m[3])
        grid = (bottom[None] + weight[:, None, None] * (top - bottom)[None]).reshape(-1, 2)
        query = np.column_stack([grid, np.full(len(grid), at_m[2])])
        distance, index = self._tree.query(query, distance_upper_bound=_REACH_M)
        if not np.isfinite(distance).all():
            return None
        return self.xyz_m[self.level[index], 2]


def _inside_quad(points_m: Float64[np.ndarray, "n 2"], corners_m: Float64[np.ndarray, "4 2"]) -> np.ndarray:
    across, up = corners_m[1] - corners_m[0], corners_m[3] - corners_m[0]
    offset = points_m - corners_m[0]
    u, v = offset @ across / (across @ across), offset @ up / (up @ up)
    return (u > 0) & (u < 1) & (v > 0) & (v < 1)
