import torch

from scene3d.model.detector import COLOURS, MATERIALS
from scene3d.model.readings import ASPECTS, PAINT, ROOMS, Readings, ReadingsConfig, paint, sentence_mean
from scene3d.model.text import text_encoder
from scene3d.synth import KINDS
from scene3d.synth.language import speak
from tests.model.language_parts import some_referents
from tests.synth.language.furnished import furnished_room


def test_paint_tells_the_colours_of_the_points_and_not_of_others():
    rgb = torch.tensor([[0.9, 0.1, 0.1]] * 4 + [[0.1, 0.1, 0.9]] * 4)
    mask = torch.zeros(2, 8, dtype=torch.bool)
    mask[0, :4] = mask[1, 4:] = True
    red, blue = paint(mask, rgb)
    assert red.shape == (PAINT,)
    torch.testing.assert_close(red[:3], rgb[0])
    torch.testing.assert_close(blue[3:6], rgb[7])
    assert float((red[12:44] * blue[12:44]).sum()) == 0  # no shade in common
    assert float(red[12:44].sum()) == 1


def test_an_object_without_points_has_the_colours_of_the_scan():
    rgb = torch.rand(5, 3)
    torch.testing.assert_close(paint(torch.zeros(1, 5, dtype=torch.bool), rgb)[0, :3], rgb.mean(0))
    assert paint(torch.zeros(0, 5, dtype=torch.bool), rgb).shape == (0, PAINT)


def test_only_colours_are_read_anew():
    readings, seen = Readings(ReadingsConfig(kinds=5)).eval(), some_referents(3)
    read = readings.coloured(seen, torch.rand(3, PAINT))
    torch.testing.assert_close(read.look[:, : len(COLOURS)].sum(1), torch.ones(3))
    assert torch.equal(read.look[:, len(COLOURS) :], seen.look[:, len(COLOURS) :])
    assert read.look.shape[1] == len(COLOURS) + len(MATERIALS)


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
