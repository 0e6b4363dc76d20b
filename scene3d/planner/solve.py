"""From a goal to steps that reach it, validated; or to the reasons why nothing does."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from scene3d.planner.domain import Domain
from scene3d.planner.explain import why_unreachable
from scene3d.planner.ground import GroundProblem
from scene3d.planner.problem import ENGINE, Expression, build_problem, literals_of
from scene3d.planner.world import World

_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """An action and all its arguments, hands included, as PDDL names."""

    action: str
    arguments: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Solution:
    """What a search came to."""

    acts: tuple[Act, ...] | None
    """None where the goal cannot be reached."""
    reasons: tuple[tuple[str, str], ...] = ()
    """Why not: predicate and sentence."""
    names: tuple[str, ...] = ()
    """The things that the problem was about."""


def solve(domain: Domain, world: World, goal: Expression) -> Solution:
    """Find the steps to a goal; first among the things that it touches, then among all.

    Raises:
        InputError: The goal names a predicate or a thing that is not there.
    """
    near = relevant(world, [name for atom, _ in literals_of(goal) for name in atom[1:]])
    solution = _solve_among(domain, world, goal, near)
    if solution.acts is None and len(near) < len(world.things):
        wider = _solve_among(domain, world, goal, [thing.name for thing in world.things])
        return wider if wider.acts is not None else solution
    return solution


def relevant(world: World, names: Iterable[str]) -> list[str]:
    """The things `names`, what they stand on or lie in, and what stands on or lies in them; in the world's order."""
    start = set(names)
    pairs = [atom[1:] for atom in world.facts if len(atom) == 3 and world.named(atom[1]) and world.named(atom[2])]
    chosen = start | {upper for upper, lower in pairs if lower in start}
    grown = True
    while grown:
        below = {lower for upper, lower in pairs if upper in chosen}
        grown = not below <= chosen
        chosen |= below
    return [thing.name for thing in world.things if thing.name in chosen]


def is_valid(domain: Domain, world: World, acts: Iterable[Act], goal: Expression | None, *, names: list[str]) -> bool:
    """Whether `unified_planning`'s sequential validator accepts the steps; without a goal, whether each is possible."""
    from unified_planning.engines import SequentialPlanValidator, ValidationResultStatus
    from unified_planning.plans import ActionInstance, SequentialPlan

    problem = build_problem(domain, world, goal, names=names)
    expression = problem.environment.expression_manager.ObjectExp
    instances = [
        ActionInstance(problem.action(act.action), tuple(expression(problem.object(name)) for name in act.arguments))
        for act in acts
    ]
    plan = SequentialPlan(instances, problem.environment)
    result = SequentialPlanValidator().validate(problem, plan)
    return result.status == ValidationResultStatus.VALID


def _solve_among(domain: Domain, world: World, goal: Expression, names: list[str]) -> Solution:
    problem = build_problem(domain, world, goal, names=names)
    with problem.environment.factory.OneshotPlanner(name=ENGINE) as engine:
        result = engine.solve(problem, timeout=_TIMEOUT_S)
    if result.plan is not None:
        acts = tuple(
            Act(action=step.action.name, arguments=tuple(arg.object().name for arg in step.actual_parameters))
            for step in result.plan.actions
        )
        return Solution(acts=acts, names=tuple(names))
    if result.status.name == "TIMEOUT":
        return Solution(
            acts=None,
            reasons=(("timeout", f"no plan was found within {_TIMEOUT_S:.0f} s of search"),),
            names=tuple(names),
        )
    reasons = why_unreachable(GroundProblem(problem, keep_fixed=True), world, domain)
    return Solution(acts=None, reasons=reasons, names=tuple(names))
