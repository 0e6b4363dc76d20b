"""From a world and a goal to a planning problem: as PDDL text for people, and in `unified_planning` for engines."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from scene3d.errors import InputError, MissingDependencyError
from scene3d.planner.domain import Domain
from scene3d.planner.ground import Atom
from scene3d.planner.world import World

if TYPE_CHECKING:
    from unified_planning.model import FNode, Problem

Expression = str | list[Any]
"""A formula as nested lists of words."""

ENGINE = "scene3d_forward"
"""Name under which our search is registered."""


def parse_goal(text: str) -> Expression:
    """A goal as nested lists: `(and (on cup_1 table_2) (not (opened door_3)))`.

    Raises:
        InputError: The brackets do not match, or there is no goal.
    """
    tokens = re.findall(r"[()]|[^\s()]+", text.lower())
    stack: list[list[Expression]] = [[]]
    for token in tokens:
        if token == "(":
            stack.append([])
        elif token == ")":
            done = stack.pop()
            if not stack:
                raise InputError(f"goal {text!r}: a bracket is closed that was never opened")
            stack[-1].append(done)
        else:
            stack[-1].append(token)
    if len(stack) != 1 or len(stack[0]) != 1 or not isinstance(stack[0][0], list) or not stack[0][0]:
        raise InputError(f"goal {text!r}: one formula in brackets is needed, such as (switched_on lamp_4)")
    return stack[0][0]


def write_goal(literals: Iterable[tuple[Atom, bool]]) -> str:
    """A conjunction of facts and their negations as PDDL."""
    parts = [f"({' '.join(atom)})" if holds else f"(not ({' '.join(atom)}))" for atom, holds in literals]
    return parts[0] if len(parts) == 1 else f"(and {' '.join(parts)})"


def literals_of(goal: Expression, *, holds: bool = True) -> list[tuple[Atom, bool]]:
    """The facts that a goal speaks of, with the value it wants where it is a conjunction."""
    if isinstance(goal, str):
        return []
    if goal and goal[0] in ("and", "or"):
        return [literal for part in goal[1:] for literal in literals_of(part, holds=holds)]
    if goal and goal[0] == "not":
        return literals_of(goal[1], holds=not holds)
    return [(tuple(part for part in goal if isinstance(part, str)), holds)]


def problem_text(domain: Domain, world: World, goal: str, *, names: Iterable[str]) -> str:
    """The problem as PDDL, with the objects `names`."""
    kept = set(names) | set(world.hands)
    facts = sorted(atom for atom in world.facts if set(atom[1:]) <= kept)
    items = " ".join(thing.name for thing in world.things if thing.name in kept)
    lines = [
        f"(define (problem {domain.name}_task)",
        f"  (:domain {domain.name})",
        f"  (:objects {items} - item {' '.join(world.hands)} - hand)"
        if items
        else f"  (:objects {' '.join(world.hands)} - hand)",
        "  (:init",
        *(f"    ({' '.join(atom)})" for atom in facts),
        "  )",
        f"  (:goal {goal}))",
    ]
    return "\n".join(lines) + "\n"


def build_problem(domain: Domain, world: World, goal: Expression | None, *, names: Iterable[str]) -> Problem:
    """The problem for engines and validators.

    Args:
        domain: The actions.
        world: The facts; those about other things than `names` are left out.
        goal: Parsed; None for no goal.
        names: Of the things that matter.

    Raises:
        InputError: The goal names a predicate or a thing that is not there.
        MissingDependencyError: `unified-planning` is not installed.
    """
    problem = _template(domain.pddl).clone()
    known = set(names) | set(world.hands)
    for kind, members in (("item", [n for n in names if world.named(n)]), ("hand", world.hands)):
        if not problem.has_type(kind):
            continue
        for name in members:
            problem.add_object(name, problem.user_type(kind))
    for atom in sorted(world.facts):
        if set(atom[1:]) <= known and problem.has_fluent(atom[0]):
            problem.set_initial_value(_fluent(problem, atom), True)
    if goal is not None:
        problem.add_goal(_goal(problem, goal))
    return problem


@functools.cache
def _template(pddl: str) -> Problem:
    """The domain as a problem without objects.

    It lives in the global environment, since the library's reader and simulator fall back to that one whatever they are
    given; names of things repeat from scene to scene, so that the expressions it keeps stay few.
    """
    try:
        from unified_planning.environment import get_environment
        from unified_planning.exceptions import UPException
        from unified_planning.io import PDDLReader
    except ImportError as error:
        raise MissingDependencyError("planning needs an extra: pip install 'scene3d[planner]'") from error
    environment = get_environment()
    environment.credits_stream = None
    environment.factory.add_engine(ENGINE, "scene3d.planner.search", "ForwardSearch")
    try:
        return PDDLReader(environment).parse_problem_string(pddl, None)
    except (UPException, SyntaxError, KeyError, AssertionError) as error:
        raise InputError(f"the planning domain cannot be read: {error}") from error


def _fluent(problem: Problem, atom: Atom) -> FNode:
    fluent: Any = problem.fluent(atom[0])
    return fluent(*(problem.object(name) for name in atom[1:]))


def _goal(problem: Problem, goal: Expression) -> FNode:
    manager = problem.environment.expression_manager
    if isinstance(goal, str) or not goal or not isinstance(goal[0], str):
        raise InputError(f"goal {goal!r}: a formula in brackets is needed, such as (switched_on lamp_4)")
    head, rest = goal[0], goal[1:]
    if head in ("and", "or"):
        parts = [_goal(problem, part) for part in rest]
        return manager.And(parts) if head == "and" else manager.Or(parts)
    if head == "not" and len(rest) == 1:
        return manager.Not(_goal(problem, rest[0]))
    if not problem.has_fluent(head):
        known = ", ".join(fluent.name for fluent in problem.fluents)
        raise InputError(f"goal: the domain has no predicate {head!r}; there are: {known}")
    atom = tuple(part for part in goal if isinstance(part, str))
    if len(atom) != len(goal) or len(rest) != problem.fluent(head).arity:
        raise InputError(f"goal: {head} takes {problem.fluent(head).arity} objects, found {len(rest)}")
    unknown = [name for name in atom[1:] if not problem.has_object(name)]
    if unknown:
        raise InputError(f"goal: the scene has no {unknown[0]!r}; objects are named by label and id, such as cup_3")
    return _fluent(problem, atom)
