"""What generated language is: turns of a dialogue about a room, with the objects that each phrase truly names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Task = Literal["detection", "grounding", "multi_grounding", "caption", "qa", "dialogue", "plan"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One thing said by the user, and the true answer. Object ids are `SceneObject.id` of objects that are seen."""

    user: str
    """What the user says; `<ref>` stands for each object that the user selected."""
    selected: tuple[int, ...]
    """Objects behind each `<ref>` of `user`, in order."""
    answer: str
    """Each phrase that names objects is written `<p>the chair<ref></p>`."""
    links: tuple[tuple[int, ...], ...]
    """Objects of each phrase of `answer`, in order; empty for a phrase that names nothing here."""
    targets: tuple[int, ...]
    """The objects that `user` is about; empty where no object satisfies it."""
    anchors: tuple[tuple[int, ...], ...] = ()
    """Objects that `user` mentions to single the targets out, one tuple per mention (`the desk`, `the two chairs`)."""
    candidates: tuple[int, ...] = ()
    """Objects that fit the name of the target, the targets included: what a guess has to choose from."""
    reply: str = ""
    """For questions: the bare answer that exact match compares ("brown", "2", "yes"); for descriptions: what is told,
    in the fewest words."""
    asks: str = ""
    """What a question is after: exists, count, colour, material, name, holds, where, side, distance, room, or of two
    things the larger, smaller, taller, closer or farther one; "describe" or "describe room" for a wish to be told of a
    thing or of all; empty for whatever else is said."""
    mentions: tuple[str, ...] = ()
    """The words in a question that single out what is asked about and what that is told by, in the order of the
    slots of its phrasing; `user` may misspell them."""
    named: tuple[str, ...] = ()
    """The words in `user` for what is sought (`black chairs`; "" where it is not called anything), then for each thing
    that tells which (`the desk`), in the order of `anchors`; empty where that is not so simple. `user` may misspell
    them."""
    told: tuple[str, ...] | None = None
    """How `user` singles the targets out: `("largest",)`, `("near", "colour")`, by nothing but the name `()`; see
    `Condition.way`. None where it is no matter of that or not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LanguageSample:
    """A dialogue of one turn or more."""

    task: Task
    family: str
    """What has to be understood: `nearest`, `colour`, `support`, `count`, …; figures are reported by family."""
    template: str
    """Name of the way of saying it; a fifth of them are held out."""
    turns: tuple[Turn, ...]
