"""The engine against breadth-first search over the domain's own simulator, which shares no code with it."""

from collections import deque

import pytest
from unified_planning.engines import UPSequentialSimulator

from scene3d.planner.domain import Domain
from scene3d.planner.ground import GroundProblem
from scene3d.planner.problem import build_problem, parse_goal
from scene3d.planner.search import search
from scene3d.planner.world import Thing, World

NAMES = ("cup_0", "table_1", "box_2")
FACTS = (
    ("free", "hand_1"),
    ("on", "cup_0", "table_1"),
    ("portable", "cup_0"),
    ("surface", "table_1"),
    ("container", "box_2"),
    ("openable", "box_2"),
    ("unblocked", "box_2"),
    ("reachable", "cup_0"),
    ("reachable", "table_1"),
    ("reachable", "box_2"),
)
GOALS = (
    "(holding cup_0)",
    "(inside cup_0 box_2)",
    "(and (inside cup_0 box_2) (not (opened box_2)))",
    "(or (switched_on table_1) (opened box_2))",
    "(not (on cup_0 table_1))",
    "(on table_1 cup_0)",
    "(and (holding cup_0) (opened box_2))",
)


def small_world(facts: tuple[tuple[str, ...], ...] = FACTS) -> World:
    things = tuple(Thing(id=i, label=n[:-2], name=n, score=1.0, longest_m=0.1) for i, n in enumerate(NAMES))
    return World(things=things, hands=("hand_1",), facts=frozenset(facts), reasons={}, poses={})


def fewest_steps(goal: str) -> int | None:
    """Steps of a shortest plan by breadth-first search in unified_planning's simulator."""
    problem = build_problem(Domain.load(), small_world(), parse_goal(goal), names=NAMES)
    simulator = UPSequentialSimulator(problem)
    actions = GroundProblem(problem).actions
    fluents = [f(*(problem.object(n) for n in names)) for f, names in _ground_fluents(problem)]
    start = simulator.get_initial_state()
    seen, queue = {_key(start, fluents)}, deque([(start, 0)])
    while queue:
        state, steps = queue.popleft()
        if simulator.is_goal(state):
            return steps
        for action in actions:
            arguments = [problem.object(name) for name in action.arguments]
            after = simulator.apply(state, problem.action(action.name), arguments)
            if after is not None and _key(after, fluents) not in seen:
                seen.add(_key(after, fluents))
                queue.append((after, steps + 1))
    return None


def _ground_fluents(problem):
    changing = {e.fluent.fluent().name for a in problem.actions for e in a.effects}
    for fluent in problem.fluents:
        if fluent.name in changing:
            names = [[]]
            for parameter in fluent.signature:
                names = [[*n, o.name] for n in names for o in problem.objects(parameter.type)]
            yield from ((fluent, n) for n in names)


def _key(state, fluents):
    return tuple(state.get_value(f).is_true() for f in fluents)


@pytest.mark.parametrize("goal", GOALS)
def test_plans_are_as_short_as_they_can_be(goal: str) -> None:
    problem = build_problem(Domain.load(), small_world(), parse_goal(goal), names=NAMES)
    steps, is_proof = search(GroundProblem(problem))
    shortest = fewest_steps(goal)
    assert is_proof
    assert (None if steps is None else len(steps)) == shortest


def test_the_search_gives_up_at_its_deadline_without_claiming_a_proof() -> None:
    problem = build_problem(Domain.load(), small_world(), parse_goal(GOALS[2]), names=NAMES)
    assert search(GroundProblem(problem), timeout_s=-1.0) == (None, False)


def test_explaining_keeps_facts_that_solving_folds_away() -> None:
    problem = build_problem(Domain.load(), small_world(), None, names=NAMES)
    folded, full = GroundProblem(problem), GroundProblem(problem, keep_fixed=True)
    assert len(folded.actions) < len(full.actions)
    assert not any(folded.is_fixed(atom) for atom in folded.atoms)
    assert ("portable", "cup_0") in full.atoms
