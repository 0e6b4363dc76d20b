"""How people type: casing, fillers, typing errors, missing articles. Never what they mean."""

from __future__ import annotations

import re
from random import Random

from scene3d.synth.language.phrasing import SHORT_ANSWER

_OPENERS = ("hey, ", "ok, ", "um, ", "please, ", "hi, ", "so, ", "well, ", "hello, ", "ok so ", "excuse me, ")
_CLOSERS = (" please", " thanks", ", thanks", ", please", " ok", " pls")
_ARTICLE = re.compile(r"\b(the|a|an) ", re.IGNORECASE)
_LONG_WORD = re.compile(r"\b[a-z]{5,}\b")
_SHORT_FORMS = (
    ("it is ", "it's "), ("that is ", "that's "), ("there is ", "there's "), ("where is ", "where's "),
    ("what is ", "what's "), ("i am ", "i'm "), ("is not ", "isn't "), ("are not ", "aren't "), (" and ", " & "),
)  # fmt: skip
_KEEP = frozenset((
    "black", "white", "green", "brown", "beige", "purple", "violet", "orange", "yellow", "right", "left", "three",
    "seven", "eight", "first", "second", "third", "fourth", "fifth", "closest", "nearest", "farthest", "furthest",
    "largest", "smallest", "biggest", "tallest", "shortest", "lowest", "under", "above", "below", "behind", "front",
    "between", "chair", "chairs", "stand", "board",
))  # fmt: skip
"""Words whose misspelling could be read as another, or that carry the meaning."""


def as_typed(text: str, rng: Random, *, noise: float) -> str:
    """The text as somebody might type it; `<ref>` and the wish for a short answer stay.

    Args:
        text: Lower case, whole sentences.
        rng: Source of chance.
        noise: 0 leaves the text as it is but for capitals; 1 spoils nearly every one.
    """
    if text.endswith(SHORT_ANSWER):
        return f"{as_typed(text.removesuffix(SHORT_ANSWER).rstrip(), rng, noise=noise)} {SHORT_ANSWER}"
    if rng.random() < 0.4 * noise:
        text = _shortened(text, rng)
    if rng.random() < 0.15 * noise:
        text = _ARTICLE.sub("", text)
    if rng.random() < 0.25 * noise:
        text = rng.choice(_OPENERS) + text
    if rng.random() < 0.15 * noise and text[-1] not in ".?":
        text += rng.choice(_CLOSERS)
    if rng.random() < 0.3 * noise:
        text = _misspelt(text, rng)
    if rng.random() < 0.5:
        text = _capitalised(text)
    elif rng.random() < 0.1 * noise:
        text = text.upper().replace("<REF>", "<ref>")
    if rng.random() < 0.3 * noise:
        text = text.rstrip(".?!")
    return text


def _shortened(text: str, rng: Random) -> str:
    found = [pair for pair in _SHORT_FORMS if pair[0] in text]
    return text.replace(*rng.choice(found)) if found else text


def _misspelt(text: str, rng: Random) -> str:
    """One letter of one long word left out, doubled or swapped with the next."""
    words = [m for m in _LONG_WORD.finditer(text) if m.group() not in _KEEP]
    if not words:
        return text
    word = rng.choice(words)
    at = rng.randrange(word.start() + 1, word.end() - 1)
    how = rng.randrange(3)
    if how == 0:
        return text[:at] + text[at + 1 :]
    if how == 1:
        return text[:at] + text[at] + text[at:]
    return text[:at] + text[at + 1] + text[at] + text[at + 2 :]


def _capitalised(text: str) -> str:
    """Capitals at the beginning of sentences and in "I"."""
    text = re.sub(r"(^|[.?!] )([a-z])", lambda m: m.group(1) + m.group(2).upper(), text)
    return re.sub(r"\bi\b", "I", text)
