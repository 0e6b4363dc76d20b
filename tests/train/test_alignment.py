import random
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from scene3d.config import load_config
from scene3d.model.detector import Detector
from scene3d.model.grounder import ALIGNMENT_WEIGHTS, Grounder
from scene3d.model.text import text_encoder
from scene3d.synth import load_training_scene
from scene3d.train import alignment
from scene3d.train.alignment import AlignmentTraining, train_alignment
from scene3d.train.detector import DetectorTraining
from scene3d.train.phrases import Wording, fits
from scene3d.train.proposed import ProposedRoom
from tests.model.language_parts import some_referents
from tests.train.interruption import whole_and_parts

FEW = {"scenes": 2, "phrases": 16, "foreign": 8, "seed": 3}


@pytest.fixture
def model(tmp_path: Path, scenes: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A detector that has learnt nothing, whose proposals are the true objects, each with a feature of its own."""
    config = load_config(DetectorTraining, "detector/tiny").model
    Grounder(Detector.from_config(config), config).save_pretrained(tmp_path / "model")
    labels = sorted({thing.label for path in scenes.glob("*.npz") for thing in load_training_scene(path).objects})
    of_label = torch.randn(len(labels), config.width, generator=torch.Generator().manual_seed(1))

    def rooms(*_: object, **__: object) -> list[ProposedRoom]:
        found = []
        for path in sorted(scenes.glob("*.npz")):
            things = [thing for thing in load_training_scene(path).objects if thing.seen]
            feature = of_label[[labels.index(thing.label) for thing in things]]
            seen = replace(some_referents(len(things)), embedding=feature)
            found.append(ProposedRoom(path=path, seen=seen, owner=torch.tensor([thing.id for thing in things])))
        return found

    monkeypatch.setattr(alignment, "proposed_rooms", rooms)
    return str(tmp_path / "model")


def test_names_find_their_objects(model: str, scenes: Path, tmp_path: Path) -> None:
    out = train_alignment(AlignmentTraining(steps=150, **FEW), model, scenes, tmp_path / "out")
    head = Grounder.from_pretrained(str(out)).alignment
    assert head is not None
    for room in alignment.proposed_rooms(None, scenes):  # type: ignore[arg-type]
        labels = [thing.label for thing in load_training_scene(room.path).objects if thing.seen]
        asked = sorted(set(labels))
        with torch.no_grad():
            text = head.embed_text(text_encoder().encode(asked))
            best = head.logits(head.embed_queries(room.seen.embedding), text).argmax(0).tolist()
        assert [labels[i] for i in best] == asked


def test_an_interrupted_training_ends_where_an_uninterrupted_one_does(model: str, scenes: Path, tmp_path: Path) -> None:
    config = AlignmentTraining(steps=6, **FEW)
    whole, parts = whole_and_parts(lambda out: train_alignment(config, model, scenes, out, save_every=3), tmp_path)
    one, other = (load_file(folder / ALIGNMENT_WEIGHTS) for folder in (whole, parts))
    assert one.keys() == other.keys()
    for name, value in one.items():
        # Not to the bit: phrases are encoded in other batches, padded to another length.
        torch.testing.assert_close(other[name].float(), value.float(), atol=1e-3, rtol=1e-2)


def test_what_nobody_told_of_an_object_is_neither_true_nor_false() -> None:
    told = Wording(names=("chair",), adjectives=("brown", "wooden", "large"))
    untold = Wording(names=("chair",), adjectives=("large",), untold=("colour", "material"))
    assert fits("the red chair", told) is False
    assert fits("a large wooden chair", told) is True
    for phrase in ("the red chair", "large wooden chairs", "a plastic chair"):
        assert fits(phrase, untold) is None
    assert fits("a large chair", untold) is True
    assert fits("the red small chair", untold) is False
    assert fits("the red table", untold) is False


def test_pairs_that_nobody_told_about_leave_the_loss_alone() -> None:
    wordings = [Wording(names=("chair",), adjectives=(), untold=("colour", "material"))]
    scene = alignment.SpokenScene(
        feature=torch.randn(2, 8), kind=torch.ones(2, 3) / 3, owner=[0, -1], wordings=wordings
    )
    other = alignment.SpokenScene(
        feature=torch.randn(1, 8),
        kind=torch.ones(1, 3) / 3,
        owner=[0],
        wordings=[Wording(names=("chair",), adjectives=("red",))],
    )
    phrases, truth = alignment._spoken(scene, other, 4, 40, random.Random(0))
    red = torch.tensor(["red" in phrase for phrase in phrases])
    assert red.any()
    assert torch.equal(truth[0].isnan(), red)
    assert (truth[0, ~red] == 1).all()
    assert (truth[1] == 0).all()
