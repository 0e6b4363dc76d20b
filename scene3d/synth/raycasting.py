"""Open3D's ray casting as this package uses it: meshes in, arrays out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float32

from scene3d.synth.room import TexturedMesh


class Raycaster:
    """A search tree over the triangles of several meshes, numbered in the order given."""

    def __init__(self, meshes: Sequence[TexturedMesh]) -> None:
        """Build the tree; meshes without triangles keep their number and are never found."""
        # Any: the stubs of Open3D know neither numpy arrays nor the names in the results.
        import open3d as o3d

        self._tree: Any = o3d.t.geometry.RaycastingScene(nthreads=0)
        self._mesh_of_geometry = np.array([i for i, mesh in enumerate(meshes) if len(mesh.faces)], np.int32)
        first_face = np.cumsum([0] + [len(mesh.faces) for mesh in meshes]).astype(np.int32)
        # Where a ray meets nothing, Open3D numbers geometry and triangle 2³² - 1, which is -1: the last row.
        self._mesh = np.append(self._mesh_of_geometry, np.int32(-1))
        self._first_face = np.append(first_face[self._mesh_of_geometry], np.int32(0))
        for i in self._mesh_of_geometry:
            self._tree.add_triangles(
                tensor(meshes[i].xyz_m.astype(np.float32)), tensor(meshes[i].faces.astype(np.uint32))
            )

    def cast(self, rays: Float32[np.ndarray, "n 6"]) -> Mapping[str, np.ndarray]:
        """First hits of rays (origin, direction).

        Returns:
            `t` (n,), in lengths of the direction, infinite where nothing was hit; `mesh` (n,), and `face` (n,) numbered
            through all meshes, -1 there; `normal` (n, 3) of the triangle, unit length, zero there; `weight` (n, 2),
            barycentric share of its second and third corner.
        """
        hit = self._tree.cast_rays(tensor(rays))
        geometry = hit["geometry_ids"].numpy().view(np.int32)
        return {
            "t": hit["t_hit"].numpy(),
            "mesh": self._mesh.take(geometry, mode="wrap"),
            "face": self._first_face.take(geometry, mode="wrap") + hit["primitive_ids"].numpy().view(np.int32),
            "normal": hit["primitive_normals"].numpy(),
            "weight": hit["primitive_uvs"].numpy(),
        }

    def nearest(self, xyz_m: Float32[np.ndarray, "n 3"]) -> tuple[np.ndarray, np.ndarray]:
        """Mesh (n,) whose surface is nearest to each point and its distance (n,); mesh -1, infinitely far, if none."""
        if not len(self._mesh_of_geometry) or not len(xyz_m):
            return np.full(len(xyz_m), -1, np.int32), np.full(len(xyz_m), np.inf)
        found = self._tree.compute_closest_points(tensor(xyz_m))
        distance = np.linalg.norm(found["points"].numpy() - xyz_m, axis=1)
        return self._mesh_of_geometry[found["geometry_ids"].numpy()], distance


def tensor(array: np.ndarray) -> Any:
    """A numpy array as Open3D takes it."""
    import open3d as o3d

    return o3d.core.Tensor.from_numpy(np.ascontiguousarray(array))
