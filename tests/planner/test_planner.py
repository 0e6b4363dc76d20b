import dataclasses
import math
import re

import numpy as np
import pytest
from unified_planning.engines import SequentialPlanValidator
from unified_planning.environment import get_environment
from unified_planning.io import PDDLReader
from unified_planning.plans import ActionInstance, SequentialPlan

from scene3d.errors import InputError
from scene3d.planner import Planner, RobotConfig
from scene3d.types import Plan
from tests.planner.kitchen import (
    BOTTLE,
    BOXES,
    CLOCK,
    COUCH,
    CUP,
    FRIDGE,
    LAMP,
    SHELF,
    TABLE,
    TalkingKitchen,
    kitchen,
    say,
)


@pytest.fixture(scope="module")
def planner() -> Planner:
    return Planner(kitchen())


def talking(marked: str) -> Planner:
    """Knows no activity by its request, so that what is written counts."""
    session = kitchen()
    return Planner(
        TalkingKitchen(session.scene, session.proposals, say(marked)),
        rank=lambda _, candidates: [0.0] * len(candidates),
    )


def test_a_known_activity_is_planned_for_rather_than_written() -> None:
    planner = talking(f"step 1. Pick up [the cup|{CUP}].")
    planner.rank = lambda _, candidates: [float(a.name == "brighten_room") for a in candidates]
    plan = planner.plan("I want the room brighter")
    assert plan.valid
    assert (plan.way, actions(plan)[-1]) == ("verified", ("switch_on", (LAMP,)))


def test_a_known_activity_that_cannot_be_done_is_explained_rather_than_replaced() -> None:
    planner = talking(f"step 1. Pick up [the cup|{CUP}].")
    planner.rank = lambda _, candidates: [float(a.name == "brighten_room") for a in candidates]
    plan = planner.plan("I want the room brighter", observed=[f"not reachable({LAMP})"])
    assert not plan.valid
    assert plan.goal == f"(switched_on lamp_{LAMP})"
    assert [v.predicate for v in plan.violations] == ["reachable"]


@pytest.mark.parametrize(
    ("written", "goal"),
    [
        (f"step 1. Turn on [the lamp|{LAMP}].", f"(switched_on lamp_{LAMP})"),
        (f"step 1. Go to [the lamp|{LAMP}]. step 2. Go to [the couch|{COUCH}].", f"(near couch_{COUCH})"),
    ],
)
def test_written_steps_tell_their_goal(written: str, goal: str) -> None:
    plan = talking(written).plan("as you like")
    assert (plan.valid, plan.way, plan.goal) == (True, "reference", goal)
    assert validates(plan)


def actions(plan: Plan) -> list[tuple[str, tuple[int, ...]]]:
    return [(step.action, tuple(step.args.values())) for step in plan.steps]


def validates(plan: Plan) -> bool:
    """Whether unified_planning accepts the plan from its own PDDL texts, read by its own reader."""
    assert plan.pddl is not None
    problem = PDDLReader().parse_problem_string(*plan.pddl)
    expression = get_environment().expression_manager.ObjectExp
    by_id = {int(o.name.rsplit("_", 1)[1]): o for o in problem.objects(problem.user_type("item"))}
    instances = []
    for step in plan.steps:
        action = problem.action(step.action)
        chosen = [
            by_id[step.args[p.name]] if p.name in step.args else problem.object("hand_1") for p in action.parameters
        ]
        instances.append(ActionInstance(action, tuple(expression(o) for o in chosen)))
    return bool(SequentialPlanValidator().validate(problem, SequentialPlan(instances)))


def test_the_scene_is_read(planner: Planner) -> None:
    facts = planner.world.facts
    assert ("on", "cup_1", "table_0") in facts
    assert ("inside", "bottle_4", "refrigerator_3") in facts
    assert not any(atom[0] in ("on", "inside") and atom[1] in ("lamp_2", "couch_5", "clock_6") for atom in facts)
    assert ("reachable", "clock_6") not in facts


