"""A planning engine for `unified_planning`: best-first forward search over all of ADL, without numbers and time."""

from __future__ import annotations

import heapq
import itertools
import math
import time
from collections.abc import Callable
from typing import IO, TYPE_CHECKING, Any

from unified_planning.engines import Engine, PlanGenerationResult, PlanGenerationResultStatus
from unified_planning.engines.mixins import OneshotPlannerMixin
from unified_planning.model import ProblemKind
from unified_planning.plans import ActionInstance, SequentialPlan

from scene3d.planner.ground import Formula, GroundAction, GroundProblem, holds
from scene3d.planner.problem import ENGINE

if TYPE_CHECKING:
    from unified_planning.model import Problem

_MOST_STATES = 20_000
_SUPPORTED = {
    "PROBLEM_CLASS": ["ACTION_BASED"],
    "TYPING": ["FLAT_TYPING", "HIERARCHICAL_TYPING"],
    "CONDITIONS_KIND": [
        "NEGATIVE_CONDITIONS",
        "DISJUNCTIVE_CONDITIONS",
        "EQUALITIES",
        "EXISTENTIAL_CONDITIONS",
        "UNIVERSAL_CONDITIONS",
    ],
    "EFFECTS_KIND": ["CONDITIONAL_EFFECTS", "FORALL_EFFECTS"],
}


class ForwardSearch(Engine, OneshotPlannerMixin):
    """Finds a plan of few steps, or proves that there is none; always the same one for the same problem.

    Source: Bonet & Geffner, Planning as heuristic search, 2001 (h_add), here over formulas: a conjunction costs the sum
        of its parts, a disjunction the least of them.
    """

    def __init__(self) -> None:
        Engine.__init__(self)
        OneshotPlannerMixin.__init__(self)

    @property
    def name(self) -> str:
        """What `OneshotPlanner(name=…)` calls it."""
        return ENGINE

    @staticmethod
    def supported_kind() -> ProblemKind:
        """Boolean facts with all of ADL."""
        kind = ProblemKind(version=2)
        for method, features in _SUPPORTED.items():
            for feature in features:
                getattr(kind, f"set_{method.lower()}")(feature)
        return kind

    @staticmethod
    def supports(problem_kind: ProblemKind) -> bool:
        """Whether problems of this kind can be solved."""
        return problem_kind <= ForwardSearch.supported_kind()

    def _solve(
        self,
        problem: Problem,  # type: ignore[override]
        heuristic: Callable[[Any], float | None] | None = None,
        timeout: float | None = None,
        output_stream: IO[str] | None = None,
    ) -> PlanGenerationResult:
        """Called by `solve`; the heuristic and the stream are not used."""
        ground = GroundProblem(problem)
        steps, is_proof = search(ground, timeout_s=timeout or math.inf)
        if steps is None:
            status = PlanGenerationResultStatus
            return PlanGenerationResult(status.UNSOLVABLE_PROVEN if is_proof else status.TIMEOUT, None, self.name)
        plan = SequentialPlan([instance(problem, step) for step in steps], problem.environment)
        return PlanGenerationResult(PlanGenerationResultStatus.SOLVED_SATISFICING, plan, self.name)


def instance(problem: Problem, step: GroundAction) -> ActionInstance:
    """A grounded action in the terms of `unified_planning`."""
    expression = problem.environment.expression_manager.ObjectExp
    arguments = tuple(expression(problem.object(name)) for name in step.arguments)
    return ActionInstance(problem.action(step.name), arguments)


def search(ground: GroundProblem, *, timeout_s: float = math.inf) -> tuple[list[GroundAction] | None, bool]:
    """Best-first search by steps so far plus estimated steps to go.

    Returns:
        The steps, or None where none were found; and whether the search was exhaustive, so that None is a proof.
    """
    deadline = time.monotonic() + timeout_s
    reached = relaxed_costs(ground, ground.start)
    actions = [a for a in ground.actions if _cost(a.precondition, reached) < math.inf]
    estimate = _cost(ground.goal, reached)
    order = itertools.count()
    came: dict[int, tuple[int, GroundAction] | None] = {ground.start: None}
    steps_to = {ground.start: 0}
    queue = [(estimate, estimate, next(order), ground.start)] if estimate < math.inf else []
    closed: set[int] = set()
    while queue:
        *_, state = heapq.heappop(queue)
        if holds(ground.goal, state):
            return _path(came, state), True
        if state in closed:
            continue
        closed.add(state)
        if len(closed) > _MOST_STATES or time.monotonic() > deadline:
            return None, False
        for action in actions:
            if not action.is_possible(state):
                continue
            after = action.apply(state)
            steps = steps_to[state] + 1
            if steps >= steps_to.get(after, math.inf):
                continue
            steps_to[after], came[after] = steps, (state, action)
            estimate = _cost(ground.goal, relaxed_costs(ground, after, actions=actions))
            if estimate < math.inf:
                closed.discard(after)
                heapq.heappush(queue, (steps + estimate, estimate, next(order), after))
    return None, True


def relaxed_costs(
    ground: GroundProblem, state: int, *, actions: list[GroundAction] | None = None
) -> list[tuple[float, float]]:
    """Per fact, the estimated steps until it is false and until it is true, if nothing once reached were undone."""
    costs = [(math.inf, 0.0) if state >> i & 1 else (0.0, math.inf) for i in range(len(ground.atoms))]
    actions = ground.actions if actions is None else actions
    changed = True
    while changed:
        changed = False
        for action in actions:
            before = _cost(action.precondition, costs)
            if before == math.inf:
                continue
            for effect in action.effects:
                after = before + 1 + _cost(effect.condition, costs)
                false, true = costs[effect.fact]
                if after < (true if effect.value else false):
                    costs[effect.fact] = (false, after) if effect.value else (after, true)
                    changed = True
    return costs


def _cost(formula: Formula, costs: list[tuple[float, float]]) -> float:
    if formula is True:
        return 0.0
    if formula is False:
        return math.inf
    if formula[0] == "is":
        return costs[formula[1]][formula[2]]
    if formula[0] == "and":
        return sum(_cost(part, costs) for part in formula[1])
    return min(_cost(part, costs) for part in formula[1])


def _path(came: dict[int, tuple[int, GroundAction] | None], state: int) -> list[GroundAction]:
    steps: list[GroundAction] = []
    while (link := came[state]) is not None:
        state, action = link
        steps.append(action)
    return steps[::-1]
