import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from scene3d import resources
from scene3d.config import load_config
from scene3d.errors import InputError
from scene3d.io import load_scene
from scene3d.model.alignment import AlignmentHead
from scene3d.model.detector import Detector
from scene3d.model.grounder import Grounder, GrounderConfig
from scene3d.model.outputs import STRAY, file_boxes, file_masks, owners, write_proposals
from scene3d.model.picture import draw_proposals
from scene3d.model.proposals import ReadingRules
from scene3d.model.relations import RelationScorer, ScorerConfig
from scene3d.model.session import take
from scene3d.train.detector import DetectorTraining
from scene3d.types import Scene
from tests.train.rooms import toy_sample


@pytest.fixture
def grounder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Grounder:
    """An untrained model that takes everything for an object."""
    monkeypatch.setenv("SCENE3D_CACHE", str(tmp_path / "cache"))
    config = dataclasses.replace(load_config(DetectorTraining, "detector/tiny").model, classes=("a", "b"))
    torch.manual_seed(0)
    head = AlignmentHead(config.width, text_width=384, width=128)
    rules = ReadingRules(foreground=0.0, score=0.0)
    return Grounder(Detector.from_config(config), config, head, GrounderConfig(rules=rules))


def make_scene(**changes: object) -> Scene:
    scan = toy_sample(0).scan
    assert scan.rgb is not None
    scene = Scene(
        name="toy",
        xyz_m=scan.xyz_m,
        rgb=(scan.rgb * 255).byte(),
        normal=scan.normal,
        file_from_scene=torch.eye(4, dtype=torch.float64),
    )
    return dataclasses.replace(scene, **changes)  # type: ignore[arg-type]


def test_objects_cover_points_and_boxes_enclose_nearly_all(grounder: Grounder) -> None:
    session = grounder.encode(make_scene())
    found = session.segment()
    assert len(found.score) > 0
    assert found.mask.any(1).all()
    assert (found.score[:-1] >= found.score[1:]).all()
    for mask, box in zip(found.mask, found.box, strict=True):
        inside = session.scene.xyz_m[mask]
        low, high = box[:3], box[3:]
        assert (low >= inside.amin(0) - 1e-5).all()
        assert (high <= inside.amax(0) + 1e-5).all()
        enclosed = ((inside >= low - 1e-5) & (inside <= high + 1e-5)).all(1).float().mean()
        assert enclosed >= 1 - 2 * 3 * STRAY - 1 / len(inside)  # two sides of three axes


def test_the_kept_encoding_gives_the_same_objects(grounder: Grounder) -> None:
    first = grounder.encode(make_scene())
    again = grounder.encode(make_scene())
    fresh = grounder.encode(make_scene(), cache=False)
    assert list(again.times_s) == ["cached"]
    for other in (again, fresh):
        assert torch.equal(first.segment().mask, other.segment().mask)
        assert torch.equal(first.segment().score, other.segment().score)
    assert "cached" not in grounder.encode(make_scene(rgb=None)).times_s


def test_a_damaged_kept_encoding_is_made_anew(grounder: Grounder) -> None:
    grounder.encode(make_scene())
    (kept,) = (resources.cache_dir() / "encodings").iterdir()
    kept.write_bytes(kept.read_bytes()[:100])
    assert "backbone" in grounder.encode(make_scene()).times_s


@pytest.mark.parametrize("count", [1, 2, 5])
def test_very_small_scenes(grounder: Grounder, count: int) -> None:
    scene = make_scene(xyz_m=torch.rand(count, 3), rgb=None, normal=None)
    assert grounder.encode(scene).segment().mask.shape[1] == count


def test_an_empty_scene_is_refused(grounder: Grounder) -> None:
    with pytest.raises(InputError, match="toy: the scene has no points"):
        grounder.encode(make_scene(xyz_m=torch.zeros(0, 3), rgb=None, normal=None))


def test_asking_for_nothing_is_refused(grounder: Grounder) -> None:
    session = grounder.encode(make_scene())
    with pytest.raises(InputError, match="say what to look for"):
        session.detect("  ")
    bare = Grounder(grounder.detector, grounder.detector_config)
    with pytest.raises(InputError, match="no alignment head"):
        bare.encode(make_scene()).detect("chair")


