"""Household requests over what is present: from the table of activities to numbered steps with linked objects."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from scene3d.errors import InputError
from scene3d.synth.language import words
from scene3d.synth.language.facts import RoomFacts
from scene3d.synth.language.grounding import Family
from scene3d.synth.language.phrasing import marked
from scene3d.synth.language.sample import LanguageSample, Turn
from scene3d.synth.language.speaker import Speaker

ACTIVITIES_FILE = Path(__file__).parent / "activities.yaml"
"""The table; a planner may read it too."""
_SLOT = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """Something people ask a household robot for."""

    name: str
    objects: Mapping[str, tuple[str, ...]]
    """Labels that fit each role, the best first."""
    steps: tuple[str, ...]
    """What to do, roles in braces."""
    goal: tuple[str, ...]
    """Facts that hold afterwards: `on({cup}, {table})`, `not opened({window})`."""
    phrasings: tuple[str, ...]
    """Ways of asking; training says those that use no held-out name."""
    heldout: tuple[str, ...]
    """Ways of asking that are never trained on."""


@functools.cache
def load_activities() -> tuple[Activity, ...]:
    """All activities, in the order of the table.

    Raises:
        InputError: A step or a goal names a role that has no objects.
    """
    records = yaml.load(ACTIVITIES_FILE.read_text(encoding="utf-8"), yaml.CSafeLoader)["activities"]
    return tuple(_activity(record) for record in records)


def cast(facts: RoomFacts, activity: Activity) -> dict[str, int] | None:
    """The seen object for each role: of the first label that the room has, the bulkiest; None where one is missing.

    A thing that is already where the steps would put it is no choice.
    """
    chosen: dict[str, int] = {}
    for role, labels in activity.objects.items():
        fitting = [i for i in facts.visible if facts.label[i] in labels and i not in chosen.values()]
        if not fitting:
            return None
        chosen[role] = min(fitting, key=lambda i: (labels.index(facts.label[i]), -float(np.prod(facts.size_m[i]))))
    supports = {int(facts.support[i]) for i in chosen.values()}
    return None if supports & set(chosen.values()) else chosen


def plan(activity: Activity, speaker: Speaker) -> LanguageSample | None:
    """The steps of an activity with the objects of the room."""
    facts = speaker.facts
    chosen = cast(facts, activity)
    if chosen is None or not all(speaker.plain(i) for i in chosen.values()):
        return None
    steps = [f"step {i + 1}. {step}" for i, step in enumerate(activity.steps)]
    roles = [role for step in activity.steps for role in _SLOT.findall(step)]
    text = " ".join(steps).format_map({role: f"[{speaker.plain(i)}]" for role, i in chosen.items()})
    name, request = _request(activity, speaker)
    turn = Turn(
        user=request,
        selected=(),
        answer=marked(text),
        links=tuple(facts.ids((chosen[role],)) for role in roles),
        targets=facts.ids(chosen.values()),
        candidates=facts.ids(
            i for i in facts.visible if any(facts.label[i] in labels for labels in activity.objects.values())
        ),
    )
    return LanguageSample(task="plan", family=activity.name, template=name, turns=(turn,))


def impossible(speaker: Speaker) -> LanguageSample | None:
    """A request for which the room lacks something."""
    facts = speaker.facts
    activity = speaker.rng.choice(load_activities())
    labels = next((labels for labels in activity.objects.values() if not set(labels) & set(facts.label)), None)
    if labels is None or any(facts.named(word).any() for word in map(_word, labels)):
        return None
    name, request = _request(activity, speaker)
    answer = f"I cannot do that. There is no {_word(labels[0])} here."
    turn = Turn(user=request, selected=(), answer=answer, links=(), targets=())
    return LanguageSample(task="plan", family="impossible", template=name, turns=(turn,))


def _word(label: str) -> str:
    return words.words_of(label, heldout=False)[0]


def _request(activity: Activity, speaker: Speaker) -> tuple[str, str]:
    ways, mark = (activity.heldout, "h") if speaker.heldout else (_trained_phrasings(activity.name), "")
    index = speaker.rng.randrange(len(ways))
    return f"{activity.name}/{mark}{index}", ways[index]


@functools.cache
def _trained_phrasings(name: str) -> tuple[str, ...]:
    """The phrasings without held-out names; the others help a planner to know the activity, but are never said here."""
    activity = next(a for a in load_activities() if a.name == name)
    return tuple(text for text in activity.phrasings if not words.held_out_names().search(text))


def _activity(record: dict[str, Any]) -> Activity:
    activity = Activity(
        name=record["name"],
        objects={role: tuple(labels) for role, labels in record["objects"].items()},
        **{key: tuple(record[key]) for key in ("steps", "goal", "phrasings", "heldout")},
    )
    unknown = set(_SLOT.findall(" ".join((*activity.steps, *activity.goal)))) - activity.objects.keys()
    if unknown:
        raise InputError(f"{ACTIVITIES_FILE}: {activity.name}: objects has no {', '.join(sorted(unknown))}")
    return activity


def plan_families() -> dict[str, Family]:
    """One family for each activity, and requests that the room cannot satisfy."""
    return {activity.name: partial(plan, activity) for activity in load_activities()} | {"impossible": impossible}
