"""Checked steps to a `Plan`: sentences with linked objects, places to stand, and the verdict of the validator."""

from __future__ import annotations

import re
from itertools import pairwise

from scene3d.planner.check import Checked, CheckedStep
from scene3d.planner.domain import Domain
from scene3d.planner.problem import literals_of, parse_goal, problem_text
from scene3d.planner.solve import is_valid
from scene3d.planner.world import Thing, World
from scene3d.types import ObjectLink, Phrase, Plan, PlanStep, Violation

UNKNOWN_FLOOR = "The scan shows too little free floor to tell where a robot can stand. May it go anywhere?"


def compose_plan(domain: Domain, world: World, checked: Checked, *, way: str, goal: str = "") -> Plan:
    """Put a plan together.

    It is valid only if nothing was found wrong and `unified_planning`'s sequential validator accepts it.

    Args:
        domain: The actions.
        world: Before the first step.
        checked: The steps.
        way: As in `Plan.way`.
        goal: PDDL; empty to ask only whether each step is possible.
    """
    expression = parse_goal(goal) if goal else None
    wanted = {name for atom, _ in literals_of(expression or []) for name in atom[1:]}
    names = [thing.name for thing in world.things if thing.name in wanted | set(checked.names)]
    violations, acts = checked.violations, [step.act for step in checked.steps]
    accepted = not violations and is_valid(domain, world, acts, expression, names=names)
    if not accepted and not violations:
        violations = (Violation(step=len(acts), predicate="goal", reason=f"the steps do not reach the goal {goal}"),)
    steps = tuple(_step(i + 1, step, world, domain) for i, step in enumerate(checked.steps))
    return Plan(
        text=" ".join(f"step {step.i}. {step.text}" for step in steps) or ("Nothing needs doing." if goal else ""),
        steps=steps,
        valid=accepted,
        violations=violations,
        unresolved=() if world.floor_is_known else (UNKNOWN_FLOOR,),
        goal=goal,
        way=way,
        pddl=(domain.pddl, problem_text(domain, world, goal or "(and)", names=names)),
    )


def _step(number: int, step: CheckedStep, world: World, domain: Domain) -> PlanStep:
    values = dict(zip(domain.parameters[step.act.action], step.act.arguments, strict=True))
    things = {role: world.named(values[role]) for role in domain.roles[step.act.action]}
    found = {role: thing for role, thing in things.items() if thing is not None}
    written = step.written
    text, phrases = (written.text, written.phrases) if written and written.text else _sentence(step, found, domain)
    place = list(found.values())[-1] if found else None  # where an action takes place is its last role
    sure = min((thing.score for thing in found.values()), default=1.0)
    return PlanStep(
        i=number,
        action=step.act.action,
        args={role: thing.id for role, thing in found.items()},
        text=text,
        phrases=phrases,
        target_pose=None if place is None else world.poses.get(place.id),
        preconditions=step.preconditions,
        effects=step.effects,
        confidence=round(sure * (written.confidence if written else 1.0), 4),
    )


def _sentence(step: CheckedStep, things: dict[str, Thing], domain: Domain) -> tuple[str, tuple[Phrase, ...]]:
    """The sentence of a step, each object a phrase that links it."""
    action = step.act.action
    verb = action.replace("_", " ").replace("-", " ").capitalize()
    pattern = domain.knowledge.phrasing.get(action) or f"{verb} {', '.join(f'{{{role}}}' for role in things)}."
    text, phrases = "", list[Phrase]()
    cuts = [0, *(edge for m in re.finditer(r"\{[\w-]+\}", pattern) for edge in m.span()), len(pattern)]
    for start, end in pairwise(cuts):
        thing = things.get(pattern[start:end].strip("{}")) if pattern[start:end].startswith("{") else None
        if thing is None:
            text += pattern[start:end]
            continue
        name = f"the {thing.label}"
        link = ObjectLink(id=thing.id, probability=round(min(1.0, max(0.0, thing.score)), 4))
        phrases.append(
            Phrase(start=len(text), end=len(text) + len(name), objects=(link,), absent_probability=1 - link.probability)
        )
        text += name
    return text, tuple(phrases)
