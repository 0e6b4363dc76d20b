"""A dialogue about one scene: what was said before counts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from scene3d.model.question import REMEMBERED, Question, Said
from scene3d.types import GroundedText, Phrase

if TYPE_CHECKING:
    from scene3d.model.session import Session


@dataclass(slots=True)
class Dialogue:
    """Turns so far; give those of an earlier dialogue to go on with it."""

    session: Session
    turns: list[tuple[Question, GroundedText]] = field(default_factory=list)

    def say(self, text: str, *, select: tuple[int, ...] = ()) -> GroundedText:
        """The answer to the next thing the user says; arguments as of `Session.ask`."""
        for piece in self.stream(text, select=select):
            if isinstance(piece, GroundedText):
                return piece
        raise RuntimeError("an answer always ends")

    def stream(self, text: str, *, select: tuple[int, ...] = ()) -> Iterator[str | Phrase | GroundedText]:
        """The same as it is written."""
        question = self.next(text, select=select)
        for piece in self.session.stream_question(question):
            if isinstance(piece, GroundedText):
                self.turns.append((question, piece))
            yield piece

    def next(self, text: str, *, select: tuple[int, ...] = ()) -> Question:
        """The question that `text` is at this point of the dialogue."""
        recent = self.turns[-REMEMBERED:]
        named = [link.id for _, answer in recent[-1:] for phrase in answer.phrases for link in phrase.objects]
        return Question(
            text=text,
            select=select,
            before=tuple(Said(user=asked.in_words(), answer=answer.text) for asked, answer in recent),
            spoken_of=tuple(dict.fromkeys(named)),
        )
