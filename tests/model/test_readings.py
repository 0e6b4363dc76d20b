import itertools

import pytest
import torch
from jaxtyping import Float
from torch import Tensor

from scene3d.model.readings import ASPECTS, ROOMS, marked, sentence_mean
from scene3d.model.text import text_encoder
from scene3d.synth import KINDS
from scene3d.synth.language import speak
from tests.synth.language.furnished import furnished_room


def test_sentences_are_pooled_as_the_encoder_pools_them():
    sentences = ["Where is the lamp?", "How many chairs are there around the table by the window?"]
    torch.testing.assert_close(
        sentence_mean(*text_encoder().tokens(sentences)), text_encoder().encode(sentences), atol=1e-4, rtol=1e-4
    )


def test_every_aspect_and_kind_of_room_that_is_generated_is_known():
    assert set(KINDS) == set(ROOMS)
    said = speak(furnished_room(5), seed=3, count=200)
    said += speak(furnished_room(5), seed=4, count=200, task="qa")
    assert {turn.asks for sample in said for turn in sample.turns} <= set(ASPECTS)
    assert {turn.asks for sample in said if sample.task == "qa" for turn in sample.turns} & {
        "colour",
        "count",
        "larger",
    }
    assert not {turn.asks for sample in said if sample.task == "plan" for turn in sample.turns} - {""}


def likelihood(roles: tuple[int, ...], chance: Float[Tensor, "l m"]) -> float:
    """By the words of `marked`: minus infinity where a class from the second name on has two runs."""
    runs = [k for k, _ in itertools.groupby(roles)]
    twice = any(runs.count(k) > 1 for k in set(runs) - {0, 1})
    touching = sum(0 not in pair and pair[0] != pair[1] for pair in itertools.pairwise(roles))
    told = sum(float(chance[i, k]) for i, k in enumerate(roles))
    return -torch.inf if twice else told - 3.0 * touching


@pytest.mark.parametrize("seed", range(12))
def test_what_is_marked_is_the_likeliest_of_all_readings(seed: int):
    torch.manual_seed(seed)
    words, classes = 5, 4
    chance = (3 * torch.randn(words, classes, dtype=torch.float64)).log_softmax(1)
    spans = [(2 * i, 2 * i + 1) for i in range(words)]
    readings = itertools.product(range(classes), repeat=words)
    best = max(readings, key=lambda roles: likelihood(roles, chance))
    expected: list[tuple[int, int] | None] = []
    for k in range(1, classes):
        runs = [[i for i, _ in run] for own, run in itertools.groupby(enumerate(best), key=lambda e: e[1]) if own == k]
        sure = max(runs, key=lambda run: float((chance[run, k] - chance[run, 0]).sum()), default=None)
        expected.append((spans[sure[0]][0], spans[sure[-1]][1]) if sure else None)
    assert marked(chance, spans) == expected
