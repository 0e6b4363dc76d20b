import math

import pytest
import torch

from scene3d.model.close_ups import CloseUp, Things, draw

RED, BLUE = (1.0, -1.0, -1.0), (-1.0, -1.0, 1.0)


def thing(
    xyz_m: list[tuple[float, float, float]],
    colour: list[tuple[float, float, float]],
    normal: tuple[float, float, float] | list[tuple[float, float, float]] = (0.0, 0.0, 0.0),
) -> CloseUp:
    n = len(xyz_m)
    normals = torch.tensor(normal).expand(n, 3) if isinstance(normal, tuple) else torch.tensor(normal)
    height = torch.tensor(xyz_m)[:, 2:] / 2
    channels = torch.cat([torch.tensor(colour), torch.ones(n, 1), normals, height], dim=1)
    return CloseUp(xyz_m=torch.tensor(xyz_m), channels=channels, inside=torch.ones(n, dtype=torch.bool))


def picture(close_up: CloseUp, azimuth_rad: float = 0.0, *, elevation_rad: float = 0.0) -> torch.Tensor:
    things = Things.of([close_up])
    return draw(things, torch.tensor([[azimuth_rad]]), pixels=64, elevation_rad=elevation_rad)[0, 0]


def reds(drawn: torch.Tensor) -> torch.Tensor:
    return (drawn[0] > 0) & (drawn[2] < 0)


def blues(drawn: torch.Tensor) -> torch.Tensor:
    return (drawn[2] > 0) & (drawn[0] < 0)


@pytest.mark.parametrize("azimuth", [0.0, 1.0, 2.5, -2.0])
def test_right_is_right_and_up_is_up(azimuth: float) -> None:
    right = (-math.sin(azimuth), math.cos(azimuth), 0.0)
    beside = picture(thing([right, (0.0, 0.0, 0.0)], [RED, BLUE]), azimuth)
    assert torch.nonzero(reds(beside))[:, 1].min() > torch.nonzero(blues(beside))[:, 1].max()
    above = picture(thing([(0.0, 0.0, 1.0), (0.0, 0.0, 0.0)], [RED, BLUE]), azimuth)
    assert torch.nonzero(reds(above))[:, 0].max() < torch.nonzero(blues(above))[:, 0].min()


def test_the_nearer_point_hides_the_farther() -> None:
    two = thing([(0.5, 0.0, 0.0), (-0.5, 0.0, 0.0)], [RED, BLUE])
    front, behind = picture(two), picture(two, math.pi)
    assert reds(front).any()
    assert not blues(front).any()
    assert blues(behind).any()
    assert not reds(behind).any()


def test_what_faces_away_hides_nothing() -> None:
    inside_of_a_box = thing([(0.5, 0.0, 0.0), (-0.5, 0.0, 0.0)], [RED, BLUE], [(-1.0, 0.0, 0.0), (1.0, 0.0, 0.0)])
    assert blues(picture(inside_of_a_box)).any()
    assert not reds(picture(inside_of_a_box)).any()


def test_a_thing_fills_its_picture_whatever_its_size() -> None:
    for size_m in (0.2, 0.5, 5.0):
        grid = torch.linspace(-size_m / 2, size_m / 2, 60)
        y, z = (axis.flatten() for axis in torch.meshgrid(grid, grid / 2, indexing="ij"))
        points = torch.stack([0 * y, y, z], dim=1).tolist()
        drawn = picture(thing([tuple(p) for p in points], [RED] * len(points))) != 0
        columns, rows = drawn.any(0).any(0), drawn.any(0).any(1)
        assert 58 <= int(columns.sum()) <= 64
        assert 28 <= int(rows.sum()) <= 44


def test_points_of_a_plane_leave_no_gaps() -> None:
    axis = torch.arange(30) * 0.02
    y, z = (a.flatten() for a in torch.meshgrid(axis, axis, indexing="ij"))
    points = torch.stack([0 * y, y, z], dim=1).tolist()
    drawn = picture(thing([tuple(p) for p in points], [RED] * len(points)))
    assert reds(drawn)[4:-4, 4:-4].all()


def test_surfaces_turned_to_the_light_are_brighter() -> None:
    def brightness(normal: tuple[float, float, float]) -> float:
        return float(picture(thing([(0.0, 0.0, 0.0)], [RED], normal)).amax())

    assert brightness((0.0, 0.0, 1.0)) > brightness((0.0, 0.0, 0.0)) > brightness((0.0, 0.0, -1.0))
    assert brightness((0.0, 0.0, 1.0)) <= 1.0


def test_without_colour_a_thing_is_grey() -> None:
    plain = thing([(0.0, 0.0, 0.0)], [(0.0, 0.0, 0.0)])
    plain.channels[:, 3] = 0
    drawn = picture(plain)
    assert (drawn != 0).any()
    assert torch.equal(drawn[0], drawn[1])
    assert torch.equal(drawn[0], drawn[2])


def test_things_do_not_stand_in_each_others_pictures() -> None:
    red, blue = thing([(0.0, 0.0, 0.0)], [RED]), thing([(0.0, 0.1, 0.0), (0.0, 0.0, 0.1)], [BLUE, BLUE])
    things = Things.of([red, blue])
    azimuth = torch.tensor([[0.0, 1.0], [0.5, 2.0]])
    both = draw(things, azimuth, pixels=32)
    assert both.shape == (2, 2, 3, 32, 32)
    for i, close_up in enumerate([red, blue]):
        assert torch.equal(both[i], draw(Things.of([close_up]), azimuth[i : i + 1], pixels=32)[0])


def test_the_best_side_is_the_one_that_was_scanned() -> None:
    front = thing([(0.0, 0.1 * i, 0.0) for i in range(5)], [RED] * 5, (math.cos(2.0), math.sin(2.0), 0.0))
    above = thing([(0.0, 0.0, 0.0)], [RED], (0.0, 0.0, 1.0))
    side = Things.of([front, above]).best_side_rad()
    assert abs(float(side[0]) - 2.0) < 2 * math.pi / 12
    assert math.isfinite(float(side[1]))
