"""What the viewer needs of an encoded scene, and what was said about it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from scene3d.types import GroundedText, Phrase, Proposals, Scene


@runtime_checkable
class ViewedSession(Protocol):
    """A scene that can be asked; `scene3d.Session` is one."""

    scene: Scene

    def segment(self) -> Proposals:
        """All objects, best first."""
        ...

    def stream(self, question: str, *, select: tuple[int, ...] = ()) -> Iterator[str | Phrase | GroundedText]:
        """Pieces of the answer as they come, each phrase as it closes, and the whole answer at the end."""
        ...

    def ask(self, question: str, *, select: tuple[int, ...] = ()) -> GroundedText:
        """The whole answer."""
        ...

    def caption(self, object_id: int) -> GroundedText:
        """Describe one object."""
        ...

    def object_at(self, point_m: tuple[float, float, float]) -> int | None:
        """The object at a point of the scene."""
        ...

    def objects_in(self, box_m: tuple[float, float, float, float, float, float]) -> tuple[int, ...]:
        """The objects in a box of the scene, minimum then maximum."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One question and its answer."""

    question: str
    """`<ref>` stands for each selected object."""
    answer: GroundedText
    select: tuple[int, ...] = ()
    """Objects that the user selected."""

    def objects(self) -> tuple[int, ...]:
        """Ids that the answer names, each once, in the order of the text."""
        return tuple(dict.fromkeys(link.id for phrase in self.answer.phrases for link in phrase.objects))
