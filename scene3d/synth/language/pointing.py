"""Noun phrases that single out one object, for questions that then ask something about it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scene3d.nouns import is_plural
from scene3d.synth.language.conditions import (
    PREDICATES,
    RELATIONS,
    SAID,
    Condition,
    related_so_many,
)
from scene3d.synth.language.facts import YES, Pool
from scene3d.synth.language.ranks import RANKS
from scene3d.synth.language.speaker import Speaker, linked


@dataclass(frozen=True, slots=True)
class Pointed:
    """One object and the words for it, article included."""

    text: str
    index: int
    pool: Pool
    anchors: tuple[tuple[int, ...], ...] = ()
    named: tuple[str, ...] = ()
    """As `Turn.named`."""


def pointed(speaker: Speaker, *, only: int | None = None) -> Pointed | None:
    """Some object, by its name or by where it is; `only` asks for this one.

    Where several objects have the name, a place or a look is added that leaves one of them.
    """
    if only is None or speaker.chance(0.5):
        named = speaker.mention(speaker.rng.choice(speaker.facts.visible) if only is None else only)
        if named is not None and speaker.chance(0.6):
            index = named.objects[0]
            word = _noun(speaker, index, named.text)
            # A plural would ask for other verbs in all that is said of it.
            if is_plural(word):
                return None
            return Pointed(named.text, index, speaker.facts.pool(word), named=(named.text.removeprefix("the "),))
    found = speaker.target(crowded=True)
    if found is None:
        return None
    index, pool = found
    if only is not None:
        index, pool = only, speaker.facts.pool(speaker.word(only))
        if pool.truth[index] != YES:
            return None
    condition = single_condition(speaker, speaker.rng.choice(SAID), index, pool)
    if condition is None or is_plural(pool.word):
        return None
    members = speaker.facts.resolved(np.minimum(pool.truth, condition.truth))
    if members is None or len(members) != 1 or (only is not None and members[0] != only):
        return None
    text = f"the {pool.word} {said_condition(speaker, condition)}"
    return Pointed(text, members[0], pool, condition.anchors, (pool.word, *condition.told_by))


def single_condition(speaker: Speaker, kind: str, index: int, pool: Pool) -> Condition | None:
    """A condition of the kind, by the way that most often finds one that leaves a single object."""
    if kind in RELATIONS:
        return related_so_many(speaker, kind, pool, least=1, most=1)
    return RANKS[kind](speaker, pool) if kind in RANKS else PREDICATES[kind](speaker, index, pool)


def some_condition(speaker: Speaker, index: int, pool: Pool, of: tuple[str, ...]) -> Condition | None:
    """A condition that is true of the object, of one of the kinds."""
    for _ in range(5):
        condition = PREDICATES[speaker.rng.choice(of)](speaker, index, pool)
        if condition is not None and condition.truth[index] == YES:
            return condition
    return None


def said_condition(speaker: Speaker, condition: Condition) -> str:
    """The condition as it stands after `it is`."""
    return speaker.said(f"said_{condition.key}", **condition.slots)


def linked_condition(speaker: Speaker, condition: Condition) -> str:
    """The same in an answer, the objects it mentions in brackets, in the order of `anchors`."""
    slots = condition.slots | {name: linked(condition.slots[name]) for name in ("a", "b") if name in condition.slots}
    return speaker.answers(f"said_{condition.key}", **slots)


def _noun(speaker: Speaker, index: int, text: str) -> str:
    """The noun within `the brown desk`: the longest word for the object that the text ends with."""
    mine = (*speaker.facts.words(index, heldout=False), *speaker.facts.words(index, heldout=True))
    return max((word for word in mine if text.endswith(word)), key=len)
