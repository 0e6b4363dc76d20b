"""Pinhole cameras as pure functions. Camera frame: x right, y down, z forward; pixel centres at whole numbers."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float, Float32, Float64, Int64
from torch import Tensor

from scene3d.errors import InputError
from scene3d.geometry.boxes import transform_points


def intrinsic_of(*, width: int, height: int, horizontal_fov_rad: float) -> Float64[Tensor, "3 3"]:
    """Pinhole matrix of a picture with square pixels, seen through its middle.

    Raises:
        InputError: The picture is empty or the angle is not between 0 and pi.
    """
    if width < 1 or height < 1 or not 0 < horizontal_fov_rad < math.pi:
        raise InputError(
            f"no camera has {width} × {height} pixels and a field of view of {horizontal_fov_rad:g} rad; "
            "expected at least one pixel and an angle between 0 and pi"
        )
    focal = width / (2 * math.tan(horizontal_fov_rad / 2))
    rows = [[focal, 0, (width - 1) / 2], [0, focal, (height - 1) / 2], [0, 0, 1]]
    return torch.tensor(rows, dtype=torch.float64)


def look_at(
    eye_m: Float[Tensor, "3"], target_m: Float[Tensor, "3"], *, up: tuple[float, float, float] = (0, 0, 1)
) -> Float64[Tensor, "4 4"]:
    """Pose (`world_from_camera`) of a camera at `eye_m` that looks at `target_m`, with `up` towards the picture's top.

    Raises:
        InputError: The target is the eye, or the view goes along `up`.
    """
    eye, forward = eye_m.double(), (target_m - eye_m).double()
    right = torch.linalg.cross(forward, torch.tensor(up, dtype=torch.float64, device=eye.device))
    if float(right.norm()) <= 1e-9 * max(1.0, float(forward.norm())):
        raise InputError(f"a camera at {eye_m.tolist()} that looks at {target_m.tolist()} has no upright picture")
    forward, right = forward / forward.norm(), right / right.norm()
    pose = torch.eye(4, dtype=torch.float64, device=eye.device)
    pose[:3, 0], pose[:3, 1], pose[:3, 2], pose[:3, 3] = right, torch.linalg.cross(forward, right), forward, eye
    return pose


def project(
    xyz_m: Float32[Tensor, "n 3"], intrinsic: Float64[Tensor, "3 3"], world_from_camera: Float64[Tensor, "4 4"]
) -> tuple[Float32[Tensor, "n 2"], Float32[Tensor, "n"]]:
    """Where points appear in a picture.

    Returns:
        Pixel (column, row), NaN for a point that is not in front of the camera; and distance along the optical axis,
        metres, negative behind the camera.
    """
    seen = transform_points(xyz_m.double(), torch.linalg.inv(world_from_camera))
    depth = seen[:, 2]
    pixel = (seen @ intrinsic.T)[:, :2] / torch.where(depth > 0, depth, torch.nan)[:, None]
    return pixel.float(), depth.float()


def unproject(
    depth_m: Float32[Tensor, "h w"], intrinsic: Float64[Tensor, "3 3"], world_from_camera: Float64[Tensor, "4 4"]
) -> tuple[Float32[Tensor, "n 3"], Int64[Tensor, "n 2"]]:
    """Depth picture to points.

    Args:
        depth_m: Distance along the optical axis; 0, negative or not finite where nothing came back.
        intrinsic: Pinhole matrix in pixels of the depth picture.
        world_from_camera: Pose.

    Returns:
        The points, row by row of the picture, and the (row, column) of each.
    """
    pixel = (torch.isfinite(depth_m) & (depth_m > 0)).nonzero()
    row, column = pixel.double().unbind(dim=1)
    depth = depth_m[pixel[:, 0], pixel[:, 1]].double()
    ray = torch.stack([column, row, torch.ones_like(row)], dim=1) @ torch.linalg.inv(intrinsic).T
    return transform_points(ray * depth[:, None], world_from_camera).float(), pixel
