import math

import pytest
import torch
import trimesh

from scene3d_ops import backend, knn, native, point_normals, vertex_normals

BACKENDS = ["reference", pytest.param("native", marks=pytest.mark.skipif(not native.available(), reason="no compiler"))]


@pytest.fixture(params=BACKENDS, autouse=True)
def each_backend(request):
    with backend.using(request.param):
        yield


@pytest.fixture
def sphere() -> trimesh.Trimesh:
    return trimesh.creation.icosphere(subdivisions=3)


def test_vertex_normals_of_a_sphere_point_outside(sphere):
    xyz = torch.tensor(sphere.vertices).float()
    normal = vertex_normals(xyz, torch.tensor(sphere.faces).long())
    torch.testing.assert_close(normal, xyz, atol=2e-2, rtol=0)


def test_vertex_normals_weigh_triangles_by_area():
    # A large triangle in the floor and a small one upright share their first vertex.
    xyz = torch.tensor([[0.0, 0, 0], [3, 0, 0], [0, 1, 0], [0, 0, 1], [0, 1, 1]])
    normal = vertex_normals(xyz, torch.tensor([[0, 1, 2], [0, 2, 3]]))
    torch.testing.assert_close(normal[0], torch.tensor([1.0, 0, 3]) / math.sqrt(10))


def test_a_vertex_without_area_has_no_normal():
    xyz = torch.tensor([[0.0, 0, 0], [1, 0, 0], [2, 0, 0], [5, 5, 5]])
    assert not vertex_normals(xyz, torch.tensor([[0, 1, 2]])).any()


def test_point_normals_of_a_sphere_are_radial_and_face_the_viewpoint(sphere):
    xyz = torch.tensor(sphere.vertices).float()
    index, _ = knn(xyz, 7)
    inside = point_normals(xyz, index, viewpoint=torch.zeros(3))
    assert ((inside * xyz).sum(dim=1) < -0.99).all()


def test_point_normals_turn_with_the_points():
    generator = torch.Generator().manual_seed(0)
    xyz = torch.rand(200, 3, generator=generator) * torch.tensor([1.0, 1.0, 0.05])
    turn = torch.linalg.qr(torch.randn(3, 3, generator=generator)).Q
    index, _ = knn(xyz, 12)
    cosine = ((point_normals(xyz, index) @ turn.T) * point_normals(xyz @ turn.T, index)).sum(dim=1).abs()
    torch.testing.assert_close(cosine, torch.ones(200), atol=1e-4, rtol=0)


def test_without_a_viewpoint_the_largest_component_is_positive(sphere):
    xyz = torch.tensor(sphere.vertices).float()
    normal = point_normals(xyz, knn(xyz, 9)[0])
    assert (normal.gather(1, normal.abs().argmax(dim=1, keepdim=True)) > 0).all()


def test_degenerate_neighbourhoods_still_give_unit_normals():
    line = torch.stack([torch.arange(5.0), torch.zeros(5), torch.zeros(5)], dim=1)
    for xyz in (line, torch.ones(5, 3)):
        normal = point_normals(xyz, torch.arange(5).expand(5, 5))
        torch.testing.assert_close(normal.norm(dim=1), torch.ones(5))
    assert not point_normals(line, torch.arange(5).expand(5, 5))[:, 0].any()


def test_planes_far_from_the_origin_keep_their_precision():
    grid = torch.cartesian_prod(torch.arange(8.0), torch.arange(8.0)) * 0.125
    xyz = torch.cat([grid, grid.sum(dim=1, keepdim=True)], dim=1) + 1024
    normal = point_normals(xyz, knn(xyz, 9)[0])
    expected = torch.tensor([1.0, 1, -1]) / math.sqrt(3)
    torch.testing.assert_close((normal @ expected).abs(), torch.ones(64), atol=1e-5, rtol=0)


def test_wrong_rows_are_named():
    with pytest.raises(ValueError, match="2 neighbours do not span a plane"):
        point_normals(torch.zeros(4, 3), torch.zeros(4, 2, dtype=torch.int64))
    with pytest.raises(ValueError, match="neighbours name points from 0 to 4; expected 0 to 3"):
        point_normals(torch.zeros(4, 3), torch.tensor([[0, 1, 4]]))
    with pytest.raises(ValueError, match="faces name points from -1 to 1"):
        vertex_normals(torch.zeros(4, 3), torch.tensor([[0, 1, -1]]))


@pytest.mark.skipif(not native.available(), reason="no compiler")
def test_native_agrees_with_its_twin():
    xyz = torch.rand(500, 3, generator=torch.Generator().manual_seed(2)) * torch.tensor([2.0, 2.0, 0.1])
    index, _ = knn(xyz, 16)
    normals = []
    for name in ("native", "reference"):
        with backend.using(name):
            normals.append(point_normals(xyz, index, viewpoint=torch.tensor([1.0, 1.0, 9.0])))
    torch.testing.assert_close(*normals, atol=1e-5, rtol=0)
