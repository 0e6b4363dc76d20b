"""The geometry of one room, once, with three-valued relations: no, doubtful, yes.

What is doubtful (a chair neither near the desk nor far from it, a brown that others call orange) is never asked about:
a description is used only where every object either fits it clearly or clearly does not. Distances are gaps between
the true upright boxes; a nearest or farthest object must also be so by the distance of the centres, so that both
readings agree.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float64, Int8

from scene3d.synth.inventory import SceneObject
from scene3d.synth.language import words
from scene3d.synth.language.boxes import box_corners_m, footprint_gaps_m, inside_footprint, polygon_gaps_m

Truth = Int8[np.ndarray, "n"]
"""For each object `NO`, `DOUBTFUL` or `YES`. Both: `np.minimum`; either: `np.maximum`; not: `YES - truth`."""
Relations = Int8[np.ndarray, "n n"]
"""A truth for each anchor (rows) and object (columns)."""
NO, DOUBTFUL, YES = 0, 1, 2

_CLEARLY_NEARER = 1.15
_NEARER_M = 0.1
_BULKIER = 1.2
_CORNER_TURN = np.sin(np.deg2rad(50))
_PLAIN_LABELS = frozenset(
    ("picture", "poster", "calendar", "window", "mirror", "bulletin board", "paper", "decoration", "clothes", "shower")
)
"""Things of many colours or of none."""


_BUILT_IN = frozenset(("door", "window", "curtain", "blinds", "shower curtain"))
"""Nobody says of these that they are against a wall."""


@runtime_checkable
class Spoken(Protocol):
    """What is needed of a room to speak of it; a `TrainingScene` has it."""

    @property
    def kind(self) -> str: ...  # noqa: D102
    @property
    def objects(self) -> tuple[SceneObject, ...]: ...  # noqa: D102
    @property
    def floor_m(self) -> Any: ...  # noqa: D102
    @property
    def rgb(self) -> Any: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Pool:
    """The objects that a word could mean."""

    word: str
    truth: Truth
    members: tuple[int, ...]
    """Those it surely means, seen or not."""
    crowd: int
    """How many of them the scan shows."""


class RoomFacts:
    """All that can be said of a room. Objects are numbered 0 … n-1 in the order of the inventory, seen or not."""

    def __init__(self, scene: Spoken) -> None:
        """Measure every pair of objects.

        Args:
            scene: The room; colours are spoken of only where its scan has any.
        """
        things = scene.objects
        self.kind = scene.kind
        self.coloured = scene.rgb is not None
        self.id = tuple(o.id for o in things)
        self.label = tuple(o.label for o in things)
        self.seen = np.array([o.seen for o in things], bool)
        self.visible = tuple(np.flatnonzero(self.seen).tolist())
        self.colour = tuple(_spoken_colour(o) for o in things)
        self.material = tuple(o.material for o in things)
        self.count = len(things)
        index = {o.id: i for i, o in enumerate(things)}
        self.support = np.array([-1 if o.support_id is None else index[o.support_id] for o in things], int)
        self.front_rad = np.array([np.nan if o.yaw_rad is None else o.yaw_rad for o in things], float)
        self._measure(things, np.asarray(scene.floor_m, float))
        self.relation: dict[str, Int8[np.ndarray, "n n"]] = {}
        """Tables of relations, by name, filled when first asked for."""
        self._named: dict[str, Truth] = {}
        self._looks: dict[str, Truth] = {}
        self._pools: dict[str, Pool] = {}
        self._words: dict[tuple[int, bool], tuple[str, ...]] = {}

    def _measure(self, things: tuple[SceneObject, ...], floor_m: Float64[np.ndarray, "k 2"]) -> None:
        self.centre_m = np.array([o.centre_m for o in things], float).reshape(-1, 3)
        self.size_m = np.array([o.size_m for o in things], float).reshape(-1, 3)
        yaw = np.array([o.box_yaw_rad for o in things], float)
        self.low_m = self.centre_m[:, 2] - self.size_m[:, 2] / 2
        self.high_m = self.centre_m[:, 2] + self.size_m[:, 2] / 2
        corners = box_corners_m(self.centre_m, self.size_m, yaw)
        self.floor_gap_m = footprint_gaps_m(corners)
        apart = np.maximum(self.low_m[:, None] - self.high_m, self.low_m - self.high_m[:, None]).clip(0)
        self.gap_m = np.hypot(self.floor_gap_m, apart)
        self.distance_m = np.linalg.norm(self.centre_m[:, None] - self.centre_m, axis=2)
        self.inside = inside_footprint(self.centre_m, self.size_m, yaw, grow_m=0.0)
        self.over = inside_footprint(self.centre_m, self.size_m, yaw, grow_m=0.15)
        self.wall_gap_m = polygon_gaps_m(corners, floor_m)
        self.corner_gap_m = _corner_gaps_m(corners, floor_m)
        self.middle_m = np.linalg.norm(self.centre_m[:, :2] - floor_m.mean(0), axis=1)
        self.standing = (self.low_m < 0.15) & (self.support < 0)
        self.movable = self.standing & np.array([label not in _BUILT_IN for label in self.label], bool)
        self.hanging = (self.low_m >= 0.3) & (self.support < 0)
        self.sizable = self.size_m.max(axis=1, initial=0) > 0.3
        self.at_wall = np.array([o.against_wall for o in things], bool)
        self.in_corner = np.array([o.in_corner for o in things], bool)
        x, y, z = np.sort(self.size_m, axis=1).T
        self._bulk = np.stack([x * y * z, y * z], axis=1)

    # What things are ------------------------------------------------------------------------------------------------

    def named(self, word: str) -> Truth:
        """Which objects answer to the word."""
        if word not in self._named:
            sure, doubtful = words.kinds_of(word)
            held = self._holds(words.condition_of(word))
            self._named[word] = np.array(
                [
                    (YES if held[i] else DOUBTFUL) if label in sure else DOUBTFUL if label in doubtful else NO
                    for i, label in enumerate(self.label)
                ],
                np.int8,
            )
        return self._named[word]

    def pool(self, word: str) -> Pool:
        """The objects that the word could mean."""
        if word not in self._pools:
            truth = self.named(word)
            sure = truth == YES
            members = tuple(np.flatnonzero(sure).tolist())
            self._pools[word] = Pool(word, truth, members, int((sure & self.seen).sum()))
        return self._pools[word]

    def words(self, index: int, *, heldout: bool) -> tuple[str, ...]:
        """Words for one object, plainest first; may be empty for `heldout`."""
        key = (index, heldout)
        if key not in self._words:
            listed = words.words_of(self.label[index], heldout=heldout)
            self._words[key] = tuple(w for w in listed if self.named(w)[index] == YES)
        return self._words[key]

    def of_colour(self, colour: str) -> Truth:
        """Which objects have the colour."""
        if colour not in self._looks:
            self._looks[colour] = np.array([self._colour_truth(i, colour) for i in range(self.count)], np.int8)
        return self._looks[colour]

    def has_plain_colour(self, index: int) -> bool:
        """Whether people would agree on the object's colour."""
        return self.coloured and self.label[index] not in _PLAIN_LABELS

    def of_material(self, material: str) -> Truth:
        """Which objects are made of the material."""
        if material not in self._looks:
            truth = [_alike(mine, material) for mine in self.material]
            self._looks[material] = np.array(truth, np.int8)
        return self._looks[material]

    # Which stands out -----------------------------------------------------------------------------------------------

    def leftness_rad(self, stand: int, look_rad: float) -> Float64[np.ndarray, "n"]:
        """Angle to the left of the line of sight, -π … π, for somebody who stands at an object."""
        to = self.centre_m[:, :2] - self.centre_m[stand, :2]
        return wrapped(np.arctan2(to[:, 1], to[:, 0]) - look_rad)

    def nearest_order(self, pool: Truth, anchor: int) -> list[int] | None:
        """The pool from near to far, as far as the order is clear (see `clear_order`)."""
        return self._order(pool, self.gap_m[anchor], self.distance_m[anchor], anchor)

    def farthest(self, pool: Truth, anchor: int) -> int | None:
        """The object of the pool that is clearly the farthest."""
        members = [int(i) for i in np.flatnonzero(pool) if i != anchor]
        if len(members) < 2:
            return None
        by_gap = sorted(members, key=lambda i: -self.gap_m[anchor, i])
        best, second = by_gap[:2]
        ahead = self.gap_m[anchor, best] >= max(
            self.gap_m[anchor, second] * _CLEARLY_NEARER, self.gap_m[anchor, second] + _NEARER_M
        )
        rest = max(self.distance_m[anchor, i] for i in members if i != best)
        return best if ahead and self.distance_m[anchor, best] >= rest + _NEARER_M else None

    def size_order(self, pool: Truth, *, largest: bool) -> list[int] | None:
        """The pool by volume, as far as each is a fifth bulkier than the next, its largest side agreeing."""
        members = [int(i) for i in np.flatnonzero(pool)]
        order = sorted(members, key=lambda i: -self._bulk[i, 0] if largest else self._bulk[i, 0])
        return _clear_part(order, lambda a, b: self.bulkier(a, b) if largest else self.bulkier(b, a))

    def bulkier(self, a: int, b: int) -> bool:
        """Whether a is larger than b beyond doubt."""
        volume, side = self._bulk[a] / np.maximum(self._bulk[b], 1e-9)
        return bool(volume >= _BULKIER and side >= 1.12)

    def taller(self, a: int, b: int) -> bool:
        """Whether a is taller than b beyond doubt."""
        return bool(self.size_m[a, 2] >= max(self.size_m[b, 2] * 1.15, self.size_m[b, 2] + 0.08))

    def tallest(self, pool: Truth, *, most: bool = True) -> int | None:
        """The clearly tallest of the pool, or the lowest."""
        members = [int(i) for i in np.flatnonzero(pool)]
        order = sorted(members, key=lambda i: -self.size_m[i, 2] if most else self.size_m[i, 2])
        if len(order) < 2 or not (self.taller(order[0], order[1]) if most else self.taller(order[1], order[0])):
            return None
        return order[0]

    def resolved(self, truth: Truth) -> tuple[int, ...] | None:
        """The objects that fit, all of them seen; None where there is doubt."""
        if (truth == DOUBTFUL).any():
            return None
        fitting = np.flatnonzero(truth)
        return tuple(int(i) for i in fitting) if self.seen[fitting].all() else None

    def ids(self, indices: Iterable[int]) -> tuple[int, ...]:
        """Object ids of indices."""
        return tuple(self.id[i] for i in indices)

    def candidates(self, word: str) -> tuple[int, ...]:
        """Ids of the seen objects that answer to the word."""
        return self.ids(i for i in self.pool(word).members if self.seen[i])

    def _order(self, pool: Truth, gap: np.ndarray, distance: np.ndarray, anchor: int) -> list[int] | None:
        members = [int(i) for i in np.flatnonzero(pool) if i != anchor]
        order = sorted(members, key=lambda i: gap[i])
        return _clear_part(
            order,
            lambda a, b: (
                gap[b] >= max(gap[a] * _CLEARLY_NEARER, gap[a] + _NEARER_M) and distance[b] >= distance[a] + _NEARER_M
            ),
        )

    def _holds(self, condition: str) -> Bool[np.ndarray, "n"]:
        match condition:
            case "on something":
                return self.support >= 0
            case "on the floor":
                return self.standing
            case "on a wall":
                return self.hanging
            case "in a kitchen":
                return np.full(self.count, self.kind == "kitchen")
            case "in a bathroom":
                return np.full(self.count, self.kind == "bathroom")
            case _:
                return np.ones(self.count, bool)

    def _colour_truth(self, index: int, colour: str) -> int:
        if not self.has_plain_colour(index):
            return DOUBTFUL
        return _alike(self.colour[index], colour)


