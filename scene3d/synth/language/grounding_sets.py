"""Sentences that point out several objects: all of a kind, those that fit, those that do not."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from scene3d.nouns import plural
from scene3d.synth.language import words
from scene3d.synth.language.conditions import PREDICATES, RELATIONS, Condition, related_so_many
from scene3d.synth.language.facts import YES, Pool
from scene3d.synth.language.grounding import ABSENT_SETS, Family
from scene3d.synth.language.phrasing import marked, sought
from scene3d.synth.language.pointing import said_condition
from scene3d.synth.language.sample import LanguageSample, Turn
from scene3d.synth.language.speaker import Speaker

_PLACES = (
    "near",
    "at",
    "support",
    "above",
    "against_wall",
    "corner",
    "middle",
    "facing_front",
    "viewed_left",
    "viewed_right",
)


def everything(speaker: Speaker) -> LanguageSample | None:
    """All of a kind, often more than one."""
    pool = _plenty(speaker)
    if pool is None:
        return None
    members = speaker.facts.resolved(pool.truth)
    if members is None or (len(members) == 1 and speaker.chance(0.6)):
        return None
    return _pointing(speaker, "all", "all", _nouns(pool, members), members, pool, None)


def fitting(kinds: Sequence[str], family: str, speaker: Speaker) -> LanguageSample | None:
    """Those of a kind that meet a condition, while others do not."""
    found = _partly(speaker, kinds)
    if found is None:
        return None
    pool, condition = found
    members = speaker.facts.resolved(np.minimum(pool.truth, condition.truth))
    if not members or len(members) >= pool.crowd or (len(members) == 1 and speaker.chance(0.7)):
        return None
    by_look = "adjective" in condition.slots
    slots = _nouns(pool, members) | condition.slots
    slots["c"] = "" if by_look else said_condition(speaker, condition)
    return _pointing(speaker, family, "all_adjective" if by_look else "all_that", slots, members, pool, condition)


def others(speaker: Speaker) -> LanguageSample | None:
    """Those of a kind that do not meet a condition, while some do."""
    found = _partly(speaker, (*_PLACES, "colour", "material"))
    if found is None:
        return None
    pool, condition = found
    members = speaker.facts.resolved(np.minimum(pool.truth, YES - condition.truth))
    if not members or len(members) == len(pool.members):
        return None
    slots = _nouns(pool, members) | {"c": said_condition(speaker, condition)}
    return _pointing(speaker, "not", "all_but", slots, members, pool, condition)


def two_kinds(speaker: Speaker) -> LanguageSample | None:
    """All of one kind and all of another."""
    one, other = _plenty(speaker), _plenty(speaker)
    if one is None or other is None or np.minimum(one.truth, other.truth).any():
        return None
    mine, theirs = speaker.facts.resolved(one.truth), speaker.facts.resolved(other.truth)
    if mine is None or theirs is None:
        return None
    sets = (mine, theirs)
    name, text = speaker.phrase("both")
    slots = _nouns(one, sets[0]) | {"u": other.word, "us": plural(other.word), "au": words.one(other.word)}
    frame, request = speaker.phrase("frames")
    facts = speaker.facts
    phrases = [_counted(pool.word, len(members)) for pool, members in zip((one, other), sets, strict=True)]
    opening = "There is" if len(sets[0]) == 1 else "There are"
    turn = Turn(
        user=request.format(np=text.format_map(slots)),
        selected=(),
        answer=marked(f"{opening} [{phrases[0]}] and [{phrases[1]}]."),
        links=tuple(facts.ids(members) for members in sets),
        targets=facts.ids((*sets[0], *sets[1])),
        candidates=tuple(dict.fromkeys((*facts.candidates(one.word), *facts.candidates(other.word)))),
        told=(),
    )
    return LanguageSample(task="multi_grounding", family="two_kinds", template=f"{name}+{frame}", turns=(turn,))


def _plenty(speaker: Speaker) -> Pool | None:
    word = speaker.word(speaker.rng.choice(speaker.facts.visible))
    if not word or not words.countable(word):
        return None
    pool = speaker.facts.pool(word)
    return pool if len(pool.members) < len(words.NUMBERS) else None


def _partly(speaker: Speaker, kinds: Sequence[str]) -> tuple[Pool, Condition] | None:
    """Several of a kind and a condition that some of them meet."""
    found = speaker.target(crowded=True)
    if found is None:
        return None
    index, pool = found
    if not words.countable(pool.word) or len(pool.members) >= len(words.NUMBERS):
        return None
    kind = speaker.rng.choice(kinds)
    if kind in RELATIONS:
        condition = related_so_many(speaker, kind, pool, least=1, most=len(pool.members) - 1)
    else:
        condition = PREDICATES[kind](speaker, index, pool)
    return None if condition is None else (pool, condition)


def _nouns(pool: Pool, members: Sequence[int]) -> dict[str, str]:
    return {
        "t": pool.word,
        "ts": plural(pool.word),
        "at": words.one(pool.word),
        "number": words.NUMBERS[len(members)],
    }


def _counted(word: str, count: int) -> str:
    return f"{words.NUMBERS[count]} {word if count == 1 else plural(word)}"


def _pointing(
    speaker: Speaker,
    family: str,
    key: str,
    slots: dict[str, str],
    members: tuple[int, ...],
    pool: Pool,
    condition: Condition | None,
) -> LanguageSample:
    facts = speaker.facts
    anchors, told_by = ((), ()) if condition is None else (condition.anchors, condition.told_by)
    told = () if condition is None else (condition.way, *(["not"] if family == "not" else []))
    name, text = speaker.phrase(key)
    while len(members) == 1 and "{number}" in text:
        name, text = speaker.phrase(key)
    frame, request = speaker.phrase("frames")
    if len(members) == 1:
        answer = f"There is only [{_counted(pool.word, 1)}]."
    else:
        answer = speaker.said("answers", number=words.NUMBERS[len(members)], ss=plural(pool.word))
    turn = Turn(
        user=request.format(np=text.format_map(slots)),
        selected=(),
        answer=marked(answer),
        links=(facts.ids(members),),
        targets=facts.ids(members),
        anchors=tuple(facts.ids(a) for a in anchors),
        candidates=facts.candidates(pool.word),
        named=(sought(text, slots), *told_by),
        told=told,
    )
    return LanguageSample(task="multi_grounding", family=family, template=f"{name}+{frame}", turns=(turn,))


MULTI_GROUNDING: dict[str, Family] = {
    "all": everything,
    "all_look": partial(fitting, ("colour", "colour", "material"), "all_look"),
    "all_place": partial(fitting, _PLACES, "all_place"),
    "not": others,
    "two_kinds": two_kinds,
    **ABSENT_SETS,
}
