from dataclasses import replace
from pathlib import Path

import pytest
import torch

from scene3d import resources
from scene3d.config import load_config
from scene3d.errors import InputError
from scene3d.model.detector import Detector
from scene3d.model.grounder import Grounder, GrounderConfig
from scene3d.model.proposals import ReadingRules, propose
from scene3d.model.recognition import Recognition, RecognitionConfig
from scene3d.model.scan import coarser
from scene3d.train.detector import DetectorTraining
from scene3d.train.proposed import propose_sample, proposed_rooms
from tests.train.rooms import toy_sample


@pytest.fixture
def plain() -> Grounder:
    """Trained on nothing; proposes all it can."""
    config = replace(load_config(DetectorTraining, "detector/tiny").model, classes=tuple("abcde"))
    torch.manual_seed(0)
    rules = ReadingRules(foreground=0.0, score=0.0)
    return Grounder(Detector.from_config(config).eval(), config, config=GrounderConfig(rules=rules))


def seeing(plain: Grounder, point_m: float) -> Grounder:
    small = RecognitionConfig(point_m=point_m, pixels=32, width=0.25, hidden=16)
    config = replace(plain.config, recognition=small)
    return Grounder(plain.detector, plain.detector_config, config=config, recognition=Recognition(small, 5).eval())


def test_things_are_what_both_looks_take_them_for(plain: Grounder) -> None:
    sample = toy_sample(0)
    once, owner = propose_sample(plain, sample)
    twice, owner_twice = propose_sample(seeing(plain, 0.04), sample)
    assert len(once.id) == len(twice.id) > 1
    assert not torch.allclose(once.kind, twice.kind)
    assert torch.equal(twice.score, twice.score.sort(descending=True).values)
    row = [int((once.embedding == one).all(1).nonzero()[0]) for one in twice.embedding]
    assert sorted(row) == list(range(len(row))) != row
    assert torch.equal(owner_twice, owner[row])
    assert not torch.allclose(once.look[row], twice.look)


@torch.no_grad()
def test_the_detector_sees_fine_files_on_its_own_lattice(plain: Grounder) -> None:
    sample = replace(toy_sample(0), point_m=0.02)
    moved = replace(sample, scan=replace(sample.scan, xyz_m=sample.scan.xyz_m / 2))
    scan = coarser(moved.scan, point_m=plain.detector_config.point_m)
    assert len(scan.xyz_m) < len(moved.scan.xyz_m)
    found = propose(plain.detector, plain.detector.encode([scan])[0], plain.config.rules)
    seen, _ = propose_sample(plain, moved)
    torch.testing.assert_close(seen.embedding, found.feature)


def test_files_too_coarse_for_recognition_are_refused(
    plain: Grounder, scenes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resources, "cache_dir", lambda: tmp_path)
    rooms = proposed_rooms(plain, scenes)
    assert all(torch.equal(a.seen.kind, b.seen.kind) for a, b in zip(rooms, proposed_rooms(plain, scenes), strict=True))
    with pytest.raises(InputError, match=r"0\.npz: points 0\.04 m apart.*--point 0\.02"):
        proposed_rooms(seeing(plain, 0.02), scenes)
    looked = proposed_rooms(seeing(plain, 0.04), scenes)
    assert not any(torch.equal(a.seen.kind, b.seen.kind) for a, b in zip(rooms, looked, strict=True))
