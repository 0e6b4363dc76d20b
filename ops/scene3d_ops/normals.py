"""Surface normals, from triangles or from neighbouring points."""

from __future__ import annotations

import torch
from jaxtyping import Float32, Int64
from torch import Tensor

from scene3d_ops import backend, native, reference


def vertex_normals(xyz: Float32[Tensor, "n 3"], faces: Int64[Tensor, "f 3"]) -> Float32[Tensor, "n 3"]:
    """Unit normal of each vertex: the mean over its triangles, weighted by area. Plain torch on every backend.

    Args:
        xyz: Vertices.
        faces: Rows of `xyz`, counter-clockwise when seen from outside.

    Returns:
        Normals pointing outside; zero for a vertex without a triangle or with degenerate ones only.

    Raises:
        ValueError: A face names a vertex that does not exist.
    """
    _check_rows(faces, len(xyz), "faces")
    return reference.vertex_normals(xyz, faces)


def point_normals(
    xyz: Float32[Tensor, "n 3"],
    neighbour_index: Int64[Tensor, "m k"],
    *,
    viewpoint: Float32[Tensor, "3"] | None = None,
) -> Float32[Tensor, "m 3"]:
    """Unit normal of each neighbourhood: the direction in which its points spread least.

    Args:
        xyz: Points.
        neighbour_index: Rows of `xyz` that lie around each of the m points, as `knn` finds them; k of 3 or more.
        viewpoint: Where the scanner stood. Normals then point to its side; without it their largest component is
            positive, which is deterministic but not the same side all over a surface.

    Raises:
        ValueError: Fewer than 3 neighbours, or a neighbour that does not exist.
    """
    if neighbour_index.shape[1] < 3:
        raise ValueError(f"{neighbour_index.shape[1]} neighbours do not span a plane; expected 3 or more")
    _check_rows(neighbour_index, len(xyz), "neighbours")
    if backend.current() == "reference" or xyz.device.type != "cpu":
        normal = reference.point_normals(xyz, neighbour_index)
    else:
        normal = torch.empty(len(neighbour_index), 3)
        near = neighbour_index.contiguous()
        native.call("scene3d_point_normals", xyz.contiguous(), near, *near.shape, normal)
    if viewpoint is None:
        side = normal.gather(1, normal.abs().argmax(dim=1, keepdim=True))
    else:
        centre = xyz[neighbour_index].mean(dim=1)
        side = ((viewpoint - centre) * normal).sum(dim=1, keepdim=True)
    return torch.where(side < 0, -normal, normal)


def _check_rows(index: Int64[Tensor, "m k"], count: int, what: str) -> None:
    if index.numel() == 0:
        return
    low, high = (int(bound) for bound in index.aminmax())
    if low < 0 or high >= count:
        raise ValueError(f"{what} name points from {low} to {high}; expected 0 to {count - 1}")
