import math

import numpy as np
import pytest

from scene3d.errors import ConfigError
from scene3d.planner import RobotConfig
from scene3d.planner.floor import floor_map
from tests.planner.kitchen import kitchen, surface


def test_a_stance_is_on_free_floor_within_reach_and_faces_the_object() -> None:
    session, robot = kitchen(), RobotConfig(radius_m=0.3, reach_m=0.8)
    xyz = session.scene.xyz_m.numpy()
    floor = floor_map(xyz, robot=robot)
    obstacles = xyz[(xyz[:, 2] > 0.12) & (xyz[:, 2] < robot.height_m), :2]
    for row in session.proposals.mask[:6]:
        points = xyz[row.numpy()][:, :2]
        stance = floor.stance(points, reach_m=robot.reach_m)
        assert stance is not None
        here = np.array([stance.x_m, stance.y_m])
        assert np.linalg.norm(obstacles - here, axis=1).min() > robot.radius_m - 0.08  # a cell's diagonal
        to = points - here
        nearest = to[np.linalg.norm(to, axis=1).argmin()]
        assert np.linalg.norm(nearest) <= robot.reach_m + 0.08
        assert abs(math.remainder(math.atan2(nearest[1], nearest[0]) - stance.yaw_rad, math.tau)) < 0.5


def test_a_wall_of_boxes_cuts_off_what_is_behind_it() -> None:
    fence = ("bench", (3.9, 0.0, 0.0), (4.0, 4.0, 0.5))
    behind = ("bin", (4.7, 1.8, 0.0), (4.9, 2.0, 0.4))
    session = kitchen((fence, behind))
    xyz, robot = session.scene.xyz_m.numpy(), RobotConfig(reach_m=0.5)
    points = xyz[session.proposals.mask[1].numpy()][:, :2]
    assert floor_map(xyz, robot=robot).stance(points, reach_m=0.5) is None
    assert floor_map(xyz, robot=robot, start_m=(4.5, 1.0)).stance(points, reach_m=0.5) is not None


def test_a_gap_lets_a_thin_robot_through_and_stops_a_thick_one() -> None:
    left, right = ("bench", (3.0, 0.0, 0.0), (3.1, 1.7, 0.5)), ("bench", (3.0, 2.4, 0.0), (3.1, 4.0, 0.5))
    xyz = kitchen((left, right)).scene.xyz_m.numpy()  # 0.7 m between them
    beyond = np.array([[4.9, 2.0]])
    assert floor_map(xyz, robot=RobotConfig(radius_m=0.25)).stance(beyond, reach_m=0.6) is not None
    assert floor_map(xyz, robot=RobotConfig(radius_m=0.45)).stance(beyond, reach_m=0.6) is None


def test_points_below_the_floor_do_not_lower_it() -> None:
    strays = surface((1.0, 1.0, -1.0), (1.1, 1.1, -0.9)).numpy()
    xyz = np.concatenate([kitchen().scene.xyz_m.numpy(), strays])
    assert abs(floor_map(xyz, robot=RobotConfig()).floor_z_m) < 0.02


def test_a_scan_without_floor_says_so() -> None:
    assert not floor_map(kitchen(floor=False).scene.xyz_m.numpy(), robot=RobotConfig()).is_known


@pytest.mark.parametrize(
    ("setting", "message"),
    [({"hands": 3}, "hands 3"), ({"radius_m": -1.0}, "radius_m -1.0"), ({"reach_m": 0.1}, "less than radius_m")],
)
def test_an_impossible_robot_is_refused(setting: dict[str, float], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        RobotConfig(**setting)  # type: ignore[arg-type]
