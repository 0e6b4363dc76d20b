from dataclasses import replace

import pytest
import torch

from scene3d.model.findings import by_mentions, finding, lead, told_things, which
from scene3d.model.notes import Found, Mention, SceneWords, note
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
    text = note(scene, seen, first=lead(asks, finding(scene, seen)))
    assert text.startswith(f"{asks} {answer} | found" if answer else "found")


def test_what_is_not_there_has_no_colour_and_a_wrong_claim_does_not_hold():
    scene, nothing = a_desk_corner(), found(LAMP, absent=0.9)
    assert [finding(scene, replace(nothing, asks=a)) for a in ("exists", "holds", "count", "colour", "where")] == [
        "no", "no", "0", "", "",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("asks", "named", "answer"),
    [
        ("larger", (1, 0), 0),
        ("smaller", (1, 0), 1),
        ("taller", (2, 1), 2),
        ("closer", (2, 0, 1), 0),
        ("farther", (0, 2, 1), 2),
    ],
)
def test_of_two_things_geometry_tells_which(asks, named, answer):
    anchor = torch.zeros(3, 4)
    anchor[0, list(named[:2])] = anchor[1, list(named[:2])] = 0.5  # both slots speak of both
    anchor[2, named[2] if len(named) > 2 else 3] = 1
    seen = replace(found(LAMP), anchor=anchor, asks=asks)
    assert which(a_desk_corner(), seen) == answer
    assert finding(a_desk_corner(), seen) == a_desk_corner().words[answer]


def told(share, asks, *texts):
    mentions = tuple(Mention(text=text, share=torch.tensor(row)) for text, row in zip(texts, share, strict=True))
    return replace(found(LAMP), asks=asks, mentions=mentions, anchor=torch.eye(4)[[3, 3, 3]])


@pytest.mark.parametrize(
    ("asks", "share", "texts", "answer"),
    [
        ("larger", [[0.9, 0.0, 0.1], [0.0, 0.8, 0.2]], ("old desk", "light"), "old desk"),
        ("smaller", [[0.9, 0.0, 0.1], [0.0, 0.8, 0.2]], ("old desk", "light"), "light"),
        ("taller", [[0.9, 0.1, 0.0], [0.8, 0.0, 0.2]], ("desk", "seat"), "seat"),  # they cannot both be the desk
        ("closer", [[0.8, 0.2, 0.0], [0.0, 0.1, 0.9], [0.1, 0.9, 0.0]], ("desk", "seat", "light"), "desk"),
        ("farther", [[0.8, 0.2, 0.0], [0.0, 0.1, 0.9], [0.1, 0.9, 0.0]], ("desk", "seat", "light"), "seat"),
        ("distance", [[0.0, 1.0, 0.0], [0.1, 0.0, 0.9]], ("light", "seat"), "about 1 meter"),
        ("side", [[0.0, 1.0, 0.0], [0.9, 0.0, 0.1]], ("light", "desk"), "right"),
    ],
)
def test_things_are_known_by_their_own_words_and_called_by_them(asks, share, texts, answer):
    scene = a_desk_corner()
    seen = by_mentions(scene, told(share, asks, *texts))
    assert finding(scene, seen) == answer
    assert note(scene, seen).startswith("found 1: ")


@pytest.mark.parametrize(("absent", "missing", "text"), [(0.97, "bicycle", "found none"), (0.9, "", "found 1")])
def test_what_is_surely_not_there_is_not_measured(absent, missing, text):
    scene, seen = a_desk_corner(), told([[0.0, 1.0, 0.0], [0.1, 0.0, 0.9]], "distance", "light", "bicycle")
    lost = replace(seen.mentions[1], absent=absent)
    seen = by_mentions(scene, replace(seen, mentions=(seen.mentions[0], lost)))
    assert seen.missing == missing
    assert bool(finding(scene, seen)) == (not missing)
    assert note(scene, seen).startswith(text)
    assert (" | by " in note(scene, seen)) == (not missing)


def test_a_question_that_names_too_few_things_is_left_as_it_is():
    scene, seen = a_desk_corner(), told([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]], "closer", "desk", "light")
    assert by_mentions(scene, seen) is seen
    assert by_mentions(scene, replace(seen, asks="colour")).asks == "colour"


def test_a_thing_is_described_by_what_is_sure_and_a_room_by_what_fills_it():
    scene = a_desk_corner()
    assert finding(scene, replace(found(LAMP), asks="describe")) == "black lamp; on the table"
    assert finding(scene, replace(found([0.1, 0.1, 0.9]), asks="describe")) == "chair"
    scene.seen.score[:] = torch.tensor([0.9, 0.9, 0.1])
    seen = replace(found(LAMP), asks="describe room", room="office")
    assert finding(scene, seen) == "office: 1 table, 1 lamp; table against the wall; lamp on the table"
    assert note(scene, seen, first=lead("describe room", finding(scene, seen))).endswith("lamp on the table")


def test_what_a_description_names_is_what_its_note_was_made_of():
    scene = a_desk_corner()
    scene.seen.score[:] = torch.tensor([0.9, 0.9, 0.1])
    assert told_things(scene, replace(found(LAMP), asks="describe")) == [("lamp", [1]), ("table", [0])]
    assert told_things(scene, replace(found(LAMP), asks="describe room")) == [("table", [0]), ("lamp", [1])]
    assert told_things(scene, replace(found(LAMP), asks="colour")) == []


def test_between_too_few_things_nothing_is_to_choose():
    scene = SceneWords(some_referents(1), KINDS)
    alone = Found(target=torch.ones(1), absent=0.0, anchor=torch.full((3, 2), 0.5), candidate=torch.ones(1))
    assert which(scene, replace(alone, asks="larger")) is None
    assert finding(scene, replace(alone, asks="larger")) == scene.words[0]


def test_a_distance_is_never_that_to_itself():
    scene = a_desk_corner()
    doubtful = found(LAMP, anchor=1)  # the lamp is both ends
    doubtful.anchor[0, 2] = 0.1
    assert finding(scene, replace(doubtful, asks="distance")) == "about 1 meter"


def test_the_kind_of_room_needs_no_object():
    nothing = torch.zeros(0)
    seen = Found(target=nothing, absent=1.0, anchor=torch.zeros(1, 1), candidate=nothing, asks="room", room="kitchen")
    assert finding(SceneWords(some_referents(0), KINDS), seen) == "kitchen"
