import math

import pytest
import torch

from scene3d_ops import box_iou_aligned, box_iou_yawed, mask_iou


def random_masks(count: int, seed: int) -> torch.Tensor:
    return torch.rand(count, 30, generator=torch.Generator().manual_seed(seed)) < 0.3


def random_yawed(count: int, seed: int) -> torch.Tensor:
    box = torch.rand(count, 7, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    box[:, 3:6] += 0.3
    box[:, 6] *= 2 * math.pi
    return box


def inside(point: torch.Tensor, box: torch.Tensor) -> torch.Tensor:
    """Which points (p, 3) lie in an upright box (7,)."""
    offset = point - box[:3]
    along = offset[:, 0] * torch.cos(box[6]) + offset[:, 1] * torch.sin(box[6])
    across = offset[:, 1] * torch.cos(box[6]) - offset[:, 0] * torch.sin(box[6])
    seen = torch.stack([along, across, offset[:, 2]], dim=1)
    return (seen.abs() <= box[3:6] / 2).all(dim=1)


def test_mask_iou_equals_the_count_over_points():
    size = torch.randint(1, 9, (30,), generator=torch.Generator().manual_seed(0))
    a, b = random_masks(5, 1), random_masks(4, 2)
    points_a, points_b = a.repeat_interleave(size, dim=1), b.repeat_interleave(size, dim=1)
    found = mask_iou(a, b, size)
    for i in range(5):
        for j in range(4):
            expected = (points_a[i] & points_b[j]).sum() / (points_a[i] | points_b[j]).sum()
            assert float(found[i, j]) == pytest.approx(float(expected))


def test_empty_masks_have_no_overlap():
    empty, size = torch.zeros(1, 3, dtype=torch.bool), torch.tensor([1, 2, 3])
    assert mask_iou(empty, empty, size).tolist() == [[0.0]]
    assert mask_iou(empty[:0], empty, size).shape == (0, 1)


def test_a_negative_size_is_refused():
    with pytest.raises(ValueError, match="smallest is -2"):
        mask_iou(random_masks(1, 0)[:, :2], random_masks(1, 1)[:, :2], torch.tensor([1, -2]))


def test_aligned_boxes_worked_by_hand():
    a = torch.tensor([[0.0, 0, 0, 2, 2, 2]])
    b = torch.tensor([[1.0, 1, 1, 3, 3, 3], [0, 0, 0, 2, 2, 2], [2, 0, 0, 4, 2, 2], [0, 0, 0, 2, 2, 0]])
    torch.testing.assert_close(box_iou_aligned(a, b), torch.tensor([[1 / 15, 1.0, 0.0, 0.0]]))


def test_flat_boxes_have_no_overlap():
    flat = torch.tensor([[0.0, 0, 0, 1, 1, 0]])
    assert box_iou_aligned(flat, flat).tolist() == [[0.0]]


def test_boxes_inside_out_are_refused():
    with pytest.raises(ValueError, match="maximum below its minimum"):
        box_iou_aligned(torch.tensor([[1.0, 0, 0, 0, 1, 1]]), torch.zeros(0, 6))
    with pytest.raises(ValueError, match="the size -1"):
        box_iou_yawed(torch.tensor([[0.0, 0, 0, 1, -1, 1, 0]]), torch.zeros(0, 7))


def test_yawed_boxes_agree_with_counted_points():
    a, b = random_yawed(6, 0), random_yawed(6, 1)
    found = box_iou_yawed(a, b)
    point = torch.rand(200_000, 3, generator=torch.Generator().manual_seed(2), dtype=torch.float64) * 4 - 1.5
    for i in range(6):
        in_a = inside(point, a[i])
        for j in range(6):
            in_b = inside(point, b[j])
            expected = float((in_a & in_b).sum() / (in_a | in_b).sum())
            assert float(found[i, j]) == pytest.approx(expected, abs=0.02)


def test_a_square_turned_by_45_degrees_leaves_an_octagon():
    square = torch.tensor([[0.0, 0, 0, 2, 2, 1, 0]])
    turned = torch.tensor([[0.0, 0, 0, 2, 2, 1, math.pi / 4]])
    octagon = 8 * (math.sqrt(2) - 1)
    assert float(box_iou_yawed(square, turned)) == pytest.approx(octagon / (8 - octagon))


def test_yawed_boxes_without_yaw_are_aligned_boxes():
    box = random_yawed(8, 3)
    box[:, 6] = 0
    aligned = torch.cat([box[:, :3] - box[:, 3:6] / 2, box[:, :3] + box[:, 3:6] / 2], dim=1)
    torch.testing.assert_close(box_iou_yawed(box, box), box_iou_aligned(aligned, aligned))


def test_turning_both_boxes_together_changes_nothing():
    a, b, yaw = random_yawed(5, 4), random_yawed(5, 5), 0.7

    def turned(box):
        c, s = math.cos(yaw), math.sin(yaw)
        x, y = c * box[:, 0] - s * box[:, 1], s * box[:, 0] + c * box[:, 1]
        return torch.cat([torch.stack([x, y], dim=1), box[:, 2:6], box[:, 6:] + yaw], dim=1)

    torch.testing.assert_close(box_iou_yawed(turned(a), turned(b)), box_iou_yawed(a, b))
    torch.testing.assert_close(box_iou_yawed(a, b), box_iou_yawed(b, a).T)


def test_boxes_apart_do_not_overlap():
    a = torch.tensor([[0.0, 0, 0, 1, 1, 1, 0.3]])
    b = torch.tensor([[5.0, 0, 0, 1, 1, 1, 1.0], [0, 0, 3, 1, 1, 1, 0.3]])
    assert box_iou_yawed(a, b).tolist() == [[0.0, 0.0]]
