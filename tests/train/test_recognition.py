from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from scene3d.config import load_config
from scene3d.labels import class_list
from scene3d.model.detector import Detector
from scene3d.model.grounder import RECOGNITION_WEIGHTS, Grounder
from scene3d.model.paint import paint
from scene3d.model.recognition import Recognition, RecognitionConfig
from scene3d.train.data import find_samples, load_sample
from scene3d.train.detector import DetectorTraining
from scene3d.train.recognition import RecognitionTraining, examples_of, learn_look, train_recognition, varied
from tests.train.interruption import whole_and_parts

FEW = RecognitionTraining(
    recognition=RecognitionConfig(pixels=32, width=0.25, hidden=32),
    photographs=False,
    steps=120,
    learning_rate=3e-3,
    things=12,
    look_steps=30,
    seed=1,
)


@pytest.fixture
def model(tmp_path: Path) -> str:
    names = tuple(name for _, name in class_list("scannet200").things())
    config = replace(load_config(DetectorTraining, "detector/tiny").model, classes=names)
    Grounder(Detector.from_config(config), config).save_pretrained(tmp_path / "model")
    return str(tmp_path / "model")


def test_things_are_learnt(model: str, scenes: Path, tmp_path: Path) -> None:
    grounder = Grounder.from_pretrained(train_recognition(FEW, model, scenes, tmp_path / "out"))
    assert grounder.recognition is not None
    examples = examples_of(find_samples(scenes), grounder.detector_config.classes)
    with torch.no_grad():
        best = grounder.recognition([example.seen for example in examples]).argmax(1)
    right = best == torch.tensor([example.label for example in examples])
    assert len({example.label for example in examples}) > 3
    assert float(right.float().mean()) > 0.6


def test_colours_and_materials_are_learnt(model: str, scenes: Path) -> None:
    examples, rgb = [], torch.tensor([[0.8, 0.1, 0.1], [0.1, 0.1, 0.8], [0.1, 0.7, 0.1]])
    for i, one in enumerate(examples_of(find_samples(scenes), Grounder.from_pretrained(model).detector_config.classes)):
        tall = float(one.seen.xyz_m[one.seen.inside, 2].max()) > 0.9
        (painted,) = paint(torch.ones(1, 9, dtype=torch.bool), rgb[i % 3].expand(9, 3))
        examples.append(replace(one, painted=painted, colour=i % 3, material=5 * tall if i % 4 else -1))
    recognition = Recognition(FEW.recognition, 3).eval()
    learn_look(recognition, examples, replace(FEW, look_steps=300, look_things=64))
    with torch.no_grad():
        feature = recognition.features([one.seen for one in examples])
        painted = torch.stack([one.painted for one in examples if one.painted is not None])
        logit = recognition.look(torch.cat([feature, recognition.head(feature).softmax(1), painted], dim=1))
    assert logit[:, :12].argmax(1).tolist() == [one.colour for one in examples]
    material = torch.tensor([one.material for one in examples])
    right = (logit[:, 12:].argmax(1) == material)[material >= 0].float().mean()
    assert 0.2 < float((material == 5).float().mean()) < 0.8
    assert float(right) > 0.9


def test_things_without_colour_teach_classes_alone(model: str, scenes: Path) -> None:
    config = replace(FEW, look_steps=5)
    examples = examples_of(find_samples(scenes), Grounder.from_pretrained(model).detector_config.classes)
    recognition = Recognition(config.recognition, 3).eval()
    before = {name: value.clone() for name, value in recognition.state_dict().items()}
    assert not learn_look(recognition, [replace(example, painted=None) for example in examples], config)
    assert not learn_look(recognition, [replace(example, colour=-1, material=-1) for example in examples], config)
    assert all(torch.equal(value, before[name]) for name, value in recognition.state_dict().items())
    assert learn_look(recognition, [examples[0]], config)
    assert all(value.isfinite().all() for value in recognition.state_dict().values())
    assert learn_look(recognition, examples, config)
    changed = {name for name, value in recognition.state_dict().items() if not torch.equal(value, before[name])}
    assert "look.2.weight" in changed
    assert all(name.startswith("look.") for name in changed)


def test_examples_are_the_things_of_the_rooms(model: str, scenes: Path) -> None:
    classes = Grounder.from_pretrained(model).detector_config.classes
    (path, *_) = find_samples(scenes)
    sample = load_sample(path, classes)
    examples = examples_of([path], classes)
    assert sorted(example.label for example in examples) == sorted(sample.label.tolist())
    assert sorted(example.colour for example in examples) == sorted(sample.colour.tolist())
    assert sorted(example.material for example in examples) == sorted(sample.material.tolist())
    assert all(example.painted is not None for example in examples)
    assert all(len(example.superpoint) == len(example.seen.inside) for example in examples)


def test_a_varied_thing_is_still_there(model: str, scenes: Path) -> None:
    (example, *_) = examples_of(find_samples(scenes), Grounder.from_pretrained(model).detector_config.classes)
    seen, counts = example.seen, set()
    for seed in range(30):
        torch.manual_seed(seed)
        view = varied(example, FEW)
        counts.add(len(view.xyz_m))
        assert view.inside.any()
        assert len(view.channels) == len(view.inside) == len(view.xyz_m) <= len(seen.xyz_m)
        assert view.channels[:, :3].abs().max() <= 1
        length = view.channels[:, 4:7].norm(dim=1)
        assert ((length < 1e-6) | ((length - 1).abs() < 1e-4)).all()
        height = view.xyz_m[:, 2].amax() / seen.xyz_m[:, 2].amax()
        assert 0.7 < float(height) < 1.3
        torch.manual_seed(seed)
        assert torch.equal(varied(example, FEW).xyz_m, view.xyz_m)
    assert len(counts) > 20


def test_an_interrupted_training_ends_where_an_uninterrupted_one_does(model: str, scenes: Path, tmp_path: Path) -> None:
    config = replace(FEW, steps=6)
    whole, parts = whole_and_parts(lambda out: train_recognition(config, model, scenes, out, save_every=3), tmp_path)
    one, other = load_file(whole / RECOGNITION_WEIGHTS), load_file(parts / RECOGNITION_WEIGHTS)
    assert all(torch.equal(one[name], other[name]) for name in one)
