"""The shipped activities, the household domain and the reader of steps understand each other."""

import dataclasses
from pathlib import Path

import pytest

from scene3d.errors import ConfigError, InputError
from scene3d.planner import Planner, load_activities
from scene3d.planner.activities import Activity, household_activities, instantiate
from scene3d.planner.check import check_steps
from scene3d.planner.domain import Domain
from scene3d.planner.problem import literals_of, parse_goal
from scene3d.planner.ranking import OTHERS, rank_by_sentence_encoder
from scene3d.planner.solve import is_valid, solve
from scene3d.planner.steps import read_steps
from scene3d.planner.world import Thing, World
from scene3d.synth.language.plans import load_activities as written_activities
from tests.planner.kitchen import BOTTLE, BOXES, CUP, LAMP, TABLE, Kitchen, kitchen, say

DOMAIN = Domain.load()


def stage(slots: dict[str, str]) -> World:
    """Things of these classes, small enough and within reach, each affording what its class affords."""
    things = [
        Thing(id=i, label=label, name=f"{label.replace(' ', '_')}_{i}", score=0.9, longest_m=0.5)
        for i, label in enumerate(slots.values())
    ]
    facts = {("free", "hand_1")}
    for thing in things:
        facts |= {("reachable", thing.name), ("unblocked", thing.name)}
        facts |= {
            (p, thing.name) for p in DOMAIN.knowledge.affordances if DOMAIN.affords(p, thing.label, longest_m=0.5)
        }
    return World(things=tuple(things), hands=("hand_1",), facts=frozenset(facts), reasons={}, poses={})


@pytest.mark.parametrize("activity", household_activities()[::4], ids=lambda activity: activity.name)
def test_the_goal_of_an_activity_can_be_reached_with_its_things(activity: Activity) -> None:
    world = stage({slot: labels[0] for slot, labels in activity.slots.items()})
    instance = instantiate(activity, world)
    assert not instance.missing
    undone = world.changed(f"not {atom[0]}({', '.join(atom[1:])})" for atom, holds in instance.literals() if holds)
    undone = undone.changed(f"{atom[0]}({', '.join(atom[1:])})" for atom, holds in instance.literals() if not holds)
    goal = parse_goal(instance.goal())
    solution = solve(DOMAIN, undone, goal)
    assert solution.acts, solution.reasons
    assert is_valid(DOMAIN, undone, solution.acts, goal, names=list(solution.names))


@pytest.mark.parametrize("written", written_activities(), ids=lambda activity: activity.name)
def test_the_written_steps_of_every_activity_are_understood_and_reach_the_goal(written) -> None:
    activity = next(a for a in household_activities() if a.name == written.name)
    world = stage({slot: labels[0] for slot, labels in activity.slots.items()})
    ids = {slot: thing.id for slot, thing in instantiate(activity, world).objects.items()}
    steps = [f"step {i + 1}. {step}" for i, step in enumerate(written.steps)]
    text = " ".join(steps).format_map({slot: f"[the {slot}|{i}]" for slot, i in ids.items()})
    reading = read_steps(say(text), DOMAIN)
    assert not reading.violations
    assert len(reading.steps) == len(written.steps)
    checked = check_steps(DOMAIN, world, reading.steps)
    assert not checked.violations
    after = checked.facts_after(world.facts)
    for atom, holds in literals_of(parse_goal(instantiate(activity, world).goal())):
        assert (atom in after) == holds, atom


def test_a_request_finds_its_activity_and_its_things() -> None:
    assert len(Planner(kitchen()).activities) >= 60
    few = Planner(kitchen(), activities=household_activities()[:6])  # a classifier of its own is fitted
    for planner, request in ((Planner(kitchen()), "it is too dark in here."), (few, "i need light to read.")):
        plan = planner.plan(request)
        assert plan.valid
        assert [(step.action, step.args) for step in plan.steps][-1] == ("switch_on", {"object": LAMP})


def test_an_activity_without_its_things_is_a_question() -> None:
    plan = Planner(kitchen(), rank=lambda _, all_: [float(a.name == "main_light") for a in all_]).plan(
        "press the switch"
    )
    assert not plan.valid
    assert plan.unresolved == ("The scan shows no switch. Which object do you mean?",)


def test_what_nobody_ever_asked_for_is_asked_back() -> None:
    plan = Planner(kitchen(), rank=lambda _, all_: [0.0] * len(all_)).plan("prove the Riemann hypothesis")
    assert not plan.valid
    assert plan.unresolved[0].endswith("such as (switched_on lamp_4).")


def test_named_objects_come_first_then_reachable_ones() -> None:
    activity = Activity(
        name="a", goals=("on({cup}, {place})",), slots={"cup": ("cup",), "place": ("shelf", "table")}, phrasings=()
    )
    world = Planner(kitchen()).world
    assert instantiate(activity, world).objects["place"].label == "shelf"
    assert instantiate(activity, world, named=(TABLE,)).objects["place"].id == TABLE
    assert instantiate(activity, world).goal() == f"(on cup_{CUP} shelf_7)"


class PerhapsACup(Kitchen):
    """What the detector calls a bottle may be a cup."""

    def likely_labels(self) -> list[dict[str, float]]:
        labels = enumerate(self.proposals.label or ())
        return [{"bottle": 0.6, "cup": 0.3} if i == BOTTLE else {label: 0.9} for i, label in labels]


