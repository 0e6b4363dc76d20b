"""Steps as somebody wrote them, against the domain: what they leave out is filled in, what cannot be done is named."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from scene3d.planner.domain import Domain
from scene3d.planner.explain import failing, literal_text, say, words_of
from scene3d.planner.ground import Atom, GroundAction, GroundProblem, holds
from scene3d.planner.problem import build_problem
from scene3d.planner.solve import Act, relevant
from scene3d.planner.steps import WrittenStep
from scene3d.planner.world import World
from scene3d.types import Violation


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedStep:
    """A step with all its arguments and what it needs and brings about."""

    act: Act
    written: WrittenStep | None
    """None for a step that was put in because it was implied."""
    preconditions: tuple[str, ...]
    effects: tuple[str, ...]
    sets: tuple[tuple[Atom, bool], ...]
    """The facts that the step gives a value, whether or not they had it before; those of its own objects only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """The outcome of a check."""

    steps: tuple[CheckedStep, ...]
    violations: tuple[Violation, ...]
    names: tuple[str, ...]
    """Things that the steps are about."""
    end: dict[Atom, bool]
    """The facts that the steps touch, with their values after the last."""

    def facts_after(self, facts: frozenset[Atom]) -> frozenset[Atom]:
        """What holds after the last step, where `facts` held before the first."""
        return (facts - set(self.end)) | {atom for atom, holds in self.end.items() if holds}


def check_steps(domain: Domain, world: World, steps: Iterable[WrittenStep], *, fill_in: bool = True) -> Checked:
    """Carry out steps in thought.

    Roles that a step leaves open (a hand, say) take the first objects that make it possible. With `fill_in`, the
    domain's implied action is put in before a step that is possible only after it. A step that is not possible is a
    violation; the steps after it are judged as if it had been done, so that each fault is told once.
    """
    steps = list(steps)
    names = relevant(world, [world.thing(i).name for step in steps for i in step.args.values()])
    ground = GroundProblem(build_problem(domain, world, None, names=names), keep_fixed=True)
    state, done, violations = ground.start, list[CheckedStep](), list[Violation]()
    for step in steps:
        number = len(done) + 1
        candidates = _candidates(domain, world, ground, step)
        if not candidates:
            violations.append(_no_such_action(domain, step, number))
            continue
        implied, chosen = _choose(domain, ground, candidates, state, fill_in=fill_in)
        for action in implied:
            done.append(_carried_out(ground, action, None, state))
            state = action.apply(state)
        if not chosen.is_possible(state):
            violations += [
                Violation(
                    step=len(done) + 1,
                    predicate=ground.atoms[fact][0],
                    reason=say(
                        ground.atoms[fact], value, world=world, domain=domain, fixed=ground.is_fixed(ground.atoms[fact])
                    ),
                )
                for fact, value in failing(chosen.precondition, state)
            ]
        done.append(_carried_out(ground, chosen, step, state))
        state = chosen.apply(state)
    end = {atom: bool(state >> i & 1) for i, atom in enumerate(ground.atoms)}
    return Checked(steps=tuple(done), violations=tuple(violations), names=tuple(names), end=end)


def _candidates(domain: Domain, world: World, ground: GroundProblem, step: WrittenStep) -> list[GroundAction]:
    """The ground actions that a written step can mean."""
    roles = domain.roles.get(step.action, ())
    wanted = {role: world.thing(i).name for role, i in step.args.items()}
    if not set(wanted) <= set(roles):
        return []
    place = {role: index for index, role in enumerate(domain.parameters.get(step.action, ()))}
    return [
        action
        for action in ground.actions
        if action.name == step.action and all(action.arguments[place[role]] == name for role, name in wanted.items())
    ]


def _choose(
    domain: Domain, ground: GroundProblem, candidates: list[GroundAction], state: int, *, fill_in: bool
) -> tuple[list[GroundAction], GroundAction]:
    """What to put in before the step, and the step with all its arguments."""
    for action in candidates:
        if action.is_possible(state):
            return [], action
    if fill_in:
        own = {name for action in candidates for name in action.arguments}
        implied = [a for a in ground.actions if a.name == domain.knowledge.implied and a.is_possible(state)]
        for before in sorted(implied, key=lambda a: not set(a.arguments) <= own):
            after = before.apply(state)
            for action in candidates:
                if action.is_possible(after):
                    return [before], action
    return [], min(candidates, key=lambda action: len(failing(action.precondition, state)))


def _carried_out(ground: GroundProblem, action: GroundAction, step: WrittenStep | None, state: int) -> CheckedStep:
    after = action.apply(state)
    changed = [i for i in range(len(ground.atoms)) if (state ^ after) >> i & 1]
    conditions = words_of(action.precondition, ground, state)
    fired: dict[int, bool] = {}
    for effect in action.effects:
        if holds(effect.condition, state):
            fired[effect.fact] = effect.value or fired.get(effect.fact, False)  # as PDDL says, added beats removed
    own = set(action.arguments)
    return CheckedStep(
        act=Act(action=action.name, arguments=action.arguments),
        written=step,
        preconditions=tuple(text for text in conditions if not text.startswith("not ")),  # what is absent fills pages
        effects=tuple(literal_text(ground.atoms[i], bool(after >> i & 1)) for i in changed),
        sets=tuple((ground.atoms[i], value) for i, value in fired.items() if set(ground.atoms[i][1:]) <= own),
    )


def _no_such_action(domain: Domain, step: WrittenStep, number: int) -> Violation:
    roles = domain.roles.get(step.action)
    if roles is None:
        known = ", ".join(domain.roles)
        reason = f"the domain {domain.name} has no action {step.action!r}; there are: {known}"
        return Violation(step=number, predicate="action", reason=reason)
    unknown = [role for role in step.args if role not in roles]
    detail = f"no role {unknown[0]!r}" if unknown else "no objects to go with it"
    return Violation(
        step=number, predicate="action", reason=f"{step.action} has {detail}; its roles: {', '.join(roles)}"
    )
