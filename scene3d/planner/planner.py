"""The composition root of planning: a request about a scene becomes checked steps."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from jaxtyping import Float64

from scene3d.errors import InputError
from scene3d.planner.activities import Activity, Instance, household_activities, instantiate
from scene3d.planner.check import CheckedStep, check_steps
from scene3d.planner.compose import compose_plan
from scene3d.planner.domain import Domain
from scene3d.planner.floor import RobotConfig
from scene3d.planner.ground import Atom
from scene3d.planner.problem import literals_of, parse_goal, problem_text, write_goal
from scene3d.planner.ranking import Rank, rank_by_sentence_encoder
from scene3d.planner.solve import relevant, solve
from scene3d.planner.steps import WrittenStep, read_steps, written_step
from scene3d.planner.world import SceneSession, World, world_of
from scene3d.types import GroundedText, Plan, PlanStep, Violation

Way = Literal["auto", "reference", "verified"]
_LEAST_RANK = 0.08
_SURE_RANK = 0.15
"""From here on an activity is planned for and nothing is written: right in 27 of 43 requests, written first in 21, with
the classifier of then (docs/log.md, 16)."""
_RIVAL = 0.2
"""Times the rank of the best: an activity that the room has things for comes before a likelier one that it has not."""


class Planner:
    """Plans for one scene, one robot and one domain.

    What is known of the scene is perception: a valid plan is one that the domain allows in the scene as it was scanned,
    and a `target_pose` is a free place on the scanned floor; neither is a guarantee of a safe motion.

    Args:
        session: An encoded scene. Where it has `plan(text)`, a language model can write the steps.
        domain: The name of a shipped domain, the path of a `.pddl` file, or a `Domain`.
        robot: Its size, reach and hands.
        map_from_scene: Rigid transform (4 4) from the scene's frame to the robot's map, metres; None: the same frame.
        activities: What people ask for, with the goals: the way to a goal without a language model. Those of the
            training if not given.
        rank: Scores activities for a request; by the sentence encoder if not given.
    """

    def __init__(
        self,
        session: SceneSession,
        *,
        domain: str | Path | Domain = "household",
        robot: RobotConfig | None = None,
        map_from_scene: Float64[np.ndarray, "4 4"] | None = None,
        activities: Sequence[Activity] | None = None,
        rank: Rank = rank_by_sentence_encoder,
    ) -> None:
        self.session: Any = session
        self.domain = domain if isinstance(domain, Domain) else Domain.load(domain)
        self.robot = robot or RobotConfig()
        self._map_from_scene = np.eye(4) if map_from_scene is None else _rigid(map_from_scene)
        self.world: World = self._world_with({})
        self._activities = None if activities is None else tuple(activities)
        self.rank = rank

    def _world_with(self, called: Mapping[int, str]) -> World:
        """The world where some things are of other classes than the likeliest."""
        return world_of(
            self.session, domain=self.domain, robot=self.robot, map_from_scene=self._map_from_scene, called=called
        )

    def _world_for(self, goal: str) -> World:
        """The world in which things are called what the goal calls them, as far as they may be that."""
        names = {name for atom, _ in literals_of(parse_goal(goal)) for name in atom[1:]} if goal else set()
        called = {
            thing.id: label
            for thing in self.world.things
            for label in thing.likely
            if label != thing.label and thing.called(label).name in names
        }
        return self._world_with(called) if called else self.world

    @property
    def activities(self) -> tuple[Activity, ...]:
        """What people ask for; read when it is first needed."""
        if self._activities is None:
            self._activities = household_activities()
        return self._activities

    def plan(self, request: str, *, goal: str | None = None, way: Way = "auto", observed: Iterable[str] = ()) -> Plan:
        """Steps that do what is asked.

        Args:
            request: What the user wants, in words.
            goal: A PDDL formula over things by name, such as `(on cup_3 table_1)`, or a fact such as `on(3, 1)`; states
                the request exactly.
            way: reference: the language model writes the steps, which are checked; verified: a classical planner finds
                them for the goal of a known activity; auto: the second where the request is surely for such an activity
                that can be done here, else the first, repaired by the second where it is not valid.
            observed: Facts that the scan does not show or that have changed: `opened(4)`, `not on(cup_3, table_1)`.

        Returns:
            A plan; `valid` only if `unified_planning`'s validator accepts it. Where nothing can be done, `violations`
            says why, and `unresolved` asks about what the scene does not have.

        Raises:
            InputError: The request is empty, or the goal or a fact names what is not there.
        """
        if not request.strip() and not goal:
            raise InputError("the request is empty; say what is to be done, such as 'turn on the lamp'")
        if way not in get_args(Way):
            raise InputError(f"way {way!r}: one of {', '.join(get_args(Way))} is needed")
        observed = tuple(observed)
        if goal is not None:
            return self._verified(_pddl(goal, self.world), observed)
        can_write = _can_write(self.session)
        if way == "reference" and not can_write:
            raise InputError("this session has no language model to write steps; use way='verified' or state the goal")
        if way == "verified" or not can_write:
            return self._by_activity(request, observed)
        sure = self._by_sure_activity(request, observed) if way == "auto" else None
        if sure is not None:
            return sure
        written = self._reference(self.session.plan(request), observed)
        return written if written.valid or way == "reference" else self._repaired(request, written, observed)

    def check(self, steps: Iterable[Mapping[str, Any] | PlanStep], *, observed: Iterable[str] = ()) -> Plan:
        """Check steps that somebody else wrote; what they imply, such as walking there, is put in.

        Args:
            steps: Each with `action`, `args` (object id per role) and, if wanted, `text`.
            observed: As in `plan`.

        Raises:
            InputError: A step without an action, or with an object that the scene does not have.
        """
        written = [written_step(step, number=i + 1) for i, step in enumerate(steps)]
        world = self.world.changed(observed)
        return compose_plan(self.domain, world, check_steps(self.domain, world, written), way="reference")

    def validate(self, plan: Plan) -> Plan:
        """The same plan, checked anew, step by step and with nothing put in."""
        written = [written_step(step, number=step.i) for step in plan.steps]
        world = self._assumed(plan.goal, ())
        checked = check_steps(self.domain, world, written, fill_in=False)
        fresh = compose_plan(self.domain, world, checked, way=plan.way, goal=plan.goal)
        return replace(fresh, unresolved=plan.unresolved, valid=fresh.valid and not plan.unresolved)

    def replan(self, plan: Plan, failed_step: int, observed: Iterable[str] = ()) -> Plan:
        """Steps from where a plan failed to its goal.

        Args:
            plan: Of this scene. Without a goal, what its steps were to bring about is the goal.
            failed_step: Number of the first step that was not carried out, from 1.
            observed: What is seen now and differs from what the steps before were to bring about.

        Raises:
            InputError: There is no such step, or the plan was for nothing.
        """
        if not 1 <= failed_step <= len(plan.steps):
            raise InputError(f"step {failed_step}: the plan has steps 1 to {len(plan.steps)}")
        steps = [written_step(step, number=step.i) for step in plan.steps]
        goal = plan.goal or self._aim(self.world, check_steps(self.domain, self.world, steps).steps)
        if not goal:
            raise InputError("the plan states no goal and its steps bring nothing about; plan the request anew")
        world = self._assumed(goal, ())
        done = check_steps(self.domain, world, steps[: failed_step - 1], fill_in=False)
        return self._reached(replace(world, facts=done.facts_after(world.facts)).changed(observed), goal)

    def _reference(self, answer: GroundedText, observed: tuple[str, ...]) -> Plan:
        """The language model's steps, checked."""
        reading = read_steps(answer, self.domain)
        world = self.world.changed(observed)
        checked = check_steps(self.domain, world, reading.steps)
        questions = tuple(f"The scan shows no “{phrase}”. Which object do you mean?" for phrase in reading.unresolved)
        sound = bool(reading.steps) and not (reading.violations or questions or checked.violations)
        goal = self._aim(world, checked.steps) if sound else ""
        plan = compose_plan(self.domain, world, checked, way="reference", goal=goal)
        return replace(
            plan,
            violations=(*reading.violations, *plan.violations),
            unresolved=(*questions, *plan.unresolved),
            valid=plan.valid and sound,
        )

    def _repaired(self, request: str, written: Plan, observed: tuple[str, ...]) -> Plan:
        """What the steps were to bring about, by a verified way; else the goal of the closest activity."""
        steps = [written_step(step, number=step.i) for step in written.steps]
        world = self.world.changed(observed)
        clear = bool(steps) and not written.unresolved
        goal = self._aim(world, check_steps(self.domain, world, steps).steps) if clear else ""
        plan = self._verified(goal, observed) if goal else self._by_activity(request, observed)
        if plan.valid:
            return replace(plan, way="repaired")
        return replace(
            written,
            violations=(*written.violations, *plan.violations),
            unresolved=tuple(dict.fromkeys((*written.unresolved, *plan.unresolved))),
            goal=plan.goal,
        )

    def _by_activity(self, request: str, observed: tuple[str, ...]) -> Plan:
        """The plan for the activity that answers a request best."""
        likely = self._activities_for(request)
        if not likely:
            question = f"What should be true when “{request}” is done? State a goal, such as (switched_on lamp_4)."
            return Plan(text="", steps=(), valid=False, unresolved=(question,), way="verified")
        chosen = next((instance for _, instance in likely if not instance.missing), likely[0][1])
        if chosen.missing:
            questions = tuple(f"The scan shows no {slot}. Which object do you mean?" for slot in chosen.missing)
            return Plan(text="", steps=(), valid=False, unresolved=questions, way="verified")
        return self._verified(chosen.goal(), observed)

    def _by_sure_activity(self, request: str, observed: tuple[str, ...]) -> Plan | None:
        """For the activities that a request is surely for and the room has the things for: the plan for the likeliest
        that can be done, else why the likeliest cannot."""
        likely = [one for rank, one in self._activities_for(request) if rank >= _SURE_RANK and not one.missing]
        plans = (self._verified(instance.goal(), observed) for instance in likely)
        first = next(plans, None)
        return first if first is None or first.valid else next((plan for plan in plans if plan.valid), first)

    def _activities_for(self, request: str) -> list[tuple[float, Instance]]:
        """What a request is likely for, with objects of the scene, likeliest first."""
        scores = list(self.rank(request, self.activities)) if self.activities else []
        order = sorted(range(len(scores)), key=lambda i: -scores[i])
        least = max(_LEAST_RANK, _RIVAL * scores[order[0]]) if order else 0.0
        likely = [i for i in order if scores[i] >= least]
        named = self._named_in(request) if likely else []
        found = [(scores[i], instantiate(self.activities[i], self.world, named=named)) for i in likely]
        return sorted(((score * one.trust, one) for score, one in found), key=lambda pair: -pair[0])

    def _named_in(self, request: str) -> list[int]:
        """Objects that the request speaks of, where the session can ground text."""
        if not _can_ground(self.session):
            return []
        links = [link for phrase in self.session.ground(request).phrases for link in phrase.objects]
        return [link.id for link in sorted(links, key=lambda link: -link.probability)]

    def _verified(self, goal: str, observed: Iterable[str]) -> Plan:
        return self._reached(self._assumed(goal, observed), goal)

    def _reached(self, world: World, goal: str) -> Plan:
        """A plan from this world to the goal, or the reasons why there is none."""
        solution = solve(self.domain, world, parse_goal(goal))
        if solution.acts is None:
            violations = tuple(
                Violation(step=0, predicate=predicate, reason=f"cannot be done, because {reason}")
                for predicate, reason in solution.reasons
            )
            pddl = (self.domain.pddl, problem_text(self.domain, world, goal, names=solution.names))
            return Plan(text="", steps=(), valid=False, violations=violations, goal=goal, way="verified", pddl=pddl)
        steps = [WrittenStep.of_act(act, world, self.domain) for act in solution.acts]
        checked = check_steps(self.domain, world, steps, fill_in=False)
        return compose_plan(self.domain, world, checked, way="verified", goal=goal)

    def _assumed(self, goal: str, observed: Iterable[str]) -> World:
        """The world where what no scan shows and the goal asks for is not so yet: else it would not be asked for.

        Unless the thing matters to the rest of the goal: the refrigerator that a bottle is taken from and that shall be
        closed in the end is closed now.
        """
        literals = literals_of(parse_goal(goal)) if goal else []
        world = self._world_for(goal)
        rest = {name for atom, _ in literals if atom[0] not in self.domain.knowledge.unseen for name in atom[1:]}
        involved = set(relevant(world, rest))
        unseen = [
            (atom, holds)
            for atom, holds in literals
            if atom[0] in self.domain.knowledge.unseen and not involved & set(atom[1:])
        ]
        facts = world.facts - {atom for atom, holds in unseen if holds}
        facts |= {atom for atom, holds in unseen if not holds}
        return replace(world, facts=facts).changed(observed)

    def _aim(self, world: World, done: Sequence[CheckedStep]) -> str:
        """What steps bring about, as a goal; empty for nothing.

        Where the robot and its hands end up is no aim, unless getting somewhere is all that they bring about.
        """
        last: dict[Atom, bool] = {}
        for step in done:
            last |= dict(step.sets)
        knowledge = self.domain.knowledge
        aims = [
            (atom, holds)
            for atom, holds in last.items()
            if atom[0] not in knowledge.passing and (atom not in world.facts if holds else atom[0] in knowledge.unseen)
        ]
        if not aims and done:
            aims = [(atom, True) for atom, holds in done[-1].sets if holds and not set(world.hands) & set(atom[1:])]
        return write_goal(aims) if aims else ""


