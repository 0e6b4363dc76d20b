import torch

from scene3d.model.readings import ASPECTS, ROOMS, sentence_mean
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
