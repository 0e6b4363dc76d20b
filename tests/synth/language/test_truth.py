"""What is said is true: judged by other geometry than the one that chose it (sampled boxes, plain loops)."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from scene3d.synth.language import RoomFacts, Task, families, speak
from tests.synth.language.furnished import DEPTH_M, WIDTH_M, furnished_room

ROOMS = [furnished_room(seed) for seed in range(12)]
FACTS = [RoomFacts(room) for room in ROOMS]


def _surface(o, step: float = 0.04) -> np.ndarray:
    """Points all over the outline of a box seen from above, its inside included."""
    nx, ny = (max(int(s / step), 2) for s in o.size_m[:2])
    u, v = np.meshgrid(np.linspace(-0.5, 0.5, nx) * o.size_m[0], np.linspace(-0.5, 0.5, ny) * o.size_m[1])
    c, s = math.cos(o.box_yaw_rad), math.sin(o.box_yaw_rad)
    return np.stack([u * c - v * s + o.centre_m[0], u * s + v * c + o.centre_m[1]], -1).reshape(-1, 2)


def _floor_gap(a, b) -> float:
    return float(cdist(_surface(a), _surface(b)).min())


def _gap(a, b) -> float:
    apart = abs(a.centre_m[2] - b.centre_m[2]) - (a.size_m[2] + b.size_m[2]) / 2
    return math.hypot(_floor_gap(a, b), max(apart, 0.0))


def _turn_from(direction: float | None, a, b) -> float:
    """Degrees between a direction and the way from a to b, counter-clockwise positive."""
    assert direction is not None
    way = math.atan2(b.centre_m[1] - a.centre_m[1], b.centre_m[0] - a.centre_m[0])
    return math.degrees(math.remainder(way - direction, 2 * math.pi))


def _within(o, anchor, grow: float = 0.0) -> bool:
    dx, dy = o.centre_m[0] - anchor.centre_m[0], o.centre_m[1] - anchor.centre_m[1]
    c, s = math.cos(anchor.box_yaw_rad), math.sin(anchor.box_yaw_rad)
    half = [side / 2 + grow for side in anchor.size_m[:2]]
    return abs(dx * c + dy * s) <= half[0] + 1e-6 and abs(dy * c - dx * s) <= half[1] + 1e-6


def _bottom(o) -> float:
    return o.centre_m[2] - o.size_m[2] / 2


def _top(o) -> float:
    return o.centre_m[2] + o.size_m[2] / 2


def _wall(o) -> float:
    xy = _surface(o)
    return float(np.concatenate([xy[:, 0], WIDTH_M - xy[:, 0], xy[:, 1], DEPTH_M - xy[:, 1]]).min())


def _corner(o) -> float:
    corners = np.array([[0, 0], [WIDTH_M, 0], [WIDTH_M, DEPTH_M], [0, DEPTH_M]])
    return float(cdist(_surface(o), corners).min())


def _beside(direction: float):
    def holds(o, anchors) -> bool:
        turn = _turn_from(anchors[0].yaw_rad + direction, anchors[0], o)
        return abs(turn) < 52 and _gap(o, anchors[0]) < 2.1

    return holds


def _between(o, anchors) -> bool:
    a, b = (np.array(x.centre_m[:2]) for x in anchors)
    way = b - a
    to = np.array(o.centre_m[:2]) - a
    along = to @ way / (way @ way)
    aside = np.linalg.norm(to - along * way) / np.linalg.norm(way)
    return bool(0.16 < along < 0.84 and aside < 0.3)


def _viewed_from(side: int):
    def holds(o, anchors) -> bool:
        stand = anchors[0]
        if len(anchors) == 1:
            look = stand.yaw_rad
        else:
            look = math.atan2(*(anchors[1].centre_m[i] - stand.centre_m[i] for i in (1, 0)))
        return side * _turn_from(look, stand, o) > 3

    return holds


# For each family a test in the middle of what is doubtful: the target passes, its like do not.
_HOLDS = {
    "near": lambda o, a: _gap(o, a[0]) < 0.75,
    "at": lambda o, a: _floor_gap(o, a[0]) < 0.55,
    "support": lambda o, a: o.support_id == a[0].id,
    "holding": lambda o, a: a[0].support_id == o.id,
    "under": lambda o, a: _within(o, a[0], 0.04) and _top(o) < _top(a[0]),
    "above": lambda o, a: _within(o, a[0], 0.2) and _bottom(o) > _top(a[0]) - 0.1,
    "below": lambda o, a: _within(a[0], o, 0.2) and _bottom(a[0]) > _top(o) - 0.1,
    "between": _between,
    "against_wall": lambda o, a: o.against_wall and _wall(o) < 0.38,
    "corner": lambda o, a: o.in_corner and _corner(o) < 0.65,
    "middle": lambda o, a: _wall(o) > 0.5 and math.dist(o.centre_m[:2], (WIDTH_M / 2, DEPTH_M / 2)) < 1.4,
    "facing_front": _beside(0.0),
    "facing_behind": _beside(math.pi),
    "facing_left": _beside(math.pi / 2),
    "facing_right": _beside(-math.pi / 2),
    "viewed_left": _beside(-math.pi / 2),
    "viewed_right": _beside(math.pi / 2),
    "viewpoint_left": _viewed_from(1),
    "viewpoint_right": _viewed_from(-1),
}


def _samples(task: Task, family: str, count: int = 6):
    for room, facts in zip(ROOMS, FACTS, strict=True):
        things = {o.id: o for o in room.objects}
        for sample in speak(facts, seed=3, count=count, task=task, family=family, noise=0.0):
            yield room, things, sample


@pytest.mark.parametrize("family", sorted(_HOLDS))
def test_a_relation_holds_of_the_target_and_of_nothing_else_that_could_be_meant(family: str) -> None:
    checked = 0
    for _, things, sample in _samples("grounding", family):
        (turn,) = sample.turns
        anchors = [things[ids[0]] for ids in turn.anchors]
        others = [things[i] for i in turn.candidates if i not in turn.targets]
        assert _HOLDS[family](things[turn.targets[0]], anchors), turn
        assert not any(_HOLDS[family](o, anchors) for o in others), turn
        checked += 1
    assert checked >= 3


@pytest.mark.parametrize(("family", "sign"), [("nearest", 1), ("farthest", -1)])
def test_nearest_and_farthest_are_so_by_gap_and_by_centres(family: str, sign: int) -> None:
    checked = 0
    for _, things, sample in _samples("grounding", family):
        (turn,) = sample.turns
        anchor, target = things[turn.anchors[0][0]], things[turn.targets[0]]
        for other in (things[i] for i in turn.candidates if i not in turn.targets):
            ahead = sign * (_gap(other, anchor) - _gap(target, anchor))
            by_centre = sign * (
                math.dist(other.centre_m, anchor.centre_m) - math.dist(target.centre_m, anchor.centre_m)
            )
            assert ahead > 0.05, turn
            assert by_centre > 0.05, turn
            checked += 1
    assert checked > 20


def test_the_largest_is_a_fifth_larger_and_the_tallest_taller() -> None:
    checked: Counter[str] = Counter()
    for _, things, sample in _samples("grounding", "size"):
        (turn,) = sample.turns
        target, key = things[turn.targets[0]], sample.template.split("/")[0]
        for other in (things[i] for i in turn.candidates if i not in turn.targets):
            volumes, heights = (
                [math.prod(o.size_m) for o in (target, other)],
                [o.size_m[2] for o in (target, other)],
            )
            fine = {
                "largest": volumes[0] >= 1.19 * volumes[1],
                "smallest": volumes[1] >= 1.19 * volumes[0],
                "tallest": heights[0] >= 1.14 * heights[1],
                "shortest": heights[1] >= 1.14 * heights[0],
            }
            assert fine[key], turn
            checked[key] += 1
    assert set(checked) == {"largest", "smallest", "tallest", "shortest"}


@pytest.mark.parametrize("family", ["colour", "material"])
def test_looks_single_out(family: str) -> None:
    checked = 0
    for _, things, sample in _samples("grounding", family):
        (turn,) = sample.turns
        looks = [_look(things[i], family) for i in turn.candidates if i not in turn.targets]
        assert _look(things[turn.targets[0]], family) not in looks
        checked += 1
    assert checked > 20


def test_an_ordinal_counts_from_the_stated_side() -> None:
    checked = 0
    for _, things, sample in _samples("grounding", "ordinal", 15):
        (turn,) = sample.turns
        if not sample.template.startswith("from_left"):
            continue
        door = things[turn.anchors[0][0]]
        turns = {i: _turn_from(door.yaw_rad, door, things[i]) for i in turn.candidates}
        row = sorted(turns, key=lambda i: -turns[i])
        if " left" not in turn.user:
            row.reverse()
        place = next(n for n, word in enumerate(("first", "second", "third", "fourth", "fifth")) if word in turn.user)
        assert row[place] == turn.targets[0], turn
        checked += 1
    assert checked >= 3


def test_sets_are_complete() -> None:
    for _, things, sample in _samples("multi_grounding", "all_place", 8):
        (turn,) = sample.turns
        key = sample.template.split("/")[0]
        assert key == "all_that"
        assert set(turn.targets) < set(turn.candidates)
        assert all(things[i].seen for i in turn.targets)
    for _, things, sample in _samples("multi_grounding", "all"):
        (turn,) = sample.turns
        assert turn.targets == turn.candidates
        labels = {things[i].label for i in turn.targets}
        unseen = [o.label for o in things.values() if not o.seen]
        assert not labels & set(unseen), "somebody in the real room would count one more"


@pytest.mark.parametrize("family", ["zero_class", "zero_look", "zero_place", "zero_anchor"])
@pytest.mark.parametrize("task", ["grounding", "multi_grounding"])
def test_what_is_absent_links_nothing(task: Task, family: str) -> None:
    found = list(_samples(task, family, 3))
    for _, things, sample in found:
        (turn,) = sample.turns
        assert turn.targets == turn.links == ()
        assert "<ref>" not in turn.answer
        if family == "zero_class":
            assert turn.candidates == ()
        if family == "zero_place":
            relation = {"near": "near", "support": "support", "at": "at", "under": "under", "above": "above"}.get(
                sample.template.split("/")[0]
            )
            if relation is not None:
                anchors = [things[i] for i in turn.anchors[0]]
                assert not any(_HOLDS[relation](things[i], anchors) for i in turn.candidates), turn
    assert len(found) > 20


def test_only_what_is_seen_is_spoken_of() -> None:
    for room, facts in zip(ROOMS, FACTS, strict=True):
        seen = {o.id for o in room.objects if o.seen}
        for sample in speak(facts, seed=8, count=15):
            for turn in sample.turns:
                named = {*turn.targets, *turn.selected, *turn.candidates}
                named.update(i for group in (*turn.links, *turn.anchors) for i in group)
                assert named <= seen


def test_answers_to_questions() -> None:
    """Counts, distances, colours, materials, comparisons and sides, each from the objects again."""
    checked: Counter[str] = Counter()
    for family in ("count", "distance", "colour", "material", "compare", "side", "closer", "where"):
        for _, things, sample in _samples("qa", family, 3):
            (turn,) = sample.turns
            assert _true_answer(family, sample.template.split("/")[0], turn, things), (sample.template, turn)
            checked[family] += 1
    assert all(checked[family] > 5 for family in ("count", "distance", "colour", "material", "compare", "side"))


def _true_answer(family: str, key: str, turn, things) -> bool:
    if family == "count":
        return turn.reply == str(len(turn.targets))
    target = things[turn.targets[0]]
    if family in ("colour", "material"):
        return turn.reply == _look(target, family)
    if family == "distance":
        gap = _gap(target, things[turn.anchors[0][0]])
        metres = 0.0 if "half" in turn.reply else float(turn.reply.split()[1])
        return abs(gap - metres) < 0.32
    if family == "side":
        direction = math.pi / 2 if turn.reply == "right" else -math.pi / 2
        return _beside(direction)(target, [things[turn.anchors[-1][0]]])
    if family == "compare":
        other = next(things[i] for i in turn.candidates if i != target.id)
        volumes = [math.prod(o.size_m) for o in (target, other)]
        heights = [o.size_m[2] for o in (target, other)]
        return {
            "larger": volumes[0] > volumes[1],
            "smaller": volumes[0] < volumes[1],
            "taller": heights[0] > heights[1],
        }[key]
    if family == "closer":
        other = next(things[i] for i in turn.candidates if i != target.id)
        third = things[turn.anchors[-1][0]]
        return (_gap(target, third) < _gap(other, third)) == (key == "closer")
    if turn.reply.startswith("on "):
        return target.support_id is not None
    return {"in the corner": _corner(target) < 0.45, "against the wall": _wall(target) < 0.3}.get(turn.reply, True)


def _look(o, family: str) -> str:
    """Orange wood is called brown."""
    if family == "colour":
        return "brown" if o.material == "wood" and o.colour == "orange" else o.colour
    return o.material


def test_yes_and_no_are_balanced() -> None:
    replies = Counter(
        sample.turns[0].reply
        for facts in FACTS
        for family in ("exists", "holds")
        for sample in speak(facts, seed=1, count=8, task="qa", family=family)
    )
    assert set(replies) == {"yes", "no"}
    assert 0.4 < replies["yes"] / replies.total() < 0.6


def test_colours_are_not_spoken_of_where_the_scan_has_none() -> None:
    facts = RoomFacts(furnished_room(2, coloured=False))
    assert speak(facts, seed=0, count=20, task="grounding", family="colour") == []
    said = " ".join(t.user + t.answer for s in speak(facts, seed=0, count=40, noise=0.0) for t in s.turns if t.targets)
    assert " green " not in said
    assert " yellow " not in said


def test_every_family_of_grounding_has_an_oracle_here() -> None:
    others = {"unique", "colour", "material", "size", "ordinal", "nearest", "farthest", "two", "description"}
    absent = {"zero_class", "zero_look", "zero_place", "zero_anchor"}
    assert set(families("grounding")) == set(_HOLDS) | others | absent
