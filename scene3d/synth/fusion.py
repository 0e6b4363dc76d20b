"""Posed depth pictures to a coloured mesh, always the same bits for the same pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float32, Float64, Int32, Int64, UInt8

from scene3d.errors import InputError
from scene3d.synth.camera import Camera
from scene3d_ops import fuse_depth

_CORNER_BITS = 21
"""The three corners of a face fit into one integer while there are at most this power of two vertices."""


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

    Source: Curless and Levoy, SIGGRAPH 1996.
    """
    if not any(depth[:, 1:].any() for depth in depth_m):
        raise InputError(f"{len(depth_m)} depth pictures hold no surface: nothing came back in any of them")
    depth = np.stack(depth_m)
    depth[:, :, 0] = 0  # the first data sets were fused without this column, and scans of all ages shall be alike
    pictures = map(torch.from_numpy, (depth, np.stack(rgb), camera.intrinsic(), world_from_camera))
    xyz_m, colour, faces = (part.numpy() for part in fuse_depth(*pictures, voxel_m=voxel_m, least_views=least_views))
    if not len(faces):
        raise InputError(f"{len(depth_m)} depth pictures hold no surface at voxels of {voxel_m} m")
    return canonical(xyz_m, colour, faces)


def canonical(xyz_m: np.ndarray, rgb: np.ndarray, faces: np.ndarray) -> Surface:
    """Sort and merge vertices, drop collapsed faces, sort faces: the order of extraction leaves no trace.

    Args:
        xyz_m: Vertices (n, 3), metres; exact duplicates become one, with their mean colour.
        rgb: Colours (n, 3), 0–255.
        faces: Vertex indices (f, 3), counter-clockwise seen from outside.
    """
    xyz_m = xyz_m.astype(np.float32) + np.float32(0)  # -0.0 and 0.0 are one place
    order, first = _sorted_places(xyz_m)
    new_of_old = np.empty(len(order), np.int64)
    new_of_old[order] = np.cumsum(first) - 1
    count = np.bincount(new_of_old)
    # Sums of float32 colours are exact in float64, whatever the order.
    colour = np.stack([np.bincount(new_of_old, c) / count for c in rgb.astype(np.float32).T], axis=1)
    corners = new_of_old[faces.T]
    a, b, c = corners
    corners = _sorted_faces(corners[:, (a != b) & (b != c) & (c != a)], len(count))
    used = np.zeros(len(count), bool)
    used[corners] = True
    faces = np.ascontiguousarray((np.cumsum(used, dtype=np.int32) - 1)[corners].T, np.int32)
    xyz_m = xyz_m[order[first][used]]
    return Surface(
        xyz_m=xyz_m,
        rgb=np.rint(colour[used]).astype(np.uint8),
        normal=vertex_normals(xyz_m, faces),
        faces=faces,
    )


def _sorted_places(xyz_m: Float32[np.ndarray, "n 3"]) -> tuple[Int64[np.ndarray, "n"], Bool[np.ndarray, "n"]]:
    """The order by x, then y, then z, and where in it a place differs from the one before.

    Sorts integers, several times faster than `np.lexsort`: x and y as one, then z within each pair of them.
    """
    bits = xyz_m.view(np.int32)
    x, y, z = (bits ^ (bits >> 31 & 0x7FFFFFFF)).astype(np.int64).T  # integers that sort as the floats do
    column = x << 32 | y + 2**31
    order = np.argsort(column)
    key = np.cumsum(_differs(column[order])) << 32 | z[order] + 2**31
    within = np.argsort(key)
    return order[within], _differs(key[within])


def _differs(key: Int64[np.ndarray, "n"]) -> Bool[np.ndarray, "n"]:
    return np.diff(key, prepend=key[:1] - 1) != 0


def _sorted_faces(corners: Int64[np.ndarray, "3 f"], vertices: int) -> Int64[np.ndarray, "3 f"]:
    """Each face from its lowest corner on; faces by first, second, then third corner."""
    a, b, c = corners
    turns = ((a, b, c), (b, c, a), (c, a, b))
    if vertices <= 2**_CORNER_BITS:
        key = np.sort(np.minimum.reduce([(i << _CORNER_BITS | j) << _CORNER_BITS | k for i, j, k in turns]))
        return np.stack([key >> place * _CORNER_BITS & 2**_CORNER_BITS - 1 for place in (2, 1, 0)])
    turned = np.choose(corners.argmin(axis=0), turns)
    return turned[:, np.lexsort(turned[::-1])]


def vertex_normals(xyz_m: Float32[np.ndarray, "n 3"], faces: Int32[np.ndarray, "f 3"]) -> Float32[np.ndarray, "n 3"]:
    """Unit normals, the mean over a vertex's faces weighted by area; zero at a vertex without a face."""
    corners = faces.T.astype(np.int64, order="C")
    axes = xyz_m.T.astype(np.float64, order="C")
    x, y, z = (axis[corners[1:]] - axis[corners[0]] for axis in axes)  # two sides of each face
    across = (y[0] * z[1] - z[0] * y[1], z[0] * x[1] - x[0] * z[1], x[0] * y[1] - y[0] * x[1])
    total = np.stack(
        [sum(np.bincount(corner, part, minlength=len(xyz_m)) for corner in corners) for part in across], axis=1
    )
    length = np.linalg.norm(total, axis=1, keepdims=True)
    return (total / np.maximum(length, 1e-20)).astype(np.float32)
