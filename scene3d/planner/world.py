"""What a planner knows of a scene: things, facts with the reasons for what does not hold, and where to stand."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, Float64

from scene3d.errors import InputError
from scene3d.planner.domain import Domain
from scene3d.planner.floor import FloorMap, RobotConfig, Stance, floor_map
from scene3d.planner.ground import Atom
from scene3d.planner.relations import containers, is_opening_free, supports
from scene3d.types import Proposals, Scene

_PARTS_OF_ROOM = ("wall", "floor", "ceiling")


@runtime_checkable
class SceneSession(Protocol):
    """The part of `scene3d.model.grounder.Session` that planning needs."""

    scene: Scene

    def segment(self) -> Proposals:
        """All objects, best first."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Thing:
    """An object of the scene."""

    id: int
    label: str
    name: str
    """In PDDL: `cup_3`."""
    score: float
    longest_m: float
    likely: Mapping[str, float] = field(default_factory=dict)
    """Classes that it may be of, with their probabilities; empty where only `label` is known."""

    def fits(self, labels: Iterable[str]) -> float:
        """How likely it is there and of one of these classes."""
        likely = self.likely or {self.label: 1.0}
        return self.score * sum(likely.get(label, 0.0) for label in labels)

    def called(self, label: str) -> Thing:
        """The same thing under another class."""
        return replace(self, label=label, name=f"{slug(label)}_{self.id}")


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Things and facts, before the first step."""

    things: tuple[Thing, ...]
    hands: tuple[str, ...]
    facts: frozenset[Atom]
    """What holds; all else does not."""
    reasons: dict[Atom, str]
    """Why a fact that geometry decides does not hold."""
    poses: dict[int, tuple[float, ...]]
    """Where to stand for each object, x, y, z and quaternion x, y, z, w, map frame."""
    floor_is_known: bool = True

    def thing(self, object_id: int) -> Thing:
        """The thing with this object id.

        Raises:
            InputError: There is none.
        """
        for thing in self.things:
            if thing.id == object_id:
                return thing
        known = ", ".join(str(thing.id) for thing in self.things[:20])
        raise InputError(f"object {object_id}: the scene has no such object; there are: {known or 'none'}")

    def named(self, name: str) -> Thing | None:
        """The thing that PDDL calls `name`."""
        return next((thing for thing in self.things if thing.name == name), None)

    def names(self) -> list[str]:
        """All names that PDDL knows: of things, then of hands."""
        return [*(thing.name for thing in self.things), *self.hands]

    def changed(self, observed: Iterable[str]) -> World:
        """The world with other facts: `opened(door_3)` or `not on(cup_1, table_2)`, objects by name or id.

        Raises:
            InputError: Not a fact, or about a thing that is not there.
        """
        facts = set(self.facts)
        for text in observed:
            atom, holds = self.parse_fact(text)
            facts = facts | {atom} if holds else facts - {atom}
        return replace(self, facts=frozenset(facts))

    def parse_fact(self, text: str) -> tuple[Atom, bool]:
        """A fact in words, and whether it holds; see `changed`."""
        match = re.fullmatch(r"\s*(not\s+)?([\w-]+)\s*\(\s*([\w\s,-]*?)\s*\)\s*", text)
        if match is None:
            raise InputError(f"fact {text!r}: write it as opened(door_3) or not on(cup_1, table_2)")
        arguments = [part.strip() for part in match.group(3).split(",") if part.strip()]
        names = [self.thing(int(part)).name if part.isdigit() else part.lower() for part in arguments]
        unknown = [name for name in names if name not in self.names()]
        if unknown:
            raise InputError(f"fact {text!r}: nothing is called {unknown[0]!r}; write the object's id or its name")
        return (match.group(2).lower(), *names), match.group(1) is None


def world_of(
    session: SceneSession,
    *,
    domain: Domain,
    robot: RobotConfig,
    map_from_scene: Float64[np.ndarray, "4 4"],
    called: Mapping[int, str] | None = None,
) -> World:
    """Read a world off an encoded scene.

    Args:
        session: The scene and its proposals.
        domain: What things afford.
        robot: Its size and reach.
        map_from_scene: Rigid transform from the scene's frame to the robot's map.
        called: Classes of objects, by id, where they shall not be the likeliest.
    """
    scene, found = session.scene, session.segment()
    xyz, box, mask = scene.xyz_m.numpy(), found.box.numpy().astype(np.float64), found.mask.numpy()
    floor = floor_map(xyz, robot=robot)
    things = tuple(_things(session, found, box, called or {}))
    hands = tuple(f"hand_{i + 1}" for i in range(robot.hands))
    facts, reasons = _affordances(things, domain)
    holders = [row for row, thing in enumerate(things) if ("container", thing.name) in facts]
    inside = containers(box, holders)
    surfaces = [row for row, thing in enumerate(things) if ("surface", thing.name) in facts]
    below = supports(xyz, mask, box, surfaces, floor_z_m=floor.floor_z_m)
    facts |= {("inside", things[a].name, things[b].name) for a, b in inside.items()}
    facts |= {("on", things[a].name, things[b].name) for a, b in below.items() if a not in inside}
    facts |= {("free", hand) for hand in hands}
    poses: dict[int, tuple[float, ...]] = {}
    for row, thing in enumerate(things):
        points = xyz[mask[row]]
        stance = floor.stance(points[:, :2], reach_m=robot.reach_m)
        if stance is not None:
            poses[thing.id] = _pose(stance, map_from_scene)
        reason = _out_of_reach(thing, box[row], floor, stance, robot)
        if reason:
            reasons["reachable", thing.name] = reason
        else:
            facts.add(("reachable", thing.name))
        if _is_unblocked(row, found, box, floor):
            facts.add(("unblocked", thing.name))
    return World(
        things=things, hands=hands, facts=frozenset(facts), reasons=reasons, poses=poses, floor_is_known=floor.is_known
    )


def slug(label: str) -> str:
    """A label as PDDL writes it."""
    return re.sub(r"[^a-z0-9]+", "_", label.lower()).strip("_") or "object"


def _things(
    session: SceneSession, found: Proposals, box: Float[np.ndarray, "q 6"], called: Mapping[int, str]
) -> Iterable[Thing]:
    labels = found.label or ("object",) * len(found.id)
    tell: Callable[[], list[dict[str, float]]] = getattr(session, "likely_labels", lambda: [{} for _ in labels])
    likely = tell()
    for row, (object_id, label) in enumerate(zip(found.id, labels, strict=True)):
        thing = Thing(
            id=object_id,
            label=label,
            name=f"{slug(label)}_{object_id}",
            score=float(found.score[row]),
            longest_m=float((box[row, 3:] - box[row, :3]).max()),
            likely=likely[row],
        )
        yield thing.called(called[object_id]) if object_id in called else thing


def _affordances(things: tuple[Thing, ...], domain: Domain) -> tuple[set[Atom], dict[Atom, str]]:
    facts: set[Atom] = set()
    reasons: dict[Atom, str] = {}
    for predicate in domain.knowledge.affordances:
        for thing in things:
            if thing.label not in _PARTS_OF_ROOM and domain.affords(predicate, thing.label, longest_m=thing.longest_m):
                facts.add((predicate, thing.name))
            elif predicate == "portable" and thing.longest_m > domain.knowledge.portable_up_to_m:
                reasons[predicate, thing.name] = (
                    f"the {thing.label} ({thing.id}) is {thing.longest_m:.1f} m long, too large to carry"
                )
    return facts, reasons


def _out_of_reach(
    thing: Thing, box: Float[np.ndarray, "6"], floor: FloorMap, stance: Stance | None, robot: RobotConfig
) -> str:
    """Why the robot does not get to a thing; empty where it does, or where the scan shows too little floor to judge."""
    above = box[2] - floor.floor_z_m
    if above > robot.highest_m and thing.longest_m < 1.0 and thing.label not in ("ceiling light", "light"):
        return f"the {thing.label} ({thing.id}) is {above:.1f} m above the floor, higher than {robot.highest_m} m"
    if stance is None and floor.is_known:
        return (
            f"no free floor for a robot of {robot.radius_m} m radius was seen within {robot.reach_m} m of "
            f"the {thing.label} ({thing.id})"
        )
    return ""


def _is_unblocked(row: int, found: Proposals, box: Float[np.ndarray, "q 6"], floor: FloorMap) -> bool:
    facing, sure = found.facing_rad, found.facing_confidence
    return is_opening_free(
        box[row],
        floor,
        facing_rad=None if facing is None else float(facing[row]),
        facing_confidence=0.0 if sure is None else float(sure[row]),
    )


def _pose(stance: Stance, map_from_scene: Float64[np.ndarray, "4 4"]) -> tuple[float, ...]:
    x, y, z = (map_from_scene @ [stance.x_m, stance.y_m, stance.z_m, 1.0])[:3]
    ahead = map_from_scene[:3, :3] @ [math.cos(stance.yaw_rad), math.sin(stance.yaw_rad), 0.0]
    half = math.atan2(ahead[1], ahead[0]) / 2
    return tuple(round(float(v), 6) for v in (x, y, z, 0.0, 0.0, math.sin(half), math.cos(half)))
