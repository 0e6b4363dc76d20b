import math

import pytest
import torch
from scipy.spatial.transform import Rotation

from scene3d.errors import InputError
from scene3d.geometry import (
    aligned_corners,
    aligned_to_centre_size,
    box_of_points,
    boxes_of_masks,
    centre_size_to_aligned,
    enclosing_aligned,
    transform_aligned,
    transform_points,
    yawed_corners,
)

BOX = torch.tensor([[0.0, 1, 2, 2, 5, 3], [-1, -1, -1, 1, 1, 1]])


def pose(yaw: float, shift: tuple[float, float, float]) -> torch.Tensor:
    matrix = torch.eye(4, dtype=torch.float64)
    matrix[:3, :3] = torch.from_numpy(Rotation.from_euler("z", yaw).as_matrix())
    matrix[:3, 3] = torch.tensor(shift)
    return matrix


def test_boxes_of_masks_are_boxes_of_their_points():
    xyz = torch.randn(50, 3, generator=torch.Generator().manual_seed(0))
    mask = torch.rand(3, 50, generator=torch.Generator().manual_seed(1)) < 0.3
    mask[1] = False
    found = boxes_of_masks(xyz, mask)
    assert torch.equal(found[0], torch.cat([xyz[mask[0]].min(0).values, xyz[mask[0]].max(0).values]))
    assert not found[1].any()
    assert torch.equal(found[2], box_of_points(xyz[mask[2]]))
    assert boxes_of_masks(xyz, mask[:0]).shape == (0, 6)


def test_no_points_have_no_box():
    with pytest.raises(InputError, match="is the mask empty"):
        box_of_points(torch.empty(0, 3))


def test_both_ways_to_write_a_box_agree():
    assert aligned_to_centre_size(BOX)[0].tolist() == [1, 3, 2.5, 2, 4, 1]
    torch.testing.assert_close(centre_size_to_aligned(aligned_to_centre_size(BOX)), BOX)


def test_corners_enclose_their_box_and_go_round_the_bottom_counter_clockwise():
    corner = aligned_corners(BOX)
    torch.testing.assert_close(enclosing_aligned(corner), BOX)
    bottom = corner[0, :4]
    assert (bottom[:, 2] == 2).all()
    x, y = bottom[:, 0], bottom[:, 1]
    assert float((x * y.roll(-1) - x.roll(-1) * y).sum() / 2) == pytest.approx(8)  # its area, positive this way round


def test_yawed_corners_agree_with_a_rotation_matrix():
    box, yaw = torch.cat([aligned_to_centre_size(BOX), torch.zeros(2, 1)], dim=1), 0.4
    upright = yawed_corners(box)
    torch.testing.assert_close(upright, aligned_corners(BOX))
    box[:, 6] = yaw
    centre = box[:, None, :3]
    torch.testing.assert_close(yawed_corners(box), transform_points(upright - centre, pose(yaw, (0, 0, 0))) + centre)


def test_turning_by_a_right_angle_turns_the_box():
    moved = transform_aligned(BOX, pose(math.pi / 2, (10, 0, 1)))
    torch.testing.assert_close(moved[0], torch.tensor([5.0, 0, 3, 9, 2, 4]))


def test_turning_back_never_shrinks_a_box():
    there_and_back = transform_aligned(
        transform_aligned(BOX, pose(0.5, (1, 2, 3))), torch.inverse(pose(0.5, (1, 2, 3)))
    )
    assert (there_and_back[:, :3] <= BOX[:, :3] + 1e-5).all()
    assert (there_and_back[:, 3:] >= BOX[:, 3:] - 1e-5).all()
