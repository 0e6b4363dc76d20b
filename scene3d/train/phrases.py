"""Phrases with exact truth for the alignment head: which words fit which object of a room."""

from __future__ import annotations

import random
from dataclasses import dataclass

from scene3d.model.detector import COLOURS
from scene3d.model.notes import LARGE_M, SMALL_M
from scene3d.synth import SceneObject
from scene3d.synth.names import names_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """What may be said about one object."""

    names: tuple[str, ...]
    adjectives: tuple[str, ...]
    """True of the object: colour, material, size."""
    untold: tuple[str, ...] = ()
    """"colour" and "material", where nobody told."""


def wording_of(thing: SceneObject) -> Wording:
    """Training names and true adjectives of an object."""
    longest = max(thing.size_m)
    size = "large" if longest >= LARGE_M else "small" if longest <= SMALL_M else ""
    made_of = {"wood": "wooden"}.get(thing.material, thing.material)
    adjectives = (thing.colour, made_of, size)
    untold = [kind for kind in ("colour", "material") if not getattr(thing, kind)]
    return Wording(
        names=names_of(thing.label).train, adjectives=tuple(a for a in adjectives if a), untold=tuple(untold)
    )


def say(wording: Wording, rng: random.Random) -> str:
    """One phrase that is true of the object: a name, often with an adjective or two, article and number varied."""
    name = rng.choice(wording.names)
    count = rng.choice((0, 0, 1, 1, 2))
    chosen = rng.sample(wording.adjectives, min(count, len(wording.adjectives)))
    phrase = " ".join([*chosen, name])
    form = rng.random()
    if form < 0.25:
        return phrase if phrase.endswith("s") else f"{phrase}s"
    return rng.choice(("", "the ", "a ")) + phrase


def fits(phrase: str, wording: Wording) -> bool | None:
    """Whether a phrase made by `say` for another object is true of this one too; None where nobody told."""
    words = phrase.removeprefix("the ").removeprefix("a ")
    for name in sorted(wording.names, key=len, reverse=True):
        for ending in (name, f"{name}s"):
            if words == ending or words.endswith(f" {ending}"):
                others = [word for word in words.removesuffix(ending).split() if word not in wording.adjectives]
                doubtful = all(_kind(word) in wording.untold for word in others)
                return not others or (None if doubtful else False)
    return False


def _kind(adjective: str) -> str:
    if adjective in ("large", "small"):
        return "size"
    return "colour" if adjective in COLOURS else "material"