def test_a_goal_is_reached_through_a_closed_door(planner: Planner) -> None:
    plan = planner.plan("", goal=f"on({BOTTLE}, {TABLE}) and not opened({FRIDGE})")
    assert plan.valid
    assert plan.way == "verified"
    names = [name for name, _ in actions(plan)]
    assert names.index("open") < names.index("pick_up") < names.index("put_on")
    assert names.count("close") == 1
    assert validates(plan)


def test_every_step_tells_where_to_stand_what_it_needs_and_what_it_links(planner: Planner) -> None:
    plan = planner.plan("", goal=f"on({CUP}, {SHELF})")
    assert actions(plan)[0] in [("goto", (CUP,)), ("goto", (TABLE,))]
    assert actions(plan)[1:] == [("pick_up", (CUP,)), ("goto", (SHELF,)), ("put_on", (CUP, SHELF))]
    last = plan.steps[-1]
    assert last.text == "Put the cup on the shelf."
    assert [last.text[p.start : p.end] for p in last.phrases] == ["the cup", "the shelf"]
    assert [p.objects[0].id for p in last.phrases] == [CUP, SHELF]
    assert last.target_pose is not None
    assert len(last.target_pose) == 7
    assert "near(shelf_7)" in last.preconditions
    assert "on(cup_1, shelf_7)" in last.effects
    assert plan.text.startswith("step 1. Go to the ")


@pytest.mark.parametrize(
    ("goal", "reason"),
    [
        (f"holding({COUCH})", "2.0 m long, too large to carry"),
        (f"switched_on({TABLE})", "the table .* cannot be switched on or off"),
        (f"cleaned({CLOCK})", "2.3 m above the floor, higher than 1.9 m"),
        (f"inside({CUP}, {TABLE})", "nothing can be put in the table"),
    ],
)
def test_the_impossible_is_refused_with_the_reason(planner: Planner, goal: str, reason: str) -> None:
    plan = planner.plan("", goal=goal)
    assert not plan.valid
    assert not plan.steps
    assert any(v.step == 0 and v.reason.startswith("cannot be done, because") for v in plan.violations)
    assert any(re.search(reason, v.reason) for v in plan.violations)


def test_two_hands_do_what_one_cannot() -> None:
    goal = f"holding({CUP}) and holding({BOTTLE})"
    one = Planner(kitchen()).plan("", goal=goal)
    two = Planner(kitchen(), robot=RobotConfig(hands=2)).plan("", goal=goal)
    assert not one.valid
    assert one.violations
    assert two.valid


def test_written_steps_are_accepted_with_the_walking_put_in() -> None:
    plan = talking(f"step 1. Turn on [the lamp|{LAMP}].").plan("I want the room brighter")
    assert plan.valid
    assert plan.way == "reference"
    assert actions(plan) == [("goto", (LAMP,)), ("switch_on", (LAMP,))]
    assert plan.steps[1].text == "Turn on the lamp."
    assert validates(plan)


def test_an_invalid_written_plan_is_repaired_and_marked() -> None:
    planner = talking(f"step 1. Pick up [the bottle|{BOTTLE}]. step 2. Put it on [the table|{TABLE}].")
    bare = planner.plan("bring the bottle", way="reference")
    assert not bare.valid
    assert any(v.step == 1 and v.predicate == "opened" for v in bare.violations)
    mended = planner.plan("bring the bottle")
    assert mended.valid
    assert mended.way == "repaired"
    assert mended.goal == f"(on bottle_{BOTTLE} table_{TABLE})"
    assert validates(mended)


def test_what_is_not_there_becomes_a_question() -> None:
    plan = talking("step 1. Turn on [the kettle|].").plan("tea please")
    assert not plan.valid
    assert any("the kettle" in question and question.endswith("?") for question in plan.unresolved)


def test_an_unknown_verb_is_named() -> None:
    plan = talking(f"step 1. Juggle [the cup|{CUP}].").plan("entertain me", way="reference")
    assert not plan.valid
    assert "'juggle'" in plan.violations[0].reason


