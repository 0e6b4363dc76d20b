"""Which way is up: tilted rooms with known truth, and files that must be left alone."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from scene3d.errors import InputError
from scene3d.io.orient import AXES, upright
from scene3d.io.raw import Said


def decide(xyz, *, may_be_camera_frame=True, asked=None, stated=None):
    return upright(xyz, asked=asked, stated=stated, may_be_camera_frame=may_be_camera_frame)


def degrees_off(turn, true_up) -> float:
    found = turn.rotation.T @ [0, 0, 1]
    return float(np.degrees(np.arccos(np.clip(found @ true_up, -1, 1))))


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("has_ceiling", [False, True])
def test_an_upright_room_is_not_turned(room, seed, has_ceiling):
    turn = decide(room(seed, has_ceiling=has_ceiling))
    np.testing.assert_array_equal(turn.rotation, np.eye(3))
    assert "z is up" in turn.reason


@pytest.mark.parametrize("seed", range(6))
def test_a_y_up_room_is_turned_exactly(room, seed):
    xyz = room(seed)
    turn = decide(xyz[:, [1, 2, 0]])
    np.testing.assert_array_equal(turn.rotation @ [0, 1, 0], [0, 0, 1])
    np.testing.assert_array_equal(turn.rotation @ turn.rotation.T, np.eye(3))


@pytest.mark.parametrize("seed", range(16))
def test_a_room_tilted_anyhow_comes_upright_to_3_degrees(room, seed):
    tilt = Rotation.random(rng=np.random.default_rng(seed))
    turn = decide(tilt.apply(room(seed) - [2, 2, 1]))
    assert degrees_off(turn, tilt.apply([0, 0, 1])) < 3
    np.testing.assert_allclose(np.linalg.det(turn.rotation), 1)


@pytest.mark.parametrize("pitch_deg", [0, 15, 35, 50])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_camera_view_is_levelled(room, seed, pitch_deg):
    xyz = room(seed)
    camera = Rotation.from_euler("ZX", [0, -90 - pitch_deg], degrees=True) * Rotation.from_euler("z", 4, degrees=True)
    view = (xyz - [xyz[:, 0].max() / 2, 0.2, 1.5]) @ camera.as_matrix()
    seen = (view[:, 2] > 0.3) & (np.abs(view[:, :2]) < 0.57 * view[:, 2:]).all(axis=1)
    turn = decide(view[seen])
    assert "camera" in turn.reason
    assert degrees_off(turn, camera.inv().apply([0, 0, 1])) < 3


def test_a_graphics_camera_looks_along_minus_z(room):
    xyz = room(3) - [2, 2, 1]
    view = xyz[:, [0, 2, 1]] * [1, 1, -1] - [0, 0, 6]
    seen = (np.abs(view[:, :2]) < 0.6 * -view[:, 2:]).all(axis=1)
    turn = decide(view[seen])
    assert degrees_off(turn, np.array([0, 1, 0])) < 3


def test_a_shapeless_cloud_keeps_its_z_and_says_so():
    turn = decide(np.random.default_rng(0).normal(size=(3000, 3)), may_be_camera_frame=False)
    np.testing.assert_array_equal(turn.rotation, np.eye(3))
    assert "no floor" in turn.reason
    assert "up_axis" in turn.reason


@pytest.mark.parametrize("axis", AXES)
def test_the_user_has_the_last_word(axis):
    turn = decide(np.eye(3), asked=axis, stated=Said(value="y", reason="a format says so"))
    np.testing.assert_allclose(turn.rotation @ AXES[axis], [0, 0, 1], atol=1e-15)
    np.testing.assert_allclose(np.linalg.det(turn.rotation), 1)


def test_the_format_wins_over_the_points(room):
    turn = decide(room(0), stated=Said(value="y", reason="glTF is y-up"))
    np.testing.assert_array_equal(turn.rotation @ [0, 1, 0], [0, 0, 1])


def test_an_unknown_axis_is_refused():
    with pytest.raises(InputError, match=r"'up'.*x, y, z"):
        decide(np.eye(3), asked="up")
