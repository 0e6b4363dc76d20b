import math

import pytest
import torch

from scene3d.errors import InputError
from scene3d.geometry import intrinsic_of, look_at, project, unproject

CAMERA = intrinsic_of(width=8, height=6, horizontal_fov_rad=1.2)
POSE = look_at(torch.tensor([1.0, 2.0, 1.5]), torch.tensor([3.0, 1.0, 0.5]))


def test_the_target_appears_in_the_middle_at_its_distance():
    pixel, depth = project(torch.tensor([[3.0, 1.0, 0.5]]), CAMERA, POSE)
    torch.testing.assert_close(pixel, torch.tensor([[3.5, 2.5]]))
    torch.testing.assert_close(depth, torch.tensor([math.sqrt(6)]))


def test_up_is_up_and_left_is_left_in_the_picture():
    pose = look_at(torch.zeros(3), torch.tensor([1.0, 0, 0]))
    pixel, _ = project(torch.tensor([[1.0, 0, 0.2], [1.0, 0.2, 0]]), CAMERA, pose)  # above; to the left, as y is
    assert pixel[0, 1] < 2.5
    assert pixel[0, 0] == pytest.approx(3.5)
    assert pixel[1, 0] < 3.5


def test_a_pose_is_a_rotation():
    rotation = POSE[:3, :3]
    torch.testing.assert_close(rotation @ rotation.T, torch.eye(3, dtype=torch.float64))
    assert float(torch.linalg.det(rotation)) == pytest.approx(1)


def test_the_field_of_view_ends_at_the_outer_edges_of_the_outer_pixels():
    half = math.tan(0.6)
    pixel, _ = project(torch.tensor([[half, 0, 1.0], [-half, 0, 1.0]]), CAMERA, torch.eye(4, dtype=torch.float64))
    torch.testing.assert_close(pixel[:, 0], torch.tensor([7.5, -0.5]))


def test_unprojecting_undoes_projecting():
    depth = torch.rand(6, 8, generator=torch.Generator().manual_seed(0)) + 0.5
    depth[2, 3], depth[0, 0], depth[5, 7] = 0, torch.nan, -1
    xyz, row_column = unproject(depth, CAMERA, POSE)
    assert len(xyz) == 48 - 3
    pixel, along = project(xyz, CAMERA, POSE)
    torch.testing.assert_close(pixel.flip(1), row_column.float(), atol=1e-4, rtol=0)
    torch.testing.assert_close(along, depth[row_column[:, 0], row_column[:, 1]])


def test_points_behind_the_camera_have_no_pixel():
    pixel, depth = project(torch.tensor([[0.0, 0, -1]]), CAMERA, torch.eye(4, dtype=torch.float64))
    assert pixel.isnan().all()
    assert depth.tolist() == [-1]


def test_a_black_depth_picture_has_no_points():
    xyz, pixel = unproject(torch.zeros(6, 8), CAMERA, POSE)
    assert xyz.shape == (0, 3)
    assert pixel.shape == (0, 2)


def test_a_view_along_up_is_refused():
    with pytest.raises(InputError, match="has no upright picture"):
        look_at(torch.zeros(3), torch.tensor([0.0, 0, -2]))
    with pytest.raises(InputError, match="has no upright picture"):
        look_at(torch.ones(3), torch.ones(3))


@pytest.mark.parametrize("fov", [0.0, 3.2])
def test_an_impossible_lens_is_refused(fov):
    with pytest.raises(InputError, match="field of view"):
        intrinsic_of(width=8, height=6, horizontal_fov_rad=fov)
