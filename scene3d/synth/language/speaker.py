"""Somebody who looks at a room and picks words: which noun for an object, how to mention it without doubt."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from random import Random
from typing import TypeVar

import numpy as np

from scene3d.synth.language import words
from scene3d.synth.language.facts import Pool, RoomFacts
from scene3d.synth.language.phrasing import phrase, said

Item = TypeVar("Item")

_PLAINEST = 0.5
"""How often the plainest word is taken."""
_HELDOUT_NAMES = 0.5


@dataclass(frozen=True, slots=True)
class Mention:
    """Words that single out one object or several, article included."""

    text: str
    objects: tuple[int, ...]

    @property
    def linked(self) -> str:
        """The same with its noun in brackets, for `marked`."""
        return linked(self.text)


def linked(text: str) -> str:
    """`the [brown desk]` for `the brown desk`."""
    return f"the [{text.removeprefix('the ')}]"


@dataclass(frozen=True, slots=True)
class Speaker:
    """Chance, facts, and whether held-out words may be used."""

    facts: RoomFacts
    rng: Random
    heldout: bool

    def pick(self, items: Iterable[Item]) -> Item | None:
        """One of the items, None where there are none."""
        listed = list(items)
        return self.rng.choice(listed) if listed else None

    def chance(self, probability: float) -> bool:
        """True so often."""
        return self.rng.random() < probability

    def phrase(self, key: str) -> tuple[str, str]:
        """Name and text of a way of saying `key`."""
        return phrase(self.rng, key, heldout=self.heldout)

    def said(self, key: str, **slots: str) -> str:
        """A way of saying `key`, filled."""
        return said(self.rng, key, slots, heldout=self.heldout)

    def answers(self, key: str, **slots: str) -> str:
        """A way of answering: nothing held out."""
        return said(self.rng, key, slots, heldout=False)

    def plain(self, index: int) -> str:
        """The plainest word for an object."""
        return self.word(index, plain=True)

    def word(self, index: int, *, plain: bool = False) -> str:
        """A noun for an object; "" where nobody has a word for it."""
        if self.heldout and not plain and self.chance(_HELDOUT_NAMES):
            kept = self.facts.words(index, heldout=True)
            if kept:
                return self.rng.choice(kept)
        usual = self.facts.words(index, heldout=False)
        if not usual:
            return ""
        return usual[0] if plain or self.chance(_PLAINEST) else self.rng.choice(usual)

    def target(self, *, crowded: bool) -> tuple[int, Pool] | None:
        """A seen object and a word for it, to which other seen objects answer as well (`crowded`), or it alone."""
        for _ in range(16):
            index = self.rng.choice(self.facts.visible)
            word = self.word(index)
            if not word:
                continue
            pool = self.facts.pool(word)
            if (pool.crowd > 1) if crowded else np.count_nonzero(pool.truth) == 1:
                return index, pool
        return None

    def mention(self, index: int) -> Mention | None:
        """`the desk`, or `the brown desk` where there are several; None where no such words single it out."""
        facts = self.facts
        if not facts.seen[index]:
            return None
        word = self.word(index)
        if not word:
            return None
        truth = facts.named(word)
        if np.count_nonzero(truth) == 1:
            adjective = self.adjective(index) if self.chance(0.12) else ""
            return Mention(f"the {adjective} {word}" if adjective else f"the {word}", (index,))
        if facts.has_plain_colour(index):
            colour = facts.colour[index]
            if facts.resolved(np.minimum(truth, facts.of_colour(colour))) == (index,):
                return Mention(f"the {self.colour_word(colour)} {word}", (index,))
        material = facts.material[index]
        nameable = material in words.MATERIAL_WORDS
        if nameable and facts.resolved(np.minimum(truth, facts.of_material(material))) == (index,):
            return Mention(f"the {words.MATERIAL_WORDS[material]} {word}", (index,))
        return None

    def anchor(self, choices: Iterable[int], tries: int = 4) -> Mention | None:
        """A mention of one of the objects, bulky ones more often: people do not go by the light switch."""
        left = list(choices)
        weights = [0.15 + min(float(self.facts.size_m[i].max()), 1.5) for i in left]
        for _ in range(min(tries, len(left))):
            mention = self.mention(self.rng.choices(left, weights)[0])
            if mention is not None:
                return mention
        return None

    def adjective(self, index: int) -> str:
        """What can be said of an object before its noun: colour, material, both or nothing."""
        parts = []
        if self.facts.has_plain_colour(index) and self.chance(0.7):
            parts.append(self.colour_word(self.facts.colour[index]))
        if self.facts.material[index] in words.MATERIAL_WORDS and self.chance(0.35):
            parts.append(words.MATERIAL_WORDS[self.facts.material[index]])
        return " ".join(parts)

    def colour_word(self, colour: str) -> str:
        """A word for a colour."""
        return self.rng.choice(words.COLOUR_WORDS.get(colour, (colour,)))
