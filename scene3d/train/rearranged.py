"""Rooms whose furniture stands elsewhere: in rooms as they are furnished little is behind a thing or in the middle.

What stands on the floor moves with all that it carries, in the truth as among the referents; what the detector takes it
for stays as it was.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float64

from scene3d.model.referents import FAR_M
from scene3d.synth import SceneObject
from scene3d.synth.language import RoomFacts
from scene3d.synth.language.boxes import box_corners_m
from scene3d.synth.language.facts import Spoken
from scene3d.synth.layout.plan import inside
from scene3d.train.proposed import ProposedRoom

_MOVED = 0.7
"""How many of the things that can move do."""
_TRIES = 30
"""Places that are tried for each."""
_APART_M = 0.05
_FEWEST, _STRAY_M, _FIT_M = 4, 0.3, 0.1
"""Objects that tell how the referents lie in the scan; how far off one may be, and the median of them."""
_WALL_STEP_M = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rearranged:
    """What is said of a room after its furniture was moved."""

    kind: str
    objects: tuple[SceneObject, ...]
    floor_m: np.ndarray
    rgb: object


@dataclass(frozen=True, slots=True)
class _Frame:
    """From the scan's floor plane to that of the referents."""

    turn: Float64[np.ndarray, "2 2"]
    offset_m: Float64[np.ndarray, "2"]

    def __call__(self, place_m: Float64[np.ndarray, "*n 2"]) -> Float64[np.ndarray, "*n 2"]:
        return place_m @ self.turn.T + self.offset_m

    def back(self, place_m: Float64[np.ndarray, "*n 2"]) -> Float64[np.ndarray, "*n 2"]:
        return (place_m - self.offset_m) @ self.turn


@dataclass(frozen=True, slots=True)
class _Move:
    """Quarter turns about a thing's centre, and where that then is, in the referents' frame."""

    quarters: int
    centre_m: Float64[np.ndarray, "2"]
    place_m: Float64[np.ndarray, "2"]

    def turned(self, way: Float64[np.ndarray, "*n 2"]) -> Float64[np.ndarray, "*n 2"]:
        for _ in range(self.quarters):
            way = np.stack([-way[..., 1], way[..., 0]], axis=-1)
        return way


def rearranged(room: ProposedRoom, scene: Spoken, rng: random.Random) -> ProposedRoom | None:
    """The room with most of what stands on its floor turned by quarters and put elsewhere, nothing into another.

    Args:
        room: Proposals of a scan.
        scene: The truth of the same scan.
        rng: Chance.

    Returns:
        None where too few proposals are objects to tell how the referents lie in the scan.
    """
    frame = _fitted(room, scene.objects)
    if frame is None:
        return None
    facts = RoomFacts(scene)
    floor_m = frame(np.asarray(scene.floor_m, float))
    moves = _moves(facts, scene.objects, frame, floor_m, rng)
    objects = tuple(_moved(thing, moves.get(i), frame) for i, thing in enumerate(scene.objects))
    by_id = {facts.id[i]: move for i, move in moves.items()}
    told = _Rearranged(kind=scene.kind, objects=objects, floor_m=np.asarray(scene.floor_m), rgb=scene.rgb)
    return replace(room, seen=replace(room.seen, place=_places(room, by_id, floor_m)), facts=RoomFacts(told))


def _fitted(room: ProposedRoom, things: Iterable[SceneObject]) -> _Frame | None:
    """How the scan's floor plane lies in the referents', by the objects that are in both."""
    centre = {thing.id: thing.centre_m[:2] for thing in things}
    rows = [row for row, owner in enumerate(room.owner.tolist()) if owner in centre]
    there = room.seen.place[rows, :2].double().numpy()
    here = np.array([centre[int(room.owner[row])] for row in rows]).reshape(-1, 2)
    while len(here) >= _FEWEST:
        a, b = here - here.mean(0), there - there.mean(0)
        yaw = np.arctan2((a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]).sum(), (a * b).sum())
        turn = np.array([[np.cos(yaw), -np.sin(yaw)], [np.sin(yaw), np.cos(yaw)]])
        frame = _Frame(turn, there.mean(0) - turn @ here.mean(0))
        off_m = np.linalg.norm(frame(here) - there, axis=1)
        near = off_m <= max(_STRAY_M, float(np.median(off_m)))
        if near.all():
            return frame if np.median(off_m) < _FIT_M else None
        here, there = here[near], there[near]
    return None


