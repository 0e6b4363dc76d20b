"""Plans to JSON and back: schema `scene3d/plan/1`."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from scene3d.errors import InputError
from scene3d.types import ObjectLink, Phrase, Plan, PlanStep, Violation

SCHEMA = "scene3d/plan/1"
NOTICE = (
    "valid means that the domain allows the steps in the scene as it was scanned; it is no guarantee of a safe motion"
)


def plan_json(plan: Plan) -> dict[str, Any]:
    """A plan as a JSON-ready mapping, with what `valid` does and does not mean."""
    record = dataclasses.asdict(plan)
    record["pddl"] = None if plan.pddl is None else {"domain": plan.pddl[0], "problem": plan.pddl[1]}
    return {"schema": SCHEMA, "notice": NOTICE} | record


def read_plan(record: Mapping[str, Any]) -> Plan:
    """A plan from what `plan_json` made.

    Raises:
        InputError: It is not such a mapping.
    """
    try:
        pddl = record["pddl"]
        return Plan(
            text=record["text"],
            steps=tuple(_step(step) for step in record["steps"]),
            valid=record["valid"],
            violations=tuple(Violation(**violation) for violation in record["violations"]),
            unresolved=tuple(record["unresolved"]),
            goal=record["goal"],
            way=record["way"],
            pddl=None if pddl is None else (pddl["domain"], pddl["problem"]),
        )
    except (KeyError, TypeError) as error:
        raise InputError(f"not a plan of schema {SCHEMA}: {error!r}") from error


def _step(record: Mapping[str, Any]) -> PlanStep:
    pose = record["target_pose"]
    return PlanStep(
        **{name: record[name] for name in ("i", "action", "args", "text", "confidence")},
        phrases=tuple(
            Phrase(**{**phrase, "objects": tuple(ObjectLink(**link) for link in phrase["objects"])})
            for phrase in record["phrases"]
        ),
        target_pose=None if pose is None else tuple(pose),
        preconditions=tuple(record["preconditions"]),
        effects=tuple(record["effects"]),
    )
