"""Why a step or a goal is not possible, in words."""

from __future__ import annotations

import math
from collections.abc import Callable

from scene3d.planner.domain import Domain
from scene3d.planner.ground import Atom, Formula, GroundProblem, holds
from scene3d.planner.search import relaxed_costs
from scene3d.planner.world import World

Literal = tuple[int, bool]
"""A fact by number, and the value wanted of it."""


def failing(formula: Formula, state: int) -> list[Literal]:
    """What keeps a formula from being true; of a disjunction the part that lacks least."""
    return _missing(formula, lambda fact, value: bool(state >> fact & 1) == value)


def say(atom: Atom, wanted: bool, *, world: World, domain: Domain, fixed: bool) -> str:
    """A sentence on a fact that does not have the value wanted of it."""
    if fixed and wanted:
        if atom in world.reasons:
            return world.reasons[atom]
        sentence = domain.knowledge.fixed.get(atom[0])
        if sentence:
            return sentence.format(object=describe(world, atom[1]) if len(atom) > 1 else "it")
    fact = f"{atom[0]}({', '.join(atom[1:])})"
    if fixed:
        return f"{fact} never holds here" if wanted else f"{fact} always holds here"
    return f"{fact} does not hold at this point" if wanted else f"{fact} holds at this point"


def describe(world: World, name: str) -> str:
    """What people call a thing: `the cup (3)`."""
    thing = world.named(name)
    return name.replace("_", " ") if thing is None else f"the {thing.label} ({thing.id})"


def why_unreachable(ground: GroundProblem, world: World, domain: Domain) -> tuple[tuple[str, str], ...]:
    """The fixed facts that keep a goal from ever being reached, as predicate and sentence.

    Args:
        ground: Of the problem, with `keep_fixed`.
        world: For names and reasons.
        domain: For sentences.
    """
    costs = relaxed_costs(ground, ground.start)

    def is_reachable(fact: int, value: bool) -> bool:
        return costs[fact][value] < math.inf

    open_ends = _missing(ground.goal, is_reachable)
    causes: list[Literal] = []
    seen: set[Literal] = set()
    while open_ends:
        literal = open_ends.pop(0)
        if literal in seen:
            continue
        seen.add(literal)
        lacking = [
            _missing(action.precondition, is_reachable)
            for action in ground.actions
            if any((effect.fact, effect.value) == literal for effect in action.effects)
        ]
        lacking = [parts for parts in lacking if not seen & set(parts)]
        if ground.is_fixed(ground.atoms[literal[0]]) or not lacking:
            causes.append(literal)
        else:
            open_ends += min(lacking, key=len)
    if not causes:
        return (("goal", "what the steps need of each other cannot all be had: no order of them reaches the goal"),)
    return tuple(
        (
            ground.atoms[fact][0],
            say(ground.atoms[fact], value, world=world, domain=domain, fixed=ground.is_fixed(ground.atoms[fact])),
        )
        for fact, value in causes
    )


def words_of(formula: Formula, ground: GroundProblem, state: int) -> tuple[str, ...]:
    """The conditions of a formula that hold in a state and decide it, as `fact(…)` and `not fact(…)`."""
    if formula is True or formula is False:
        return ()
    if formula[0] == "is":
        return (literal_text(ground.atoms[formula[1]], formula[2]),)
    if formula[0] == "and":
        return tuple(dict.fromkeys(text for part in formula[1] for text in words_of(part, ground, state)))
    true = next((part for part in formula[1] if holds(part, state)), formula[1][0])
    return words_of(true, ground, state)


def literal_text(atom: Atom, value: bool) -> str:
    """`on(cup_3, table_1)` or `not on(cup_3, table_1)`."""
    text = f"{atom[0]}({', '.join(atom[1:])})"
    return text if value else f"not {text}"


def _missing(formula: Formula, is_met: Callable[[int, bool], bool]) -> list[Literal]:
    if formula is True or formula is False:
        return []
    if formula[0] == "is":
        return [] if is_met(formula[1], formula[2]) else [(formula[1], formula[2])]
    parts = [_missing(part, is_met) for part in formula[1]]
    if formula[0] == "and":
        return list(dict.fromkeys(literal for part in parts for literal in part))
    # of equals the one that asks for something rather than for its absence: it tells what to do
    return min(parts, key=lambda part: (len(part), sum(not value for _, value in part)))
