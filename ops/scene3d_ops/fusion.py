"""Posed depth pictures to a coloured mesh, by way of a signed distance in sparse blocks of voxels."""

from __future__ import annotations

import torch
from jaxtyping import Float, Float32, Int32, Int64, UInt8
from torch import Tensor

from scene3d_ops import backend, native, neighbours, reference
from scene3d_ops.reference.fusion import SAMPLES, STRIDE, PosedPictures
from scene3d_ops.reference.marching_cubes import BLOCK, case_table
from scene3d_ops.reference.neighbours import KEY_BITS, KEY_LIMIT, KEY_MARGIN, unpack_keys

_REACH = KEY_LIMIT // 2
"""Blocks lie at fewer than this many blocks from the origin, so that their keys are those of `neighbours`."""


def fuse_depth(
    depth_m: Float32[Tensor, "k h w"],
    rgb: UInt8[Tensor, "k h w 3"],
    intrinsic: Float[Tensor, "3 3"],
    world_from_camera: Float[Tensor, "k 4 4"],
    *,
    voxel_m: float,
    truncation_voxels: float = 4.0,
    least_views: int = 2,
) -> tuple[Float32[Tensor, "n 3"], Float32[Tensor, "n 3"], Int32[Tensor, "f 3"]]:
    """Fuse posed pictures into a truncated signed distance and take its zero surface.

    The same pictures give the same bits on every backend and any number of threads.

    Args:
        depth_m: Distance along the optical axis, metres; 0 where nothing came back.
        rgb: Colour of the same pixels.
        intrinsic: Pinhole without skew; a point that projects to (u, v) is seen in the pixel of row ⌊v⌋, column ⌊u⌋.
        world_from_camera: Poses; camera x right, y down, z forward.
        voxel_m: Edge of a voxel, metres; positive.
        truncation_voxels: Distances are cut off at so many voxels, and nothing is known farther behind a surface.
        least_views: Voxels seen in fewer pictures give no surface.

    Returns:
        Vertices, world frame, metres; their colours, 0–255; faces, counter-clockwise seen from the free side.

    Raises:
        ValueError: Shapes differ, a size is not positive, the pinhole has skew, or depth reaches thousands of
            kilometres.

    Source: Curless and Levoy, SIGGRAPH 1996; the blocks that rays touch are those of Open3D (Dong et al.,
        arXiv:2110.00511); Lorensen and Cline, SIGGRAPH 1987.
    """
    if voxel_m <= 0 or truncation_voxels <= 0 or least_views < 1:
        raise ValueError(
            f"voxels of {voxel_m} m, truncation at {truncation_voxels} voxels, {least_views} views; all are positive"
        )
    pictures, sizes = _posed(depth_m, rgb, intrinsic, world_from_camera), (voxel_m, voxel_m * truncation_voxels)
    block, sums = integrate_depth(pictures, voxel_m=sizes[0], truncation_m=sizes[1])
    return zero_surface(block, sums, voxel_m=voxel_m, least_views=least_views)


def integrate_depth(
    pictures: PosedPictures, *, voxel_m: float, truncation_m: float
) -> tuple[Int32[Tensor, "b 3"], Float32[Tensor, "b 5 512"]]:
    """Sum up, per voxel, the pictures that touch its block and see it.

    Returns:
        Blocks of 8³ voxels in lexicographic order; the voxel (i, j, k) lies at voxel_m × (i, j, k). And per block the
        sums of signed distance (positive before the surface), 1, red, green and blue, z fastest.

    Raises:
        ValueError: A block lies out of reach.
    """
    sizes = {"voxel_m": voxel_m, "truncation_m": truncation_m}
    if not _native_serves(pictures.depth_m):
        touched = reference.touched_blocks(pictures, **sizes)
        if len(touched) and int(touched[:, :3].abs().max()) >= _REACH:
            raise _out_of_reach(int(touched[touched[:, :3].abs().amax(dim=1).argmax(), 3]), voxel_m)
        return reference.integrate_depth(pictures, touched, **sizes)
    block, first, picture = _touched(pictures, **sizes)
    depth, rgb, camera = pictures.depth_m, pictures.rgb, pictures.camera_from_world
    sums = torch.empty(len(block), 5, BLOCK**3)
    optics = (camera, pictures.intrinsic, voxel_m, truncation_m)
    native.call(
        "scene3d_integrate_depth", depth, rgb, *depth.shape[1:], *optics, block, first, picture, len(block), sums
    )
    return block, sums


