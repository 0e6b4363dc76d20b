from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from scene3d.config import load_config
from scene3d.model.detector import Detector
from scene3d.model.grounder import READINGS_WEIGHTS, Grounder
from scene3d.model.readings import ReadingsConfig
from scene3d.model.text import text_encoder
from scene3d.synth import load_training_scene
from scene3d.synth.language import speak
from scene3d.train import readings
from scene3d.train.detector import DetectorTraining
from scene3d.train.proposed import ProposedRoom
from scene3d.train.readings import ReadingsTraining, train_readings
from tests.model.language_parts import some_referents
from tests.train.interruption import whole_and_parts

FEW = ReadingsTraining(steps=120, sentences=40, seed=3)


@pytest.fixture
def model(tmp_path: Path, scenes: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A detector that sees every object."""
    config = load_config(DetectorTraining, "detector/tiny").model
    Grounder(Detector.from_config(config), config).save_pretrained(tmp_path / "model")

    def rooms(*_: object, **__: object) -> list[ProposedRoom]:
        found = []
        for path in sorted(scenes.glob("*.npz")):
            things = [thing for thing in load_training_scene(path).objects if thing.seen]
            seen = replace(some_referents(len(things)), kind=torch.rand(len(things), 198))
            owner = torch.tensor([thing.id for thing in things])
            found.append(ProposedRoom(path=path, seen=seen, owner=owner))
        return found

    monkeypatch.setattr(readings, "proposed_rooms", rooms)
    return str(tmp_path / "model")


def test_questions_are_learnt(model: str, scenes: Path, tmp_path: Path) -> None:
    out = train_readings(FEW, model, scenes, tmp_path / "out")
    learnt = Grounder.from_pretrained(str(out)).readings
    assert learnt is not None
    asked = ["how many chairs are in the room?", "which room is this?"]
    assert learnt.asked(*text_encoder().tokens(asked)) == ["count", "room"]


def test_mentions_are_learnt(model: str, scenes: Path, tmp_path: Path) -> None:
    config = replace(FEW, steps=300)
    learnt = Grounder.from_pretrained(str(train_readings(config, model, scenes, tmp_path / "out"))).readings
    assert learnt is not None
    encoder, right = text_encoder(), []
    for path in sorted(scenes.glob("*.npz")):
        for sample in speak(load_training_scene(path), seed=8, count=40, task="qa", family="distance", noise=0):
            text, mentions = sample.turns[0].user, list(sample.turns[0].mentions)
            (found,) = learnt.mentions(*encoder.tokens([text]), encoder.spans([text]))
            right.append([text[start:end].lower() for start, end in found] == mentions)
    assert len(right) > 10
    assert sum(right) > 0.6 * len(right)


def test_an_interrupted_training_ends_where_an_uninterrupted_one_does(model: str, scenes: Path, tmp_path: Path) -> None:
    config = replace(FEW, readings=ReadingsConfig(width=16), steps=6)
    whole, parts = whole_and_parts(lambda out: train_readings(config, model, scenes, out, save_every=3), tmp_path)
    one, other = load_file(whole / READINGS_WEIGHTS), load_file(parts / READINGS_WEIGHTS)
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert Grounder.from_pretrained(str(whole)).config.readings.width == 16
