from dataclasses import replace

import pytest
import torch

from scene3d.model.findings import finding
from scene3d.model.notes import Found, SceneWords, note
from tests.model.language_parts import KINDS, some_referents
from tests.model.test_notes import a_desk_corner, found

LAMP = [0.1, 0.9, 0.2]


@pytest.mark.parametrize(
    ("asks", "target", "anchor", "answer"),
    [
        ("exists", LAMP, None, "yes"),
        ("count", [0.9, 0.9, 0.1], None, "2"),
        ("colour", [0.9, 0.1, 0.1], None, "brown"),
        ("material", [0.9, 0.1, 0.1], None, "wood"),
        ("name", LAMP, None, "lamp"),
        ("which", LAMP, None, "black lamp"),
        ("where", LAMP, None, "on the table"),
        ("where", [0.9, 0.1, 0.1], None, "against the wall"),
        ("where", [0.1, 0.1, 0.9], None, "in the middle of the room"),
        ("side", LAMP, 0, "right"),
        ("distance", LAMP, 2, "about 1 meter"),
        ("", LAMP, None, ""),
    ],
)
def test_what_a_question_is_after_is_said_first(asks, target, anchor, answer):
    scene, seen = a_desk_corner(), replace(found(target, anchor=anchor), asks=asks)
    assert finding(scene, seen) == answer
    text = note(scene, seen, finding=finding(scene, seen))
    assert text.startswith(f"{asks} {answer} | found" if answer else "found")


def test_what_is_not_there_has_no_colour_and_a_wrong_claim_does_not_hold():
    scene, nothing = a_desk_corner(), found(LAMP, absent=0.9)
    assert [finding(scene, replace(nothing, asks=a)) for a in ("exists", "holds", "count", "colour", "where")] == [
        "no", "no", "0", "", "",
    ]  # fmt: skip


def test_what_is_told_by_nothing_has_no_side_and_no_distance():
    scene = a_desk_corner()
    assert finding(scene, replace(found(LAMP), asks="side")) == ""
    assert finding(scene, replace(found(LAMP, anchor=1), asks="distance")) == ""  # to itself


def test_the_kind_of_room_needs_no_object():
    nothing = torch.zeros(0)
    seen = Found(target=nothing, absent=1.0, anchor=torch.zeros(1, 1), candidate=nothing, asks="room", room="kitchen")
    assert finding(SceneWords(some_referents(0), KINDS), seen) == "kitchen"
