"""Questions about a room whose answers are a word or a phrase, balanced by first choosing the answer."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from scene3d.nouns import is_plural, plural
from scene3d.synth.language import relations, words
from scene3d.synth.language.asking import asked
from scene3d.synth.language.comparisons import COMPARISONS
from scene3d.synth.language.conditions import (
    RELATIONS,
    SAID,
    Condition,
    of_colour,
    of_material,
    related_so_many,
)
from scene3d.synth.language.facts import NO, YES, Pool
from scene3d.synth.language.grounding import missing_word
from scene3d.synth.language.places import PLACES
from scene3d.synth.language.pointing import (
    Pointed,
    linked_condition,
    pointed,
    said_condition,
    single_condition,
    some_condition,
)
from scene3d.synth.language.sample import LanguageSample
from scene3d.synth.language.speaker import Speaker

_MOST_COUNTED = 8
_PLACED = tuple(kind for kind in SAID if kind in ("near", "support", "under", "against_wall", "corner", "above"))
_COLOURS = ("black", "white", "grey", "brown", "red", "green", "blue", "yellow", "orange", "purple", "pink", "beige")
# Is there, how many -------------------------------------------------------------------------------------------------


def exists(speaker: Speaker) -> LanguageSample | None:
    """Is there a thing, or a thing so placed or of such looks."""
    wanted = speaker.chance(0.5)
    if speaker.chance(0.45):
        return _exists_plain(speaker, wanted)
    found = _some_with(speaker, wanted)
    if found is None:
        return None
    pool, condition, members = found
    if "adjective" in condition.slots:
        return _exists_said(speaker, pool.word, condition.slots["adjective"], members)
    slots = _nouns(pool.word) | {"cond": said_condition(speaker, condition)}
    place = linked_condition(speaker, condition)
    if not wanted:
        sentence = f"No, no {pool.word} is {place}."
    elif len(members) == 1:
        sentence = f"Yes, [{words.one(pool.word)}] is {place}."
    else:
        sentence = f"Yes, [{words.number(len(members))} {plural(pool.word)}] are {place}."
    return asked(
        speaker, "exists", "exists_where", slots, reply="yes" if wanted else "no", sentence=sentence,
        links=((members,) if wanted else ()) + condition.anchors, targets=members, anchors=condition.anchors,
        candidates=speaker.facts.candidates(pool.word), named=("", *condition.told_by),
    )  # fmt: skip


def _exists_plain(speaker: Speaker, wanted: bool) -> LanguageSample | None:
    word = speaker.word(speaker.rng.choice(speaker.facts.visible)) if wanted else missing_word(speaker)
    if not word or not words.countable(word):
        return None
    members = speaker.facts.resolved(speaker.facts.named(word))
    if members is None or bool(members) != wanted:
        return None
    return _exists_said(speaker, word, "", members)


def _exists_said(speaker: Speaker, word: str, adjective: str, members: tuple[int, ...]) -> LanguageSample:
    noun = f"{adjective} {word}".strip()
    if not members:
        sentence = f"No, there is no {noun} here."
    elif len(members) == 1:
        sentence = f"Yes, there is [{words.one(word, adjective)}]."
    else:
        sentence = f"Yes, there are [{words.number(len(members))} {plural(noun)}]."
    return asked(
        speaker, "exists", "exists", _nouns(word, adjective), reply="yes" if members else "no", sentence=sentence,
        links=(members,) if members else (), targets=members, candidates=speaker.facts.candidates(word), named=("",),
    )  # fmt: skip


def count(speaker: Speaker) -> LanguageSample | None:
    """How many of a kind, or of a kind so placed; none now and then."""
    wanted = speaker.rng.randrange(5)
    if wanted == 0 and speaker.chance(0.5):
        word = missing_word(speaker)
        return _counted(speaker, word, "count", None, ()) if word else None
    if speaker.chance(0.5):
        word = speaker.word(speaker.rng.choice(speaker.facts.visible))
        if not word or not words.countable(word) or min(len(speaker.facts.pool(word).members), 4) != wanted:
            return None
        members = speaker.facts.resolved(speaker.facts.named(word))
        return None if members is None else _counted(speaker, word, "count", None, members)
    found = _some_with(speaker, wanted > 0)
    if found is None:
        return None
    pool, condition, members = found
    return _counted(speaker, pool.word, "count_where", condition, members)


def _counted(
    speaker: Speaker, word: str, key: str, condition: Condition | None, members: tuple[int, ...]
) -> LanguageSample | None:
    if len(members) > _MOST_COUNTED:
        return None
    adjective = condition.slots.get("adjective", "") if condition is not None else ""
    slots = _nouns(word, adjective)
    place, anchors, told_by = "", (), ()
    if adjective:
        key = "count"
    elif condition is not None:
        slots["cond"] = said_condition(speaker, condition)
        place, anchors = f" {linked_condition(speaker, condition)}", condition.anchors
        told_by = condition.told_by
    if not members:
        sentence = f"There are no {slots['ts']}{place or ' here'}."
    elif len(members) == 1:
        sentence = f"There is [one {slots['t']}]{place}."
    else:
        sentence = f"There are [{words.number(len(members))} {slots['ts']}]{place}."
    return asked(
        speaker, "count", key, slots, reply=str(len(members)), sentence=sentence,
        links=((members,) if members else ()) + anchors, targets=members, anchors=anchors,
        candidates=speaker.facts.candidates(word), named=("", *told_by),
    )  # fmt: skip


# What it is like ----------------------------------------------------------------------------------------------------


def colour(speaker: Speaker) -> LanguageSample | None:
    """What colour something is."""
    facts = speaker.facts
    wanted = speaker.rng.choice(_COLOURS)
    of = [i for i in facts.visible if facts.has_plain_colour(i) and facts.colour[i] == wanted]
    return _attribute(speaker, "colour", speaker.pick(of), wanted)


def material(speaker: Speaker) -> LanguageSample | None:
    """What something is made of."""
    facts = speaker.facts
    wanted = speaker.rng.choice(tuple(words.MATERIAL_WORDS))
    of = [i for i in facts.visible if facts.material[i] == wanted]
    return _attribute(speaker, "material", speaker.pick(of), wanted)


def _attribute(speaker: Speaker, family: str, index: int | None, reply: str) -> LanguageSample | None:
    if index is None:
        return None
    if speaker.chance(0.3):
        text, anchors, selected, word, named = "<ref>", (), (index,), speaker.plain(index), ()
    else:
        about = pointed(speaker, only=index)
        if about is None or reply in about.text or words.MATERIAL_WORDS.get(reply, reply) in about.text:
            return None
        text, anchors, selected, word, named = about.text, about.anchors, (), about.pool.word, about.named
    if not word:
        return None
    what = reply if family == "colour" else f"made of {reply}"
    verb = "are" if is_plural(word) else "is"
    return asked(
        speaker, family, f"ask_{family}", {"x": text}, reply=reply, sentence=f"The [{word}] {verb} {what}.",
        links=((index,),), targets=(index,), anchors=anchors, selected=selected,
        candidates=speaker.facts.candidates(word), named=named,
    )  # fmt: skip


def name(speaker: Speaker) -> LanguageSample | None:
    """What a selected object is."""
    index = speaker.rng.choice(speaker.facts.visible)
    word = speaker.plain(index)
    if not word:
        return None
    return asked(
        speaker, "name", "ask_name", {}, reply=word, sentence=f"This is [{words.one(word)}].",
        links=((index,),), targets=(index,), selected=(index,),
    )  # fmt: skip


def holds(speaker: Speaker) -> LanguageSample | None:
    """Whether something is of a colour or material, or in a place; no object is what a wrong claim describes."""
    about = pointed(speaker)
    if about is None:
        return None
    wanted = speaker.chance(0.5)
    condition = _true_of(speaker, about) if wanted else _false_of(speaker, about)
    if condition is None or (condition.anchors and about.anchors):
        return None
    said = said_condition(speaker, condition)
    if said in about.text or any(s in about.text for s in condition.slots.values()):
        return None
    verb = "are" if is_plural(about.pool.word) else "is"
    claim = f"the [{about.pool.word}] {verb} {'' if wanted else 'not '}{linked_condition(speaker, condition)}."
    return asked(
        speaker, "holds", "holds", {"x": about.text, "cond": said}, reply="yes" if wanted else "no",
        sentence=f"{'Yes' if wanted else 'No'}, {claim}", links=((about.index,), *condition.anchors),
        targets=(about.index,) if wanted else (), anchors=about.anchors + condition.anchors,
        candidates=speaker.facts.candidates(about.pool.word), named=(*about.named, *condition.told_by),
    )  # fmt: skip


def _true_of(speaker: Speaker, about: Pointed) -> Condition | None:
    return some_condition(speaker, about.index, about.pool, (*_PLACED, "colour", "material"))


def _false_of(speaker: Speaker, about: Pointed) -> Condition | None:
    kind = speaker.rng.choice((*_PLACED, "colour", "material"))
    if kind == "colour":
        made = of_colour(speaker, speaker.rng.choice(_COLOURS))
    elif kind == "material":
        made = of_material(speaker, speaker.rng.choice(tuple(words.MATERIAL_WORDS)))
    elif kind in RELATIONS:
        lone = np.zeros(speaker.facts.count, np.int8)
        lone[about.index] = YES
        alone = Pool(about.pool.word, lone, (about.index,), 1)
        made = related_so_many(speaker, kind, alone, least=0, most=0)
    else:
        facts = speaker.facts
        truth = relations.against_wall(facts) if kind == "against_wall" else relations.cornered(facts)
        made = Condition(kind=kind, key=kind, truth=truth) if facts.standing[about.index] else None
    return made if made is not None and made.truth[about.index] == NO else None


# Parts --------------------------------------------------------------------------------------------------------------


def _some_with(speaker: Speaker, wanted: bool) -> tuple[Pool, Condition, tuple[int, ...]] | None:
    """A kind of thing and a condition that some of it meets, or none of it where not `wanted`."""
    index = speaker.rng.choice(speaker.facts.visible)
    word = speaker.word(index)
    if not word or not words.countable(word):
        return None
    pool = speaker.facts.pool(word)
    condition = _with_some(speaker, index, pool) if wanted else _with_none(speaker, pool)
    if condition is None:
        return None
    members = speaker.facts.resolved(np.minimum(pool.truth, condition.truth))
    return (pool, condition, members) if members is not None and bool(members) == wanted else None


def _with_some(speaker: Speaker, index: int, pool: Pool) -> Condition | None:
    kind = speaker.rng.choice((*_PLACED, "colour", "material"))
    if kind in RELATIONS:
        return related_so_many(speaker, kind, pool, least=1, most=_MOST_COUNTED)
    return single_condition(speaker, kind, index, pool)


def _with_none(speaker: Speaker, pool: Pool) -> Condition | None:
    kind = speaker.rng.choice((*(k for k in _PLACED if k in RELATIONS), "colour", "material"))
    if kind == "colour":
        return of_colour(speaker, speaker.rng.choice(_COLOURS))
    if kind == "material":
        return of_material(speaker, speaker.rng.choice(tuple(words.MATERIAL_WORDS)))
    return related_so_many(speaker, kind, pool, least=0, most=0)


def _nouns(word: str, adjective: str = "") -> dict[str, str]:
    noun = f"{adjective} {word}".strip()
    return {"t": noun, "ts": plural(noun), "at": words.one(word, adjective)}


QUESTIONS: dict[str, Callable[[Speaker], LanguageSample | None]] = {
    "exists": exists, "count": count, "colour": colour, "material": material, "name": name, "holds": holds,
    **COMPARISONS, **PLACES,
}  # fmt: skip
