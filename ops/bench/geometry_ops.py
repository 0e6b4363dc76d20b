"""Geometry ops on a room of 150k points: nearest neighbours, voxels, normals, superpoints."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import torch
from scipy.spatial import KDTree
from torch import Tensor

from bench.measure import Case
from scene3d.geometry import over_segment, superpoint_oracle
from scene3d.types import Scene, Truth
from scene3d_ops import backend, farthest_points, knn, over_segment_graph, point_normals, unique_cells

VERTICES_ALONG = 388
"""The square of it is the number of vertices: 150k, a room scanned at 2 cm."""


def suite() -> list[Case]:
    """Each op against scipy, torch or its twin; over-segmentation against the time that a user will wait for it."""
    scene = _room_like_mesh()
    return [*_nearest(scene.xyz_m), _graph(scene.xyz_m), _voxels(scene.xyz_m), *_superpoints(scene)]


def _room_like_mesh() -> Scene:
    """A floor with 25 boxes of several colours on it, as a height field with noise."""
    generator = torch.Generator().manual_seed(0)
    step = torch.arange(VERTICES_ALONG) * 0.02
    x, y = torch.meshgrid(step, step, indexing="ij")
    place, inside = (x // 1.6 * 5 + y // 1.6).long(), ((x % 1.6 - 0.8).abs() < 0.4) & ((y % 1.6 - 0.8).abs() < 0.4)
    height = torch.where(inside, 0.3 + 0.02 * place, 0.0)
    xyz_m = torch.stack([x, y, height], dim=-1).reshape(-1, 3)
    xyz_m = xyz_m + 0.002 * torch.randn(xyz_m.shape, generator=generator)
    rgb = torch.where(inside, 60 + 7 * place, 128).reshape(-1, 1).expand(-1, 3)
    rgb = rgb + 4 * torch.randn(len(xyz_m), 3, generator=generator)
    row = torch.arange(len(xyz_m)).reshape(VERTICES_ALONG, VERTICES_ALONG)
    a, b, c, d = (t.reshape(-1) for t in (row[:-1, :-1], row[1:, :-1], row[1:, 1:], row[:-1, 1:]))
    instance = torch.where(inside, place, -1).reshape(-1).int()
    return Scene(
        name="25 boxes",
        xyz_m=xyz_m,
        rgb=rgb.clamp(0, 255).to(torch.uint8),
        faces=torch.cat([torch.stack([a, b, c], 1), torch.stack([a, c, d], 1)]),
        file_from_scene=torch.eye(4, dtype=torch.float64),
        truth=Truth(instance=instance, category_id=torch.zeros_like(instance), objects=()),
    )


def _nearest(xyz_m: Tensor) -> list[Case]:
    def by_scipy() -> Any:
        return KDTree(xyz_m.numpy()).query(xyz_m.numpy(), 16, workers=torch.get_num_threads())

    def check_neighbours() -> None:
        distance = torch.from_numpy(by_scipy()[0]).float()
        assert torch.allclose(knn(xyz_m, 16)[1].sqrt(), distance, atol=1e-5)

    index, _ = knn(xyz_m, 16)

    def farthest() -> Tensor:
        return farthest_points(xyz_m, 100)

    def normals() -> Tensor:
        return point_normals(xyz_m, index)

    def check_farthest() -> None:
        assert torch.equal(farthest(), _on_twin(farthest)())

    def check_normals() -> None:
        cosine = (normals() * _on_twin(normals)()).sum(dim=1).abs()
        assert (cosine > 0.999).float().mean() > 0.9999  # a neighbourhood as thick as wide has no one normal

    neighbours: Case = {
        "name": f"knn, 16 of {len(xyz_m):,} points",
        "check": check_neighbours,
        "runs": {"ours": lambda: knn(xyz_m, 16), "scipy": by_scipy},
    }
    return [
        neighbours,
        {"name": "farthest points, 100", "check": check_farthest, "runs": _with_twin(farthest)},
        {"name": "point normals, 16 neighbours", "check": check_normals, "runs": _with_twin(normals)},
    ]


def _graph(xyz_m: Tensor) -> Case:
    index, squared = knn(xyz_m, 5)
    own = torch.arange(len(xyz_m))[:, None].expand(-1, 4)
    edge = torch.stack([own, index[:, 1:]], dim=-1).reshape(-1, 2)
    weight = squared[:, 1:].reshape(-1).contiguous()

    def cut() -> Tensor:
        return over_segment_graph(edge, weight, len(xyz_m), threshold=0.01, min_size=20)

    def check() -> None:
        assert torch.equal(cut(), _on_twin(cut)())

    return {"name": f"over-segment a graph of {len(edge):,} edges", "check": check, "runs": _with_twin(cut)}


def _voxels(xyz_m: Tensor) -> Case:
    cell = torch.floor(xyz_m / 0.02).int()

    def by_rows() -> Any:
        return torch.unique(cell, dim=0, return_inverse=True)

    def check() -> None:
        assert all(torch.equal(a, b) for a, b in zip(unique_cells(cell), by_rows(), strict=True))

    return {
        "name": f"unique cells of {len(cell):,} points",
        "check": check,
        "runs": {"ours": lambda: unique_cells(cell), "torch.unique by rows": by_rows},
    }


def _superpoints(scene: Scene) -> list[Case]:
    cases: list[Case] = []
    for kind, one, limit_s in (("mesh", scene, 0.3), ("cloud", dataclasses.replace(scene, faces=None), 1.0)):

        def ours(one: Scene = one) -> Scene:
            return over_segment(one)

        def check(one: Scene = one) -> None:
            assert superpoint_oracle(over_segment(one)).recall() == 1

        name = f"superpoints of a {kind}, {len(one.xyz_m):,} points"
        cases.append({"name": name, "check": check, "runs": {"ours": ours}, "within_s": limit_s})
    return cases


def _with_twin(op: Callable[[], Tensor]) -> dict[str, Callable[[], object]]:
    return {"ours": op, "twin": _on_twin(op)}


def _on_twin(op: Callable[[], Tensor]) -> Callable[[], Tensor]:
    def run() -> Tensor:
        with backend.using("reference"):
            return op()

    return run
