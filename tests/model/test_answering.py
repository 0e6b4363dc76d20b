"""Answering about referents, whatever branch they come from: many, none, in any order, seen in one picture."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from scene3d.errors import InputError
from scene3d.model.answering import Answering, take_referents
from scene3d.model.encoding import Encoding
from scene3d.model.grounder import GrounderConfig
from scene3d.model.naming import Naming, NamingConfig
from scene3d.model.notes import Found
from scene3d.model.question import Question
from scene3d.model.readings import Readings, ReadingsConfig
from scene3d.model.referents import referents
from scene3d.model.relations import RelationScorer, ScorerConfig
from scene3d.model.writing import WritingRules
from scene3d.synth.camera import Camera, look
from scene3d.synth.render import Light, RoomCaster
from scene3d.types import GroundedText, Referents
from tests.model.language_parts import KINDS, some_referents, tiny_language
from tests.synth.box_room import OBJECTS, box_room

ASKED = ["Where is the lamp?", "List the chairs.", "Is there a table next to the door, or is it a couch?"]


@pytest.fixture(scope="module")
def grounder() -> Any:
    """Random parts of every kind but the detector: what is said makes no sense, how it is made does."""
    torch.manual_seed(1)
    scorer = RelationScorer(
        ScorerConfig(feature_width=8, kinds=len(KINDS), width=32, heads=2), torch.randn(len(KINDS), 384)
    )
    language = tiny_language()
    with torch.no_grad():
        language.mark_bias.add_(torch.tensor([30.0, 0.0, 30.0]))  # phrases are opened and closed often
    return SimpleNamespace(
        scorer=scorer.eval(),
        readings=Readings(ReadingsConfig(kinds=len(KINDS))).eval(),
        naming=Naming(NamingConfig()).eval(),
        language=language,
        config=GrounderConfig(link_threshold=0.2),
        detector_config=SimpleNamespace(classes=KINDS),
    )


def answers(grounder: Any, seen: Referents, texts: list[str]) -> list[GroundedText]:
    return Answering(grounder, seen).answer([Question(text=text) for text in texts], WritingRules(longest=20))


def linked(answer: GroundedText) -> list[dict[int, float]]:
    """Objects of each phrase with their probabilities."""
    return [{link.id: link.probability for link in phrase.objects} for phrase in answer.phrases]


def same(one: GroundedText, other: GroundedText) -> None:
    assert one.text == other.text
    for phrase, again in zip(linked(one), linked(other), strict=True):
        assert phrase == pytest.approx(again, abs=1e-4)


def test_questions_asked_together_are_answered_as_alone(grounder: Any) -> None:
    seen = some_referents(9)
    together = answers(grounder, seen, ASKED)
    for text, one in zip(ASKED, together, strict=True):
        same(one, answers(grounder, seen, [text])[0])
    assert any(objects for answer in together for objects in linked(answer))


def test_the_order_of_referents_makes_no_difference(grounder: Any) -> None:
    seen = some_referents(7)
    turned = take_referents(seen, [3, 0, 6, 2, 5, 1, 4])
    for one, other in zip(answers(grounder, seen, ASKED), answers(grounder, turned, ASKED), strict=True):
        same(one, other)


def test_three_hundred_objects(grounder: Any) -> None:
    seen = some_referents(300)
    for answer in answers(grounder, seen, ASKED):
        assert all(0 <= i < 300 for phrase in linked(answer) for i in phrase)


def test_a_scene_without_objects(grounder: Any) -> None:
    answering = Answering(grounder, some_referents(0))
    answer = answering.answer([Question(text=ASKED[0])])[0]
    assert not any(linked(answer))
    found = answering.ground([Question(text="the lamp")])[0]
    assert found.phrases[0].objects == ()
    assert found.phrases[0].absent_probability > 0.9


def test_things_that_are_compared_are_looked_for_by_their_own_words(grounder: Any) -> None:
    text, words = "which is larger, the lamp or this object?", ("the lamp", "this object")
    spans = [(text.index(word), text.index(word) + len(word)) for word in words]
    readings = SimpleNamespace(
        asked=lambda token, present: ["larger"],
        mentions=lambda token, present, letters: [spans],
        room_logit=grounder.readings.room_logit,
    )
    answering = Answering(SimpleNamespace(**vars(grounder) | {"readings": readings}), some_referents(6))  # pyright: ignore[reportArgumentType]
    question = Question(text=text.replace("this object", "<ref>"), select=(4,))
    found = answering.read([question])[1][0]
    alone = answering.scores([Question(text="the lamp"), Question(text="<ref>", select=(4,))]).target.softmax(1)
    assert [mention.text for mention in found.mentions] == ["lamp", "this object"]
    for mention, share in zip(found.mentions, alone, strict=True):
        torch.testing.assert_close(mention.share, share)
    assert sorted(found.anchor[:2].argmax(1).tolist()) == sorted(found.told_by())
    assert found.target.tolist().count(1.0) == 1


@pytest.mark.parametrize(
    ("text", "each", "asks"),
    [
        ("Is there a chair? What colour is it?", ["exists", "colour"], "colour"),
        ("What colour is it? Thanks a lot.", ["colour", ""], "colour"),
        ("I sit here. I see you.", ["", ""], ""),
        ("What colour is it?", ["colour"], ""),  # read as a whole already
    ],
)
def test_of_several_sentences_the_last_that_asks_counts(grounder: Any, text: str, each: list[str], asks: str) -> None:
    replies = iter([[""], each])
    readings = SimpleNamespace(asked=lambda token, present: next(replies), room_logit=grounder.readings.room_logit)
    answering = Answering(SimpleNamespace(**vars(grounder) | {"readings": readings}), some_referents(4))  # pyright: ignore[reportArgumentType]
    assert answering.read([Question(text=text)])[1][0].asks == asks


def test_links_that_do_not_hear_the_scorer_differ(grounder: Any) -> None:
    answering = Answering(grounder, some_referents(9))
    asked = [Question(text=text) for text in ASKED]
    heard = answering.answer(asked, WritingRules(longest=20))
    answering.hears_scorer = False
    deaf = answering.answer(asked, WritingRules(longest=20))
    assert [answer.text for answer in heard] == [answer.text for answer in deaf]
    assert [linked(answer) for answer in heard] != [linked(answer) for answer in deaf]


def test_a_phrase_links_what_the_note_told_under_its_name(grounder: Any) -> None:
    answering = Answering(grounder, some_referents(4))
    things = [("chair", [0, 2]), ("office chair", [1])]
    told = {
        phrase: answering._phrase(links, "", phrase)
        for phrase in ("two chairs", "an office chair")
        if (links := answering._as_told(phrase, things)) is not None
    }
    assert sorted(link.id for link in told["an office chair"].objects) == [answering.seen.id[1]]
    assert {link.id for link in told["two chairs"].objects} <= {answering.seen.id[0], answering.seen.id[2]}
    for link in told["an office chair"].objects:
        assert link.probability == pytest.approx(float(answering.seen.score[1]), abs=1e-4)
    assert answering._as_told("the lamp", things) is None
    assert answering._as_told("two shelves", [("shelf", [0, 2])]) is not None


def test_a_number_links_as_many_as_were_counted(grounder: Any) -> None:
    answering = Answering(grounder, some_referents(4))
    found = Found(
        target=torch.tensor([0.9, 0.1, 0.6, 0.7]), absent=0.0, anchor=torch.zeros(3, 5), candidate=torch.zeros(4),
        asks="count",
    )  # fmt: skip
    links = answering._as_counted(" Three chairs", found)
    assert links is not None
    (told,) = linked(GroundedText(text="", phrases=(answering._phrase(links, "", "Three chairs"),)))
    expected = {answering.seen.id[row]: float(found.target[row]) for row in (0, 3, 2)}
    assert told == pytest.approx(expected, abs=1e-4)
    assert answering._as_counted("two chairs", found) is None
    assert answering._as_counted("three chairs", replace(found, asks="where")) is None
    assert answering._as_counted("zero chairs", replace(found, absent=0.9)) is None


def test_a_description_that_must_name_something_names_the_likeliest(grounder: Any) -> None:
    answering = Answering(grounder, some_referents(5))
    asked = [Question(text=text) for text in ("the lamp", "a bicycle made of cheese", "zzz")]
    likeliest = answering.scores(asked).target.argmax(1).tolist()
    free, forced = answering.ground(asked), answering.ground(asked, always=True)
    assert [phrase.objects[0].id for answer in forced for phrase in answer.phrases] == likeliest
    for one, other in zip(free, forced, strict=True):
        assert one.phrases[0].absent_probability == other.phrases[0].absent_probability
        assert one == other or not one.phrases[0].objects


@pytest.mark.parametrize("text", ["Where is the lamp? " * 210, "x" * 4000, "say <p>the lamp<ref></p> or </p><ref>"])
def test_long_texts_and_texts_that_look_like_markup(grounder: Any, text: str) -> None:
    answer = answers(grounder, some_referents(5), [text])[0]
    assert not any(mark in answer.text for mark in ("<p>", "</p>", "<ref>"))
    assert all(0 <= phrase.start < phrase.end <= len(answer.text) for phrase in answer.phrases)


def test_a_selected_object_that_is_not_there_is_refused(grounder: Any) -> None:
    with pytest.raises(InputError, match=r"object 9 .* objects 0 … 4"):
        Answering(grounder, some_referents(5)).answer([Question(text="Describe <ref>.", select=(9,))])


def test_masks_of_one_picture_are_referents_too(grounder: Any) -> None:
    """The way of images: pixels are the points, masks the proposals; the rest is the same code."""
    room, camera = box_room(), Camera(width=80, height=60)
    caster = RoomCaster(room, light=Light.random(room, np.random.default_rng(0)))
    pose = look(np.array([0.4, 2.9, 1.6]), yaw_rad=-0.75, pitch_rad=-0.35)
    picture = caster.picture(camera, pose)
    shown = np.where(picture.surface >= 0, caster.object_of_surface[picture.surface], -1).reshape(-1)
    xyz_m = camera.unproject(picture.depth_m).reshape(-1, 3) @ pose[:3, :3].T + pose[:3, 3]
    ids = [i for i in np.unique(shown).tolist() if i >= 0]
    assert len(ids) >= 2
    mask = torch.from_numpy(np.stack([shown == i for i in ids]))
    points = torch.from_numpy(xyz_m).float()
    count = len(ids)
    encoding = Encoding(
        superpoint=torch.arange(len(points)),  # every pixel for itself
        mask=mask,
        score=torch.full((count,), 0.9),
        feature=torch.randn(count, 8),
        class_logit=torch.randn(count, len(KINDS) + 1),
        front=torch.nn.functional.normalize(torch.randn(count, 2), dim=1),
        facing_logit=torch.zeros(count),
        colour_logit=torch.randn(count, 12),
        material_logit=torch.randn(count, 10),
    )
    seen = referents(encoding, mask, points, torch.tensor([0.0, 0.0, 1.0]).expand(len(points), 3))
    for row, i in enumerate(ids):
        low, high = np.array(list(OBJECTS.values())[[o.id for o in room.objects].index(i)])
        extent = seen.place[row, 3:6].numpy()
        assert (extent <= high - low + 0.05).all()  # what the picture shows of it, and no more
    answer = Answering(grounder, seen).answer([Question(text="Describe <ref>.", select=(0,))])[0]
    assert all(0 <= i < count for phrase in linked(answer) for i in phrase)
    renamed = replace(seen, id=tuple(ids))  # ids are the caller's
    assert Answering(grounder, renamed).answer([Question(text=ASKED[0])])[0].text
