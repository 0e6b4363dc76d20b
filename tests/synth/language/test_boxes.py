from __future__ import annotations

import numpy as np
from scipy.spatial.distance import cdist

from scene3d.synth.language.boxes import box_corners_m, footprint_gaps_m, inside_footprint, polygon_gaps_m


def _random_boxes(count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    centre = np.column_stack([rng.uniform(0, 4, (count, 2)), np.ones(count)])
    return centre, rng.uniform(0.2, 1.5, (count, 3)), rng.uniform(-4, 4, count)


def _filled(centre: np.ndarray, size: np.ndarray, yaw: float) -> np.ndarray:
    u, v = (a.ravel() for a in np.meshgrid(*(np.linspace(-0.5, 0.5, 31) * s for s in size[:2])))
    return centre[:2] + np.column_stack([u * np.cos(yaw) - v * np.sin(yaw), u * np.sin(yaw) + v * np.cos(yaw)])


def test_gaps_are_those_of_points_all_over_the_boxes() -> None:
    centre, size, yaw = _random_boxes(11)
    gaps = footprint_gaps_m(box_corners_m(centre, size, yaw))
    dense = [_filled(c, s, y) for c, s, y in zip(centre, size, yaw, strict=True)]
    for i in range(11):
        for j in range(11):
            sampled = cdist(dense[i], dense[j]).min()
            assert gaps[i, j] <= sampled + 1e-9
            assert sampled - gaps[i, j] < 0.04
    assert (gaps == 0).sum() > 11
    np.testing.assert_allclose(gaps, gaps.T)


def test_a_quarter_turn_of_everything_changes_no_gap() -> None:
    centre, size, yaw = _random_boxes(10)
    turned = np.column_stack([-centre[:, 1], centre[:, 0], centre[:, 2]])
    before = footprint_gaps_m(box_corners_m(centre, size, yaw))
    np.testing.assert_allclose(footprint_gaps_m(box_corners_m(turned, size, yaw + np.pi / 2)), before, atol=1e-9)


def test_inside_and_wall_by_hand() -> None:
    centre = np.array([[1.0, 1.0, 0.5], [1.2, 1.1, 0.2], [3.0, 1.0, 0.5]])
    size = np.array([[1.0, 0.5, 1.0], [0.2, 0.2, 0.2], [1.0, 1.0, 1.0]])
    yaw = np.zeros(3)
    inside = inside_footprint(centre, size, yaw, grow_m=0.0)
    assert inside[1, 0]
    assert not inside[2, 0]
    floor = np.array([[0.0, 0.0], [4.0, 0.0], [4.0, 4.0], [0.0, 4.0]])
    gaps = polygon_gaps_m(box_corners_m(centre, size, yaw), floor)
    np.testing.assert_allclose(gaps, [0.5, 1.0, 0.5])


def test_no_boxes_have_no_gaps() -> None:
    none = box_corners_m(np.zeros((0, 3)), np.zeros((0, 3)), np.zeros(0))
    assert footprint_gaps_m(none).shape == (0, 0)
