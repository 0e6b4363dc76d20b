from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from scene3d.config import load_config
from scene3d.errors import ConfigError
from scene3d.model.detector import Detector
from scene3d.model.grounder import SCORER_WEIGHTS, Grounder
from scene3d.model.naming import NAMES, Naming, NamingConfig
from scene3d.model.relations import ScorerConfig
from scene3d.model.text import text_encoder
from scene3d.synth import load_training_scene
from scene3d.synth.language.words import all_labels
from scene3d.train import relations
from scene3d.train.detector import DetectorTraining
from scene3d.train.proposed import ProposedRoom
from scene3d.train.relations import AskedStream, RelationTraining, train_relations
from tests.model.language_parts import some_referents
from tests.train.interruption import whole_and_parts

CLASSES = tuple(all_labels()[:5])
SCORER = ScorerConfig(feature_width=8, kinds=len(CLASSES), width=32, heads=2)
FEW = RelationTraining(scorer=SCORER, steps=4, rooms=1, sentences=12, pool=20, told=0.5, seed=2)


@pytest.fixture
def model(tmp_path: Path, scenes: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """With a naming that takes every word for what is sought; every true object is proposed, each once."""
    config = replace(load_config(DetectorTraining, "detector/tiny").model, classes=CLASSES)
    naming = Naming(NamingConfig())
    with torch.no_grad():
        assert naming.name.bias is not None
        naming.name.bias.copy_(torch.tensor([0.0, 20.0, 0.0, 0.0, 0.0]))
    Grounder(Detector.from_config(config), config, naming=naming).save_pretrained(tmp_path / "model")

    def rooms(*_: object, **__: object) -> list[ProposedRoom]:
        found = []
        for path in sorted(scenes.glob("*.npz")):
            things = [thing for thing in load_training_scene(path).objects if thing.seen]
            seen = replace(some_referents(len(things)), kind=torch.rand(len(things), len(CLASSES)).softmax(1))
            found.append(ProposedRoom(path=path, seen=seen, owner=torch.tensor([thing.id for thing in things])))
        return found

    monkeypatch.setattr(relations, "proposed_rooms", rooms)
    return str(tmp_path / "model")


def test_an_interrupted_training_ends_where_an_uninterrupted_one_does(model: str, scenes: Path, tmp_path: Path) -> None:
    whole, parts = whole_and_parts(lambda out: train_relations(FEW, model, scenes, out, save_every=2), tmp_path)
    one, other = load_file(whole / SCORER_WEIGHTS), load_file(parts / SCORER_WEIGHTS)
    assert all(torch.equal(one[name], other[name]) for name in one)
    opened = Grounder.from_pretrained(str(whole))
    assert opened.naming is not None
    assert opened.scorer is not None
    assert opened.scorer.config == SCORER


def test_kinds_of_relations_come_as_often_as_is_asked(model: str, scenes: Path, tmp_path: Path) -> None:
    rooms = relations.proposed_rooms(None, scenes)  # type: ignore[arg-type]
    counts = []
    for number in (0, 30):
        stream = AskedStream(rooms, text_encoder(), replace(FEW, each=0, each_of={"unique": number}))
        next(stream.at(0))
        ((_, exchanges, _, _),) = stream.pools.values()
        counts.append(sum(exchange.sample.family == "unique" for exchange in exchanges))
    assert counts[1] > counts[0] + 20
    with pytest.raises(ConfigError, match=r"each_of: no kind of relation 'nearst'; there are: unique, colour"):
        train_relations(replace(FEW, each_of={"nearst": 3}), model, scenes, tmp_path / "out")


def test_a_share_of_the_sentences_comes_with_its_names(model: str, scenes: Path) -> None:
    naming, rooms = Grounder.from_pretrained(model).naming, relations.proposed_rooms(None, scenes)  # type: ignore[arg-type]
    for share, expected in ((0.0, {0}), (1.0, {NAMES})):
        stream = AskedStream(rooms, text_encoder(), replace(FEW, told=share), naming)
        _, asked, named = next(stream.at(0))
        assert {len(own) for own in named} == expected
        assert len(named) == len(asked.target)
    assert any(own[0] for own in named)
    assert not any(own[1] for own in named)
    token, present = stream.encode([own[0] for own in named if own[0]][:2])
    assert token.shape[:2] == present.shape
    assert present[:, 0].all()
