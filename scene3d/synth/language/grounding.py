"""Sentences that point out one object among its like, or one that is not there."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from scene3d.nouns import is_plural, plural
from scene3d.synth.language import words
from scene3d.synth.language.conditions import (
    PREDICATES,
    RELATIONS,
    SAID,
    Condition,
    of_colour,
    of_material,
    related_so_many,
)
from scene3d.synth.language.facts import Pool
from scene3d.synth.language.phrasing import marked, sought
from scene3d.synth.language.pointing import said_condition, single_condition, some_condition
from scene3d.synth.language.ranks import RANKS
from scene3d.synth.language.sample import LanguageSample, Turn
from scene3d.synth.language.speaker import Speaker

Family = Callable[[Speaker], LanguageSample | None]

_CROWDED = 0.85
"""How often what a predicate singles out has others of its name around."""
_COMMON = (
    "chair", "table", "sofa", "bed", "lamp", "television", "desk", "cabinet", "plant", "window", "mirror",
    "trash can", "bookshelf", "refrigerator", "sink", "toilet", "printer", "microwave", "piano", "bicycle",
    "armchair", "stool", "wardrobe", "backpack", "clock", "guitar", "washing machine", "stove", "bathtub", "radiator",
    "curtain", "pillow", "whiteboard", "monitor", "telephone", "office chair", "coffee table", "suitcase",
    "fireplace",
)  # fmt: skip


def single(kind: str, speaker: Speaker) -> LanguageSample | None:
    """One object that a single condition singles out among its like; now and then it has no like."""
    found = speaker.target(crowded=kind in RANKS or speaker.chance(_CROWDED))
    if found is None:
        return None
    index, pool = found
    condition = single_condition(speaker, kind, index, pool)
    if condition is None:
        return None
    members = speaker.facts.resolved(np.minimum(pool.truth, condition.truth))
    if members is None or len(members) != 1:
        return None
    slots = _nouns(speaker, members[0], pool, extra=kind not in ("colour", "material")) | condition.slots
    name, text = speaker.phrase(condition.key)
    tail = "" if kind not in SAID else said_condition(speaker, condition)
    named = (sought(text, slots), *condition.told_by)
    way = (condition.way,)
    return _pointing(speaker, kind, name, text.format_map(slots), members[0], pool, named, condition.anchors, way, tail)


def unique(speaker: Speaker) -> LanguageSample | None:
    """An object that its name singles out."""
    found = speaker.target(crowded=False)
    if found is None:
        return None
    index, pool = found
    name, text = speaker.phrase("unique")
    slots = _nouns(speaker, index, pool, extra=True)
    return _pointing(speaker, "unique", name, text.format_map(slots), index, pool, (sought(text, slots),), (), ())


def two(speaker: Speaker) -> LanguageSample | None:
    """Two conditions that single the object out together, while neither does alone."""
    found = speaker.target(crowded=True)
    if found is None:
        return None
    index, pool = found
    first, second = (some_condition(speaker, index, pool, (*SAID, "colour")) for _ in range(2))
    if first is None or second is None or first.kind == second.kind:
        return None
    facts = speaker.facts
    truths = [np.minimum(pool.truth, c.truth) for c in (first, second)]
    if facts.resolved(np.minimum(*truths)) != (index,) or any(np.count_nonzero(t) == 1 for t in truths):
        return None
    slots = _nouns(speaker, index, pool, extra=False)
    slots |= {"f": said_condition(speaker, first), "g": said_condition(speaker, second)}
    name, text = speaker.phrase("two")
    anchors = first.anchors + second.anchors
    named = (sought(text, slots), *first.told_by, *second.told_by)
    ways = (first.way, second.way)
    return _pointing(speaker, "two", name, text.format_map(slots), index, pool, named, anchors, ways)


def description(speaker: Speaker) -> LanguageSample | None:
    """As much as somebody would say to a friend: looks and two places, which together leave one object."""
    found = speaker.target(crowded=speaker.chance(_CROWDED))
    if found is None:
        return None
    index, pool = found
    facts = speaker.facts
    told = [c for c in (some_condition(speaker, index, pool, SAID) for _ in range(2)) if c is not None]
    if len(told) < 2 or told[0].kind == told[1].kind:
        return None
    looks: list[Condition] = []
    for kind, often in (("colour", 0.8), ("material", 0.4)):
        look = PREDICATES[kind](speaker, index, pool) if speaker.chance(often) else None
        looks += [look] if look is not None else []
    name, text = speaker.phrase("description")
    told = told if "{g}" in text else told[:1]
    both = np.minimum.reduce([pool.truth, *(c.truth for c in (*looks, *told))])
    if facts.resolved(both) != (index,):
        return None
    adjectives = " ".join(look.slots["adjective"] for look in looks)
    slots = {
        "n": pool.word,
        "t": f"{adjectives} {pool.word}".strip(),
        "at": words.one(pool.word, adjectives),
        **{slot: said_condition(speaker, condition) for slot, condition in zip("fg", told, strict=False)},
    }
    anchors = tuple(a for c in told for a in c.anchors)
    named = (sought(text, slots), *(words for c in told for words in c.told_by))
    ways = tuple(c.way for c in (*looks, *told))
    return _pointing(speaker, "description", name, text.format_map(slots), index, pool, named, anchors, ways)


def absent(kind: str, many: bool, speaker: Speaker) -> LanguageSample | None:
    """Something that is not here: no such class, no such look, no such place, or next to nothing that is here."""
    made = _ABSENT[kind](speaker, many)
    if made is None:
        return None
    name, noun_phrase, answer, named, anchors, told, word = made
    frame, user = _framed(speaker, noun_phrase, many=many)
    turn = Turn(
        user=user,
        selected=(),
        answer=marked(answer),
        links=(),
        targets=(),
        anchors=tuple(speaker.facts.ids(a) for a in anchors),
        candidates=speaker.facts.candidates(word),
        named=named,
        told=told,
    )
    task = "multi_grounding" if many else "grounding"
    return LanguageSample(task=task, family=kind, template=f"{name}+{frame}", turns=(turn,))


# Parts --------------------------------------------------------------------------------------------------------------


def _nouns(speaker: Speaker, index: int, pool: Pool, *, extra: bool) -> dict[str, str]:
    adjective = speaker.adjective(index) if extra and speaker.chance(0.3) else ""
    noun = f"{adjective} {pool.word}".strip()
    return {"t": noun, "ts": plural(pool.word), "at": words.one(pool.word, adjective), "n": pool.word}


def _framed(speaker: Speaker, text: str, *, many: bool = False) -> tuple[str, str]:
    """A noun phrase as a request; a sentence as it is."""
    if text.endswith((".", "?")):
        return "own", text
    frame, request = speaker.phrase("frames" if many else "frame")
    return frame, request.format(np=text)


def _pointing(
    speaker: Speaker,
    family: str,
    name: str,
    text: str,
    index: int,
    pool: Pool,
    named: tuple[str, ...],
    anchors: tuple[tuple[int, ...], ...],
    told: tuple[str, ...],
    tail: str = "",
) -> LanguageSample:
    facts = speaker.facts
    frame, user = _framed(speaker, text)
    slots = {"s": facts.words(index, heldout=False)[0], "t": pool.word, "c": tail}
    answer = speaker.said("answer_tail" if tail and speaker.chance(0.3) else "answer", **slots)
    turn = Turn(
        user=user,
        selected=(),
        answer=marked(answer),
        links=(facts.ids((index,)),),
        targets=facts.ids((index,)),
        anchors=tuple(facts.ids(a) for a in anchors),
        candidates=facts.candidates(pool.word),
        named=named,
        told=told,
    )
    return LanguageSample(task="grounding", family=family, template=f"{name}+{frame}", turns=(turn,))


# What is not there --------------------------------------------------------------------------------------------------

Absent = tuple[str, str, str, tuple[str, ...], tuple[tuple[int, ...], ...], tuple[str, ...], str]
"""Name of the phrasing, noun phrase, answer, `Turn.named`, anchors, `Turn.told`, noun."""


def missing_word(speaker: Speaker) -> str:
    """A noun for something that is not in the room, not even by another reading of the noun; "" if none was found."""
    for _ in range(8):
        if speaker.heldout and speaker.chance(0.5):
            kept = words.words_of(speaker.rng.choice(words.all_labels()), heldout=True)
            word = speaker.rng.choice(kept) if kept else ""
        elif speaker.chance(0.7):
            word = speaker.rng.choice(_COMMON)
        else:
            word = speaker.rng.choice(words.words_of(speaker.rng.choice(words.all_labels()), heldout=False) or ("",))
        if word and words.countable(word) and not speaker.facts.named(word).any():
            return word
    return ""


def _no_such_class(speaker: Speaker, many: bool) -> Absent | None:
    word = missing_word(speaker)
    if not word:
        return None
    adjective = (
        speaker.rng.choice(("black", "white", "brown", "red", "wooden", "small", "")) if speaker.chance(0.4) else ""
    )
    noun = f"{adjective} {word}".strip()
    name, text = speaker.phrase("all" if many else "unique")
    slots = {"t": noun, "ts": plural(noun), "at": words.one(word, adjective), "number": _number(speaker)}
    return name, text.format_map(slots), _none(speaker, noun), (sought(text, slots),), (), (), word


def _no_such_look(speaker: Speaker, many: bool) -> Absent | None:
    pool = _present(speaker)
    if pool is None:
        return None
    if speaker.facts.coloured and speaker.chance(0.7):
        colours = ("black", "white", "brown", "red", "green", "blue", "yellow", "grey", "pink", "orange", "purple")
        condition = of_colour(speaker, speaker.rng.choice(colours))
    else:
        condition = of_material(speaker, speaker.rng.choice(("wood", "metal", "plastic", "leather", "glass", "fabric")))
    if np.minimum(condition.truth, pool.truth).any():
        return None
    name, text = speaker.phrase("all_adjective" if many else condition.key)
    slots = _plain_nouns(speaker, pool) | condition.slots
    answer = _none(speaker, f"{condition.slots['adjective']} {pool.word}")
    return name, text.format_map(slots), answer, (sought(text, slots),), (), (condition.way,), pool.word


def _no_such_place(speaker: Speaker, many: bool) -> Absent | None:
    pool = _present(speaker)
    if pool is None:
        return None
    condition = related_so_many(speaker, speaker.rng.choice(_MISPLACED), pool, least=0, most=0)
    if condition is None or np.minimum(condition.truth, pool.truth).any():
        return None
    place = said_condition(speaker, condition)
    name, text = speaker.phrase("all_that" if many else condition.key)
    slots = _plain_nouns(speaker, pool) | condition.slots | {"c": place}
    named = (sought(text, slots), *condition.told_by)
    answer, way = _none(speaker, pool.word, place), (condition.way,)
    return name, text.format_map(slots), answer, named, condition.anchors, way, pool.word


def _no_such_anchor(speaker: Speaker, many: bool) -> Absent | None:
    pool = _present(speaker)
    word = missing_word(speaker)
    if pool is None or not word:
        return None
    kind = speaker.rng.choice(("near", "support", "nearest", "farthest"))
    name, text = speaker.phrase("all_that" if many else kind)
    slots = _plain_nouns(speaker, pool) | {"a": f"the {word}"}
    return (
        name,
        text.format_map(slots | {"c": speaker.said(f"said_{kind}", **slots)}),
        _none(speaker, word),
        (sought(text, slots), slots["a"]),
        (),
        (kind,),
        pool.word,
    )


def _present(speaker: Speaker) -> Pool | None:
    word = speaker.word(speaker.rng.choice(speaker.facts.visible))
    return speaker.facts.pool(word) if word and words.countable(word) else None


def _plain_nouns(speaker: Speaker, pool: Pool) -> dict[str, str]:
    word = pool.word
    return {"t": word, "ts": plural(word), "at": words.one(word), "n": word, "number": _number(speaker)}


def _number(speaker: Speaker) -> str:
    return speaker.rng.choice(words.NUMBERS[2:5])


def _none(speaker: Speaker, noun: str, place: str = "") -> str:
    if place:
        return f"There {'are' if is_plural(noun) else 'is'} no {noun} {place}."
    if is_plural(noun):
        return speaker.said("answer_no_things", xs=noun)
    return speaker.said("answer_none", x=noun)


_ABSENT: dict[str, Callable[[Speaker, bool], Absent | None]] = {
    "zero_class": _no_such_class,
    "zero_look": _no_such_look,
    "zero_place": _no_such_place,
    "zero_anchor": _no_such_anchor,
}
_MISPLACED = tuple(kind for kind in RELATIONS if kind in ("near", "support", "under", "at", "above"))

GROUNDING: dict[str, Family] = {
    "unique": unique,
    **{kind: partial(single, kind) for kind in (*PREDICATES, *RANKS)},
    "two": two,
    "description": description,
    **{kind: partial(absent, kind, False) for kind in _ABSENT},
}
ABSENT_SETS: dict[str, Family] = {kind: partial(absent, kind, True) for kind in _ABSENT}