def test_checking_finds_each_fault_once(planner: Planner) -> None:
    steps = [
        {"action": "pick_up", "args": {"object": COUCH}},
        {"action": "switch_on", "args": {"object": LAMP}},
        {"action": "fly", "args": {}},
        {"action": "open", "args": {"thing": FRIDGE}},
    ]
    plan = planner.check(steps)
    assert not plan.valid
    assert {v.predicate for v in plan.violations} >= {"portable", "free", "action"}
    assert any("no action 'fly'" in v.reason for v in plan.violations)
    assert any("no role 'thing'" in v.reason for v in plan.violations)
    with pytest.raises(InputError, match="object 99: the scene has no such object"):
        planner.check([{"action": "open", "args": {"object": 99}}])


def test_a_tampered_plan_is_no_longer_valid(planner: Planner) -> None:
    plan = planner.plan("", goal=f"on({BOTTLE}, {TABLE})")
    assert planner.validate(plan).valid
    without = dataclasses.replace(plan, steps=tuple(s for s in plan.steps if s.action != "open"))
    assert not planner.validate(without).valid
    assert planner.validate(without).violations
    short = dataclasses.replace(plan, steps=plan.steps[:-1])
    assert "do not reach the goal" in planner.validate(short).violations[0].reason


def test_replanning_goes_on_from_what_is_seen(planner: Planner) -> None:
    plan = planner.plan("", goal=f"on({CUP}, {SHELF})")
    failed = next(s.i for s in plan.steps if s.action == "put_on")
    rest = planner.replan(plan, failed)
    assert rest.valid
    assert actions(rest) == [("put_on", (CUP, SHELF))]  # nothing else was lost
    dropped = [f"not holding({CUP})", f"not grips(hand_1, {CUP})", "free(hand_1)", f"on({CUP}, {TABLE})"]
    again = planner.replan(plan, failed, dropped)
    assert again.valid
    assert [name for name, _ in actions(again)].count("pick_up") == 1
    blocked = planner.replan(plan, 1, [f"not reachable({SHELF})"])
    assert not blocked.valid
    assert "no free floor" in blocked.violations[0].reason


def test_what_no_scan_shows_is_taken_for_what_is_to_be_changed(planner: Planner) -> None:
    off = planner.plan("", goal=f"not switched_on({LAMP})")
    assert actions(off) == [("goto", (LAMP,)), ("switch_off", (LAMP,))]
    seen = planner.plan("", goal=f"not switched_on({LAMP})", observed=[f"not switched_on({LAMP})"])
    assert seen.valid
    assert not seen.steps


def _half_yaw(pose: tuple[float, ...]) -> float:
    return math.atan2(pose[5], pose[6])


def test_poses_move_with_the_map(planner: Planner) -> None:
    move = np.array([[0.0, -1, 0, 10], [1, 0, 0, 20], [0, 0, 1, 0.5], [0, 0, 0, 1]])
    moved = Planner(kitchen(), map_from_scene=move)
    for thing, pose in planner.world.poses.items():
        x, y, z = move[:3, :3] @ pose[:3] + move[:3, 3]
        np.testing.assert_allclose(moved.world.poses[thing][:3], (x, y, z), atol=1e-5)
        turn = 2 * (_half_yaw(moved.world.poses[thing]) - _half_yaw(pose))
        assert abs(np.sin(turn) - 1) < 1e-4
    with pytest.raises(InputError, match="keeps z up"):
        Planner(kitchen(), map_from_scene=np.diag([1.0, -1, -1, 1]))


def test_an_unknown_floor_is_a_question_not_a_refusal() -> None:
    session = kitchen(BOXES[:3], floor=False)
    plan = Planner(session).plan("", goal="switched_on(2)")
    assert plan.valid
    assert "too little free floor" in plan.unresolved[0]


@pytest.mark.parametrize(
    ("goal", "message"),
    [
        ("(flying cup_1)", "no predicate 'flying'"),
        ("(switched_on kettle_9)", "no 'kettle_9'"),
        ("(on cup_1)", "takes 2 objects, found 1"),
        ("(and (switched_on lamp_2)", "in brackets"),
        ("switched_on(kettle)", "nothing is called 'kettle'"),
    ],
)
def test_a_wrong_goal_is_refused(planner: Planner, goal: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        planner.plan("", goal=goal)


def test_an_empty_request_is_refused(planner: Planner) -> None:
    with pytest.raises(InputError, match="the request is empty"):
        planner.plan("  ")
