import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from scene3d.cli import main
from scene3d.config import load_config
from scene3d.errors import ConfigError, InputError
from scene3d.labels import class_list
from scene3d.model.detector import Detector
from scene3d.synth import (
    ScanSettings,
    SimulatedScan,
    load_training_scene,
    scan_room,
    write_scan_folder,
    write_training_scene,
)
from scene3d.synth.compact import majority
from scene3d.train.data import STRUCTURE, load_sample
from scene3d.train.detector import DetectorLoss, DetectorTraining, train_detector
from scene3d.train.exchanges import facts_of
from scene3d.train.prepare import PrepareSettings, prepare_scannet, scannet_scenes
from tests.synth.box_room import OBJECTS, box_room
from tests.train.rooms import toy_sample

CLASSES = tuple(name for _, name in class_list("scannet200").things())


@pytest.fixture(scope="module")
def scan() -> SimulatedScan:
    """A scan in the frame of its room whose objects are unions of superpoints, as a ScanNet folder can tell them."""
    settings = ScanSettings(
        frames=16, width=160, height=120, voxel_m=0.03, unfused_share=0.0, coarse_share=0.0, colourless_share=0.0
    )
    scan = scan_room(box_room(), seed=1, settings=settings)
    pair = scan.labels.instance.astype(np.int64) * 10_000 + scan.labels.category_id + 10_000
    of_superpoint = majority(pair, scan.superpoint.astype(np.int64))[scan.superpoint]
    instance, category = of_superpoint // 10_000 - 1, of_superpoint % 10_000
    labels = replace(scan.labels, instance=instance.astype(np.int32), category_id=category.astype(np.int32))
    surface, turn, origin = scan.surface, scan.world_from_room[:3, :3], scan.world_from_room[:3, 3]
    in_room = replace(
        surface,
        xyz_m=((surface.xyz_m - origin) @ turn).astype(np.float32),
        normal=(surface.normal @ turn).astype(np.float32),
    )
    return replace(scan, labels=labels, surface=in_room, world_from_room=np.eye(4))


