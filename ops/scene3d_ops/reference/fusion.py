"""Specification of the fusion of depth pictures: one picture after the other, all its blocks at once."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float32, Int32, Int64, UInt8
from torch import Tensor

from scene3d_ops.reference.marching_cubes import BLOCK

STRIDE = 4
"""Every so many pixels in each direction a ray is followed to the blocks it touches."""
SAMPLES = 4
"""Places along such a ray, from truncation before to truncation behind the depth."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PosedPictures:
    """What is fused; float32, since every backend rounds alike."""

    depth_m: Float32[Tensor, "k h w"]
    rgb: UInt8[Tensor, "k h w 3"]
    intrinsic: Float32[Tensor, "4"]
    """fx, fy, cx, cy."""
    world_from_camera: Float32[Tensor, "k 3 4"]
    camera_from_world: Float32[Tensor, "k 3 4"]


def touched_blocks(pictures: PosedPictures, *, voxel_m: float, truncation_m: float) -> Int64[Tensor, "t 4"]:
    """Blocks in which rays of a picture change sides of the surface: rows (x, y, z, picture), sorted, no two alike."""
    fx, fy, cx, cy = pictures.intrinsic
    depth = pictures.depth_m[:, ::STRIDE, ::STRIDE]
    measured = (depth > 0) & depth.isfinite()
    depth = torch.where(measured, depth, 0)
    x, y = (STRIDE * torch.arange(n, device=depth.device, dtype=torch.float32) for n in reversed(depth.shape[1:]))
    x, y = (x - cx) / fx, ((y - cy) / fy)[:, None]
    pose = pictures.world_from_camera[..., None, None]  # (k, 3, 4, 1, 1)
    along = pose[:, :, 0] * x + pose[:, :, 1] * y + pose[:, :, 2]  # (k, 3, rows, columns)
    t = (depth - truncation_m).clamp(min=0)
    step = (depth + truncation_m - t) / (SAMPLES - 1)
    number = torch.arange(len(depth), device=depth.device)[:, None, None].expand(depth.shape)
    rows = []
    for _ in range(SAMPLES):
        block = torch.floor((pose[:, :, 3] + t[:, None] * along) / (voxel_m * BLOCK))
        rows.append(torch.cat([block.movedim(1, -1), number[..., None]], dim=-1)[measured])
        t = t + step
    return torch.unique(torch.cat(rows).long(), dim=0)


def integrate_depth(
    pictures: PosedPictures, touched: Int64[Tensor, "t 4"], *, voxel_m: float, truncation_m: float
) -> tuple[Int32[Tensor, "b 3"], Float32[Tensor, "b 5 512"]]:
    """The blocks touched, in lexicographic order, and the sums of `scene3d_ops.fusion.integrate_depth`."""
    block, row = torch.unique(touched[:, :3], dim=0, return_inverse=True)
    sums = pictures.depth_m.new_zeros(len(block), 5, BLOCK**3)
    for i in range(len(pictures.depth_m)):
        rows = row[touched[:, 3] == i]
        sums[rows] += _one_picture(pictures, i, block[rows], voxel_m=voxel_m, truncation_m=truncation_m)
    return block.int(), sums


def _one_picture(
    pictures: PosedPictures, i: int, block: Int64[Tensor, "b 3"], *, voxel_m: float, truncation_m: float
) -> Float32[Tensor, "b 5 512"]:
    depth, rgb = pictures.depth_m[i], pictures.rgb[i].reshape(-1, 3)
    (h, w), (fx, fy, cx, cy) = depth.shape, pictures.intrinsic
    inner = torch.cartesian_prod(*[torch.arange(BLOCK, device=block.device)] * 3)
    at = ((block[:, None] * BLOCK + inner).float() * voxel_m).unbind(dim=-1)
    x, y, z = (m[1] * at[1] + m[2] * at[2] + m[3] + m[0] * at[0] for m in pictures.camera_from_world[i])
    per_z = 1 / z
    u, v = fx * x * per_z + cx, fy * y * per_z + cy
    inside = (z > 0) & (u >= 0) & (v >= 0) & (u <= w - 1) & (v <= h - 1)
    pixel = torch.where(inside, v, 0).long() * w + torch.where(inside, u, 0).long()
    seen = depth.reshape(-1)[pixel]
    before = seen - z
    good = inside & (seen > 0) & seen.isfinite() & (before >= -truncation_m)
    parts = [before.clamp(max=truncation_m), torch.ones_like(before), *rgb[pixel].float().unbind(dim=-1)]
    return torch.where(good[:, None], torch.stack(parts, dim=1), 0.0)