def test_a_saved_model_finds_the_same(grounder: Grounder, tmp_path: Path) -> None:
    grounder.save_pretrained(tmp_path / "half")  # rounds to half precision, so the copy of the copy is compared
    copy = Grounder.from_pretrained(tmp_path / "half")
    copy.save_pretrained(tmp_path / "again")
    other = Grounder.from_pretrained(tmp_path / "again")
    one, two = (g.encode(make_scene(), cache=False).segment() for g in (copy, other))
    assert torch.equal(one.mask, two.mask)
    assert torch.equal(one.score, two.score)
    with pytest.raises(InputError, match="no model named 'nothing'"):
        Grounder.from_pretrained("nothing")


def test_outputs_speak_of_the_file(grounder: Grounder, tmp_path: Path) -> None:
    scene = make_scene()
    turn = torch.tensor([[0.0, 0, 1000], [1000, 0, 0], [0, 1000, 0]], dtype=torch.float64)
    file_from_scene = torch.eye(4, dtype=torch.float64)
    file_from_scene[:3, :3], file_from_scene[:3, 3] = turn, torch.tensor([5.0, 6.0, 7.0])
    point_of_file = torch.arange(len(scene.xyz_m) - 1, -2, -1, dtype=torch.int32)  # reversed, then one dropped
    scene = dataclasses.replace(scene, file_from_scene=file_from_scene, scene_point_of_file=point_of_file)
    session = grounder.encode(scene)
    found = session.segment()
    write_proposals(tmp_path / "o.npz", session.scene, found)
    with np.load(tmp_path / "o.npz") as file:
        assert file["mask"].shape == (len(found.score), len(scene.xyz_m) + 1)
        assert not file["mask"][:, -1].any()
        assert np.array_equal(file["mask"][:, :-1], found.mask.flip(1).numpy())
        assert file["label"].tolist() == list(found.label or ())
        inside = session.scene.xyz_m[found.mask[0]].double() @ turn.T + torch.tensor([5.0, 6.0, 7.0])
        np.testing.assert_allclose(file["box"][0], torch.cat([inside.amin(0), inside.amax(0)]).numpy())
    write_proposals(tmp_path / "o.json", session.scene, found)
    record = json.loads((tmp_path / "o.json").read_text())
    np.testing.assert_allclose([o["box"] for o in record["objects"]], file_boxes(session.scene, found.mask).numpy())
    assert torch.equal(file_masks(session.scene, found.mask)[:, :-1], found.mask.flip(1))
    write_proposals(tmp_path / "o.ply", session.scene, found)
    assert torch.equal(load_scene(tmp_path / "o.ply").fields["object"].long(), owners(found))
    with pytest.raises(InputError, match=r"o\.txt: objects are written as"):
        write_proposals(tmp_path / "o.txt", session.scene, found)


def test_the_picture_shows_objects_in_their_colour(grounder: Grounder) -> None:
    session = grounder.encode(make_scene())
    best = take(session.segment(), torch.tensor([0]), score=torch.ones(len(session.segment().score)))
    with_object = np.asarray(draw_proposals(session.scene, best))
    without = np.asarray(draw_proposals(session.scene, best, least_score=2.0))
    height = with_object.shape[0] // 2
    assert np.array_equal(with_object[:height], without[:height])
    assert not np.array_equal(with_object[height:], without[height:])


def test_phrases_are_matched_by_class_names_too(grounder: Grounder) -> None:
    names = torch.nn.functional.normalize(torch.randn(2, 384), dim=1)
    scorer = RelationScorer(ScorerConfig(feature_width=128, kinds=2), names)
    query, kind = (
        torch.nn.functional.normalize(torch.randn(3, 128), dim=1),
        torch.tensor([[1.0, 0], [0, 1], [0.5, 0.5]]),
    )
    with torch.no_grad():
        alone = grounder.phrase_logit(query, kind, names)
        grounder.config = dataclasses.replace(grounder.config, align_names=1.1)
        assert torch.equal(grounder.phrase_logit(query, kind, names), alone)  # no scorer
        grounder.scorer = scorer
        added = grounder.phrase_logit(query, kind, names) - alone
    assert (added <= 0).all()
    assert added[0, 0] > added[2, 0] > added[1, 0]
    assert added[1, 1] > added[2, 1] > added[0, 1]
