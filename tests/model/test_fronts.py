import math

import torch
from torch import Tensor

from scene3d.model.fronts import square_fronts

UP = torch.tensor([[0.0, 0, 1]])


def walls(yaw_deg: float, count: int) -> Tensor:
    """Normals of four upright sides, the first at this yaw."""
    yaw = math.radians(yaw_deg) + torch.arange(count) % 4 * math.pi / 2
    return torch.stack([yaw.cos(), yaw.sin(), torch.zeros(count)], dim=1)


def fronts(read_deg: list[float], *parts: Tensor) -> list[float]:
    """Yaws in degrees; the points of each thing in order, then those of the room."""
    superpoint = torch.cat([torch.full((len(part),), i) for i, part in enumerate(parts)])
    mask = torch.eye(len(parts), dtype=torch.bool)[: len(read_deg)]
    yaw = torch.tensor(read_deg).deg2rad()
    facing = 3 * torch.stack([yaw.cos(), yaw.sin()], dim=1)  # the detector's vectors have any length
    front = square_fronts(facing, mask, superpoint, torch.cat(parts))
    assert torch.allclose(front.norm(dim=1), torch.ones(len(read_deg)))
    return torch.atan2(front[:, 1], front[:, 0]).rad2deg().round(decimals=2).tolist()


def test_a_front_goes_to_the_nearest_side_of_the_thing() -> None:
    for yaw_deg in (0.0, 10.0, -20.0, 40.0):
        read = [yaw_deg + 25, yaw_deg + 90 - 40]
        assert fronts(read, walls(yaw_deg, 400), walls(yaw_deg, 400), walls(yaw_deg, 4000)) == [yaw_deg, yaw_deg + 90]


def test_a_thing_that_stands_askew_keeps_its_own_sides() -> None:
    (front,) = fronts([35.0], walls(25.0, 400), walls(0.0, 4000))
    assert abs(front - 25.0) < 7


def test_flat_things_and_round_ones_face_along_the_walls() -> None:
    turns = torch.arange(720) * math.pi / 360
    vase = torch.stack([turns.cos(), turns.sin(), torch.zeros(720)], dim=1)
    assert fronts([30.0, 70.0], UP.expand(200, 3), vase, walls(10.0, 4000)) == [10.0, 100.0]


def test_fronts_stay_as_read_where_nothing_is_upright_and_nothing_is_nothing() -> None:
    assert fronts([33.0], UP.expand(50, 3), UP.expand(50, 3)) == [33.0]
    empty = square_fronts(torch.zeros(0, 2), torch.zeros(0, 1, dtype=torch.bool), torch.zeros(1).long(), UP)
    assert empty.shape == (0, 2)
