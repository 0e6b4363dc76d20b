import torch

from scene3d.geometry import with_normals
from scene3d.types import Scene


def wall(viewpoint_m: torch.Tensor | None = None) -> Scene:
    """Points of the plane x = 2."""
    generator = torch.Generator().manual_seed(0)
    xyz_m = torch.rand(500, 3, generator=generator) * torch.tensor([0.0, 3.0, 2.0]) + torch.tensor([2.0, -1.5, 0.0])
    return Scene(name="wall", xyz_m=xyz_m, file_from_scene=torch.eye(4, dtype=torch.float64), viewpoint_m=viewpoint_m)


def test_a_cloud_looks_at_its_viewpoint() -> None:
    for side in (-1.0, 1.0):
        normal = with_normals(wall(torch.tensor([2.0 + side, 0.0, 1.0]))).normal
        assert normal is not None
        torch.testing.assert_close(normal, torch.tensor([[side, 0.0, 0.0]]).expand(500, 3), atol=1e-3, rtol=0.0)


def test_a_mesh_follows_its_triangles_and_few_points_have_none() -> None:
    xyz_m = torch.tensor([[0.0, 0, 0], [1, 0, 0], [0, 1, 0]])
    eye = torch.eye(4, dtype=torch.float64)
    mesh = Scene(name="m", xyz_m=xyz_m, faces=torch.tensor([[0, 1, 2]]), file_from_scene=eye)
    assert torch.equal(with_normals(mesh).normal, torch.tensor([[0.0, 0, 1]]).expand(3, 3))  # type: ignore[arg-type]
    pair = Scene(name="p", xyz_m=xyz_m[:2], file_from_scene=eye)
    assert torch.equal(with_normals(pair).normal, torch.zeros(2, 3))  # type: ignore[arg-type]
