import itertools

import pytest
import torch

from scene3d.model.decoder import Decoded
from scene3d.train.targets import (
    BACKGROUND,
    IGNORED,
    ScanTargets,
    mask_overlap,
    match_hungarian,
    match_own,
    matching_cost,
    sample_queries,
    scan_targets,
)
from tests.train.rooms import toy_sample


def make_targets(owner: list[int], objects: int) -> ScanTargets:
    element_object = torch.tensor(owner)
    return ScanTargets(
        element_object=element_object,
        mask=(element_object == torch.arange(objects)[:, None]).float(),
        size=torch.arange(1.0, len(owner) + 1),
        centre_m=torch.zeros(objects, 3),
        label=torch.arange(objects),
        facing=torch.zeros(objects, 2),
        facing_known=torch.zeros(objects, dtype=torch.bool),
        front_known=torch.ones(objects, dtype=torch.bool),
        colour=torch.full((objects,), -1),
        material=torch.full((objects,), -1),
    )


def test_elements_belong_to_the_object_of_most_of_their_points() -> None:
    sample = toy_sample(0, objects=3)
    targets = scan_targets(sample)
    for element in range(0, sample.scan.superpoint_count, 7):
        owners = sample.instance[sample.scan.superpoint == element]
        expected = IGNORED if len(owners) == 0 else int(owners.mode().values)
        assert int(targets.element_object[element]) == expected
        assert int(targets.size[element]) == len(owners)


def test_centre_is_the_middle_of_the_box_of_what_was_seen() -> None:
    sample = toy_sample(0, objects=3)
    targets = scan_targets(sample)
    xyz_m = sample.scan.xyz_m[sample.instance == 1]
    torch.testing.assert_close(targets.centre_m[1], (xyz_m.amin(0) + xyz_m.amax(0)) / 2)


def test_own_matching_follows_the_elements() -> None:
    targets = make_targets([0, 0, BACKGROUND, 1, IGNORED], 2)
    assert match_own(targets, torch.tensor([3, 2, 0, 4])).tolist() == [1, BACKGROUND, 0, BACKGROUND]


@pytest.mark.parametrize("seed", range(5))
def test_hungarian_matching_finds_the_cheapest_of_all_assignments(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    targets = make_targets([0, 0, 1, 2, BACKGROUND, 2], 3)
    mask_logit, class_logit = torch.randn(4, 6, generator=generator), torch.randn(4, 4, generator=generator)
    cost = matching_cost(targets, mask_logit, class_logit)
    matched = match_hungarian(targets, Decoded(feature=torch.zeros(4, 2), mask_logit=mask_logit), class_logit)
    found = sum(float(cost[q, o]) for q, o in enumerate(matched.tolist()) if o != BACKGROUND)
    cheapest = min(
        sum(float(cost[q, o]) for o, q in enumerate(queries)) for queries in itertools.permutations(range(4), 3)
    )
    assert found == pytest.approx(cheapest, abs=1e-5)
    assert sorted(matched.tolist()) == [BACKGROUND, 0, 1, 2]


def test_matching_cost_prefers_the_right_mask_and_class() -> None:
    targets = make_targets([0, 0, 1, BACKGROUND], 2)
    logit = torch.tensor([[8.0, 8.0, -8.0, -8.0], [-8.0, -8.0, 8.0, -8.0]])
    cost = matching_cost(targets, logit, torch.eye(2, 3) * 8)
    assert (cost.argmin(1) == torch.tensor([0, 1])).all()
    assert cost[0, 0] < cost[0, 1] - 2


def test_small_objects_are_sampled_as_often_as_large_ones() -> None:
    targets = make_targets([0] * 90 + [1] * 10 + [BACKGROUND] * 50, 2)
    generator = torch.Generator().manual_seed(0)
    drawn = torch.cat([sample_queries(targets, objects=10, background=5, generator=generator) for _ in range(50)])
    owner = targets.element_object[drawn]
    assert 0.3 < float((owner == 1).sum() / (owner >= 0).sum()) < 0.7
    assert int((owner == BACKGROUND).sum()) == 250


def test_overlap_is_intersection_over_union_by_points() -> None:
    targets = make_targets([0, 0, 1, BACKGROUND, IGNORED], 2)  # sizes 1, 2, 3, 4, 5
    mask = torch.tensor([[True, False, True, False, True]])
    torch.testing.assert_close(mask_overlap(mask, targets), torch.tensor([[1 / 6, 3 / 4]]))