CARRY = Activity(
    name="carry", goals=("on({cup}, {table})",), slots={"cup": ("cup",), "table": ("table",)}, phrasings=("x",)
)


def test_what_may_be_a_cup_is_taken_for_one_where_nothing_is_likelier() -> None:
    room = kitchen()
    boxes = tuple(box for i, box in enumerate(BOXES) if i != CUP)
    without = kitchen(boxes)
    perhaps = PerhapsACup(room.scene, room.proposals)
    sure = instantiate(CARRY, Planner(perhaps).world)
    assert (sure.objects["cup"].id, sure.trust) == (CUP, 1.0)
    assert instantiate(CARRY, Planner(without).world).missing == ("cup",)
    room.proposals = dataclasses.replace(
        room.proposals, label=tuple("clock" if i == CUP else b[0] for i, b in enumerate(BOXES))
    )
    taken = instantiate(CARRY, Planner(PerhapsACup(room.scene, room.proposals)).world)
    assert (taken.objects["cup"].name, taken.missing) == (f"cup_{BOTTLE}", ())
    assert taken.trust == pytest.approx((0.3 * 0.9) ** 0.5)


def test_a_goal_calls_things_what_they_may_be() -> None:
    room = kitchen()
    planner = Planner(PerhapsACup(room.scene, room.proposals))
    plan = planner.plan("tidy up", goal=f"(on cup_{BOTTLE} table_{TABLE})")
    assert plan.valid
    assert planner.validate(plan).valid
    assert "cup" in plan.steps[-1].text
    with pytest.raises(InputError, match=f"the scene has no 'lamp_{BOTTLE}'"):
        planner.plan("tidy up", goal=f"(switched_on lamp_{BOTTLE})")


def test_held_out_requests_are_ranked_by_examples_of_the_training_only() -> None:
    written = {activity.name: activity for activity in written_activities()}
    chosen = household_activities()[::12]
    for activity in chosen:
        assert not set(activity.phrasings) & set(written[activity.name].heldout)
        scores = rank_by_sentence_encoder(activity.phrasings[0], chosen)
        assert scores.index(max(scores)) == chosen.index(activity)


def test_an_aim_is_known_by_its_facts_and_the_classes_of_its_things() -> None:
    tidy = Activity(name="a", goals=("on({cup}, {place})", "not opened({door})"), slots={
        "cup": ("cup",), "place": ("shelf", "table"), "door": ("door",)}, phrasings=())  # fmt: skip
    label = {"cup_1": "cup", "table_2": "table", "door_3": "door", "bed_4": "bed"}
    aims = [(("opened", "door_3"), False), (("on", "cup_1", "table_2"), True)]
    assert tidy.is_aim(aims, label)
    assert not tidy.is_aim(aims[:1], label)
    assert not tidy.is_aim([(("opened", "door_3"), True), aims[1]], label)
    assert not tidy.is_aim([aims[0], (("on", "cup_1", "bed_4"), True)], label)


def test_a_classifier_ships_for_the_activities_that_ship(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("SCENE3D_CACHE", str(tmp_path))
    activities = household_activities()
    scores = rank_by_sentence_encoder("it is too dark in here.", activities)
    assert activities[scores.index(max(scores))].name == "brighten_room"
    assert not (tmp_path / "activities").exists()  # nothing had to be fitted; else commit what is fitted here


def test_most_of_what_is_no_request_has_no_rank() -> None:
    texts = [
        "what is the capital of Portugal?",
        "which of the two chairs is nearer to the wardrobe?",
        "how many pillows lie on the bed?",
        "what colour is the armchair?",
        "the plant that stands between the door and the desk",
        "my uncle works in a bank.",
        "how far is the tv from the couch?",
        "who painted the mona lisa?",
        "is there a bicycle in this room?",
        "do you like classical composers?",
    ]
    assert not set(texts) & set(OTHERS.read_text(encoding="utf-8").splitlines())
    best = [max(rank_by_sentence_encoder(text, household_activities())) for text in texts]
    assert sum(rank < 0.08 for rank in best) >= 6


def test_an_activity_that_the_room_has_things_for_comes_before_a_likelier_one() -> None:
    chosen = [a for a in household_activities() if a.name in ("main_light", "brighten_room")]
    ranks = {"main_light": 0.6, "brighten_room": 0.4}
    plan = Planner(kitchen(), activities=chosen, rank=lambda _, all_: [ranks[a.name] for a in all_]).plan("more light")
    assert plan.valid
    ranks["brighten_room"] = 0.05  # not likely enough to be what is meant
    plan = Planner(kitchen(), activities=chosen, rank=lambda _, all_: [ranks[a.name] for a in all_]).plan("more light")
    assert plan.unresolved


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- {name: a, goal: ['on({cup})'], objects: {mug: [cup]}}", "objects has no 'cup'"),
        ("- {name: a, goal: ['cup on table'], objects: {}}", "write it as"),
        ("- {goal: []}", "name, goal and objects are needed"),
        ("3", "a list of activities"),
        ("[", "cannot be read as YAML"),
    ],
)
def test_a_wrong_table_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message):
        load_activities(path)
