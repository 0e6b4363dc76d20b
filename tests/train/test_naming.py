import random
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from scene3d.config import load_config
from scene3d.errors import InputError
from scene3d.model.detector import Detector
from scene3d.model.grounder import NAMING_WEIGHTS, Grounder
from scene3d.model.naming import NamingConfig
from scene3d.model.question import Question
from scene3d.model.text import text_encoder
from scene3d.synth import load_training_scene
from scene3d.synth.language import speak
from scene3d.train.detector import DetectorTraining
from scene3d.train.naming import NamingTraining, located, train_naming, with_strange_names
from tests.train.interruption import whole_and_parts

FEW = NamingTraining(steps=90, rooms=4, sentences=160, strange=1, written=0, read=32, learning_rate=3e-3, seed=3)


@pytest.fixture
def model(tmp_path: Path) -> str:
    config = load_config(DetectorTraining, "detector/tiny").model
    Grounder(Detector.from_config(config), config).save_pretrained(tmp_path / "model")
    return str(tmp_path / "model")


def test_names_are_found_longest_first_and_whole() -> None:
    assert located("The table near the coffee table", ("table", "the coffee table")) == [[(4, 9)], [(15, 31)]]
    assert located("two chairs", ("chair",)) is None
    assert located("what is on the bed?", ("", "the bed")) == [[], [(11, 18)]]
    assert located("hello", ()) == []


def test_strange_names_stand_where_the_names_stood() -> None:
    told = "On the desk there is a lamp. The lamp is red", [[(23, 27), (33, 37)], [(3, 11)]]
    text, (lamps, desks) = with_strange_names(*told, ["quartz", "violin"], random.Random(1))
    desk, lamp, same = (text[start:end] for start, end in (*desks, *lamps))
    assert lamp == same
    assert text == f"On {desk} there is a {lamp}. The {lamp} is red"
    assert desk.startswith("the ")
    assert set(f"{desk} {lamp}".split()) <= {"the", "quartz", "violin"}
    assert with_strange_names("what a mess", [[], []], ["quartz"], random.Random(1)) == ("what a mess", [[], []])


def test_names_are_learnt(model: str, scenes: Path, tmp_path: Path) -> None:
    naming = Grounder.from_pretrained(str(train_naming(FEW, model, scenes, tmp_path / "out"))).naming
    assert naming is not None
    right = []
    for path in sorted(scenes.glob("*.npz")):
        for sample in speak(load_training_scene(path), seed=8, count=30, task="grounding", noise=0):
            turn = sample.turns[0]
            if turn.selected or not turn.named:
                continue
            (found,) = naming.named([Question(text=turn.user)], text_encoder())
            right.append([name.lower() for name in found[: len(turn.named)]] == list(turn.named))
    assert len(right) > 20
    assert sum(right) > 0.5 * len(right)


def test_an_interrupted_training_ends_where_an_uninterrupted_one_does(model: str, scenes: Path, tmp_path: Path) -> None:
    narrow = NamingConfig(rank=2)
    config = NamingTraining(naming=narrow, steps=6, rooms=2, sentences=10, strange=1, written=1, read=8)
    whole, parts = whole_and_parts(lambda out: train_naming(config, model, scenes, out, save_every=3), tmp_path)
    one, other = load_file(whole / NAMING_WEIGHTS), load_file(parts / NAMING_WEIGHTS)
    assert all(torch.equal(one[name], other[name]) for name in one)
    opened = Grounder.from_pretrained(str(whole)).naming
    assert opened is not None
    assert opened.config == narrow


def test_a_folder_without_rooms_is_refused(model: str, tmp_path: Path) -> None:
    with pytest.raises(InputError):
        train_naming(FEW, model, tmp_path, tmp_path / "out")