def zero_surface(
    block: Int32[Tensor, "b 3"], sums: Float32[Tensor, "b 5 512"], *, voxel_m: float, least_views: int
) -> tuple[Float32[Tensor, "n 3"], Float32[Tensor, "n 3"], Int32[Tensor, "f 3"]]:
    """Marching cubes over the blocks of `integrate_depth`.

    A cell gives triangles where all its corners were seen often enough, and each lattice edge one vertex at most.
    Where two negative corners of a cell's face lie across it, each is cut off by itself.

    Returns:
        Vertices, colours and faces, as `fuse_depth`.

    Raises:
        ValueError: The blocks are not in order, or one lies out of reach.
    """
    if not _native_serves(block):
        return reference.zero_surface(block, sums, voxel_m=voxel_m, least_views=least_views)
    b, index = len(block), torch.nn.functional.pad(block + _REACH, (1, 0))
    key, fault = neighbours.sorted_keys(index)
    if fault >= 0:
        raise ValueError(f"block {fault} at {block[fault].tolist()} is out of reach or not above the one before it")
    near, (faces_of_case, triangle) = neighbours.subm_table(key, 3), case_table()
    negative, seen, cell = torch.empty(3, b, BLOCK**2, dtype=torch.uint8)
    edge, before = torch.empty(2, b, BLOCK**2, dtype=torch.int32)
    counts = torch.empty(2, b, dtype=torch.int64)
    bits = (negative, seen, cell, edge, before)
    native.call("scene3d_surface_count", sums, near, b, float(least_views), faces_of_case, *bits, *counts)
    n, f = counts.sum(dim=1).tolist()
    first_vertex, first_face = counts.cumsum(dim=1) - counts
    xyz_m, rgb, face = torch.empty(n, 3), torch.empty(n, 3), torch.empty(f, 3, dtype=torch.int32)
    table, found = (faces_of_case, triangle, triangle.shape[1]), (negative, cell, edge, before)
    into = (first_vertex, first_face, xyz_m, rgb, face)
    native.call("scene3d_surface_fill", sums, near, b, block, voxel_m, *table, *found, *into)
    return xyz_m, rgb, face


def _posed(depth_m: Tensor, rgb: Tensor, intrinsic: Tensor, world_from_camera: Tensor) -> PosedPictures:
    shapes = [tuple(t.shape) for t in (depth_m, rgb, world_from_camera)]
    k, *size = shapes[0]
    if shapes != [(k, *size), (k, *size, 3), (k, 4, 4)] or len(size) != 2 or min(size) < 2:
        raise ValueError(
            f"depth, rgb and poses are {shapes}; expected (k, h, w), (k, h, w, 3) and (k, 4, 4), h and w at least 2"
        )
    optics = intrinsic.double()
    if optics[0, 1] != 0 or optics[1, 0] != 0 or optics[2].tolist() != [0, 0, 1]:
        raise ValueError(f"intrinsic {optics.tolist()} is not a pinhole without skew")
    pose = world_from_camera.double()
    return PosedPictures(
        depth_m=depth_m.contiguous(),
        rgb=rgb.contiguous(),
        intrinsic=torch.stack([optics[0, 0], optics[1, 1], optics[0, 2], optics[1, 2]]).float(),
        world_from_camera=pose[:, :3].float().contiguous(),
        camera_from_world=torch.linalg.inv(pose)[:, :3].float().contiguous(),
    )


def _touched(
    pictures: PosedPictures, *, voxel_m: float, truncation_m: float
) -> tuple[Int32[Tensor, "b 3"], Int64[Tensor, "b+1"], Int32[Tensor, "t"]]:
    """Blocks in lexicographic order, where the pictures of each begin, and the pictures, ascending within a block."""
    k, h, w = pictures.depth_m.shape
    capacity = SAMPLES * -(-h // STRIDE) * -(-w // STRIDE)
    key, count = torch.empty(k, capacity, dtype=torch.int64), torch.empty(k, dtype=torch.int64)
    optics = (pictures.world_from_camera, pictures.intrinsic, voxel_m, truncation_m)
    keys = (KEY_BITS, KEY_MARGIN + _REACH, _REACH, capacity)
    fault = native.call("scene3d_touched_blocks", pictures.depth_m, k, h, w, *optics, *keys, key, count)
    if fault >= 0:
        raise _out_of_reach(fault, voxel_m)
    parts = [row[:n] for row, n in zip(key, count.tolist(), strict=True)]
    ordered, order = torch.cat([key[:0, 0], *parts]).sort(stable=True)
    picture = torch.repeat_interleave(count)[order].int()
    block_key, seen_in = torch.unique_consecutive(ordered, return_counts=True)
    first = torch.nn.functional.pad(seen_in.cumsum(dim=0), (1, 0))
    return (unpack_keys(block_key)[:, 1:] - _REACH).contiguous(), first, picture


def _out_of_reach(picture: int, voxel_m: float) -> ValueError:
    reach_m = _REACH * BLOCK * voxel_m
    return ValueError(f"picture {picture} sees a surface beyond {reach_m:,.0f} m from the origin; is its pose right?")


def _native_serves(tensor: Tensor) -> bool:
    return backend.current() != "reference" and tensor.device.type == "cpu"
