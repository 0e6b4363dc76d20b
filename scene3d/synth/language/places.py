"""Questions about what is where: on what, under what, next to what, on which side, in what kind of room."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from scene3d.nouns import is_plural
from scene3d.synth.language import relations, words
from scene3d.synth.language.asking import asked
from scene3d.synth.language.conditions import relation_table
from scene3d.synth.language.facts import DOUBTFUL, NO, YES
from scene3d.synth.language.pointing import pointed
from scene3d.synth.language.sample import LanguageSample
from scene3d.synth.language.speaker import Mention, Speaker


def what(speaker: Speaker) -> LanguageSample | None:
    """What is on, under or above something: one thing."""
    facts = speaker.facts
    kind, key, said = speaker.rng.choice(
        (("support", "what_on", "on"), ("under", "what_under", "under"), ("above", "what_above", "above"))
    )
    table = relation_table(facts, kind)
    alone = ((table == YES).sum(1) == 1) & ~(table == DOUBTFUL).any(1)
    anchor = speaker.anchor(np.flatnonzero(alone).tolist())
    if anchor is None:
        return None
    index = int(table[anchor.objects[0]].argmax())
    word = speaker.plain(index)
    if not word or not facts.seen[index]:
        return None
    others = [i for i in facts.visible if i not in anchor.objects]
    return _thing(speaker, "what", key, anchor, index, f"{said} {anchor.linked}", others)


def what_nearest(speaker: Speaker) -> LanguageSample | None:
    """What is closest to something, of all that stands around."""
    facts = speaker.facts
    anchor = speaker.anchor(facts.visible)
    if anchor is None:
        return None
    at = anchor.objects[0]
    around = np.where(facts.sizable & (facts.support != at), YES, NO).astype(np.int8)
    around[[at, facts.support[at]]] = NO
    order = facts.nearest_order(around, at)
    if order is None or not facts.seen[order[0]] or not speaker.plain(order[0]) or facts.gap_m[at, order[0]] > 1.0:
        return None
    others = [i for i in facts.visible if around[i] == YES]
    return _thing(speaker, "what_nearest", "what_nearest", anchor, order[0], f"closest to {anchor.linked}", others)


def _thing(
    speaker: Speaker, family: str, key: str, anchor: Mention, index: int, place: str, others: list[int]
) -> LanguageSample:
    word = speaker.plain(index)
    verb = "are" if is_plural(word) else "is"
    return asked(
        speaker, family, key, {"a": anchor.text}, reply=word, sentence=f"The [{word}] {verb} {place}.",
        links=((index,), anchor.objects), targets=(index,), anchors=(anchor.objects,),
        candidates=speaker.facts.ids(others), named=("", anchor.text),
    )  # fmt: skip


def where(speaker: Speaker) -> LanguageSample | None:
    """Where something is: on what, in the corner, against the wall or in the middle of the room."""
    facts = speaker.facts
    about = pointed(speaker)
    if about is None or about.anchors:
        return None
    support = int(facts.support[about.index])
    links: tuple[tuple[int, ...], ...] = ((about.index,),)
    if support >= 0:
        if not facts.seen[support] or not speaker.plain(support):
            return None
        place = f"on the [{speaker.plain(support)}]"
        links = (*links, (support,))
    else:
        place = _place_in_room(speaker, about.index)
    if not place:
        return None
    verb = "are" if is_plural(about.pool.word) else "is"
    return asked(
        speaker, "where", "where", {"x": about.text}, reply=place.replace("[", "").replace("]", ""),
        sentence=f"The [{about.pool.word}] {verb} {place}.", links=links, targets=(about.index,),
        candidates=facts.candidates(about.pool.word), named=about.named,
    )  # fmt: skip


def _place_in_room(speaker: Speaker, index: int) -> str:
    """The corner comes before the wall, which is there too; "" where nothing is certain."""
    facts = speaker.facts
    cornered, walled = relations.cornered(facts)[index], relations.against_wall(facts)[index]
    if cornered == YES:
        return "in the corner"
    if walled == YES and cornered == NO:
        return "against the wall"
    return "in the middle of the room" if relations.central(facts)[index] == YES else ""


def side(speaker: Speaker) -> LanguageSample | None:
    """Left or right of something, for somebody who faces it."""
    wanted = speaker.rng.choice(("left", "right"))
    about = pointed(speaker)
    if about is None:
        return None
    facts = speaker.facts
    table = relation_table(facts, f"viewed_{wanted}")[:, about.index]
    anchor = speaker.anchor(np.flatnonzero((table == YES) & (about.pool.truth == NO)).tolist())
    if anchor is None or anchor.objects in about.anchors:
        return None
    return asked(
        speaker, "side", "side", {"x": about.text, "a": anchor.text}, reply=wanted,
        sentence=f"The [{about.pool.word}] is to the {wanted} of {anchor.linked}.",
        links=((about.index,), anchor.objects), targets=(about.index,), anchors=(*about.anchors, anchor.objects),
        candidates=facts.candidates(about.pool.word), named=(*about.named, anchor.text),
    )  # fmt: skip


def room(speaker: Speaker) -> LanguageSample | None:
    """What kind of room it is."""
    kind = speaker.facts.kind
    return asked(speaker, "room", "room", {}, reply=kind, sentence=f"This is {words.one(kind)}.")


PLACES: dict[str, Callable[[Speaker], LanguageSample | None]] = {
    "what": what, "what_nearest": what_nearest, "where": where, "side": side, "room": room,
}  # fmt: skip