@pytest.fixture(scope="module")
def scans(scan: SimulatedScan, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of two scenes in ScanNet's layout."""
    folder = tmp_path_factory.mktemp("scans")
    for name in ("scene0000_00", "scene0001_00"):
        write_scan_folder(folder / name, scan, name=name)
    return folder


def prepared(scans: Path, out: Path) -> Path:
    outcomes = list(prepare_scannet(scannet_scenes(scans), out))
    assert [outcome.error for outcome in outcomes] == [None] * len(outcomes)
    return out / "scene0000_00.npz"


def test_a_prepared_folder_is_the_compact_file_of_the_same_scan(scan: SimulatedScan, scans: Path, tmp_path: Path):
    write_training_scene(tmp_path / "direct.npz", scan, name="scene0000_00")
    direct, scene = load_training_scene(tmp_path / "direct.npz"), load_training_scene(prepared(scans, tmp_path / "out"))
    assert scene.name == direct.name
    off = (scene.xyz_m - direct.xyz_m).abs().amax(1)
    assert float((off > 1e-5).float().mean()) < 0.01  # normals of the mesh are computed anew, from the same triangles
    assert float(off.max()) < 0.04
    assert scene.rgb is not None
    assert direct.rgb is not None
    assert torch.equal(scene.rgb, direct.rgb)
    assert torch.equal(scene.superpoint, direct.superpoint)
    assert torch.equal(scene.category_id, direct.category_id)
    ceiling = class_list("scannet200").id_of("ceiling")  # an object for the benchmark, structure in a generated room
    assert torch.equal(torch.where(scene.category_id == ceiling, -1, scene.instance), direct.instance)
    assert (scene.instance[scene.category_id == ceiling] >= 0).all()


def test_objects_have_names_and_the_boxes_of_their_points_and_nothing_else(
    scan: SimulatedScan, scans: Path, tmp_path: Path
):
    scene = load_training_scene(prepared(scans, tmp_path))
    seen = {thing.label: thing for thing in scene.objects if thing.seen}
    assert set(seen) - {"ceiling"} <= set(OBJECTS)
    table = next(thing.id for thing in scan.room.objects if thing.label == "table")
    points = scan.surface.xyz_m[scan.labels.instance == table]
    low, high = points.min(axis=0), points.max(axis=0)
    assert seen["table"].centre_m == pytest.approx((low + high) / 2, abs=0.05)
    assert seen["table"].size_m == pytest.approx(high - low, abs=0.05)
    for thing in seen.values():
        assert thing.category_id == class_list("scannet200").id_of(thing.label)
        assert (thing.colour, thing.material, thing.yaw_rad, thing.support_id) == ("", "", None, None)
        assert not thing.front_known
    assert scene.relations is None
    with pytest.raises(InputError, match="a real room without its scene graph"):
        facts_of(tmp_path / "scene0000_00.npz")


def test_what_is_unknown_reaches_the_losses_as_unknown(scans: Path, tmp_path: Path):
    sample = load_sample(prepared(scans, tmp_path), CLASSES)
    assert (sample.colour == -1).all()
    assert (sample.material == -1).all()
    assert sample.yaw_rad.isnan().all()
    assert not sample.front_known.any()
    assert (sample.label >= 0).any()
    assert (sample.instance == STRUCTURE).any()


@pytest.mark.parametrize("matching", ["own", "hungarian"])
def test_unknown_attributes_do_not_change_the_other_losses(matching: str):
    config = replace(load_config(DetectorTraining, "detector/tiny"), matching=matching)
    config = replace(config, model=replace(config.model, classes=("a", "b", "c", "d")))
    torch.manual_seed(0)
    loss = DetectorLoss(Detector.from_config(config.model), config)
    known = replace(toy_sample(0), material=torch.zeros(6, dtype=torch.int64))
    nothing = torch.full((6,), -1)
    unknown = replace(
        known,
        colour=nothing,
        material=nothing,
        yaw_rad=torch.full((6,), torch.nan),
        front_known=torch.zeros(6, dtype=torch.bool),
    )
    told, untold = loss([known], 1), loss([unknown], 1)
    attributes = {"colour", "material", "facing", "facing confidence"}
    assert told.keys() - untold.keys() == attributes
    for name in untold.keys() - {"loss"}:
        assert torch.equal(told[name], untold[name]), name
    weights = {"colour": 0.1, "material": 0.1, "facing": 0.2, "facing confidence": 0.1}
    difference = sum(weight * told[name] for name, weight in weights.items())
    torch.testing.assert_close(told["loss"] - untold["loss"], difference)


def test_objects_of_no_class_still_teach_masks(scans: Path, tmp_path: Path):
    sample = load_sample(prepared(scans, tmp_path), ("unicorn",))
    sample = replace(sample, instance=torch.where(sample.instance == STRUCTURE, 0, sample.instance))
    config = load_config(DetectorTraining, "detector/tiny")
    config = replace(config, model=replace(config.model, classes=("unicorn",)))
    losses = DetectorLoss(Detector.from_config(config.model), config)([sample], 1)
    assert all(bool(value.isfinite()) for value in losses.values())
    assert {"mask", "dice", "vote"} <= losses.keys()
    assert losses.keys().isdisjoint({"class", "element class"})


def test_a_training_takes_prepared_scenes(scans: Path, tmp_path: Path):
    prepared(scans, tmp_path / "data")
    config = replace(load_config(DetectorTraining, "detector/tiny"), steps=2)
    train_detector(config, tmp_path / "data", tmp_path / "out", save_every=2)
    assert (tmp_path / "out" / "weights" / "detector.safetensors").is_file()


def test_a_broken_scene_is_named_and_the_others_go_on(
    scans: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("COLUMNS", "200")
    (tmp_path / "scans").mkdir()
    for name in ("scene0000_00", "scene0001_00"):
        (tmp_path / "scans" / name).mkdir()
        for file in (scans / name).iterdir():
            (tmp_path / "scans" / name / file.name).write_bytes(file.read_bytes())
    (tmp_path / "scans" / "scene0000_00" / "scene0000_00.aggregation.json").write_text("{}")
    listed = tmp_path / "list.txt"
    listed.write_text("scene0000_00\nscene0001_00\nscene0777_00\n")
    command = ["prepare", "scannet", str(tmp_path / "scans"), str(tmp_path / "out"), "--scenes", str(listed)]
    main([*command, "--workers", "1"])
    said = capsys.readouterr().err
    assert [path.name for path in (tmp_path / "out").glob("*.npz")] == ["scene0001_00.npz"]
    failed = [line for line in said.splitlines() if "failed" in line]
    assert len(failed) == 2
    assert "scene0000_00.aggregation.json: not a list of 'segGroups'" in failed[0]
    assert "scene0777_00: no *_vh_clean_2.ply" in failed[1]
    assert "1 of 3 scenes" in said
    assert "no scannetv2-labels.combined.tsv" in said


def test_a_second_run_goes_on_and_takes_only_what_is_listed(scans: Path, tmp_path: Path):
    listed = tmp_path / "scannetv2_val.txt"
    listed.write_text("scene0001_00\n")
    first = list(prepare_scannet(scannet_scenes(scans, listed), tmp_path / "out"))
    assert [outcome.name for outcome in first] == ["scene0001_00"]
    second = list(prepare_scannet(scannet_scenes(scans), tmp_path / "out"))
    assert [outcome.name for outcome in second] == ["scene0000_00"]
    with pytest.raises(InputError, match="other settings"):
        list(prepare_scannet(scannet_scenes(scans), tmp_path / "out", settings=PrepareSettings(point_m=0.02)))


@pytest.mark.slow
def test_number_of_workers_leaves_no_trace(scans: Path, tmp_path: Path):
    for workers in (1, 2):
        outcomes = list(prepare_scannet(scannet_scenes(scans), tmp_path / str(workers), workers=workers))
        assert [outcome.error for outcome in outcomes] == [None, None]
    for name in scannet_scenes(scans):
        one, two = (tmp_path / str(workers) / f"{name}.npz" for workers in (1, 2))
        assert one.read_bytes() == two.read_bytes()


def test_bad_input_is_named(scans: Path, tmp_path: Path):
    with pytest.raises(InputError, match="no ScanNet scenes here"):
        scannet_scenes(tmp_path)
    empty = tmp_path / "empty.txt"
    empty.touch()
    with pytest.raises(InputError, match="no scene names in it"):
        scannet_scenes(scans, empty)
    with pytest.raises(InputError, match=r"none\.txt: cannot be read"):
        scannet_scenes(scans, tmp_path / "none.txt")
    with pytest.raises(ConfigError, match="0 workers"):
        list(prepare_scannet(scannet_scenes(scans), tmp_path / "out", workers=0))
    with pytest.raises(ConfigError, match=r"points of 1\.0 m"):
        PrepareSettings(point_m=1.0)


def test_a_scene_without_annotations_is_refused(scans: Path, tmp_path: Path):
    folder = tmp_path / "scans" / "scene0707_00"
    folder.mkdir(parents=True)
    mesh = scans / "scene0000_00" / "scene0000_00_vh_clean_2.ply"
    (folder / "scene0707_00_vh_clean_2.ply").write_bytes(mesh.read_bytes())
    outcome = next(prepare_scannet(scannet_scenes(tmp_path / "scans"), tmp_path / "out"))
    assert outcome.error is not None
    assert "only annotated scans teach" in outcome.error


def test_raw_labels_go_through_scannets_table(scans: Path, tmp_path: Path):
    folder = tmp_path / "scans" / "scene0000_00"
    folder.mkdir(parents=True)
    for file in (scans / "scene0000_00").iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    path = folder / "scene0000_00.aggregation.json"
    document = json.loads(path.read_text())
    for group in document["segGroups"]:
        group["label"] = {"bed": "king size bed"}.get(group["label"], group["label"])
    path.write_text(json.dumps(document))
    bed = class_list("scannet200").id_of("bed")
    (folder.parent / "scannetv2-labels.combined.tsv").write_text(f"id\traw_category\n{bed}\tking size bed\n")
    scene = load_training_scene(prepared(tmp_path / "scans", tmp_path / "out"))
    assert {(thing.label, thing.category_id) for thing in scene.objects if thing.category_id} == {("bed", bed)}