def _moves(
    facts: RoomFacts,
    things: tuple[SceneObject, ...],
    frame: _Frame,
    floor_m: Float64[np.ndarray, "k 2"],
    rng: random.Random,
) -> dict[int, _Move]:
    """Where to each object goes, by its index; things that are carried go along."""
    centre = frame(facts.centre_m[:, :2])
    yaw = np.array([thing.box_yaw_rad for thing in things], float)
    half = np.abs(frame(box_corners_m(facts.centre_m, facts.size_m, yaw)) - centre[:, None]).max(1)
    taken = {i: (centre[i], half[i]) for i in np.flatnonzero(facts.standing).tolist()}
    low, high = floor_m.min(0), floor_m.max(0)
    moves: dict[int, _Move] = {}
    movable = np.flatnonzero(facts.movable & facts.seen).tolist()
    for i in rng.sample(movable, round(_MOVED * len(movable))):
        quarters = rng.randrange(4)
        size = half[i][::-1] if quarters % 2 else half[i]
        others = [box for j, box in taken.items() if j != i]
        for _ in range(_TRIES):
            place = np.array([rng.uniform(*ends) for ends in zip(low, high, strict=True)])
            corners = place + size * np.array([[-1, -1], [-1, 1], [1, -1], [1, 1]])
            clear = all((np.abs(place - c) > size + h + _APART_M).any() for c, h in others)
            if clear and inside(corners, floor_m).all():
                moves[i] = _Move(quarters, centre[i], place)
                taken[i] = (place, size)
                break
    for i in range(facts.count):
        base = i
        while facts.support[base] >= 0:
            base = int(facts.support[base])
        if base in moves:
            moves[i] = moves[base]
    return moves


def _moved(thing: SceneObject, move: _Move | None, frame: _Frame) -> SceneObject:
    if move is None:
        return thing
    x, y = frame.back(move.place_m + move.turned(frame(np.array(thing.centre_m[:2])) - move.centre_m))
    turn = move.quarters * np.pi / 2
    return replace(
        thing,
        centre_m=(float(x), float(y), thing.centre_m[2]),
        box_yaw_rad=thing.box_yaw_rad + turn,
        yaw_rad=None if thing.yaw_rad is None else thing.yaw_rad + turn,
        against_wall=False,
        in_corner=False,
    )


def _places(room: ProposedRoom, moves: dict[int, _Move], floor_m: Float64[np.ndarray, "k 2"]) -> torch.Tensor:
    """`Referents.place` with the proposals of moved objects moved, by object id."""
    place = room.seen.place.double().numpy().copy()
    wall, along = _walls(floor_m)
    for row, owner in enumerate(room.owner.tolist()):
        if owner not in moves:
            continue
        move, own = moves[owner], place[row]
        own[:2] = move.place_m + move.turned(own[:2] - move.centre_m)
        own[6:8] = move.turned(own[6:8])
        if move.quarters % 2:
            own[3:5] = own[[4, 3]]
        outside = (np.abs(wall - own[:2]) - own[3:5] / 2).clip(0)
        gap = np.linalg.norm(outside, axis=1)
        across = np.abs(along @ along[gap.argmin()]) < 0.5
        own[9:11] = min(gap.min(), FAR_M), min(gap[across].min(initial=FAR_M), FAR_M)
    return torch.from_numpy(place).to(room.seen.place)


def _walls(floor_m: Float64[np.ndarray, "k 2"]) -> tuple[Float64[np.ndarray, "w 2"], Float64[np.ndarray, "w 2"]]:
    """Places along the walls, and the way that the wall goes there."""
    places, ways = [], []
    for start, end in zip(floor_m, np.roll(floor_m, -1, axis=0), strict=True):
        length = float(np.linalg.norm(end - start))
        steps = np.linspace(0, 1, 2 + int(length / _WALL_STEP_M))[:, None]
        places.append(start + steps * (end - start))
        ways.append(np.repeat([(end - start) / max(length, 1e-6)], len(steps), axis=0))
    return np.concatenate(places), np.concatenate(ways)
