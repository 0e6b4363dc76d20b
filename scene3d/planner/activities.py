"""Household activities: from a request to the goal of one of them, with objects of the scene put in."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from scene3d.errors import ConfigError
from scene3d.planner.ground import Atom
from scene3d.planner.problem import write_goal
from scene3d.planner.world import Thing, World

_LEAST_FIT, _OUT_OF_REACH = 0.02, 0.7
"""How likely a thing must be of a fitting class to be taken for it, and what one that no robot gets to counts."""
_FACT = re.compile(r"\s*(not\s+)?([\w-]+)\s*\(\s*([^()]*?)\s*\)\s*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """Something people ask a household robot for."""

    name: str
    goals: tuple[str, ...]
    """Facts with slots: `on({cup}, {table})`, `not opened({window})`."""
    slots: Mapping[str, tuple[str, ...]]
    """Class names that fit each slot."""
    phrasings: tuple[str, ...]
    """Examples of the request, those of the training only."""

    def is_aim(self, literals: Sequence[tuple[Atom, bool]], label: Mapping[str, str]) -> bool:
        """Whether facts are this activity's goal, with any things of the right classes.

        Args:
            literals: Facts with the values that are wanted.
            label: Class of each thing, by name.
        """
        wanted = [_parsed(goal) for goal in self.goals]
        return len(wanted) == len(literals) and all(
            any(
                holds != negated
                and atom[0] == predicate
                and len(atom) == len(slots) + 1
                and all(label.get(name) in self.slots[slot] for name, slot in zip(atom[1:], slots, strict=True))
                for atom, holds in literals
            )
            for negated, predicate, slots in wanted
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """An activity with objects of the scene."""

    activity: Activity
    objects: Mapping[str, Thing]
    missing: tuple[str, ...]
    """Slots for which the scene has nothing."""
    trust: float = 1.0
    """Less where objects are taken for what they are not likeliest to be."""

    def literals(self) -> list[tuple[Atom, bool]]:
        """The facts of the goal with their values; only where nothing is missing."""
        found: list[tuple[Atom, bool]] = []
        for goal in self.activity.goals:
            negated, predicate, arguments = _parsed(goal)
            names = tuple(self.objects[slot].name for slot in arguments)
            found.append(((predicate, *names), not negated))
        return found

    def goal(self) -> str:
        """The goal as PDDL."""
        return write_goal(self.literals())


@functools.cache
def household_activities() -> tuple[Activity, ...]:
    """The activities that the shipped model has learnt to plan for."""
    from scene3d.synth.language.plans import ACTIVITIES_FILE

    return load_activities(ACTIVITIES_FILE)


def load_activities(path: Path) -> tuple[Activity, ...]:
    """Read activities from YAML: a list of `name`, `goal`, `objects` and `phrasings`.

    Raises:
        ConfigError: Not such a file, or a goal with a slot that `objects` does not name.
    """
    try:
        quick = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        records = yaml.load(path.read_text(encoding="utf-8"), Loader=quick)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f"{path}: cannot be read as YAML: {error}") from error
    if isinstance(records, dict):
        records = records.get("activities")
    if not isinstance(records, list):
        raise ConfigError(f"{path}: a list of activities is needed")
    return tuple(_activity(record, f"{path}: activity {i + 1}") for i, record in enumerate(records))


def instantiate(activity: Activity, world: World, *, named: Iterable[int] = ()) -> Instance:
    """Choose an object per slot: one that the request names, else the one that is likeliest of a fitting class.

    That need not be its likeliest class: who asks for a cup knows that there is one. All right for 0.86 of what can be
    done in rooms of training furniture; things whose likeliest class fits, reachable ones first, for 0.84.

    Args:
        activity: With its slots.
        world: The things to choose from; each takes one slot at most.
        named: Ids of objects that the request speaks of, most probable first.
    """
    order = {object_id: i for i, object_id in enumerate(named)}
    taken: dict[str, Thing] = {}
    missing: list[str] = []
    trust = 1.0
    for slot, labels in activity.slots.items():
        used = {other.id for other in taken.values()}
        fitting = [t for t in world.things if t.id not in used and t.fits(labels) >= _LEAST_FIT]
        if not fitting:
            missing.append(slot)
            continue
        chosen = min(
            fitting,
            key=lambda t: (
                order.get(t.id, len(order)) if t.label in labels else len(order),
                -t.fits(labels) * (1.0 if ("reachable", t.name) in world.facts else _OUT_OF_REACH),
                labels.index(t.label) if t.label in labels else len(labels),
            ),
        )
        if chosen.label not in labels:
            trust *= chosen.fits(labels) ** 0.5
            chosen = chosen.called(max(labels, key=lambda label: chosen.likely.get(label, 0.0)))
        taken[slot] = chosen
    return Instance(activity=activity, objects=taken, missing=tuple(missing), trust=trust)


def _activity(record: object, where: str) -> Activity:
    if not isinstance(record, dict) or not {"name", "goal", "objects"} <= set(record):
        raise ConfigError(f"{where}: name, goal and objects are needed, found {record!r:.100}")
    goals = record["goal"] if isinstance(record["goal"], list) else [record["goal"]]
    goals = tuple(str(goal) for goal in goals)
    slots = {slot: _labels(labels) for slot, labels in dict(record["objects"]).items()}
    for goal in goals:
        for slot in _parsed(goal, where)[2]:
            if slot not in slots:
                raise ConfigError(f"{where}: goal {goal!r}: objects has no {slot!r}; there are: {', '.join(slots)}")
    phrasings = tuple(str(phrase) for phrase in record.get("phrasings", ()))
    return Activity(name=str(record["name"]), goals=goals, slots=slots, phrasings=phrasings)


def _labels(value: object) -> tuple[str, ...]:
    return tuple(str(label) for label in value) if isinstance(value, list) else (str(value),)


def _parsed(goal: str, where: str = "goal") -> tuple[bool, str, list[str]]:
    """Negation, predicate and slots of `not on({cup}, {table})`."""
    match = _FACT.fullmatch(goal)
    if match is None:
        raise ConfigError(f"{where}: goal {goal!r}: write it as on({{cup}}, {{table}}) or not opened({{window}})")
    slots = [part.strip().strip("{}") for part in match.group(3).split(",") if part.strip()]
    return match.group(1) is not None, match.group(2), slots
