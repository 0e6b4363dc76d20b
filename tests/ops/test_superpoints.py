import pytest
import torch

from scene3d_ops import backend, native, over_segment_graph

BACKENDS = ["reference", pytest.param("native", marks=pytest.mark.skipif(not native.available(), reason="no compiler"))]


@pytest.fixture(params=BACKENDS, autouse=True)
def each_backend(request):
    with backend.using(request.param):
        yield


def chain(*weights: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Points in a row, joined by edges of these weights."""
    start = torch.arange(len(weights))
    return torch.stack([start, start + 1], dim=1), torch.tensor(weights)


def random_graph(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 400, (1600, 2), generator=generator), torch.rand(1600, generator=generator)


def partition(label: torch.Tensor) -> set[frozenset[int]]:
    return {frozenset((label == s).nonzero()[:, 0].tolist()) for s in label.unique().tolist()}


def test_a_heavy_edge_parts_two_patches():
    edge, weight = chain(0.1, 0.1, 5.0, 0.1, 0.1)
    assert over_segment_graph(edge, weight, 6, threshold=1.0, min_size=1).tolist() == [0, 0, 0, 1, 1, 1]


def test_the_limit_falls_with_size_as_worked_by_hand():
    # Points 0 and 1 join at 0.2 (limit 0.2 + 1/2), 2 joins at 0.6 (limit 0.6 + 1/3), and 0.95 is then too heavy.
    edge, weight = chain(0.2, 0.6, 0.95)
    assert over_segment_graph(edge, weight, 4, threshold=1.0, min_size=1).tolist() == [0, 0, 0, 1]
    edge, weight = chain(0.2, 0.6, 0.93)
    assert over_segment_graph(edge, weight, 4, threshold=1.0, min_size=1).tolist() == [0, 0, 0, 0]


def test_small_segments_join_over_their_lightest_edge():
    edge, weight = chain(0.0, 7.0, 8.0, 0.0)
    assert over_segment_graph(edge, weight, 5, threshold=0.5, min_size=2).tolist() == [0, 0, 0, 1, 1]


def test_a_small_segment_without_neighbours_stays():
    edge, weight = chain(0.0)
    assert over_segment_graph(edge, weight, 3, threshold=1.0, min_size=10).tolist() == [0, 0, 1]


def test_no_edges_and_no_points():
    nothing = torch.empty(0, 2, dtype=torch.int64), torch.empty(0)
    assert over_segment_graph(*nothing, 3, threshold=1.0, min_size=1).tolist() == [0, 1, 2]
    assert over_segment_graph(*nothing, 0, threshold=1.0, min_size=1).tolist() == []


@pytest.mark.parametrize("seed", range(3))
def test_order_direction_and_repetition_of_edges_do_not_matter(seed):
    edge, weight = random_graph(seed)
    weight = (weight * 8).round() / 8  # many ties
    expected = over_segment_graph(edge, weight, 400, threshold=0.8, min_size=4)
    order = torch.randperm(len(edge), generator=torch.Generator().manual_seed(seed))
    twice = torch.cat([edge.flip(1)[order], edge]), torch.cat([weight[order], weight])
    shuffled = over_segment_graph(*twice, 400, threshold=0.8, min_size=4)
    assert torch.equal(shuffled, expected)


def test_renumbering_points_renumbers_the_same_patches():
    edge, weight = random_graph(7)
    order = torch.randperm(400, generator=torch.Generator().manual_seed(7))
    plain = over_segment_graph(edge, weight, 400, threshold=0.8, min_size=4)
    renumbered = over_segment_graph(order[edge], weight, 400, threshold=0.8, min_size=4)
    assert partition(renumbered[order]) == partition(plain)
    assert 1 < len(partition(plain)) < 400


def test_labels_are_compact_and_numbered_by_first_point():
    label = over_segment_graph(*random_graph(3), 400, threshold=0.3, min_size=2)
    first = [int((label == s).nonzero()[0]) for s in range(int(label.max()) + 1)]
    assert first == sorted(first)


def test_an_edge_to_nowhere_is_named():
    edge, weight = chain(0.1, 0.2)
    with pytest.raises(ValueError, match="from 0 to 2; expected 0 to 1"):
        over_segment_graph(edge, weight, 2, threshold=1.0, min_size=1)


def test_a_weight_that_is_not_a_number_is_refused():
    edge, weight = chain(0.1, float("nan"))
    with pytest.raises(ValueError, match="1 of 2 edge weights"):
        over_segment_graph(edge, weight, 3, threshold=1.0, min_size=1)


@pytest.mark.skipif(not native.available(), reason="no compiler")
@pytest.mark.parametrize("seed", range(4))
def test_native_equals_its_twin(seed):
    edge, weight = random_graph(seed)
    labels = []
    for name in ("native", "reference"):
        with backend.using(name):
            labels.append(over_segment_graph(edge, weight, 400, threshold=0.5, min_size=3))
    assert torch.equal(*labels)
