import dataclasses

import pytest
import torch

from scene3d.model.geometry_features import pair_features, placed_measures
from scene3d.model.relations import Hints, RelationScorer, ScorerConfig, evidence
from tests.model.language_parts import KINDS, some_referents

CONFIG = ScorerConfig(feature_width=8, kinds=len(KINDS), text_width=16, width=32, heads=2)


def scorer():
    torch.manual_seed(0)
    return RelationScorer(CONFIG, torch.randn(len(KINDS), 16)).eval()


def sentences(count, *, length=6, seed=1):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, length, 16, generator=generator), torch.ones(count, length, dtype=torch.bool)


def test_the_order_of_objects_makes_no_difference():
    seen, (token, present) = some_referents(6), sentences(3)
    turn = torch.tensor([4, 1, 5, 0, 2, 3])
    turned = dataclasses.replace(
        seen, **{f: getattr(seen, f)[turn] for f in ("embedding", "kind", "look", "place", "score")}
    )
    with torch.no_grad():
        one = scorer()(token, present, seen, torch.zeros(3, 6, 2))
        other = scorer()(token, present, turned, torch.zeros(3, 6, 2))
    torch.testing.assert_close(one.target[:, turn], other.target, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(one.absent, other.absent, atol=1e-4, rtol=1e-4)


def test_padding_changes_nothing():
    seen, (token, present) = some_referents(5), sentences(2)
    padded = torch.cat([token, torch.randn(2, 3, 16)], dim=1)
    there = torch.cat([present, torch.zeros(2, 3, dtype=torch.bool)], dim=1)
    with torch.no_grad():
        one = scorer()(token, present, seen, torch.zeros(2, 5, 2))
        other = scorer()(padded, there, seen, torch.zeros(2, 5, 2))
    torch.testing.assert_close(one.target, other.target, atol=1e-4, rtol=1e-4)


def test_one_object_is_enough():
    token, present = sentences(2)
    with torch.no_grad():
        scores = scorer()(token, present, some_referents(1), torch.zeros(2, 1, 2))
    assert scores.target.shape == (2, 1)
    assert scores.anchor.shape == (2, 3, 2)
    assert torch.isfinite(scores.absent).all()


def test_sentences_of_known_ways_are_at_times_judged_by_these_alone():
    model = RelationScorer(dataclasses.replace(CONFIG, reading_dropout=1.0))
    torch.nn.init.normal_(model.from_way.weight)
    slot = torch.randn(2, 6, 32)
    hints = Hints(
        given=torch.zeros(2, dtype=torch.bool),
        anchor=torch.zeros(2, 3, 5),
        candidate=torch.zeros(2, 5),
        way_known=torch.tensor([True, False]),
    )
    way, reading = model._reading(slot, hints)
    by_way = model.from_way(way.sigmoid())
    torch.testing.assert_close(reading, torch.stack([by_way[0], by_way[1] + slot[1].flatten()]))
    torch.testing.assert_close(model._reading(slot, None)[1], by_way + slot.flatten(1))


def test_nearest_is_learnt_from_pairs_of_objects():
    """A sentence that asks for what is nearest to the object it points at: learnt in seconds, far above chance."""
    torch.manual_seed(0)
    model = RelationScorer(CONFIG, torch.randn(len(KINDS), 16))
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    hits = []
    for step in range(160):
        seen = some_referents(8, seed=step)
        anchor = torch.arange(8)
        gap = pair_features(seen)[:, :, 4] + 99 * torch.eye(8)
        nearest = gap[:, anchor].argmin(0)
        token, present = sentences(8, seed=5)
        selected = torch.zeros(8, 8, 2)
        selected[anchor, anchor, 0] = 4.0
        scores = model(token[:1].expand(8, -1, -1), present, seen, selected)
        loss = torch.nn.functional.cross_entropy(scores.target, nearest)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        hits.append(float((scores.target.argmax(1) == nearest).float().mean()))
    assert sum(hits[-20:]) / 20 > 0.5


def test_pairs_know_who_stands_on_whom():
    seen = some_referents(2)
    seen.place[0, :6] = torch.tensor([0.0, 0.0, 0.4, 1.0, 1.0, 0.8])  # a table
    seen.place[1, :6] = torch.tensor([0.1, 0.0, 0.9, 0.2, 0.2, 0.2])  # a cup on it
    pair = pair_features(seen)
    assert pair[1, 0, 8] == pytest.approx(0.0, abs=1e-6)  # its bottom is at the table's top
    assert pair[1, 0, 10] == pytest.approx(1.0, abs=1e-6)  # all of it is above the table
    assert pair[0, 1, 10] == pytest.approx(0.04, abs=1e-6)


def test_between_and_aside_are_measured_from_one_anchor_to_the_other():
    seen = some_referents(3)
    seen.place[:, :3] = torch.tensor([[0.0, 0.0, 0.0], [4.0, 0.0, 0.0], [2.0, -1.0, 0.0]])
    weight = torch.zeros(1, 3, 3)
    weight[0, 0, 0] = weight[0, 1, 1] = 1.0
    aside, along, angle, off, uneven = placed_measures(seen, weight)[0, 2, -5:].tolist()
    assert (aside, along, off, uneven) == pytest.approx((1.0, 2.0, 1.0, 0.0), abs=1e-5)  # right of the way, half-way
    assert angle == pytest.approx(-0.4636, abs=1e-4)


def test_evidence_is_bounded():
    wild = torch.full((1, 2), 1e6)
    seen = evidence(wild, torch.tensor([[[1e6, 0.0, 0.0]]]), -wild)
    assert seen.shape == (1, 2, 3)
    assert seen.abs().max() <= 2


def test_names_alone_are_what_the_whole_says_of_names():
    (token, present), seen = sentences(3), some_referents(5)
    with torch.no_grad():
        whole = scorer()(token, present, seen, torch.zeros(3, 5, 2)).candidate
        torch.testing.assert_close(scorer().named(token, present, seen), whole)


def test_words_for_a_class_are_likely_of_its_objects_and_of_no_others():
    torch.manual_seed(0)
    names = torch.nn.functional.normalize(torch.randn(len(KINDS), 16), dim=1)
    model, kind = RelationScorer(CONFIG, names), torch.eye(len(KINDS))
    with torch.no_grad():
        model.log_sharpness.fill_(4.0)
        same = model.of_class(names, kind)
        mixed = model.of_class(names, kind.flip(0) * 0.25 + kind * 0.75)
    assert torch.equal(same.argmax(1), torch.arange(len(KINDS)))
    torch.testing.assert_close(same.sum(1), torch.ones(len(KINDS)))
    torch.testing.assert_close(mixed, 0.75 * same + 0.25 * same.flip(1))
