"""Nouns and adjectives that people use, and which labels each of them may stand for."""

from __future__ import annotations

import csv
import functools
import re
from pathlib import Path

from scene3d.nouns import is_plural
from scene3d.synth.names import names_of

NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
ORDINALS = ("first", "second", "third", "fourth", "fifth")
COLOUR_WORDS = {"grey": ("grey", "gray"), "purple": ("purple", "violet"), "beige": ("beige", "tan")}
"""Other words for a colour; a colour that is not here has its own name only."""
MATERIAL_WORDS = {
    "wood": "wooden",
    "metal": "metal",
    "plastic": "plastic",
    "leather": "leather",
    "glass": "glass",
    "stone": "stone",
    "ceramic": "ceramic",
    "cardboard": "cardboard",
    "fabric": "fabric",
}
"""Adjective for each material that people name."""
_UNCOUNTABLE = frozenset((
    "clothing", "footwear", "greenery", "baggage", "luggage", "paper", "toilet paper", "artwork", "headwear",
    "heating", "bath linen", "glazing", "kitchen roll", "kleenex",
))  # fmt: skip


def number(count: int) -> str:
    """A count as answers tell it: in words up to twelve."""
    return NUMBERS[count] if count < len(NUMBERS) else str(count)


@functools.cache
def words_of(label: str, *, heldout: bool) -> tuple[str, ...]:
    """Words for a label that need no more than the label to be true or have a stated condition; plainest first."""
    names = names_of(label)
    listed = names.heldout if heldout else names.train
    general = () if heldout else tuple(word for word, (sure, _) in _kinds().items() if label in sure)
    words = [word for word in (*listed, *general) if word and condition_of(word) != "never"]
    return tuple(dict.fromkeys(words))


@functools.cache
def kinds_of(word: str) -> tuple[frozenset[str], frozenset[str]]:
    """Labels that the word surely covers, and others that somebody may call so."""
    if word in _kinds():
        return _kinds()[word]
    sure = frozenset(label for label in all_labels() if word in (*names_of(label).train, *names_of(label).heldout))
    doubtful = frozenset(other for label in sure for other in _alike().get(label, ()))
    return sure, doubtful - sure


@functools.cache
def condition_of(word: str) -> str:
    """What must hold of a thing beyond its label for the word to be right; "" for nothing."""
    return _narrow_words().get(word, "")


@functools.cache
def all_labels() -> tuple[str, ...]:
    """Labels that have words."""
    with (Path(__file__).parent.parent / "names.csv").open(encoding="utf-8", newline="") as file:
        return tuple(row["label"] for row in csv.DictReader(file))


@functools.cache
def countable(noun: str) -> bool:
    """Whether one can say one, two, three of it."""
    return noun not in _UNCOUNTABLE and not is_plural(noun)


@functools.cache
def held_out_names() -> re.Pattern[str]:
    """Matches the names that training never says, but for those that are part of a usual name (`drawers`)."""
    usual = [f" {word} " for label in all_labels() for word in names_of(label).train]
    kept = {word for label in all_labels() for word in names_of(label).heldout}
    kept = {word for word in kept if word and not any(f" {word} " in longer for longer in usual)}
    return re.compile(rf"\b(?:{'|'.join(map(re.escape, sorted(kept)))})s?\b")


def one(noun: str, adjectives: str = "") -> str:
    """The noun with `a`, `an` or `some` before it and before its adjectives."""
    phrase = f"{adjectives} {noun}".strip()
    if not countable(noun):
        return f"some {phrase}"
    vowel = phrase[0] in "aeio" or phrase.startswith(("um", "up", "ov"))
    return f"{'an' if vowel else 'a'} {phrase}"


@functools.cache
def lookalikes() -> frozenset[frozenset[str]]:
    """Pairs of colours or materials that two people may call differently: light, shadow and the camera decide."""
    return frozenset(frozenset((row["one"], row["other"])) for row in _rows("lookalikes.csv"))


@functools.cache
def _kinds() -> dict[str, tuple[frozenset[str], frozenset[str]]]:
    return {
        row["word"]: (frozenset(row["yes"].split(";")), frozenset(filter(None, row["maybe"].split(";"))))
        for row in _rows("kinds.csv")
    }


@functools.cache
def _alike() -> dict[str, frozenset[str]]:
    """For each label those that share a general word with it, surely or perhaps."""
    near: dict[str, set[str]] = {}
    for sure, doubtful in _kinds().values():
        for label in sure:
            near.setdefault(label, set()).update(sure | doubtful)
            for other in doubtful:
                near.setdefault(other, set()).add(label)
    return {label: frozenset(others - {label}) for label, others in near.items()}


@functools.cache
def _narrow_words() -> dict[str, str]:
    return {row["word"]: row["holds"] for row in _rows("narrow_words.csv")}


def _rows(name: str) -> list[dict[str, str]]:
    with (Path(__file__).parent / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
