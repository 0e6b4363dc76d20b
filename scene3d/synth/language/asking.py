"""A question with its answer, in a word or in a sentence."""

from __future__ import annotations

from collections.abc import Sequence

from scene3d.synth.language.phrasing import SHORT_ANSWER, marked
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
) -> LanguageSample:
    """A question and its answer: bare where the question wants a word, else the sentence with its links."""
    facts = speaker.facts
    name, text = speaker.phrase(key)
    short = speaker.chance(0.5)
    question = text.format_map(slots)
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
    )
    return LanguageSample(task="qa", family=family, template=name, turns=(turn,))
