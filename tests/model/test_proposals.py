import pytest
import torch

from scene3d.model.decoder import Elements
from scene3d.model.detector import SceneElements
from scene3d.model.proposals import ReadingRules, choose_queries, without_duplicates

SIZE = torch.tensor([4.0, 3.0, 2.0, 1.0, 9.0])
MASK = torch.tensor(
    [
        [1, 1, 0, 0, 0],
        [1, 1, 1, 0, 0],  # nearly the first
        [0, 1, 0, 0, 0],  # a fragment of the first
        [0, 0, 0, 1, 1],
        [0, 0, 0, 0, 0],
    ]
).bool()


def kept(score: list[float], **rules: float) -> list[int]:
    chosen = ReadingRules(**{"overlap": 0.5} | rules)  # type: ignore[arg-type]
    return without_duplicates(MASK, torch.tensor(score), SIZE, chosen).tolist()


def test_the_better_of_two_like_masks_stays_and_the_best_comes_first() -> None:
    assert kept([0.5, 0.9, 0.4, 0.6, 0.9]) == [1, 3]
    assert kept([0.9, 0.5, 0.4, 0.95, 0.9]) == [3, 0]


def test_a_fragment_goes_only_when_a_better_mask_holds_it() -> None:
    assert kept([0.5, 0.1, 0.9, 0.6, 0.9]) == [2, 3, 0]


def test_a_small_thing_on_a_large_one_is_no_fragment() -> None:
    size = torch.tensor([100.0, 5.0])
    mask = torch.tensor([[True, True], [False, True]])
    assert without_duplicates(mask, torch.tensor([0.9, 0.8]), size, ReadingRules()).tolist() == [0, 1]


def test_masks_below_the_least_score_go() -> None:
    assert kept([0.5, 0.9, 0.4, 0.01, 0.9]) == [1]


def test_equal_scores_keep_the_order_of_the_queries() -> None:
    assert kept([0.5, 0.5, 0.5, 0.5, 0.5]) == [0, 3]


@pytest.mark.parametrize(("limit", "expected"), [(10, [1, 2, 3]), (2, [3, 1])])
def test_queries_start_from_likely_objects_that_lie_apart(limit: int, expected: list[int]) -> None:
    logit = torch.tensor([[0.0, 5.0], [4.0, 0.0], [4.0, 0.0], [5.0, 0.0]])  # the last class is background
    place = torch.tensor([[0.0, 0, 0], [3.0, 0, 0], [0.1, 0, 0], [0.0, 0, 0]])
    scene = SceneElements(
        elements=Elements(feature=torch.zeros(4, 8), place_m=place, vote_m=place),
        class_logit=logit,
        size=torch.ones(4),
    )
    assert choose_queries(scene, ReadingRules(queries=limit)).tolist() == expected
