import random
from dataclasses import replace

import torch

from scene3d.model.geometry_features import pair_features
from scene3d.synth.language import LanguageSample
from scene3d.synth.language.ranks import WAYS
from scene3d.train.proposed import NOBODY, UNCLEAR, ProposedRoom
from scene3d.train.relations import Scores, asked_of, hints_of, relation_losses, varied
from tests.model.language_parts import some_referents
from tests.train.test_exchanges import exchanges_of, turn


def a_room(tmp_path):
    """Objects 7 and 9 were proposed, 9 twice; object 8 was not."""
    return ProposedRoom(path=tmp_path, seen=some_referents(5), owner=torch.tensor([7, 9, NOBODY, 9, UNCLEAR]))


def asked(room, *turns):
    exchanges = [
        exchange
        for one in turns
        for exchange in exchanges_of(LanguageSample(task="grounding", family="f", template="t", turns=(one,)))
    ]
    return asked_of(exchanges, [torch.zeros(3, 16).half()] * len(exchanges), room)


def with_targets(*targets):
    base = turn("x", "y", ())
    return [type(base)(user="x", selected=(), answer="y", links=(), targets=t, candidates=t) for t in targets]


def test_targets_are_the_proposals_of_the_true_objects(tmp_path):
    questions = asked(a_room(tmp_path), *with_targets((9,), (7, 8), (8,), ()))
    assert questions.target.tolist() == [[0, 1, 0, 1, 0], [1, 0, 0, 0, 0], [0] * 5, [0] * 5]


def test_no_sentences_are_no_rows(tmp_path):
    nothing = asked_of([], [], a_room(tmp_path))
    assert nothing.target.shape == (0, 5)
    assert nothing.present.shape[0] == 0


def test_hints_are_given_only_where_all_that_is_spoken_of_was_proposed(tmp_path):
    questions = asked(a_room(tmp_path), *with_targets((9,), (8,), ()))
    hints = hints_of(questions, 1.0)
    assert hints.given.tolist() == [True, False, False]
    assert not hints_of(questions, 0.0).given.any()


def test_an_object_that_was_missed_is_never_an_absent_one(tmp_path):
    questions = asked(a_room(tmp_path), *with_targets((9,), (8,), ()))
    assert questions.judged.tolist() == [True, False, True]


def test_how_a_sentence_singles_out_is_learnt_where_it_is_known(tmp_path):
    one, other, nothing = with_targets((7,), (9,), (7,))
    told = replace(one, told=("near", "colour", "largest")), replace(other, told=()), nothing
    questions = asked(a_room(tmp_path), *told)
    assert [[WAYS[i] for i in row.nonzero().flatten()] for row in questions.way] == [["near", "largest"], [], []]
    assert questions.way_known.tolist() == [True, True, False]


def test_right_scores_cost_less_than_wrong_ones(tmp_path):
    one, nothing = with_targets((7,), ())
    questions = asked(a_room(tmp_path), replace(one, told=("near",)), nothing)

    def scores(sign):
        return Scores(
            target=sign * (questions.target * 20 - 10),
            absent=sign * torch.tensor([-10.0, 10.0]),
            candidate=sign * (questions.candidate * 20 - 10),
            anchor=sign * torch.tensor([0.0, 0, 0, 0, 0, 10.0]).expand(2, 3, 6),
            picked=sign * (questions.target * 20 - 20),
            way=sign * (questions.way * 20 - 10),
        )

    right, wrong = (sum(relation_losses(scores(s), questions).values()) for s in (1.0, -1.0))
    assert right < 0.02
    assert wrong > 10


def test_turning_the_axes_leaves_distances_and_sides_alone():
    seen = some_referents(6)
    before = pair_features(seen)
    turned = [varied(seen, random.Random(seed)) for seed in range(8)]
    for other in turned:
        after = pair_features(other)
        assert (after[:, :, 3:5] - before[:, :, 3:5]).abs().max() < 0.35  # distances, boxes a little off
        assert (after[:, :, 13:15] - before[:, :, 13:15]).abs().max() < 0.5  # left and ahead
    assert len({float(t.place[0, 0].round(decimals=1)) for t in turned}) > 1
