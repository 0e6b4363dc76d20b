"""A question with its answer, in a word or in a sentence."""

from __future__ import annotations

from collections.abc import Sequence

from scene3d.synth.language.phrasing import SHORT_ANSWER, marked, sought
from scene3d.synth.language.sample import LanguageSample, Turn
from scene3d.synth.language.speaker import Speaker

_ASKS = {"what": "name", "what_nearest": "name"}
"""What families of questions are after, where neither their names nor those of their phrasings say it."""
_MENTIONS = ("x", "a", "b", "c")
"""Slots that hold what singles out a thing."""


def asked(
    speaker: Speaker,
    family: str,
    key: str,
    slots: dict[str, str],
    *,
    reply: str,
    sentence: str,
    links: Sequence[Sequence[int]] = (),
    targets: Sequence[int] = (),
    anchors: Sequence[Sequence[int]] = (),
    candidates: tuple[int, ...] = (),
    selected: Sequence[int] = (),
    named: tuple[str, ...] = (),
) -> LanguageSample:
    """A question and its answer: bare where the question wants a word, else the sentence with its links.

    `named` is as `Turn.named`; a noun that the phrasing takes in one of several forms is told by that.
    """
    facts = speaker.facts
    name, text = speaker.phrase(key)
    short = speaker.chance(0.5)
    question = text.format_map(slots)
    if named and not named[0]:
        named = (sought(text, slots), *named[1:])
    turn = Turn(
        user=f"{question} {SHORT_ANSWER}" if short else question,
        selected=facts.ids(selected),
        answer=reply if short else marked(sentence),
        links=() if short else tuple(facts.ids(objects) for objects in links),
        targets=facts.ids(targets),
        anchors=tuple(facts.ids(objects) for objects in anchors),
        candidates=candidates,
        reply=reply,
        asks=key if family in ("compare", "closer") else _ASKS.get(family, family),
        mentions=tuple(slots[slot] for slot in _MENTIONS if slot in slots),
        named=named,
    )
    return LanguageSample(task="qa", family=family, template=name, turns=(turn,))
