"""What can be asked of an object: relations to others, looks, place in the room, rank among its like.

Makers find conditions; whether one singles an object out is for the caller to see.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool

from scene3d.synth.language import words
from scene3d.synth.language.facts import DOUBTFUL, NO, YES, Relations, RoomFacts, Truth, angle_between
from scene3d.synth.language.speaker import Mention, Pool, Speaker

_SEATS = {
    "bed": "lying in", "couch": "sitting on", "armchair": "sitting in", "sofa chair": "sitting in",
    "chair": "sitting on", "office chair": "sitting on", "toilet": "sitting on", "bench": "sitting on",
}  # fmt: skip
_BOARDS = frozenset(
    ("desk", "table", "dining table", "coffee table", "end table", "counter", "kitchen counter", "bed", "bench")
)
_TABLES = frozenset(("desk", "table", "dining table", "counter", "kitchen counter"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """Something that is true of some objects."""

    kind: str
    """The family of the figures."""
    key: str
    """What the tables of phrasing call it."""
    truth: Truth
    slots: dict[str, str] = field(default_factory=dict)
    anchors: tuple[tuple[int, ...], ...] = ()


PredicateMaker = Callable[[Speaker, int, Pool], Condition | None]
"""A condition that is true of the given object."""
RankMaker = Callable[[Speaker, Pool], Condition | None]
"""A condition that depends on what else is in the pool."""


@dataclass(frozen=True, slots=True)
class Relation:
    """A relation to one other object."""

    key: str
    truth: Callable[[RoomFacts], Relations]
    """Which objects stand in the relation to which anchors."""
    fits: Callable[[RoomFacts, int], bool]
    """Whether people would use the object as the anchor."""
    slots: Callable[[RoomFacts, int], dict[str, str]] = lambda facts, anchor: {}


def _sizable(facts: RoomFacts, anchor: int) -> bool:
    return bool(facts.size_m[anchor].max() > 0.3)


def _faced(facts: RoomFacts, anchor: int) -> bool:
    """With a front, at a wall, so that people see it from its front."""
    return not np.isnan(facts.front_rad[anchor]) and bool(facts.at_wall[anchor]) and _sizable(facts, anchor)


def _fronted(facts: RoomFacts, anchor: int) -> bool:
    return not np.isnan(facts.front_rad[anchor]) and bool(facts.standing[anchor]) and _sizable(facts, anchor)


def _seat(facts: RoomFacts, anchor: int) -> bool:
    return facts.label[anchor] in _SEATS and not np.isnan(facts.front_rad[anchor])


def _using(facts: RoomFacts, anchor: int) -> str:
    return _SEATS[facts.label[anchor]]


def _side(name: str, turn_rad: float, *, own: bool) -> Relation:
    def slots(facts: RoomFacts, anchor: int) -> dict[str, str]:
        return {"side": name} | ({"using": _using(facts, anchor)} if own else {})

    return Relation(
        "own_side" if own else "viewed_side",
        lambda facts: facts.towards(turn_rad),
        _seat if own else _faced,
        slots,
    )


RELATIONS: dict[str, Relation] = {
    "near": Relation("near", RoomFacts.near, _sizable),
    "at": Relation("at", RoomFacts.at, lambda facts, anchor: facts.label[anchor] in _TABLES),
    "support": Relation("support", RoomFacts.on, lambda facts, anchor: facts.label[anchor] != "mat"),
    "holding": Relation("holding", RoomFacts.bearing, lambda facts, anchor: bool(facts.support[anchor] >= 0)),
    "under": Relation("under", RoomFacts.under, lambda facts, anchor: facts.label[anchor] in _BOARDS),
    "above": Relation("above", RoomFacts.above, _sizable),
    "below": Relation("below", RoomFacts.below, _sizable),
    "facing_front": Relation("front_of", lambda facts: facts.towards(0.0), _fronted),
    "facing_behind": Relation("behind", lambda facts: facts.towards(np.pi), _fronted),
    "facing_left": _side("left", np.pi / 2, own=True),
    "facing_right": _side("right", -np.pi / 2, own=True),
    # Who faces a thing has its own left on the right.
    "viewed_left": _side("left", -np.pi / 2, own=False),
    "viewed_right": _side("right", np.pi / 2, own=False),
}


def relation_table(facts: RoomFacts, kind: str) -> Relations:
    """Truth of a relation for each anchor (rows) and object; rows of things that are no anchors are 0. Kept."""
    if kind not in facts.relation:
        facts.relation[kind] = RELATIONS[kind].truth(facts) * anchors_of(facts, kind)[:, None]
    return facts.relation[kind]


def anchors_of(facts: RoomFacts, kind: str) -> Bool[np.ndarray, "n"]:
    """Which seen objects people would use as the anchor of a relation."""
    fits = RELATIONS[kind].fits
    return np.array([bool(seen) and fits(facts, i) for i, seen in enumerate(facts.seen)], bool)


def related(speaker: Speaker, kind: str, index: int, pool: Pool) -> Condition | None:
    """A relation of the kind in which the object stands to something that is not of its pool."""
    anchors = np.flatnonzero((relation_table(speaker.facts, kind)[:, index] == YES) & (pool.truth == NO))
    mention = speaker.anchor(anchors.tolist())
    return None if mention is None else relation_to(speaker, kind, mention)


def related_so_many(speaker: Speaker, kind: str, pool: Pool, *, least: int, most: int) -> Condition | None:
    """A relation of the kind to something outside the pool in which so many of the pool stand, without doubt."""
    facts = speaker.facts
    held = np.minimum(relation_table(facts, kind), pool.truth)
    count = (held == YES).sum(axis=1)
    fit = (count >= least) & (count <= most) & ~(held == DOUBTFUL).any(axis=1) & (pool.truth == NO)
    if least == 0:
        fit &= anchors_of(facts, kind)
    mention = speaker.anchor(np.flatnonzero(fit).tolist())
    return None if mention is None else relation_to(speaker, kind, mention)


def relation_to(speaker: Speaker, kind: str, mention: Mention) -> Condition:
    """The condition of standing in a relation to a mentioned object."""
    anchor = mention.objects[0]
    relation = RELATIONS[kind]
    return Condition(
        kind=kind,
        key=relation.key,
        truth=relation_table(speaker.facts, kind)[anchor],
        slots={"a": mention.text} | relation.slots(speaker.facts, anchor),
        anchors=(mention.objects,),
    )


# Looks and place ----------------------------------------------------------------------------------------------------


def coloured(speaker: Speaker, index: int, pool: Pool) -> Condition | None:
    """Its colour."""
    facts = speaker.facts
    if not facts.has_plain_colour(index):
        return None
    return of_colour(speaker, facts.colour[index])


def of_colour(speaker: Speaker, colour: str) -> Condition:
    """The condition of having a colour."""
    word = speaker.colour_word(colour)
    truth = speaker.facts.of_colour(colour)
    return Condition(kind="colour", key="colour", truth=truth, slots={"colour": word, "adjective": word})


def made_of(speaker: Speaker, index: int, pool: Pool) -> Condition | None:
    """Its material."""
    material = speaker.facts.material[index]
    return of_material(speaker, material) if material in words.MATERIAL_WORDS else None


def of_material(speaker: Speaker, material: str) -> Condition:
    """The condition of being made of a material."""
    word = words.MATERIAL_WORDS[material]
    slots = {"material": word, "stuff": material, "adjective": word}
    return Condition(kind="material", key="material", truth=speaker.facts.of_material(material), slots=slots)


def at_wall(speaker: Speaker, index: int, pool: Pool) -> Condition | None:
    """Against a wall."""
    truth = speaker.facts.against_wall()
    return Condition(kind="against_wall", key="against_wall", truth=truth) if truth[index] == YES else None


def in_corner(speaker: Speaker, index: int, pool: Pool) -> Condition | None:
    """In a corner."""
    truth = speaker.facts.cornered()
    return Condition(kind="corner", key="corner", truth=truth) if truth[index] == YES else None


def in_middle(speaker: Speaker, index: int, pool: Pool) -> Condition | None:
    """In the middle of the room."""
    truth = speaker.facts.central()
    return Condition(kind="middle", key="middle", truth=truth) if truth[index] == YES else None


def between(speaker: Speaker, index: int, pool: Pool) -> Condition | None:
    """Between two others, on opposite sides of it and not far."""
    facts = speaker.facts
    close = facts.seen & (pool.truth == NO) & (facts.floor_gap_m[index] < 2.0) & (facts.floor_gap_m[index] > 0.02)
    close &= facts.support != index
    one = speaker.anchor(np.flatnonzero(close & facts.sizable).tolist())
    if one is None:
        return None
    way = facts.centre_m[:, :2] - facts.centre_m[index, :2]
    angle = np.arctan2(way[:, 1], way[:, 0])
    opposite = angle_between(angle, angle[one.objects[0]]) > np.deg2rad(145)
    other = speaker.anchor(np.flatnonzero(close & facts.sizable & opposite).tolist())
    if other is None or other.text == one.text:
        return None
    truth = facts.between(one.objects[0], other.objects[0])
    if truth[index] != YES:
        return None
    slots = {"a": one.text, "b": other.text}
    return Condition(kind="between", key="between", truth=truth, slots=slots, anchors=(one.objects, other.objects))


# Rank among its like ------------------------------------------------------------------------------------------------


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
    """Second by distance or size, or so many from the left."""
    if np.count_nonzero(pool.truth) < 3:
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


def _relation_maker(kind: str) -> PredicateMaker:
    return lambda speaker, index, pool: related(speaker, kind, index, pool)


PREDICATES: dict[str, PredicateMaker] = {
    "colour": coloured,
    "material": made_of,
    "between": between,
    "against_wall": at_wall,
    "corner": in_corner,
    "middle": in_middle,
    **{kind: _relation_maker(kind) for kind in RELATIONS},
}
"""True or not of each object by itself."""
RANKS: dict[str, RankMaker] = {
    "size": sized,
    "ordinal": ordinal,
    "nearest": nearest,
    "farthest": farthest,
    "viewpoint_left": viewpoint("left"),
    "viewpoint_right": viewpoint("right"),
}
"""True of one object among its like."""
SAID = (
    "near", "at", "support", "under", "above", "below", "between", "against_wall", "corner", "middle", "facing_front",
    "facing_behind", "viewed_left", "viewed_right",
)  # fmt: skip
"""What can be said after "it is"."""
