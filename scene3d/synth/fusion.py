"""Posed depth pictures to a coloured mesh, always the same bits for the same pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float32, Float64, Int32, Int64, UInt8

from scene3d.errors import InputError
from scene3d.synth.camera import Camera
from scene3d.synth.raycasting import tensor

_TRUNCATION_VOXELS = 4.0
_BLOCK = 8
"""Voxels along the edge of a block of the sparse grid."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surface:
    """A scan: vertices sorted by x, then y, then z; faces sorted likewise, or none for a bare point cloud."""

    xyz_m: Float32[np.ndarray, "n 3"]
    rgb: UInt8[np.ndarray, "n 3"]
    normal: Float32[np.ndarray, "n 3"]
    faces: Int32[np.ndarray, "f 3"]


def fuse(
    depth_m: Sequence[Float32[np.ndarray, "h w"]],
    rgb: Sequence[UInt8[np.ndarray, "h w 3"]],
    world_from_camera: Float64[np.ndarray, "k 4 4"],
    camera: Camera,
    *,
    voxel_m: float,
    least_views: int = 2,
) -> Surface:
    """Fuse posed RGB-D pictures into a truncated signed distance field and take its zero surface.

    Args:
        depth_m: Distance along the optical axis per picture, metres, 0 where nothing came back.
        rgb: Colour per picture.
        world_from_camera: Pose per picture.
        camera: Optics of all pictures.
        voxel_m: Edge of a voxel, metres.
        least_views: Voxels seen in fewer pictures give no surface.

    Raises:
        InputError: The pictures hold no surface.

    Source: Curless and Levoy, SIGGRAPH 1996; Open3D's sparse voxel blocks do the work.
    """
    import open3d as o3d

    if not any(depth[:, 1:].any() for depth in depth_m):
        raise InputError(f"{len(depth_m)} depth pictures hold no surface: nothing came back in any of them")
    volumes: Any = o3d.t.geometry  # the stubs know shapes only as their own class
    grid = volumes.VoxelBlockGrid(
        ("tsdf", "weight", "color"),
        (o3d.core.float32, o3d.core.float32, o3d.core.float32),
        ((1), (1), (3)),
        voxel_size=voxel_m,
        block_resolution=_BLOCK,
        block_count=20_000,
    )
    intrinsic = tensor(camera.intrinsic())
    farthest = max(float(depth.max()) for depth in depth_m) + 0.1
    for depth, colour, pose in zip(depth_m, rgb, world_from_camera, strict=True):
        depth = depth.copy()
        depth[:, 0] = 0  # Open3D weighs voxels of the first column without colouring them, which darkens them
        if not depth.any():
            continue
        extrinsic = tensor(np.linalg.inv(pose))
        depth_image = volumes.Image(tensor(depth))
        colour_image = volumes.Image(tensor(colour.astype(np.float32)))
        blocks = grid.compute_unique_block_coordinates(
            depth_image, intrinsic, extrinsic, 1.0, farthest, _TRUNCATION_VOXELS
        )
        grid.integrate(blocks, depth_image, colour_image, intrinsic, extrinsic, 1.0, farthest, _TRUNCATION_VOXELS)
    mesh = grid.extract_triangle_mesh(least_views - 0.5)  # a picture weighs 1, the bound is exclusive
    if "indices" not in mesh.triangle or len(mesh.triangle["indices"]) == 0:
        raise InputError(f"{len(depth_m)} depth pictures hold no surface at voxels of {voxel_m} m")
    colour = np.clip(mesh.vertex["colors"].numpy(), 0, 255)
    return canonical(mesh.vertex["positions"].numpy(), colour, mesh.triangle["indices"].numpy())


def canonical(xyz_m: np.ndarray, rgb: np.ndarray, faces: np.ndarray) -> Surface:
    """Sort and merge vertices, drop collapsed faces, sort faces: the order of extraction leaves no trace.

    Args:
        xyz_m: Vertices (n, 3), metres; exact duplicates become one, with their mean colour.
        rgb: Colours (n, 3), 0–255.
        faces: Vertex indices (f, 3), counter-clockwise seen from outside.
    """
    xyz_m = xyz_m.astype(np.float32) + np.float32(0)  # -0.0 and 0.0 are one place
    order = np.lexsort((*rgb.T, *xyz_m.T[::-1]))
    first = np.concatenate([[True], (np.diff(xyz_m[order], axis=0) != 0).any(axis=1)])
    new_of_old = np.empty(len(order), np.int64)
    new_of_old[order] = np.cumsum(first) - 1
    count = np.bincount(new_of_old)
    colour = np.stack([np.bincount(new_of_old[order], c[order]) / count for c in rgb.T], axis=1)
    faces = new_of_old[faces]
    a, b, c = faces.T
    faces = faces[(a != b) & (b != c) & (c != a)]
    start = faces.argmin(axis=1)[:, None]
    faces = np.take_along_axis(faces, (start + np.arange(3)) % 3, axis=1)
    faces = faces[_order(faces, len(count))]
    used = np.zeros(len(count), bool)
    used[faces] = True
    faces = (np.cumsum(used) - 1)[faces].astype(np.int32)
    xyz_m = xyz_m[order][first][used]
    return Surface(
        xyz_m=xyz_m,
        rgb=np.rint(colour[used]).astype(np.uint8),
        normal=vertex_normals(xyz_m, faces),
        faces=faces,
    )


def _order(faces: Int64[np.ndarray, "f 3"], vertices: int) -> Int64[np.ndarray, "f"]:
    """By first, second, then third corner; equal faces are the same face, so that any order of them will do."""
    if vertices >= 2**21:  # three numbers no longer fit into one of 63 bits, by which sorting is several times faster
        return np.lexsort(faces.T[::-1])
    return np.argsort((faces[:, 0] * vertices + faces[:, 1]) * vertices + faces[:, 2])


def vertex_normals(xyz_m: Float32[np.ndarray, "n 3"], faces: Int32[np.ndarray, "f 3"]) -> Float32[np.ndarray, "n 3"]:
    """Unit normals, the mean over a vertex's faces weighted by area; zero at a vertex without a face."""
    a, b, c = (xyz_m[faces[:, i]].astype(np.float64) for i in range(3))
    across = np.cross(b - a, c - a)
    total = np.stack(
        [np.bincount(faces.ravel(), np.repeat(across[:, i], 3), minlength=len(xyz_m)) for i in range(3)], axis=1
    )
    length = np.linalg.norm(total, axis=1, keepdims=True)
    return (total / np.maximum(length, 1e-20)).astype(np.float32)