def wrapped(angle_rad: np.ndarray) -> np.ndarray:
    """The same angle within -π … π."""
    return (angle_rad + np.pi) % (2 * np.pi) - np.pi


def angle_between(a_rad: np.ndarray, b_rad: float | np.ndarray) -> np.ndarray:
    """Absolute difference of directions, 0 … π."""
    return np.abs(wrapped(a_rad - b_rad))


def _alike(mine: str, asked: str) -> int:
    if not mine:
        return DOUBTFUL
    return YES if mine == asked else DOUBTFUL if frozenset((mine, asked)) in words.lookalikes() else NO


def _clear_part(order: list[int], before: Any) -> list[int] | None:
    """The beginning of an order in which each comes clearly before the next; the last member needs no next."""
    clear: list[int] = []
    for position, index in enumerate(order):
        if position + 1 < len(order) and not before(index, order[position + 1]):
            break
        clear.append(index)
    return clear if clear and len(order) > 1 else None


def _spoken_colour(thing: SceneObject) -> str:
    """Orange wood is called brown."""
    return "brown" if thing.material == "wood" and thing.colour == "orange" else thing.colour


def _corner_gaps_m(
    corners: Float64[np.ndarray, "n 4 2"], floor_m: Float64[np.ndarray, "k 2"]
) -> Float64[np.ndarray, "n"]:
    """Distance from each box to the closest corner of the room that points outward."""
    before = floor_m - np.roll(floor_m, 1, axis=0)
    after = np.roll(floor_m, -1, axis=0) - floor_m
    turn = before[:, 0] * after[:, 1] - before[:, 1] * after[:, 0]
    sharp = turn > _CORNER_TURN * np.linalg.norm(before, axis=1) * np.linalg.norm(after, axis=1)
    if not sharp.any():
        return np.full(len(corners), np.inf)
    return np.linalg.norm(corners[:, :, None] - floor_m[sharp], axis=3).min(axis=(1, 2), initial=np.inf)
