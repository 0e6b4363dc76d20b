"""What can be asked of an object: relations to others, looks, place in the room, rank among its like.

Makers find conditions; whether one singles an object out is for the caller to see.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool

from scene3d.synth.language import relations, words
from scene3d.synth.language.facts import DOUBTFUL, NO, YES, Relations, RoomFacts, Truth, angle_between
from scene3d.synth.language.speaker import Mention, Pool, Speaker

_SEATS = {
    "bed": "lying in", "couch": "sitting on", "armchair": "sitting in", "sofa chair": "sitting in",
    "chair": "sitting on", "office chair": "sitting on", "toilet": "sitting on", "bench": "sitting on",
}  # fmt: skip
_BOARDS = frozenset(
    ("desk", "table", "dining table", "coffee table", "end table", "counter", "kitchen counter", "bed", "bench")
)
_NO_PLAIN_FRONT = frozenset(
    (
        "backpack",
        "bag",
        "shoe",
        "stuffed animal",
        "fan",
        "guitar",
        "curtain",
        "shower curtain",
        "stool",
        "ottoman",
        "shower",
    )
)
"""What the furniture libraries turn some way, and people would not say which."""
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

    @property
    def way(self) -> str:
        """Its key, and which side or place it is about, if any: `largest`, `from_left right second`."""
        return " ".join([self.key, *(self.slots[slot] for slot in ("side", "nth") if slot in self.slots)])

    @property
    def told_by(self) -> tuple[str, ...]:
        """The words for each of `anchors`."""
        return tuple(self.slots[slot] for slot in ("a", "b") if slot in self.slots)


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
    """Standing, with a front that people agree on."""
    plain = not np.isnan(facts.front_rad[anchor]) and facts.label[anchor] not in _NO_PLAIN_FRONT
    return plain and bool(facts.standing[anchor]) and _sizable(facts, anchor)


def _backed(facts: RoomFacts, anchor: int) -> bool:
    """With a back that people agree on: behind a desk is where one sits, to some; behind a door, where it opens to."""
    return _fronted(facts, anchor) and facts.label[anchor] not in (_BOARDS - {"bed", "bench"}) | {"door"}


def _seat(facts: RoomFacts, anchor: int) -> bool:
    return facts.label[anchor] in _SEATS and not np.isnan(facts.front_rad[anchor])


def _using(facts: RoomFacts, anchor: int) -> str:
    return _SEATS[facts.label[anchor]]


def _side(name: str, turn_rad: float, *, own: bool) -> Relation:
    def slots(facts: RoomFacts, anchor: int) -> dict[str, str]:
        return {"side": name} | ({"using": _using(facts, anchor)} if own else {})

    return Relation(
        "own_side" if own else "viewed_side",
        lambda facts: relations.towards(facts, turn_rad),
        _seat if own else _faced,
        slots,
    )


RELATIONS: dict[str, Relation] = {
    "near": Relation("near", relations.near, _sizable),
    "at": Relation("at", relations.at, lambda facts, anchor: facts.label[anchor] in _TABLES),
    "support": Relation("support", relations.on, lambda facts, anchor: facts.label[anchor] != "mat"),
    "holding": Relation("holding", relations.bearing, lambda facts, anchor: bool(facts.support[anchor] >= 0)),
    "under": Relation("under", relations.under, lambda facts, anchor: facts.label[anchor] in _BOARDS),
    "above": Relation("above", relations.above, _sizable),
    "below": Relation("below", relations.below, _sizable),
    "facing_front": Relation("front_of", lambda facts: relations.towards(facts, 0.0), _fronted),
    "facing_behind": Relation("behind", lambda facts: relations.towards(facts, np.pi), _backed),
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
    truth = relations.against_wall(speaker.facts)
    return Condition(kind="against_wall", key="against_wall", truth=truth) if truth[index] == YES else None


def in_corner(speaker: Speaker, index: int, pool: Pool) -> Condition | None:
    """In a corner."""
    truth = relations.cornered(speaker.facts)
    return Condition(kind="corner", key="corner", truth=truth) if truth[index] == YES else None


def in_middle(speaker: Speaker, index: int, pool: Pool) -> Condition | None:
    """In the middle of the room."""
    truth = relations.central(speaker.facts)
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
    truth = relations.between(facts, one.objects[0], other.objects[0])
    if truth[index] != YES:
        return None
    slots = {"a": one.text, "b": other.text}
    return Condition(kind="between", key="between", truth=truth, slots=slots, anchors=(one.objects, other.objects))


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
SAID = (
    "near", "at", "support", "under", "above", "below", "between", "against_wall", "corner", "middle", "facing_front",
    "facing_behind", "viewed_left", "viewed_right",
)  # fmt: skip
"""What can be said after "it is"."""
