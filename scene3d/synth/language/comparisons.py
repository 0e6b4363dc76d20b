"""Questions that compare two things, or measure between them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from scene3d.synth.language.asking import asked
from scene3d.synth.language.facts import YES
from scene3d.synth.language.sample import LanguageSample
from scene3d.synth.language.speaker import Mention, Speaker, linked

_DISTANCES = {0.0: "less than half a meter", 1.0: "about 1 meter", 2.0: "about 2 meters", 3.0: "about 3 meters",
              4.0: "about 4 meters"}  # fmt: skip
"""Answers by metres of gap; asked only within 0.25 m of these."""


def compare(speaker: Speaker) -> LanguageSample | None:
    """Which of two is larger, smaller or taller."""
    pair = _two_mentions(speaker)
    if pair is None:
        return None
    key = speaker.rng.choice(("larger", "smaller", "taller"))
    facts = speaker.facts
    before = facts.taller if key == "taller" else facts.bulkier
    one, other = pair
    wins = before(one.objects[0], other.objects[0])
    if not wins and not before(other.objects[0], one.objects[0]):
        return None
    best = one if wins != (key == "smaller") else other
    return _either(speaker, "compare", key, pair, best, f"is {key}", ())


def closer(speaker: Speaker) -> LanguageSample | None:
    """Which of two is closer to a third, or farther from it."""
    pair, third = _two_mentions(speaker), speaker.anchor(speaker.facts.visible)
    if pair is None or third is None or third.objects in (pair[0].objects, pair[1].objects):
        return None
    facts, at = speaker.facts, third.objects[0]
    truth = np.zeros(facts.count, np.int8)
    truth[[pair[0].objects[0], pair[1].objects[0]]] = YES
    order = facts.nearest_order(truth, at)
    if order is None or len(order) < 2:
        return None
    key = speaker.rng.choice(("closer", "farther"))
    best = next(m for m in pair if m.objects[0] == order[0 if key == "closer" else 1])
    joint = "to" if key == "closer" else "from"
    return _either(speaker, "closer", key, pair, best, f"is {key} {joint} {third.linked}", (third,))


def _either(
    speaker: Speaker, family: str, key: str, pair: tuple[Mention, Mention], best: Mention, claim: str,
    third: tuple[Mention, ...],
) -> LanguageSample:  # fmt: skip
    slots = dict(zip("abc", (m.text for m in (*pair, *third)), strict=False))
    both = tuple(m.objects[0] for m in pair)
    return asked(
        speaker, family, key, slots, reply=best.text.removeprefix("the "),
        sentence=f"{linked(best.text).capitalize()} {claim}.", links=(best.objects, *(m.objects for m in third)),
        targets=best.objects, anchors=tuple(m.objects for m in (*pair, *third)),
        candidates=speaker.facts.ids(both),
    )  # fmt: skip


def distance(speaker: Speaker) -> LanguageSample | None:
    """How far two things are apart, in words for whole metres."""
    wanted = speaker.rng.choice(tuple(_DISTANCES))
    facts = speaker.facts
    one = speaker.anchor(facts.visible)
    if one is None:
        return None
    gap = facts.gap_m[one.objects[0]]
    fits = (np.abs(gap - wanted) < 0.25) & facts.seen & facts.sizable
    fits[[one.objects[0], facts.support[one.objects[0]]]] = False
    fits &= facts.support != one.objects[0]
    other = speaker.anchor(np.flatnonzero(fits).tolist())
    if other is None or other.text == one.text:
        return None
    reply = _DISTANCES[wanted]
    return asked(
        speaker, "distance", "distance", {"a": one.text, "b": other.text}, reply=reply,
        sentence=f"{one.linked.capitalize()} is {reply} from {other.linked}.", links=(one.objects, other.objects),
        targets=one.objects, anchors=(other.objects,), named=(one.text.removeprefix("the "), other.text),
    )  # fmt: skip


def _two_mentions(speaker: Speaker) -> tuple[Mention, Mention] | None:
    one, other = (speaker.anchor(speaker.facts.visible) for _ in range(2))
    if one is None or other is None or one.objects == other.objects or one.text == other.text:
        return None
    return one, other


COMPARISONS: dict[str, Callable[[Speaker], LanguageSample | None]] = {
    "compare": compare, "closer": closer, "distance": distance,
}  # fmt: skip
