import pytest

from scene3d.errors import InputError
from scene3d.planner.domain import Domain
from scene3d.planner.steps import read_steps, written_step
from tests.planner.kitchen import say


@pytest.mark.parametrize(
    ("sentence", "action", "args"),
    [
        ("Turn on [the lamp|2].", "switch_on", {"object": 2}),
        ("turn [the lamp|2] on", "switch_on", {"object": 2}),
        ("Please switch off [the lamp|2]", "switch_off", {"object": 2}),
        ("Walk over to [the table|0].", "goto", {"object": 0}),
        ("Pick up [the cup|1] from [the table|0].", "pick_up", {"object": 1}),
        ("Take [the cup|1].", "pick_up", {"object": 1}),
        ("Put [the cup|1] on [the table|0].", "put_on", {"object": 1, "place": 0}),
        ("Place [the cup|1] in [the box|3].", "put_in", {"object": 1, "place": 3}),
        ("Put [the cup|1] into [the box|3].", "put_in", {"object": 1, "place": 3}),
        ("Open [the box|3] carefully.", "open", {"object": 3}),
        ("Shut [the door|3].", "close", {"object": 3}),
        ("Wipe down [the table|0].", "clean", {"object": 0}),
        ("Move [the chair|4] next to [the table|0].", "move", {"object": 4, "place": 0}),
        ("Push [the chair|4] under [the table|0].", "push", {"object": 4, "place": 0}),
        ("Move to [the table|0].", "goto", {"object": 0}),
    ],
)
def test_a_sentence_becomes_an_action(sentence: str, action: str, args: dict[str, int]) -> None:
    reading = read_steps(say(f"step 1. {sentence}"), Domain.load())
    assert not reading.violations
    (step,) = reading.steps
    assert (step.action, step.args) == (action, args)


@pytest.mark.parametrize(
    "text",
    [
        "step 1. Pick up [the cup|1]. step 2. Put it on [the table|0].",
        "Step 1: Pick up [the cup|1]. Step 2: Put it on [the table|0].",
        "1. Pick up [the cup|1].\n2. Put it on [the table|0].",
        "1) Pick up [the cup|1]. 2) Put [the cup|1] on [the table|0].",
        "Pick up [the cup|1]. Put it on [the table|0].",
    ],
)
def test_every_way_of_numbering_is_read(text: str) -> None:
    reading = read_steps(say(text), Domain.load())
    assert [(s.action, s.args) for s in reading.steps] == [
        ("pick_up", {"object": 1}),
        ("put_on", {"object": 1, "place": 0}),
    ]
    for step in reading.steps:
        for phrase in step.phrases:
            assert step.text[phrase.start : phrase.end] in ("the cup", "the table")


def test_an_unknown_verb_is_rejected_by_name() -> None:
    reading = read_steps(say("step 1. Defenestrate [the cup|1]."), Domain.load())
    assert not reading.steps
    assert "'defenestrate'" in reading.violations[0].reason
    assert "pick_up" in reading.violations[0].reason


def test_a_phrase_without_an_object_is_unresolved() -> None:
    reading = read_steps(say("step 1. Turn on [the kettle|]."), Domain.load())
    assert reading.unresolved == ("the kettle",)
    assert not reading.steps


def test_confidence_is_that_of_the_least_sure_link() -> None:
    (step,) = read_steps(say("1. Put [the cup|1] on [the table|0]."), Domain.load()).steps
    assert step.confidence == 0.8


@pytest.mark.parametrize("step", [{"args": {}}, {"action": 3}, {"action": "open", "args": {"object": "4"}}])
def test_steps_of_a_wrong_form_are_refused(step: dict[str, object]) -> None:
    with pytest.raises(InputError, match="step 7: "):
        written_step(step, number=7)
