"""Specification of surface normals."""

from __future__ import annotations

import torch
from jaxtyping import Float32, Int64
from torch import Tensor


def vertex_normals(xyz: Float32[Tensor, "n 3"], faces: Int64[Tensor, "f 3"]) -> Float32[Tensor, "n 3"]:
    """See `scene3d_ops.vertex_normals`."""
    a, b, c = xyz[faces].unbind(dim=1)
    normal = torch.linalg.cross(b - a, c - a)  # as long as twice the area, which is its weight
    total = torch.zeros_like(xyz).index_add(0, faces.reshape(-1), normal.repeat_interleave(3, dim=0))
    length = torch.linalg.vector_norm(total, dim=1, keepdim=True)
    return torch.where(length > 0, total / length.clamp(min=torch.finfo(xyz.dtype).tiny), 0.0)


def point_normals(xyz: Float32[Tensor, "n 3"], neighbour_index: Int64[Tensor, "m k"]) -> Float32[Tensor, "m 3"]:
    """See `scene3d_ops.point_normals`; the sign is arbitrary here."""
    near = xyz[neighbour_index].double()
    from_mean = near - near.mean(dim=1, keepdim=True)
    spread = from_mean.transpose(1, 2) @ from_mean
    return torch.linalg.eigh(spread).eigenvectors[:, :, 0].float()  # eigenvalues ascend
