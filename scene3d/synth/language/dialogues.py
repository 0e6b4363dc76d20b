"""Dialogues that refer back, and requests to somebody who can fetch, go and clean."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np

from scene3d.nouns import is_plural, plural
from scene3d.synth.language import words
from scene3d.synth.language.captions import places_of
from scene3d.synth.language.facts import NO, YES
from scene3d.synth.language.grounding import GROUNDING, Family, missing_word
from scene3d.synth.language.grounding_sets import MULTI_GROUNDING
from scene3d.synth.language.phrasing import marked
from scene3d.synth.language.pointing import linked_condition, pointed
from scene3d.synth.language.sample import LanguageSample, Turn
from scene3d.synth.language.speaker import Speaker

_FIRST = ("unique", "colour", "nearest", "near", "support", "corner", "size", "farthest", "description", "viewed_left")
_SETS = ("all", "all_place", "all_look")
_TABLE_LABELS = frozenset(
    ("table", "desk", "dining table", "coffee table", "end table", "nightstand", "counter", "kitchen counter", "shelf",
     "cabinet", "dresser", "tv stand", "bookshelf", "bed", "couch", "bench")
)  # fmt: skip
_PORTABLE = frozenset(
    ("book", "cup", "bottle", "water bottle", "bowl", "plate", "tray", "vase", "candle", "decoration", "ball", "bag",
     "stuffed animal", "backpack", "box", "laptop", "telephone", "printer", "keyboard", "mouse", "alarm clock",
     "pillow", "cushion", "blanket", "towel", "paper", "tissue box", "hat", "shoe", "clothes", "headphones", "plant",
     "lamp", "toilet paper", "basket", "storage bin", "trash can", "suitcase", "speaker", "toaster", "crate",
     "coffee kettle", "laundry basket", "recycling bin", "soap dispenser", "guitar")
)  # fmt: skip


def back_reference(
    follow: Callable[[Speaker, int, str], tuple[str, Turn] | None], name: str, speaker: Speaker
) -> LanguageSample | None:
    """First one object is pointed out, then more is asked about it; often twice."""
    first = _opening(speaker)
    if first is None:
        return None
    turn, index, word = first
    turns, names = [turn], []
    following = [follow]
    if speaker.chance(0.4):
        following.append(speaker.rng.choice(tuple(_ABOUT_IT.values())))
    for ask in dict.fromkeys(following):
        made = ask(speaker, index, word)
        if made is None:
            return None
        names.append(made[0])
        turns.append(made[1])
    return LanguageSample(task="dialogue", family=name, template="+".join(names), turns=tuple(turns))


def other_one(speaker: Speaker) -> LanguageSample | None:
    """One is pointed out, then the other or the others of its name."""
    first = _opening(speaker)
    if first is None:
        return None
    turn, index, word = first
    facts = speaker.facts
    members = facts.resolved(facts.named(word))
    if members is None or not 1 < len(members) < len(words.NUMBERS) or not words.countable(word):
        return None
    rest = tuple(i for i in members if i != index)
    name, text = speaker.phrase("other_one" if len(rest) == 1 else "the_others")
    if len(rest) == 1:
        answer = f"The other [{word}] is here."
    else:
        answer = f"There are [{words.NUMBERS[len(rest)]} other {plural(word)}]."
    after = _turn(speaker, text.format(t=word, ts=plural(word)), answer, (rest,), rest, candidates=word)
    return LanguageSample(task="dialogue", family="other_one", template=name, turns=(turn, after))


def choose(speaker: Speaker) -> LanguageSample | None:
    """Several are pointed out, then one of them."""
    opening = MULTI_GROUNDING[speaker.rng.choice(_SETS)](speaker)
    if opening is None or len(opening.turns[0].targets) < 2:
        return None
    turn = opening.turns[0]
    facts = speaker.facts
    truth = np.zeros(facts.count, np.int8)
    truth[[facts.id.index(i) for i in turn.targets]] = YES
    made = _largest(speaker, truth) if speaker.chance(0.4) else _closest(speaker, truth)
    if made is None:
        return None
    name, text, index, anchors = made
    after = _turn(speaker, text, f"It is the [{speaker.plain(index)}].", ((index,),), (index,), anchors=anchors)
    after = replace(after, candidates=turn.targets)
    return LanguageSample(task="dialogue", family="choose", template=name, turns=(turn, after))


def instead(speaker: Speaker) -> LanguageSample | None:
    """Something that is not here, then something that is."""
    missing = missing_word(speaker)
    index = speaker.rng.choice(speaker.facts.visible)
    word = speaker.word(index)
    if not missing or not word or not words.countable(word):
        return None
    members = speaker.facts.resolved(speaker.facts.named(word))
    if not members or len(members) >= len(words.NUMBERS):
        return None
    name, text = speaker.phrase("exists")
    nouns = {"t": missing, "ts": plural(missing), "at": words.one(missing)}
    before = replace(
        _turn(speaker, text.format_map(nouns), f"No, there is no {missing} here.", (), ()), reply="no", asks="exists"
    )
    then, text = speaker.phrase("instead")
    number = words.one(word) if len(members) == 1 else f"{words.NUMBERS[len(members)]} {plural(word)}"
    answer = f"Yes, there {'is' if len(members) == 1 else 'are'} [{number}]."
    after = _turn(speaker, text.format(at=words.one(word)), answer, (members,), members, candidates=word)
    after = replace(after, reply="yes", asks="exists")
    turns = (before, after)
    return LanguageSample(task="dialogue", family="instead", template=f"{name}+{then}", turns=turns)


# Requests to a helper -----------------------------------------------------------------------------------------------


def put(speaker: Speaker) -> LanguageSample | None:
    """A selected thing to be put on another selected thing, or the one from there to here."""
    facts = speaker.facts
    thing = speaker.pick(i for i in facts.visible if facts.label[i] in _PORTABLE)
    place = speaker.pick(i for i in facts.visible if facts.label[i] in _TABLE_LABELS)
    if thing is None or place is None or facts.support[thing] == place or facts.support[place] == thing:
        return None
    source = int(facts.support[thing])
    slots = {"t": speaker.plain(thing), "u": speaker.plain(place)}
    if not slots["t"] or not slots["u"]:
        return None
    on_source = source >= 0 and bool(facts.seen[source]) and _alone_on(speaker, source, thing, slots["t"])
    if on_source and speaker.chance(0.6) and speaker.plain(source):
        name, text = speaker.phrase("fetch")
        selected, key, links = (source, place), "will_fetch", ((thing,), (source,), (place,))
        slots["s"] = speaker.plain(source)
    else:
        name, text = speaker.phrase("put")
        selected, key, links = (thing, place), "will_move", ((thing,), (place,))
    answer = speaker.answers(key, **slots)
    turn = _turn(speaker, text.format_map(slots), answer, links, (thing,), anchors=((place,),))
    turn = replace(turn, selected=facts.ids(selected))
    return LanguageSample(task="dialogue", family="put", template=name, turns=(turn,))


def act(kind: str, speaker: Speaker) -> LanguageSample | None:
    """Bring, go to or clean something that is pointed out by words or selected."""
    facts = speaker.facts
    fit = _ACTS[kind]
    index = speaker.pick(i for i in facts.visible if fit(facts.label[i], float(facts.size_m[i].max())))
    if index is None:
        return None
    about = pointed(speaker, only=index)
    if about is None:
        return None
    selected = (index,) if speaker.chance(0.3) else ()
    name, text = speaker.phrase(kind)
    user = text.format(a="<ref>" if selected else about.text)
    answer = speaker.answers(f"will_{kind}", t=about.pool.word)
    anchors = () if selected else about.anchors
    turn = _turn(speaker, user, answer, ((index,),), (index,), anchors=anchors, candidates=about.pool.word)
    turn = replace(turn, selected=facts.ids(selected))
    turns = [turn]
    if speaker.chance(0.5):
        made = speaker.rng.choice(tuple(_ABOUT_IT.values()))(speaker, index, about.pool.word)
        if made is not None:
            turns.append(replace(made[1], user=speaker.said("thanks") + made[1].user))
    return LanguageSample(task="dialogue", family=kind, template=name, turns=tuple(turns))


def _alone_on(speaker: Speaker, source: int, thing: int, word: str) -> bool:
    """Whether the thing is the only one of its name on what carries it."""
    on = np.where(speaker.facts.support == source, speaker.facts.named(word), NO)
    return speaker.facts.resolved(on.astype(np.int8)) == (thing,)


# Parts --------------------------------------------------------------------------------------------------------------


def _opening(speaker: Speaker) -> tuple[Turn, int, str] | None:
    sample = GROUNDING[speaker.rng.choice(_FIRST)](speaker)
    if sample is None:
        return None
    turn = sample.turns[0]
    index = speaker.facts.id.index(turn.targets[0])
    word = next((w for w in _words(speaker, index) if speaker.facts.candidates(w) == turn.candidates), "")
    return (turn, index, word) if word else None


def _words(speaker: Speaker, index: int) -> tuple[str, ...]:
    return speaker.facts.words(index, heldout=False)


def _turn(
    speaker: Speaker,
    user: str,
    answer: str,
    links: tuple[tuple[int, ...], ...],
    targets: tuple[int, ...],
    *,
    anchors: tuple[tuple[int, ...], ...] = (),
    candidates: str = "",
) -> Turn:
    facts = speaker.facts
    return Turn(
        user=user,
        selected=(),
        answer=marked(answer),
        links=tuple(facts.ids(objects) for objects in links),
        targets=facts.ids(targets),
        anchors=tuple(facts.ids(objects) for objects in anchors),
        candidates=facts.candidates(candidates) if candidates else (),
    )


def _its_colour(speaker: Speaker, index: int, word: str) -> tuple[str, Turn] | None:
    if not speaker.facts.has_plain_colour(index):
        return None
    return _its(speaker, "its_colour", index, word, speaker.facts.colour[index], "")


def _its_material(speaker: Speaker, index: int, word: str) -> tuple[str, Turn] | None:
    material = speaker.facts.material[index]
    if material not in words.MATERIAL_WORDS:
        return None
    return _its(speaker, "its_material", index, word, material, "made of ")


def _its(speaker: Speaker, key: str, index: int, word: str, reply: str, before: str) -> tuple[str, Turn]:
    name, text = speaker.phrase(key)
    verb = "are" if is_plural(word) else "is"
    turn = _turn(speaker, text, f"The [{word}] {verb} {before}{reply}.", ((index,),), (index,))
    return name, replace(turn, reply=reply, asks=key.removeprefix("its_"))


def _its_place(speaker: Speaker, index: int, word: str) -> tuple[str, Turn] | None:
    told = places_of(speaker, index)
    if not told:
        return None
    name, text = speaker.phrase("its_place")
    verb = "are" if is_plural(word) else "is"
    answer = f"The [{word}] {verb} {linked_condition(speaker, told[0])}."
    links = ((index,), *told[0].anchors)
    return name, _turn(speaker, text, answer, links, (index,), anchors=told[0].anchors)


def _nearest_to_it(speaker: Speaker, index: int, word: str) -> tuple[str, Turn] | None:
    found = speaker.target(crowded=True)
    if found is None or found[1].truth[index] != NO:
        return None
    pool = found[1]
    order = speaker.facts.nearest_order(pool.truth, index)
    if order is None or pool.truth[order[0]] != YES or not speaker.facts.seen[order[0]]:
        return None
    best = order[0]
    name, text = speaker.phrase("nearest_to_it")
    answer = f"It is the [{speaker.plain(best)}]."
    turn = _turn(
        speaker, text.format(u=pool.word), answer, ((best,),), (best,), anchors=((index,),), candidates=pool.word
    )
    return name, turn


def _largest(speaker: Speaker, truth: np.ndarray) -> tuple[str, str, int, tuple[tuple[int, ...], ...]] | None:
    order = speaker.facts.size_order(truth, largest=True)
    if order is None:
        return None
    name, text = speaker.phrase("largest_of_them")
    return name, text, order[0], ()


def _closest(speaker: Speaker, truth: np.ndarray) -> tuple[str, str, int, tuple[tuple[int, ...], ...]] | None:
    facts = speaker.facts
    anchor = speaker.anchor(np.flatnonzero(facts.seen & facts.sizable & (truth == NO)).tolist())
    order = facts.nearest_order(truth, anchor.objects[0]) if anchor is not None else None
    if anchor is None or order is None:
        return None
    name, text = speaker.phrase("nearest_of_them")
    return name, text.format(a=anchor.text), order[0], (anchor.objects,)


_ABOUT_IT: dict[str, Callable[[Speaker, int, str], tuple[str, Turn] | None]] = {
    "its_colour": _its_colour,
    "its_material": _its_material,
    "its_place": _its_place,
    "nearest_to_it": _nearest_to_it,
}
_ACTS: dict[str, Callable[[str, float], bool]] = {
    "bring": lambda label, size: label in _PORTABLE,
    "go": lambda label, size: size > 0.5,
    "clean": lambda label, size: size > 0.3 and label not in ("paper", "light switch", "power outlet"),
}

DIALOGUES: dict[str, Family] = {
    **{name: partial(back_reference, follow, name) for name, follow in _ABOUT_IT.items()},
    "other_one": other_one,
    "choose": choose,
    "instead": instead,
    "put": put,
    **{kind: partial(act, kind) for kind in _ACTS},
}