def _can_ground(session: Any) -> bool:
    grounder = getattr(session, "grounder", None)
    return hasattr(session, "ground") and (grounder is None or grounder.scorer is not None)


def _can_write(session: Any) -> bool:
    """Whether there is a language model; a model folder may hold only a detector."""
    grounder = getattr(session, "grounder", None)
    if grounder is None:
        return hasattr(session, "plan")
    return grounder.language_weights is not None and grounder.scorer is not None


def _pddl(goal: str, world: World) -> str:
    """A goal as PDDL: as it is, or from facts such as `on(3, 1)`, several of them joined by `and`."""
    if goal.strip().startswith("("):
        return goal.strip()
    return write_goal(world.parse_fact(fact) for fact in re.findall(r"(?:not\s+)?[\w-]+\s*\([^)]*\)", goal))


def _rigid(transform: Float64[np.ndarray, "4 4"]) -> Float64[np.ndarray, "4 4"]:
    matrix = np.asarray(transform, dtype=np.float64)
    turn = matrix[:3, :3] if matrix.shape == (4, 4) else np.zeros((3, 3))
    upright = np.allclose(turn @ turn.T, np.eye(3), atol=1e-4) and np.allclose(turn[2], [0, 0, 1], atol=1e-3)
    if not upright or not np.isfinite(matrix).all() or not np.allclose(matrix[3], [0, 0, 0, 1]):
        raise InputError("map_from_scene: a 4 by 4 rigid transform that keeps z up is needed, last row 0 0 0 1")
    return matrix
