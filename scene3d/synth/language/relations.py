"""Where things are and how they stand to each other, three-valued; thresholds leave room for doubt on both sides.

A relation is a table with one row per anchor and one column per object.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool

from scene3d.synth.language.facts import DOUBTFUL, NO, YES, Relations, RoomFacts, Truth, angle_between


def near(facts: RoomFacts) -> Relations:
    """Beside it: a gap of at most 0.5 m is near, of 1 m and more is not."""
    return _beside(facts, _graded(facts.gap_m, yes=0.5, no=1.0))


def at(facts: RoomFacts) -> Relations:
    """Close enough to use it: a gap of at most 0.3 m, not 0.8 m."""
    truth = _graded(facts.floor_gap_m, yes=0.3, no=0.8)
    return _beside(facts, np.where(facts.standing, truth, np.minimum(truth, DOUBTFUL)))


def on(facts: RoomFacts) -> Relations:
    """Standing on it; on something that stands on it is doubtful."""
    direct = _direct(facts)
    under = facts.support[facts.support]
    indirect = (facts.support >= 0) & (under == np.arange(facts.count)[:, None])
    touching = (facts.floor_gap_m < 0.02) & (np.abs(facts.low_m - facts.high_m[:, None]) < 0.08)
    return _no_self(np.where(direct, YES, np.where(indirect | touching, DOUBTFUL, NO)))


def bearing(facts: RoomFacts) -> Relations:
    """What carries it: the table with the lamp."""
    return on(facts).T


def under(facts: RoomFacts) -> Relations:
    """Below its top, inside its outline, on the floor: the bin under the desk."""
    top = facts.high_m[:, None]
    inside = facts.inside.T & (facts.low_m < 0.12) & (facts.support < 0) & (facts.high_m < top - 0.05)
    clear = (facts.floor_gap_m > 0.08) | (facts.low_m >= top - 0.03)
    return _no_self(np.where(inside, YES, np.where(clear, NO, DOUBTFUL)))


def above(facts: RoomFacts) -> Relations:
    """Hanging over it, at most 1.5 m higher: the picture above the bed."""
    top = facts.high_m[:, None]
    over = facts.over.T & facts.hanging & (facts.low_m >= top - 0.05) & (facts.low_m < top + 1.5)
    clear = (facts.floor_gap_m > 0.4) | (facts.high_m < top)
    return _no_self(np.where(over, YES, np.where(clear, NO, DOUBTFUL)))


def below(facts: RoomFacts) -> Relations:
    """What the anchor hangs over: the desk below the window. Only things on the floor are said to be below."""
    truth = above(facts).T
    return np.where(facts.standing, truth, np.minimum(truth, DOUBTFUL)).astype(np.int8)


def towards(facts: RoomFacts, turn_rad: float, *, reach_m: float = 2.0) -> Relations:
    """On the side of the anchor that lies `turn_rad` from its front, counter-clockwise; π/2 is its own left."""
    to = facts.centre_m[None, :, :2] - facts.centre_m[:, None, :2]
    angle = angle_between(np.arctan2(to[..., 1], to[..., 0]), facts.front_rad[:, None] + turn_rad)
    level = (facts.high_m > facts.low_m[:, None] - 0.4) & (facts.low_m < facts.high_m[:, None] + 0.4)
    sure = (angle < np.deg2rad(38)) & (facts.gap_m < reach_m) & level & (facts.floor_gap_m > 0.02)
    return _beside(facts, np.where(sure, YES, np.where(angle > np.deg2rad(65), NO, DOUBTFUL)))


def between(facts: RoomFacts, one: int, other: int) -> Truth:
    """In the middle part of the way from one to the other, seen from above."""
    start, way = facts.centre_m[one, :2], facts.centre_m[other, :2] - facts.centre_m[one, :2]
    length = max(float(np.linalg.norm(way)), 1e-6)
    to = facts.centre_m[:, :2] - start
    along = to @ way / length**2
    beside = np.abs(to[:, 0] * way[1] - to[:, 1] * way[0]) / length**2
    inner = (along > 0.25) & (along < 0.75) & (beside < 0.18)
    outer = (along < 0.08) | (along > 0.92) | (beside > 0.4)
    truth = np.where(inner, YES, np.where(outer, NO, DOUBTFUL)).astype(np.int8)
    truth[[one, other]] = NO
    return truth


def against_wall(facts: RoomFacts) -> Truth:
    """Standing with its back to a wall; only what stands on the floor."""
    truth = np.where(facts.at_wall & (facts.wall_gap_m < 0.25), YES, np.where(facts.wall_gap_m > 0.5, NO, DOUBTFUL))
    return np.where(facts.movable, truth, np.minimum(truth, DOUBTFUL)).astype(np.int8)


def cornered(facts: RoomFacts) -> Truth:
    """In a corner of the room; only what stands on the floor."""
    truth = np.where(
        facts.in_corner & (facts.corner_gap_m < 0.4), YES, np.where(facts.corner_gap_m > 0.9, NO, DOUBTFUL)
    )
    return np.where(facts.movable, truth, np.minimum(truth, DOUBTFUL)).astype(np.int8)


def central(facts: RoomFacts) -> Truth:
    """In the middle of the room, away from every wall."""
    far = (facts.wall_gap_m > 0.7) & (facts.middle_m < 1.0)
    truth = np.where(far, YES, np.where((facts.wall_gap_m < 0.35) | (facts.middle_m > 1.8), NO, DOUBTFUL))
    return np.where(facts.movable, truth, np.minimum(truth, DOUBTFUL)).astype(np.int8)


def _direct(facts: RoomFacts) -> Bool[np.ndarray, "n n"]:
    """Whether the column's object stands on the row's."""
    return facts.support == np.arange(facts.count)[:, None]


def _beside(facts: RoomFacts, truth: np.ndarray) -> Relations:
    """What stands on the anchor, carries it or hangs over it is not said to be beside it."""
    stacked = _direct(facts)
    stacked |= stacked.T | facts.over.T
    return _no_self(np.where(stacked, np.minimum(truth, DOUBTFUL), truth))


def _no_self(truth: np.ndarray) -> Relations:
    truth = truth.astype(np.int8)
    np.fill_diagonal(truth, NO)
    return truth


def _graded(value: np.ndarray, *, yes: float, no: float) -> np.ndarray:
    return np.where(value <= yes, YES, np.where(value >= no, NO, DOUBTFUL))
