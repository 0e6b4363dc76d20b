"""Descriptions of a selected object or of the whole room, every fact of them true."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from scene3d.nouns import plural
from scene3d.synth.language import words
from scene3d.synth.language.conditions import PREDICATES, SAID, Condition
from scene3d.synth.language.facts import YES
from scene3d.synth.language.grounding import Family
from scene3d.synth.language.phrasing import listed, marked
from scene3d.synth.language.pointing import linked_condition
from scene3d.synth.language.sample import LanguageSample, Turn
from scene3d.synth.language.speaker import Speaker

_TOLD_FIRST = ("support", "under", "corner", "against_wall", "above", "middle")
"""What tells most of where a thing is."""
_MOST_KINDS = 6


def describe_object(speaker: Speaker) -> LanguageSample | None:
    """What a selected object is, its looks, and where it is."""
    index = speaker.rng.choice(speaker.facts.visible)
    name, request = speaker.phrase("describe")
    told = caption_of(speaker, index)
    if told is None:
        return None
    text, links, reply = told
    turn = Turn(
        user=request,
        selected=speaker.facts.ids((index,)),
        answer=marked(text),
        links=tuple(speaker.facts.ids(objects) for objects in links),
        targets=speaker.facts.ids((index,)),
        anchors=tuple(speaker.facts.ids(objects) for objects in links[1:]),
        reply=reply,
        asks="describe",
    )
    return LanguageSample(task="caption", family="object", template=name, turns=(turn,))


def caption_of(speaker: Speaker, index: int) -> tuple[str, tuple[tuple[int, ...], ...], str] | None:
    """A sentence about an object in brackets, the objects of each bracket, and the same in the fewest words."""
    word = speaker.plain(index)
    if not word:
        return None
    told = places_of(speaker, index)
    noun = words.one(word, full_adjective(speaker, index))
    places = [linked_condition(speaker, c) for c in told]
    slots = {"at": noun, "At": noun.capitalize()} | dict(zip("fg", places, strict=False))
    key = ("caption_bare", "caption", "caption_two")[len(told)]
    reply = "; ".join([" ".join(filter(None, (*_look(speaker, index), word))), *map(_unmarked, places)])
    return speaker.answers(key, **slots), ((index,), *(a for c in told for a in c.anchors)), reply


def full_adjective(speaker: Speaker, index: int) -> str:
    """Colour and material, where people would agree on them."""
    colour, material = _look(speaker, index)
    return f"{colour} {words.MATERIAL_WORDS.get(material, '')}".strip()


def _look(speaker: Speaker, index: int) -> tuple[str, str]:
    facts = speaker.facts
    material = facts.material[index]
    return facts.colour[index] if facts.has_plain_colour(index) else "", material * (material in words.MATERIAL_WORDS)


def _unmarked(text: str) -> str:
    return text.replace("[", "").replace("]", "")


def describe_room(speaker: Speaker) -> LanguageSample | None:
    """The kind of room, the things in it, and where some of them are."""
    facts = speaker.facts
    things = _largest_kinds(speaker)
    if len(things) < 2:
        return None
    said = [f"[{_counted(word, len(members))}]" for word, members in things]
    text = f"This is {words.one(facts.kind)} with {listed(said)}."
    reply = f"{facts.kind}: {', '.join(f'{len(members)} {word}' for word, members in things)}"
    links = [members for _, members in things]
    for _, members in speaker.rng.sample(things, min(2, len(things))):
        told = places_of(speaker, members[0])[:1] if len(members) == 1 else []
        if told:
            place = linked_condition(speaker, told[0])
            reply += f"; {speaker.plain(members[0])} {_unmarked(place)}"
            text += f" The [{speaker.plain(members[0])}] is {place}."
            links += [members, *told[0].anchors]
    name, request = speaker.phrase("describe_room")
    turn = Turn(
        user=request,
        selected=(),
        answer=marked(text),
        links=tuple(facts.ids(objects) for objects in links),
        targets=facts.ids(dict.fromkeys(i for _, members in things for i in members)),
        reply=reply,
        asks="describe room",
    )
    return LanguageSample(task="caption", family="room", template=name, turns=(turn,))


def _largest_kinds(speaker: Speaker) -> list[tuple[str, tuple[int, ...]]]:
    """Plain words for the bulkiest things, with all that they mean here."""
    facts = speaker.facts
    order = sorted(facts.visible, key=lambda i: -float(np.prod(facts.size_m[i])))
    found: dict[str, tuple[int, ...]] = {}
    for index in order:
        word = speaker.plain(index)
        if not word or word in found or not words.countable(word):
            continue
        members = facts.resolved(facts.named(word))
        told = {i for others in found.values() for i in others}
        if members and len(members) < len(words.NUMBERS) and not told & set(members):
            found[word] = members
        if len(found) == _MOST_KINDS:
            break
    return list(found.items())


def _counted(word: str, count: int) -> str:
    return words.one(word) if count == 1 else f"{words.NUMBERS[count]} {plural(word)}"


def places_of(speaker: Speaker, index: int) -> list[Condition]:
    """Up to two true places of different kinds, the most telling first, not both by the same object.

    They go into answers, so no held-out name is among them.
    """
    speaker = replace(speaker, heldout=False)
    pool = speaker.facts.pool(speaker.plain(index))
    told: list[Condition] = []
    rest = [kind for kind in SAID if kind not in _TOLD_FIRST]
    for kind in (*_TOLD_FIRST, *speaker.rng.sample(rest, len(rest))):
        condition = PREDICATES[kind](speaker, index, pool)
        if condition is None or condition.truth[index] != YES or any(_clash(condition, c) for c in told):
            continue
        told.append(condition)
        if len(told) == 2:
            break
    return told


def _clash(one: Condition, other: Condition) -> bool:
    """Whether the two would say nearly the same."""
    walls = {"corner", "against_wall"}
    return bool(set(one.anchors) & set(other.anchors)) or {one.kind, other.kind} <= walls


CAPTIONS: dict[str, Family] = {"object": describe_object, "room": describe_room}
