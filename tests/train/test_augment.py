import dataclasses

import pytest
import torch

from scene3d.train.augment import AugmentConfig, augment, mix
from tests.train.rooms import toy_sample

STILL = AugmentConfig(
    tilt_deg=0.0,
    scale=(1.0, 1.0),
    elastic_m=0.0,
    jitter_m=0.0,
    floor_m=0.0,
    drop_normals=0.0,
    flip_normals=0.0,
    holes=0,
    drop_points=0.0,
)


def test_the_same_generator_state_gives_the_same_variant() -> None:
    one, other = (augment(toy_sample(0), AugmentConfig(), torch.Generator().manual_seed(5)) for _ in range(2))
    assert torch.equal(one.scan.xyz_m, other.scan.xyz_m)


@pytest.mark.parametrize("seed", range(6))
def test_turning_and_mirroring_keep_distances_and_turn_facing_along(seed: int) -> None:
    sample = toy_sample(0)
    moved = augment(sample, STILL, torch.Generator().manual_seed(seed))
    before, after = sample.scan.xyz_m[::97].double(), moved.scan.xyz_m[::97].double()
    torch.testing.assert_close(torch.cdist(after, after), torch.cdist(before, before), atol=1e-3, rtol=1e-3)
    # A front is a direction on the floor: two points along it must stay along it.
    turn = torch.linalg.lstsq(before - before.mean(0), after - after.mean(0)).solution
    front = torch.stack([sample.yaw_rad.cos(), sample.yaw_rad.sin(), 0 * sample.yaw_rad], dim=1) @ turn.float()
    expected = torch.stack([moved.yaw_rad.cos(), moved.yaw_rad.sin()], dim=1)
    torch.testing.assert_close(front[:, :2], expected, atol=1e-3, rtol=1e-3)


def test_normals_turn_with_the_surface() -> None:
    sample = toy_sample(0)
    moved = augment(sample, STILL, torch.Generator().manual_seed(1))
    before, after = sample.scan.xyz_m, moved.scan.xyz_m
    turn = torch.linalg.lstsq(before - before.mean(0), after - after.mean(0)).solution
    torch.testing.assert_close(moved.scan.normal, sample.scan.normal @ turn, atol=1e-3, rtol=1e-3)


def test_large_scans_are_cut() -> None:
    config = dataclasses.replace(STILL, max_points=500)
    cut = augment(toy_sample(0), config, torch.Generator().manual_seed(0))
    assert len(cut.scan.xyz_m) == len(cut.instance) == 500


def test_mixed_scans_keep_all_objects_apart() -> None:
    a, b = toy_sample(0), toy_sample(1)
    both = mix(a, b)
    assert len(both.label) == len(a.label) + len(b.label)
    assert set(both.instance.unique().tolist()) == {-1, *range(len(both.label))}
    assert both.scan.superpoint_count == a.scan.superpoint_count + b.scan.superpoint_count
    for element in both.scan.superpoint.unique().tolist()[::11]:
        rows = both.instance[both.scan.superpoint == element]
        assert (rows < len(a.label)).all() or (rows >= len(a.label)).all() or (rows < 0).all()
