from dataclasses import replace

import numpy as np
import pytest

from scene3d.synth.octahedron import fold, unfold
from scene3d.synth.packing import CellPoints, pack, unpack
from scene3d.synth.packing_first import unpack_first


def some_points(seed: int, *, superpoints: int, share: float, colour: bool = True) -> CellPoints:
    """A random share of the cells of a block, in random superpoints: nothing that a surface would make easy."""
    rng = np.random.default_rng(seed)
    extent = np.array([7, 5, 6])
    key = np.flatnonzero(rng.random(extent.prod()) < share)
    key = key if len(key) else np.array([3])
    cell = np.stack(np.unravel_index(key, tuple(extent)), axis=1).astype(np.int64)
    named = rng.integers(superpoints, size=len(key))
    _, first, patch = np.unique(named, return_index=True, return_inverse=True)
    normal = rng.normal(size=(len(key), 3))
    return CellPoints(
        extent=extent,
        cell=cell,
        place=cell + rng.random((len(key), 3)),
        rgb=rng.uniform(0, 255, (len(key), 3)) if colour else None,
        normal=normal / np.linalg.norm(normal, axis=1, keepdims=True),
        label=rng.integers(300, size=len(key)),
        superpoint=np.argsort(np.argsort(first))[patch],
    )


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("superpoints", "share"), [(1, 0.5), (3, 0.9), (40, 0.6), (300, 1.0), (2, 0.0)])
def test_what_is_packed_comes_back_within_its_steps(seed: int, superpoints: int, share: float) -> None:
    points = some_points(seed, superpoints=superpoints, share=share)
    back = unpack(pack(points))
    assert np.array_equal(back.cell, points.cell)
    assert np.array_equal(back.superpoint, points.superpoint)
    assert np.array_equal(back.label, points.label)
    row, axis = np.arange(len(points.cell)), np.abs(back.normal).argmax(axis=1)
    assert np.abs(back.place - points.place)[row, axis].max() <= 1 / 16 + 1e-6
    assert np.abs(back.place - points.place).max() <= 0.5 + 1e-6
    assert (back.normal * points.normal).sum(axis=1).min() > np.cos(np.deg2rad(21))
    assert back.rgb is not None
    assert points.rgb is not None
    assert np.abs(back.rgb - points.rgb).max() <= 10.6  # half steps of 10, 12 and 10: 5 + 6 / 2 + 5 / 2


def test_one_colour_and_one_normal_come_back_nearly_exact() -> None:
    points = some_points(0, superpoints=5, share=0.8)
    count = len(points.cell)
    plain = replace(
        points, rgb=np.full((count, 3), [203.0, 17.0, 96.0]), normal=np.tile([0.48, -0.6, -0.64], (count, 1))
    )
    back = unpack(pack(plain))
    assert back.rgb is not None
    assert np.abs(back.rgb - plain.rgb).max() <= 2
    assert (back.normal * plain.normal).sum(axis=1).min() > np.cos(np.deg2rad(1))


def test_points_without_colour_or_normal_stay_so() -> None:
    points = some_points(1, superpoints=4, share=0.5, colour=False)
    back = unpack(pack(replace(points, normal=0 * points.normal)))
    assert back.rgb is None
    assert np.allclose(np.linalg.norm(back.normal, axis=1), 1)


def test_a_flat_wall_of_one_superpoint_takes_no_bytes_for_it() -> None:
    cell = np.stack(np.meshgrid([0], np.arange(30), np.arange(20), indexing="ij"), axis=-1).reshape(-1, 3)
    points = CellPoints(
        extent=np.array([1, 30, 20]),
        cell=cell,
        place=cell + 0.5,
        rgb=None,
        normal=np.tile([1.0, 0.0, 0.0], (600, 1)),
        label=np.full(600, 7),
        superpoint=np.zeros(600, np.int64),
    )
    arrays = pack(points)
    assert len(arrays["other"]) == 0
    assert np.unique(arrays["beside"][1:]).tolist() == [0]
    assert arrays["label"].max() == 0


def test_directions_survive_the_octahedron() -> None:
    direction = np.random.default_rng(0).normal(size=(500, 3))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    assert np.abs(fold(direction)).max() <= 1
    assert np.allclose(unfold(fold(direction)), direction)


def test_files_of_the_first_schema_are_read() -> None:
    """Worked out by hand: two points, in cells (0, 1, 2) and (1, 2, 3)."""
    points = unpack_first(
        {
            "extent": np.array([2, 3, 4], np.int32),
            "step": np.array([[6, 17], [0, 0], [0, 0], [0, 0]], np.uint8),
            "depth": np.array([8, 0], np.uint8),
            "rgb": np.array([[10, 0], [2, 1], [253, 0]], np.uint8),
            "normal": np.array([[15, 30], [15, 15]], np.uint8),
            "label": np.array([3, 0], np.uint16),
            "superpoint": np.array([0, 1], np.uint16),
        }
    )
    assert points.cell.tolist() == [[0, 1, 2], [1, 2, 3]]
    assert points.normal.tolist() == [[0, 0, 1], [1, 0, 0]]
    assert points.place.tolist() == [[0.5, 1.5, 2.53125], [1.03125, 2.5, 3.5]]
    assert points.rgb is not None
    assert points.rgb.tolist() == [[50, 42, 30], [6, 2, 2]]
    assert (points.label.tolist(), points.superpoint.tolist()) == ([3, 0], [0, 1])
