import pytest
import torch

from scene3d.errors import InputError
from scene3d.geometry import voxelize


def cloud(count: int = 500) -> torch.Tensor:
    return torch.randn(count, 3, generator=torch.Generator().manual_seed(0))


def test_each_point_lies_in_its_cell():
    xyz = cloud()
    voxels = voxelize(xyz, size_m=0.25)  # a power of two: no rounding
    cell = (voxels.index + voxels.origin_cell)[voxels.voxel_of_point]
    assert torch.equal(cell, torch.floor(xyz / 0.25).long())
    assert len(voxels.index.unique(dim=0)) == len(voxels.index)


def test_indices_start_at_the_coarsest_stride():
    voxels = voxelize(cloud() - 3, size_m=0.1)
    assert (voxels.origin_cell % 16 == 0).all()
    assert (voxels.index >= 0).all()
    assert (voxels.index.amin(dim=0) < 16).all()


def test_the_order_of_points_does_not_matter():
    xyz = cloud()
    order = torch.randperm(len(xyz), generator=torch.Generator().manual_seed(1))
    plain, shuffled = voxelize(xyz, size_m=0.2), voxelize(xyz[order], size_m=0.2)
    assert torch.equal(plain.index, shuffled.index)
    assert torch.equal(plain.voxel_of_point[order], shuffled.voxel_of_point)


def test_a_part_of_the_scan_falls_into_the_same_cells():
    xyz = cloud()
    whole, part = voxelize(xyz, size_m=0.5), voxelize(xyz[:50], size_m=0.5)
    in_whole = (whole.index + whole.origin_cell)[whole.voxel_of_point[:50]]
    in_part = (part.index + part.origin_cell)[part.voxel_of_point]
    assert torch.equal(in_whole, in_part)


def test_features_are_averaged_and_centres_lie_in_the_middle():
    xyz = torch.tensor([[0.1, 0.1, 0.1], [0.3, 0.1, 0.1], [-0.6, 0.2, 0.3]])
    voxels = voxelize(xyz, size_m=0.5)
    torch.testing.assert_close(voxels.mean_of_points(xyz), torch.tensor([[-0.6, 0.2, 0.3], [0.2, 0.1, 0.1]]))
    torch.testing.assert_close(voxels.centre_m(), torch.tensor([[-0.75, 0.25, 0.25], [0.25, 0.25, 0.25]]))


def test_empty_scan_and_one_point():
    assert voxelize(torch.empty(0, 3), size_m=0.1).index.shape == (0, 3)
    assert voxelize(torch.empty(0, 3), size_m=0.1).centre_m().shape == (0, 3)
    assert voxelize(torch.ones(1, 3), size_m=0.1).voxel_of_point.tolist() == [0]


@pytest.mark.parametrize("size_m", [0.0, -1.0, float("nan"), float("inf")])
def test_a_size_that_is_no_length_is_named(size_m):
    with pytest.raises(InputError, match=f"voxel size {size_m!r} m"):
        voxelize(cloud(), size_m=size_m)


def test_points_that_are_not_finite_are_counted():
    xyz = cloud(5)
    xyz[3] = torch.inf
    with pytest.raises(InputError, match=r"1 of 5 points are not finite \(the first is row 3\)"):
        voxelize(xyz, size_m=0.1)


@pytest.mark.parametrize("far", [1e6, 1e20])
def test_points_too_far_apart_are_named(far):
    with pytest.raises(InputError, match=r"larger cells or drop outliers|too far apart"):
        voxelize(torch.tensor([[0.0, 0, 0], [far, far, far]]), size_m=0.01)
