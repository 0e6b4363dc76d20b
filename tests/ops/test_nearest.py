import numpy as np
import pytest
import torch
from scipy.spatial import KDTree

from scene3d_ops import backend, farthest_points, knn, native

BACKENDS = ["reference", pytest.param("native", marks=pytest.mark.skipif(not native.available(), reason="no compiler"))]


@pytest.fixture(params=BACKENDS, autouse=True)
def each_backend(request):
    with backend.using(request.param):
        yield


def cloud(count: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(count, 3, generator=torch.Generator().manual_seed(seed)) * torch.tensor([4.0, 3.0, 0.5])


@pytest.mark.parametrize("k", [1, 7, 40])
def test_distances_agree_with_scipy(k):
    xyz, query = cloud(900), cloud(200, seed=1) * 1.5
    distance, _ = KDTree(xyz.numpy()).query(query.numpy(), k)
    index, squared = knn(xyz, k, query)
    np.testing.assert_allclose(squared.sqrt().numpy(), distance.reshape(200, k), rtol=1e-5)
    own = ((query[:, None] - xyz[index]) ** 2).sum(dim=2)
    torch.testing.assert_close(own, squared)


def test_each_point_finds_itself_first():
    index, squared = knn(cloud(300), 5)
    assert torch.equal(index[:, 0], torch.arange(300))
    assert not squared[:, 0].any()


def test_of_equally_near_points_the_lower_row_comes_first():
    axis = torch.arange(6.0)
    lattice = torch.cartesian_prod(axis, axis, axis)
    shuffled = lattice[torch.randperm(216, generator=torch.Generator().manual_seed(0))]
    index, _ = knn(shuffled, 19)
    squared = torch.cdist(shuffled.double(), shuffled.double()).pow(2).round()
    expected = torch.sort(squared, dim=1, stable=True).indices[:, :19]
    assert torch.equal(index, expected)


def test_duplicates_and_density_changes_are_no_trouble():
    xyz = torch.cat([torch.zeros(50, 3), cloud(200) * 1e-4, cloud(60) * 100 + 50])
    index, squared = knn(xyz, 9)
    distance, _ = KDTree(xyz.numpy()).query(xyz.numpy(), 9)
    np.testing.assert_allclose(squared.sqrt().numpy(), distance, rtol=1e-4, atol=1e-9)
    assert torch.equal(index[49], torch.arange(9))


def test_all_points_can_be_asked_for():
    index, _ = knn(cloud(17), 17)
    assert torch.equal(index.sort(dim=1).values, torch.arange(17).expand(17, 17))


def test_no_queries():
    index, squared = knn(cloud(5), 2, torch.empty(0, 3))
    assert index.shape == squared.shape == (0, 2)


@pytest.mark.parametrize("k", [0, 6])
def test_k_out_of_range_is_named(k):
    with pytest.raises(ValueError, match=f"k = {k} neighbours asked of 5 points"):
        knn(cloud(5), k)


def test_points_that_are_not_finite_are_counted():
    xyz = cloud(5)
    xyz[2, 1] = torch.nan
    with pytest.raises(ValueError, match="1 of 5 points are not finite"):
        knn(xyz, 1)
    with pytest.raises(ValueError, match="1 of 5 points are not finite"):
        farthest_points(xyz, 1)


def test_farthest_points_agree_with_scipy_distances():
    xyz = cloud(400)
    chosen = farthest_points(xyz, 25, start=11).tolist()
    assert chosen[0] == 11
    for count in range(1, 25):
        gap, _ = KDTree(xyz[chosen[:count]].numpy()).query(xyz.numpy())
        assert gap[chosen[count]] == pytest.approx(gap.max(), rel=1e-5)


def test_of_equally_far_points_the_lower_row_is_chosen():
    square = torch.tensor([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [1, 1, 0]])
    assert farthest_points(square, 4).tolist() == [0, 3, 1, 2]


def test_more_samples_than_points_are_refused():
    with pytest.raises(ValueError, match="6 samples asked of 5 points"):
        farthest_points(cloud(5), 6)
    with pytest.raises(ValueError, match="start = 5"):
        farthest_points(cloud(5), 1, start=5)


@pytest.mark.skipif(not native.available(), reason="no compiler")
def test_native_equals_its_twin_bit_by_bit():
    xyz = (cloud(2500) * 16).round() / 16  # many ties
    found = []
    for name in ("native", "reference"):
        with backend.using(name):
            found.append((*knn(xyz, 12), farthest_points(xyz, 60)))
    for a, b in zip(*found, strict=True):
        assert torch.equal(a, b)
