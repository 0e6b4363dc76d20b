import dataclasses

import pytest
import torch
from torch import Tensor

from scene3d.config import from_mapping, load_config
from scene3d.errors import ConfigError
from scene3d.model.clusters import cluster_elements, core_elements
from scene3d.model.decoder import Elements
from scene3d.model.detector import Detector, SceneElements
from scene3d.model.proposals import ReadingRules, propose
from scene3d.train.detector import DetectorTraining

CHAIR, TABLE, BACKGROUND = 0, 1, 2


def make_scene(
    vote_m: list[list[float]] | Tensor,
    kind: list[int],
    *,
    place_m: Tensor | None = None,
    size: list[float] | None = None,
) -> SceneElements:
    """Elements that are sure of their class."""
    vote = torch.as_tensor(vote_m).reshape(len(kind), 3)
    return SceneElements(
        elements=Elements(feature=torch.ones(len(kind), 32), place_m=vote if place_m is None else place_m, vote_m=vote),
        class_logit=8.0 * torch.nn.functional.one_hot(torch.tensor(kind, dtype=torch.int64), 3),
        size=torch.ones(len(kind)) if size is None else torch.tensor(size, dtype=torch.float32),
    )


def groups(
    scene: SceneElements, *, radii_m: tuple[float, ...] = (0.2,), alike: float = 0.6, most: int = 100
) -> list[list[int]]:
    mask = cluster_elements(scene, radii_m=radii_m, alike=alike, foreground=0.2, most=most)
    return [torch.nonzero(row)[:, 0].tolist() for row in mask]


@pytest.fixture
def detector() -> Detector:
    config = load_config(DetectorTraining, "detector/tiny").model
    torch.manual_seed(0)
    return Detector.from_config(dataclasses.replace(config, classes=("chair", "table"))).eval()


def test_two_blobs_are_two_groups_and_the_largest_comes_first() -> None:
    scene = make_scene([[0, 0, 0], [2.0, 0, 0], [2.1, 0, 0], [0, 0.1, 0], [0, 0, 0.1]], [CHAIR] * 5)
    assert groups(scene) == [[0, 3, 4], [1, 2]]
    heavy = dataclasses.replace(scene, size=torch.tensor([1.0, 5.0, 5.0, 1.0, 1.0]))
    assert groups(heavy) == [[1, 2], [0, 3, 4]]
    assert groups(heavy, most=1) == [[1, 2]]


def test_objects_that_touch_are_told_apart_by_their_votes() -> None:
    along = torch.arange(16) * 0.05  # a bench of 80 cm, of two halves
    place = torch.stack([along, torch.zeros(16), torch.zeros(16)], dim=1)
    generator = torch.Generator().manual_seed(0)
    vote = torch.tensor([0.2, 0, 0]).repeat(16, 1) + 0.02 * torch.randn(16, 3, generator=generator)
    vote[8:, 0] += 0.4
    assert groups(make_scene(place, [CHAIR] * 16), radii_m=(0.1,)) == [list(range(16))]
    found = groups(make_scene(vote, [CHAIR] * 16, place_m=place), radii_m=(0.1, 0.2))
    assert sorted(found) == [list(range(8)), list(range(8, 16))]


def test_classes_that_do_not_agree_part_what_votes_together() -> None:
    scene = make_scene([[0.0, 0, 0]] * 4, [CHAIR, TABLE, CHAIR, TABLE])
    assert sorted(groups(scene)) == [[0, 2], [1, 3]]
    assert groups(scene, alike=0.0) == [[0, 1, 2, 3]]


def test_each_radius_adds_its_groups_and_none_comes_twice() -> None:
    scene = make_scene([[0.0, 0, 0], [0.15, 0, 0], [3.0, 0, 0]], [CHAIR] * 3, size=[4, 3, 2])
    assert groups(scene, radii_m=(0.1, 0.2)) == [[0, 1], [0], [1], [2]]


def test_background_and_elements_without_points_are_in_no_group() -> None:
    scene = make_scene([[0.0, 0, 0]] * 4, [CHAIR, BACKGROUND, CHAIR, CHAIR], size=[1, 1, 0, 1])
    assert groups(scene) == [[0, 3]]


@pytest.mark.parametrize("seed", range(4))
def test_groups_are_what_links_reach(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    vote = torch.rand(60, 3, generator=generator)
    logit = torch.randn(60, 4, generator=generator)
    logit[:, 3] = -5.0
    scene = SceneElements(
        elements=Elements(feature=torch.zeros(60, 8), place_m=vote, vote_m=vote), class_logit=logit, size=torch.ones(60)
    )
    kind = logit[:, :3].softmax(1)
    near = (vote[:, None] - vote[None]).square().sum(2) <= 0.25**2
    link = (near & ((kind[:, None] * kind[None]).sqrt().sum(2) >= 0.8)).float()
    reached = (torch.linalg.matrix_power(link, 60) > 0).tolist()
    expected = {tuple(i for i, inside in enumerate(row) if inside) for row in reached}
    assert 5 < len(expected) < 60
    assert {tuple(group) for group in groups(scene, radii_m=(0.25,), alike=0.8)} == expected


def test_a_group_is_read_where_most_of_its_points_vote() -> None:
    scene = make_scene([[0.0, 0, 0], [0.1, 0, 0], [0.2, 0, 0], [0.05, 0, 0]], [CHAIR] * 4, size=[1, 1, 8, 1])
    mask = torch.tensor([[True, True, True, False], [True, False, False, True]])
    assert core_elements(mask, scene).tolist() == [2, 0]


@pytest.mark.parametrize("kind", [[], [BACKGROUND] * 5])
def test_nothing_is_proposed_where_there_is_no_object(detector: Detector, kind: list[int]) -> None:
    found = propose(detector, make_scene(torch.rand(len(kind), 3), kind), ReadingRules(proposals="clusters"))
    assert found.mask.shape == (0, len(kind))
    assert found.score.shape == (0,)
    assert found.reading.class_logit.shape == (0, 3)


def test_proposals_are_the_groups_and_are_the_same_each_time(detector: Detector) -> None:
    scene = make_scene([[0.0, 0, 0], [0.1, 0, 0], [2.0, 0, 0], [2.1, 0, 0], [5.0, 0, 0]], [CHAIR] * 4 + [BACKGROUND])
    rules = ReadingRules(proposals="clusters", radii_m=(0.2,), score=0.0)
    found = propose(detector, scene, rules)
    assert sorted(found.mask.int().tolist()) == [[0, 0, 1, 1, 0], [1, 1, 0, 0, 0]]
    assert found.feature.shape == (2, 32)
    assert ((found.score >= 0) & (found.score <= 1)).all()
    assert found.score[0] >= found.score[1]
    again = propose(detector, scene, rules)
    assert torch.equal(found.score, again.score)
    assert torch.equal(found.feature, again.feature)


def test_what_rules_cannot_mean_is_refused() -> None:
    with pytest.raises(ConfigError, match="proposals 'boxes' are unknown; there are: queries, clusters"):
        from_mapping(ReadingRules, {"proposals": "boxes"})
    with pytest.raises(ConfigError, match="one or more positive distances"):
        ReadingRules(radii_m=())
    with pytest.raises(ConfigError, match=r"radii_m \(0.1, 0.0\)"):
        ReadingRules(radii_m=(0.1, 0.0))
