"""What captions state is judged rightly: the generator's own captions are true, and become false when they are bent."""

from __future__ import annotations

import pytest

from scene3d.model.markup import shown
from scene3d.quality.stated import stated_facts
from scene3d.synth.language import RoomFacts, Turn, speak
from scene3d.types import GroundedText, ObjectLink, Phrase
from tests.synth.language.furnished import furnished_room

FACTS = [RoomFacts(furnished_room(seed)) for seed in range(6)]


def told(turn: Turn, facts: RoomFacts) -> GroundedText:
    """The true answer as the model would give it, objects numbered as in the room."""
    text, spans = shown(turn.answer)
    phrases = [
        Phrase(
            start=span.start,
            end=span.end,
            objects=tuple(ObjectLink(id=facts.id.index(i), probability=0.9) for i in link),
            absent_probability=0.1,
        )
        for span, link in zip(spans, turn.links, strict=True)
    ]
    return GroundedText(text=text, phrases=tuple(phrases))


def captions() -> list[tuple[GroundedText, RoomFacts]]:
    return [
        (told(sample.turns[0], facts), facts)
        for facts in FACTS
        for sample in speak(facts, seed=3, count=40, task="caption", noise=0.0)
    ]


def judged(answer: GroundedText, facts: RoomFacts) -> list[bool]:
    return stated_facts(answer, facts, {i: i for i in range(facts.count)})


def test_captions_of_the_truth_state_what_is_true() -> None:
    verdicts = [(verdict, answer.text) for answer, facts in captions() for verdict in judged(answer, facts)]
    assert len(verdicts) > 500
    assert not [text for verdict, text in verdicts if not verdict]


def test_a_caption_of_what_is_not_there_is_false() -> None:
    answer, facts = captions()[0]
    assert not any(stated_facts(answer, facts, {}))


@pytest.mark.parametrize(
    ("word", "other"), [("chair", "piano"), ("two", "six"), ("wooden", "fabric"), ("under", "above")]
)
def test_a_bent_name_number_look_or_place_is_noticed(word: str, other: str) -> None:
    said = [(answer, facts) for answer, facts in captions() if f" {word} " in answer.text]
    bent = [(GroundedText(text=a.text.replace(f" {word} ", f" {other} "), phrases=a.phrases), f) for a, f in said]
    assert said
    assert sum(not all(judged(answer, facts)) for answer, facts in bent) >= 0.8 * len(bent)
