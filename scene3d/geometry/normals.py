"""Scenes without normals get them: from triangles, or from the plane through near points."""

from __future__ import annotations

import dataclasses

import torch
from jaxtyping import Float32
from torch import Tensor

from scene3d.geometry.voxels import check_points
from scene3d.types import Scene
from scene3d_ops import knn, point_normals, vertex_normals

_NEIGHBOURS = 16
_EYE_HEIGHT_M = 1.4


def with_normals(scene: Scene) -> Scene:
    """The scene with `normal` filled, whatever it held before.

    A mesh's normals follow its triangles. A cloud's look at its viewpoint, or else at a person in the
    middle of the room: most of what a scan shows faces there.

    Raises:
        InputError: A point is not finite.
    """
    check_points(scene.xyz_m)
    xyz_m = scene.xyz_m
    if scene.faces is not None and len(scene.faces):
        normal = vertex_normals(xyz_m, scene.faces)
    elif len(xyz_m) < 3:
        normal = torch.zeros_like(xyz_m)
    else:
        near, _ = knn(xyz_m, min(_NEIGHBOURS, len(xyz_m)))
        normal = point_normals(xyz_m, near, viewpoint=_viewpoint(scene))
    return dataclasses.replace(scene, normal=normal)


def _viewpoint(scene: Scene) -> Float32[Tensor, "3"]:
    if scene.viewpoint_m is not None:
        return scene.viewpoint_m
    middle = scene.xyz_m.median(dim=0).values
    floor = scene.xyz_m[:, 2].kthvalue(max(1, len(scene.xyz_m) // 100)).values
    return torch.stack([middle[0], middle[1], floor + _EYE_HEIGHT_M])
