from __future__ import annotations

import functools
import re
from typing import get_args

import pytest

from scene3d.errors import InputError
from scene3d.synth.language import LanguageSample, RoomFacts, Task, families, speak
from scene3d.synth.language.conditions import PREDICATES
from scene3d.synth.language.phrasing import SHORT_ANSWER, keys, ways_of
from scene3d.synth.language.ranks import RANKS, WAYS
from scene3d.synth.language.words import MATERIAL_WORDS, all_labels, words_of
from scene3d.synth.names import names_of
from tests.synth.language.furnished import furnished_room

FACTS = [RoomFacts(furnished_room(seed)) for seed in range(20, 26)]
_MARKUP = re.compile(r"(?:^|(?<=[^ <>]))<p>(?: |(?=[A-Z]))[^<>]+<ref></p>")


@functools.cache
def _spoken(*, heldout: bool = False) -> tuple[LanguageSample, ...]:
    return tuple(s for i, facts in enumerate(FACTS) for s in speak(facts, seed=i, count=50, heldout=heldout, noise=0.0))


def _of_task(task: Task, *, heldout: bool = False) -> list[LanguageSample]:
    return [sample for sample in _spoken(heldout=heldout) if sample.task == task]


def test_equal_seeds_say_the_same_and_others_do_not() -> None:
    room = furnished_room(1)
    kept = RoomFacts(room)
    first = speak(kept, seed=5, count=30)
    assert first == speak(room, seed=5, count=30) == speak(kept, seed=5, count=30)
    assert first != speak(room, seed=6, count=30)


@pytest.mark.parametrize("heldout", [False, True])
def test_markup_is_well_formed_and_counts_agree(heldout: bool) -> None:
    for sample in _spoken(heldout=heldout):
        for turn in sample.turns:
            assert turn.user.count("<ref>") == len(turn.selected)
            assert "<p>" not in turn.user
            assert turn.answer.count("<ref>") == len(turn.links)
            assert len(_MARKUP.findall(turn.answer)) == len(turn.links), turn.answer
            assert not re.search(r"[{}\[\]]|  ", turn.user + turn.answer), turn
            assert all(turn.links), "a phrase in an answer names something"


def test_all_tasks_and_families_come_up() -> None:
    found = {(s.task, s.family) for s in _spoken()}
    for task in get_args(Task):
        offered = {(task, family) for family in families(task)}
        assert {pair for pair in found if pair[0] == task} <= offered
        assert len(found & offered) > (8 if task == "plan" else 0.6 * len(offered))


def test_a_single_target_is_linked_and_among_the_candidates() -> None:
    for sample in _of_task("grounding"):
        (turn,) = sample.turns
        assert turn.links == ((turn.targets,) if turn.targets else ())
        assert set(turn.targets) <= set(turn.candidates)


@pytest.mark.parametrize("heldout", [False, True])
def test_what_is_named_stands_in_the_sentence_with_a_name_for_every_anchor(heldout: bool) -> None:
    named = 0
    for task in ("grounding", "multi_grounding", "qa"):
        for sample in _of_task(task, heldout=heldout):
            (turn,) = sample.turns
            if turn.named:
                assert all(name in turn.user.lower() for name in turn.named), turn
                assert len(turn.named) - 1 == len(turn.anchors) or sample.family == "zero_anchor", turn
                named += len(turn.named) > 1
    assert named > 30


def test_how_targets_are_singled_out_is_told_of_every_sentence_that_points() -> None:
    told = set()
    for task in ("grounding", "multi_grounding"):
        for sample in _of_task(task):
            (turn,) = sample.turns
            assert turn.told is not None
            if task == "grounding" and sample.family in (*PREDICATES, *RANKS):
                assert len(turn.told) == 1
                assert turn.told[0].split()[0] == sample.template.split("/")[0]
            told.update(turn.told)
    assert told <= {*WAYS, "colour", "material"}
    assert len(told) > 20
    assert all(turn.told is None for sample in _of_task("qa") for turn in sample.turns)


def test_training_never_uses_what_is_held_out() -> None:
    for sample in _spoken():
        assert not re.search(r"/h\d", sample.template)


def test_testing_uses_held_out_phrasings_only() -> None:
    for sample in _of_task("grounding", heldout=True):
        assert re.match(r"\w+/h\d", sample.template)


def test_held_out_names_are_never_said_in_training_and_often_in_testing() -> None:
    usual = {
        f" {word} " for label in all_labels() for word in (*names_of(label).train, *words_of(label, heldout=False))
    }
    kept = {word for label in all_labels() for word in names_of(label).heldout if word}
    kept = {w for w in kept if not any(f" {w.removesuffix('s')} " in u or f" {w} " in u for u in usual)}
    kept = {w for w in kept if w.split()[0] not in MATERIAL_WORDS.values()}
    pattern = re.compile(rf"\b(?:{'|'.join(sorted(map(re.escape, kept), key=len, reverse=True))})\b")
    for sample in _spoken():
        for turn in sample.turns:
            assert not pattern.search(turn.user.lower()), turn.user
            assert not pattern.search(turn.answer.lower()), turn.answer
    tested = [turn.user.lower() for sample in _spoken(heldout=True) for turn in sample.turns]
    assert sum(bool(pattern.search(text)) for text in tested) > 0.1 * len(tested)


def test_tables_hold_no_held_out_name() -> None:
    """Phrasings are seen in training whatever the room holds, so the words of the tables are checked themselves."""
    usual = [f" {word} " for label in all_labels() for word in names_of(label).train]
    kept = {w for label in all_labels() for w in names_of(label).heldout if w and not any(f" {w} " in u for u in usual)}
    said = [text for key in keys() for text in ways_of(key, heldout=False)]
    pattern = re.compile(rf"\b(?:{'|'.join(map(re.escape, kept))})\b")
    assert [text for text in said if pattern.search(text)] == []


def test_a_fifth_of_the_phrasings_is_held_out_and_none_is_in_both() -> None:
    for key in keys():
        train, kept = ways_of(key, heldout=False), ways_of(key, heldout=True)
        assert not set(train) & set(kept), key
        assert len(set(kept)) == len(kept), key
        asks = kept and not key.startswith("said_")
        assert not asks or (len(set(train)) >= 8 and len(kept) >= 2), key


def test_each_family_of_grounding_is_said_in_eight_ways() -> None:
    keys_said = {s.template.split("/")[0] for s in _of_task("grounding")}
    assert all(len(ways_of(key, heldout=False)) >= 8 and len(ways_of(key, heldout=True)) >= 2 for key in keys_said)


def test_a_wish_for_a_short_answer_gets_the_bare_reply() -> None:
    kinds = set()
    for sample in _of_task("qa"):
        (turn,) = sample.turns
        short = turn.user.endswith(SHORT_ANSWER)
        kinds.add(short)
        assert turn.reply
        assert (turn.answer == turn.reply) == short
    assert kinds == {True, False}


def test_an_unknown_family_is_refused() -> None:
    with pytest.raises(InputError, match="no family 'rhyme' of task 'qa'"):
        speak(FACTS[0], seed=0, count=1, task="qa", family="rhyme")
    with pytest.raises(InputError, match="no family 'near' of task None"):
        speak(FACTS[0], seed=0, count=1, family="near")


def test_a_room_where_nothing_is_seen_leaves_nothing_to_say() -> None:
    room = furnished_room(3)
    room.objects = ()
    assert speak(room, seed=0, count=5) == []
