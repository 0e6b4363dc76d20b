"""Conditions that depend on what else has the name: the nearest, the largest, the second, the one on the left."""

from __future__ import annotations

import numpy as np

from scene3d.synth.language import words
from scene3d.synth.language.conditions import Condition, RankMaker
from scene3d.synth.language.facts import DOUBTFUL, NO, YES, Pool, RoomFacts, Truth
from scene3d.synth.language.speaker import Mention, Speaker


def _picked(facts: RoomFacts, index: int) -> Truth:
    truth = np.zeros(facts.count, np.int8)
    truth[index] = YES
    return truth


def nearest(speaker: Speaker, pool: Pool) -> Condition | None:
    """The closest of the pool to something."""
    mention = _some_anchor(speaker, pool)
    if mention is None:
        return None
    order = speaker.facts.nearest_order(pool.truth, mention.objects[0])
    return _best(speaker.facts, "nearest", order[0] if order else None, mention)


def farthest(speaker: Speaker, pool: Pool) -> Condition | None:
    """The farthest of the pool from something."""
    mention = _some_anchor(speaker, pool)
    if mention is None:
        return None
    return _best(speaker.facts, "farthest", speaker.facts.farthest(pool.truth, mention.objects[0]), mention)


def sized(speaker: Speaker, pool: Pool) -> Condition | None:
    """The largest, smallest, tallest or lowest of the pool."""
    facts = speaker.facts
    key = speaker.rng.choice(("largest", "smallest", "tallest", "shortest"))
    if key in ("largest", "smallest"):
        order = facts.size_order(pool.truth, largest=key == "largest")
        best = order[0] if order else None
    else:
        best = facts.tallest(pool.truth, most=key == "tallest")
    return None if best is None else Condition(kind="size", key=key, truth=_picked(facts, best))


def ordinal(speaker: Speaker, pool: Pool) -> Condition | None:
    """Second by distance or size, or so many from the left; only where all that could be counted is seen."""
    if pool.crowd < 3 or np.count_nonzero(pool.truth) > pool.crowd:
        return None
    return speaker.rng.choice((_second_nearest, _second_largest, _from_the_side))(speaker, pool)


def viewpoint(side: str) -> RankMaker:
    """On one side for somebody who stands at one thing and looks at another, or comes in through the door."""

    def make(speaker: Speaker, pool: Pool) -> Condition | None:
        view = _view(speaker, pool)
        if view is None:
            return None
        key, look_rad, mentions = view
        at = mentions[0].objects[0]
        left = speaker.facts.leftness_rad(at, look_rad) * (1 if side == "left" else -1)
        sure, not_so = (left > np.deg2rad(18)) & (left < np.deg2rad(110)), (left < np.deg2rad(-12))
        clear = speaker.facts.distance_m[at] > 0.5
        truth = np.where(clear & sure, YES, np.where(clear & not_so, NO, DOUBTFUL)).astype(np.int8)
        slots = {"side": side} | dict(zip("ab", (m.text for m in mentions), strict=False))
        anchors = tuple(m.objects for m in mentions)
        return Condition(kind=f"viewpoint_{side}", key=key, truth=truth, slots=slots, anchors=anchors)

    return make


def _view(speaker: Speaker, pool: Pool) -> tuple[str, float, tuple[Mention, ...]] | None:
    """Where somebody stands and looks: the phrasing, the direction, and what was mentioned for it."""
    facts = speaker.facts
    outside = facts.seen & (pool.truth == NO) & facts.sizable
    stand = speaker.anchor(np.flatnonzero(outside).tolist())
    if stand is None:
        return None
    at = stand.objects[0]
    if facts.label[at] == "door":
        return "entering_side", float(facts.front_rad[at]), (stand,)
    seen = speaker.anchor(np.flatnonzero(outside & (facts.distance_m[at] > 1.2)).tolist())
    if seen is None or seen.text == stand.text:
        return None
    to = facts.centre_m[seen.objects[0]] - facts.centre_m[at]
    return "viewpoint_side", float(np.arctan2(to[1], to[0])), (stand, seen)


def _second_nearest(speaker: Speaker, pool: Pool) -> Condition | None:
    mention = _some_anchor(speaker, pool)
    if mention is None:
        return None
    order = speaker.facts.nearest_order(pool.truth, mention.objects[0])
    if order is None or len(order) < 2:
        return None
    return Condition(
        kind="ordinal",
        key="second_nearest",
        truth=_picked(speaker.facts, order[1]),
        slots={"a": mention.text},
        anchors=(mention.objects,),
    )


def _second_largest(speaker: Speaker, pool: Pool) -> Condition | None:
    order = speaker.facts.size_order(pool.truth, largest=True)
    if order is None or len(order) < 2:
        return None
    return Condition(kind="ordinal", key="second_largest", truth=_picked(speaker.facts, order[1]))


def _from_the_side(speaker: Speaker, pool: Pool) -> Condition | None:
    """So many from the left or right of a row that somebody sees who comes in through a door."""
    facts = speaker.facts
    door = speaker.anchor([i for i in facts.visible if facts.label[i] == "door" and pool.truth[i] == NO])
    members = np.flatnonzero(pool.truth)
    if door is None or not 3 <= len(members) <= 6:
        return None
    left = facts.leftness_rad(door.objects[0], float(facts.front_rad[door.objects[0]]))[members]
    if np.abs(left).max() > np.deg2rad(85) or np.diff(np.sort(left)).min() < np.deg2rad(8):
        return None
    side = speaker.rng.choice(("left", "right"))
    row = members[np.argsort(-left if side == "left" else left)]
    place = speaker.rng.randrange(min(len(row), len(words.ORDINALS)))
    slots = {"a": door.text, "side": side, "nth": words.ORDINALS[place]}
    truth = _picked(facts, int(row[place]))
    return Condition(kind="ordinal", key="from_left", truth=truth, slots=slots, anchors=(door.objects,))


def _some_anchor(speaker: Speaker, pool: Pool) -> Mention | None:
    facts = speaker.facts
    return speaker.anchor(np.flatnonzero(facts.seen & (pool.truth == NO) & facts.sizable).tolist())


def _best(facts: RoomFacts, kind: str, best: int | None, mention: Mention) -> Condition | None:
    if best is None:
        return None
    return Condition(
        kind=kind, key=kind, truth=_picked(facts, best), slots={"a": mention.text}, anchors=(mention.objects,)
    )


RANKS: dict[str, RankMaker] = {
    "size": sized,
    "ordinal": ordinal,
    "nearest": nearest,
    "farthest": farthest,
    "viewpoint_left": viewpoint("left"),
    "viewpoint_right": viewpoint("right"),
}
"""True of one object among its like."""
WAYS = (
    "between", "against_wall", "corner", "middle", "near", "at", "support", "holding", "under",
    "above", "below", "front_of", "behind", "own_side left", "own_side right", "viewed_side left", "viewed_side right",
    "largest", "smallest", "tallest", "shortest", "nearest", "farthest", "second_nearest", "second_largest",
    "viewpoint_side left", "viewpoint_side right", "entering_side left", "entering_side right",
    *(f"from_left {side} {nth}" for side in ("left", "right") for nth in words.ORDINALS), "not",
)  # fmt: skip
"""All places and ranks that single objects out, as `Condition.way` calls them, and "not": those are meant that do not
stand so."""
