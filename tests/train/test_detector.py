import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from scene3d.config import load_config
from scene3d.errors import ConfigError, InputError
from scene3d.evaluate import InstanceAP, InstancePrediction
from scene3d.labels import class_list
from scene3d.model.detector import Detector
from scene3d.model.proposals import ReadingRules, propose
from scene3d.model.weights import load_detector
from scene3d.train.augment import AugmentConfig
from scene3d.train.data import SampleStream, TrainingSample, find_samples, load_sample
from scene3d.train.detector import DetectorLoss, DetectorTraining, train_detector
from tests.train.rooms import toy_sample

CLASSES = ("a", "b", "c", "d")


def tiny(**changes: object) -> DetectorTraining:
    config = load_config(DetectorTraining, "detector/tiny")
    model = dataclasses.replace(config.model, classes=CLASSES)
    return dataclasses.replace(config, model=model, **changes)  # type: ignore[arg-type]


@pytest.mark.slow
@pytest.mark.parametrize(("matching", "ways"), [("own", ("queries", "clusters")), ("hungarian", ("queries",))])
def test_learns_one_scene_by_heart(matching: str, ways: tuple[str, ...]) -> None:
    config, sample = tiny(matching=matching), toy_sample(0)
    torch.manual_seed(0)
    detector = Detector.from_config(config.model)
    loss = DetectorLoss(detector, config)
    optimizer = torch.optim.AdamW(detector.parameters(), lr=4e-3)
    for step in range(150):
        losses = loss([sample], step)
        optimizer.zero_grad()
        losses["loss"].backward()
        optimizer.step()
    detector.eval()
    for proposals in ways:
        assert class_agnostic_ap50(detector, sample, ReadingRules(proposals=proposals)) > 0.9, proposals


def class_agnostic_ap50(detector: Detector, sample: TrainingSample, rules: ReadingRules) -> float:
    with torch.no_grad():
        found = propose(detector, detector.encode([sample.scan])[0], rules)
    score = InstanceAP(classes="scannet200", min_region=10, class_agnostic=True)
    chair = class_list("scannet200").id_of("chair")
    truth = torch.where(sample.instance >= 0, chair * 1000 + sample.instance + 1, 0)
    score.add(
        InstancePrediction(
            mask=found.mask[:, sample.scan.superpoint].numpy(),
            label=np.full(len(found.score), chair),
            score=found.score.numpy(),
        ),
        truth.numpy(),
    )
    return score.result()["ap50"]


def test_an_interrupted_training_ends_where_an_uninterrupted_one_does(scenes: Path, tmp_path: Path) -> None:
    config = tiny(steps=4, augment=AugmentConfig(max_points=4000))
    whole = train_detector(config, scenes, tmp_path / "whole", save_every=2)
    with pytest.MonkeyPatch.context() as patch:
        batches = SampleStream.batches
        patch.setattr(SampleStream, "batches", lambda self, a, b, workers: batches(self, a, 2, workers=workers))
        train_detector(config, scenes, tmp_path / "parts", save_every=2)
    parts = train_detector(config, scenes, tmp_path / "parts", save_every=2)
    one, other = (load_file(folder / "detector.safetensors") for folder in (whole, parts))
    assert one.keys() == other.keys()
    for name, value in one.items():
        assert torch.equal(value, other[name]), name
    lines = [json.loads(line) for line in (tmp_path / "whole" / "log.jsonl").read_text().splitlines()]
    assert all("loss" in line for line in lines)


def test_another_configuration_does_not_go_on_with_a_checkpoint(scenes: Path, tmp_path: Path) -> None:
    train_detector(tiny(steps=1), scenes, tmp_path, save_every=1)
    with pytest.raises(ConfigError, match="written with steps = 1, now 2"):
        train_detector(tiny(steps=2), scenes, tmp_path, save_every=1)


def test_weights_read_back_give_the_same_answer(scenes: Path, tmp_path: Path) -> None:
    folder = train_detector(tiny(steps=1), scenes, tmp_path, save_every=1)
    sample = toy_sample(0)
    with torch.no_grad():
        one, other = (load_detector(folder)[0].encode([sample.scan])[0].class_logit for _ in range(2))
    assert torch.equal(one, other)


def test_what_comes_at_a_step_depends_on_the_step_alone(scenes: Path) -> None:
    stream = SampleStream(find_samples(scenes), CLASSES, AugmentConfig(), point_m=0.0, seed=3, batch=2)
    run = dict(stream.batches(0, 3, workers=0))
    late = dict(stream.batches(2, 3, workers=0))
    assert torch.equal(run[2][1].scan.xyz_m, late[2][1].scan.xyz_m)
    assert not torch.equal(run[1][0].scan.xyz_m[:100], run[2][0].scan.xyz_m[:100])


def test_finer_files_are_thinned_to_the_detectors_lattice(scenes: Path) -> None:
    (path, *_) = find_samples(scenes)
    fine, coarse = (load_sample(path, CLASSES, point_m) for point_m in (0.0, 0.12))
    assert fine.point_m == 0.04
    assert coarse.point_m == 0.12
    cell = torch.floor(fine.scan.xyz_m / 0.12).long()
    cells, of = torch.unique(cell, dim=0, return_inverse=True)
    assert len(coarse.scan.xyz_m) == len(cells) < len(fine.scan.xyz_m) / 4
    assert torch.equal(torch.unique(torch.floor(coarse.scan.xyz_m / 0.12).long(), dim=0), cells)
    for row in (0, len(cells) // 2, len(cells) - 1):  # an object of the cell's own points, by most of them
        place = torch.floor(fine.scan.xyz_m[of == row].mean(0) / 0.12).long()
        (mine,) = torch.nonzero((torch.floor(coarse.scan.xyz_m / 0.12).long() == place).all(1))[:, 0].tolist()
        votes = torch.bincount(fine.instance[of == row] + 2)
        assert votes[coarse.instance[mine] + 2] == votes.max()
    assert torch.equal(load_sample(path, CLASSES, 0.03).scan.xyz_m, fine.scan.xyz_m)


def test_an_empty_folder_says_how_to_fill_it(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="scene3d synth --out"):
        train_detector(tiny(), tmp_path, tmp_path / "out")


def test_nonsense_is_refused_before_the_training_starts() -> None:
    with pytest.raises(ConfigError, match="neither own nor hungarian"):
        tiny(matching="greedy")
