from __future__ import annotations

import re

import pytest

from scene3d.synth.language import RoomFacts, load_activities, speak
from scene3d.synth.language.words import held_out_names, words_of
from tests.synth.language.furnished import furnished_room

_ACTIONS = ("Turn on", "Turn off", "Open", "Close", "Pick up", "Put", "Go to", "Clean", "Move")
_PREDICATES = {"on", "inside", "beside", "near", "holding", "opened", "switched_on", "cleaned"}
ROOMS = [furnished_room(seed) for seed in range(6)]


def test_there_are_sixty_activities_asked_in_many_ways() -> None:
    activities = load_activities()
    assert len({a.name for a in activities}) == len(activities) >= 60
    asked = [text for a in activities for text in (*a.phrasings, *a.heldout)]
    assert len(set(asked)) == len(asked)
    assert all(len(a.phrasings) >= 8 and len(a.heldout) >= 5 for a in activities)


def test_training_says_eight_phrasings_of_each_activity_and_none_with_a_held_out_name() -> None:
    for activity in load_activities():
        trained = [text for text in activity.phrasings if not held_out_names().search(text)]
        assert len(trained) >= 8, activity.name


def test_held_out_names_are_known_by_heart() -> None:
    assert held_out_names().search("put it on the couch")
    assert held_out_names().search("the fridge is open")
    assert not held_out_names().search("put it in the chest of drawers by the sofa")


def test_steps_are_actions_and_goals_are_facts() -> None:
    for activity in load_activities():
        assert all(step.startswith(_ACTIONS) and step.endswith(".") for step in activity.steps)
        for fact in activity.goal:
            match = re.fullmatch(r"(?:not )?(\w+)\(([^()]+)\)", fact)
            assert match is not None, fact
            assert match.group(1) in _PREDICATES
            assert {role.strip("{} ") for role in match.group(2).split(",")} <= set(activity.objects)
        assert all(words_of(label, heldout=False) for labels in activity.objects.values() for label in labels[:1])


@pytest.mark.parametrize("heldout", [False, True])
def test_every_object_of_a_plan_fits_its_role(heldout: bool) -> None:
    table = {a.name: a for a in load_activities()}
    planned = 0
    for room in ROOMS:
        things = {o.id: o for o in room.objects}
        for sample in speak(RoomFacts(room), seed=4, count=40, task="plan", heldout=heldout, noise=0.0):
            (turn,) = sample.turns
            if sample.family == "impossible":
                assert turn.links == turn.targets == ()
                continue
            activity = table[sample.family]
            assert turn.user.lower() in (activity.heldout if heldout else activity.phrasings)
            roles = re.findall(r"\{(\w+)\}", " ".join(activity.steps))
            for role, (object_id,) in zip(roles, turn.links, strict=True):
                assert things[object_id].label in activity.objects[role]
            assert turn.answer.count("step ") == len(activity.steps)
            planned += 1
    assert planned > 100


def test_what_is_impossible_lacks_an_object() -> None:
    table = {a.name: a for a in load_activities()}
    found = 0
    for room in ROOMS:
        labels = {o.label for o in room.objects}
        for sample in speak(RoomFacts(room), seed=4, count=20, task="plan", family="impossible"):
            activity = table[sample.template.split("/")[0]]
            assert any(not set(fit) & labels for fit in activity.objects.values())
            found += 1
    assert found > 50


def test_a_thing_is_not_carried_to_where_it_is() -> None:
    for room in ROOMS:
        things = {o.id: o for o in room.objects}
        for sample in speak(RoomFacts(room), seed=2, count=25, task="plan"):
            ids = sample.turns[0].targets
            assert not any(things[i].support_id in ids for i in ids)
