"""Generated dialogues as single exchanges, each with what came before it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from scene3d.errors import InputError
from scene3d.model.markup import shown
from scene3d.model.question import REMEMBERED, Question, Said
from scene3d.synth import load_training_scene
from scene3d.synth.language import LanguageSample, RoomFacts, Turn


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One turn. Objects are `SceneObject.id` here, in `question.select` too."""

    sample: LanguageSample
    turn: Turn
    question: Question
    spoken_of: tuple[int, ...]
    """Objects that the answer before named."""


def exchanges_of(sample: LanguageSample) -> list[Exchange]:
    """Every turn of a dialogue."""
    exchanges, before, spoken_of = [], [], ()
    for turn in sample.turns:
        question = Question(text=turn.user, select=turn.selected, before=tuple(before[-REMEMBERED:]))
        exchanges.append(Exchange(sample=sample, turn=turn, question=question, spoken_of=spoken_of))
        before.append(Said(user=question.in_words(), answer=shown(turn.answer)[0]))
        spoken_of = tuple(dict.fromkeys(i for link in turn.links for i in link))
    return exchanges


def facts_of(path: Path) -> RoomFacts:
    """What can be said of the room of a compact file.

    Raises:
        InputError: A real room, of which nobody told how its objects stand to each other.
    """
    scene = load_training_scene(path)
    if scene.relations is None:
        raise InputError(
            f"{path}: a real room without its scene graph, of which no sentence is known to be true; it serves "
            "`scene3d train detector` and `alignment`; take rooms of `scene3d synth` here"
        )
    return RoomFacts(scene)
