import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from plyfile import PlyData

from scene3d.errors import InputError
from scene3d.synth.compact import load_training_scene, majority, write_training_scene
from scene3d.synth.fusion import Surface
from scene3d.synth.scan import ScanSettings, SimulatedScan, scan_room
from scene3d.synth.writer import write_scan_folder
from tests.synth.box_room import OBJECTS, box_room

QUICK = ScanSettings(
    frames=16, width=96, height=72, voxel_m=0.04, unfused_share=0.0, coarse_share=0.0, colourless_share=0.0
)


@pytest.fixture(scope="module")
def scan() -> SimulatedScan:
    return scan_room(box_room(), seed=1, settings=replace(QUICK, kept_frames=2))


def test_compact_file_keeps_places_colours_and_normals_within_its_steps(scan: SimulatedScan, tmp_path: Path):
    # Cells far smaller than the gaps between vertices: nearly every point stays alone and can be compared.
    write_training_scene(tmp_path / "a.npz", scan, name="a", voxel_m=0.01)
    scene = load_training_scene(tmp_path / "a.npz")
    cell = np.floor(scan.surface.xyz_m / np.float64(0.01)).astype(np.int64)
    _, group, count = np.unique(cell, axis=0, return_inverse=True, return_counts=True)
    alone = count[group] == 1
    assert alone.mean() > 0.5
    row = group[alone]  # both sort by cell
    assert np.abs(scene.xyz_m.numpy()[row] - scan.surface.xyz_m[alone]).max() <= 0.0051
    assert scene.rgb is not None
    assert np.abs(scene.rgb.numpy()[row].astype(int) - scan.surface.rgb[alone]).max() <= 11
    cosine = (scene.normal.numpy()[row] * scan.surface.normal[alone]).sum(axis=1)
    assert cosine.min() > np.cos(np.deg2rad(21))
    assert np.sqrt(np.mean(np.arccos(cosine.clip(-1, 1)) ** 2)) < np.deg2rad(6)
    assert np.array_equal(scene.instance.numpy()[row], scan.labels.instance[alone])
    assert np.array_equal(scene.category_id.numpy()[row], scan.labels.category_id[alone])


def test_depth_along_the_normal_is_finer_than_the_cell(scan: SimulatedScan, tmp_path: Path):
    grid = np.stack(np.meshgrid(np.arange(40), np.arange(40)), axis=-1).reshape(-1, 2) * 0.03
    tilted = np.column_stack([grid, 0.05 + 0.1 * grid[:, 0]]).astype(np.float32)
    count = len(tilted)
    plane = replace(
        scan,
        surface=Surface(
            xyz_m=tilted,
            rgb=np.full((count, 3), 90, np.uint8),
            normal=np.tile(np.array([-0.0995, 0, 0.995], np.float32), (count, 1)),
            faces=np.zeros((0, 3), np.int32),
        ),
        labels=replace(scan.labels, instance=np.zeros(count, np.int32), category_id=np.full(count, 11, np.int32)),
        superpoint=np.zeros(count, np.int32),
    )
    write_training_scene(tmp_path / "a.npz", plane, name="a", voxel_m=0.08)
    scene = load_training_scene(tmp_path / "a.npz")
    off = scene.xyz_m[:, 2] - (0.05 + 0.1 * scene.xyz_m[:, 0])
    assert len(scene.xyz_m) < count
    assert off.abs().max() < 0.08 / 8 / 2 + 0.1 * 0.04  # half a step, and where in its cell the mean was


def test_superpoints_of_the_compact_file_nest_in_those_of_the_scan(scan: SimulatedScan, tmp_path: Path):
    write_training_scene(tmp_path / "a.npz", scan, name="a")
    scene = load_training_scene(tmp_path / "a.npz")
    count = int(scene.superpoint.max()) + 1
    assert scene.superpoint.unique().tolist() == list(range(count))
    assert count <= len(np.unique(scan.superpoint))
    assert len(scene.xyz_m) < len(scan.surface.xyz_m)


def test_objects_stand_where_the_boxes_stand_in_the_frame_of_the_scan(scan: SimulatedScan, tmp_path: Path):
    write_training_scene(tmp_path / "a.npz", scan, name="a")
    scene = load_training_scene(tmp_path / "a.npz")
    assert [o.label for o in scene.objects] == list(OBJECTS)
    for found, (low, high) in zip(scene.objects, OBJECTS.values(), strict=True):
        centre = scan.world_from_room @ np.append((np.array(low) + high) / 2, 1)
        assert found.centre_m == pytest.approx(centre[:3], abs=0.002)
        assert found.size_m == pytest.approx(np.array(high) - low, abs=0.002)
    turn = np.arctan2(scan.world_from_room[1, 0], scan.world_from_room[0, 0])
    assert scene.objects[0].yaw_rad == pytest.approx(turn, abs=0.001)
    assert scene.objects[1].yaw_rad is None
    assert scene.relations is not None
    assert [2, 1] in scene.relations["supports"]
    seen = {o.id for o in scene.objects if o.seen}
    assert set(scene.instance.unique().tolist()) - {-1} <= seen


def test_scan_without_colour_loads_without(tmp_path: Path):
    grey = scan_room(box_room(), seed=1, settings=replace(QUICK, colourless_share=1.0))
    write_training_scene(tmp_path / "a.npz", grey, name="a")
    assert load_training_scene(tmp_path / "a.npz").rgb is None


def test_same_scan_same_bytes(scan: SimulatedScan, tmp_path: Path):
    for name in ("a.npz", "b.npz"):
        write_training_scene(tmp_path / name, scan, name="same")
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.npz", "b.npz"]


def test_majority_takes_the_most_frequent_and_the_least_of_equals():
    label, group = np.array([5, 5, 2, 9, 3, 3, 9]), np.array([0, 0, 0, 1, 1, 2, 2])
    assert majority(label, group).tolist() == [5, 3, 3]


def test_other_files_are_refused(tmp_path: Path):
    path = tmp_path / "x.npz"
    for content in (b"", b"PK\x03\x04 not a zip", b"\x93NUMPY"):
        path.write_bytes(content)
        with pytest.raises(InputError, match=r"x\.npz: not a compact training scene"):
            load_training_scene(path)
    np.savez(path, header=np.frombuffer(b'{"schema": "other/9"}', np.uint8))
    with pytest.raises(InputError, match=r"schema 'other/9'"):
        load_training_scene(path)
    with pytest.raises(InputError, match="not a compact"):
        load_training_scene(tmp_path / "missing.npz")


def test_folder_has_scannets_files_with_matching_counts(scan: SimulatedScan, tmp_path: Path):
    write_scan_folder(tmp_path / "room", scan, name="room")
    folder = tmp_path / "room"
    ply = PlyData.read(str(folder / "room_vh_clean_2.ply"))
    assert ply["vertex"].count == len(scan.surface.xyz_m)
    assert np.array_equal(np.stack(list(ply["face"]["vertex_indices"])), scan.surface.faces)
    assert np.array_equal(ply["vertex"]["green"], scan.surface.rgb[:, 1])
    segment = json.loads((folder / "room_vh_clean_2.0.010000.segs.json").read_text())["segIndices"]
    assert segment == scan.superpoint.tolist()
    groups = json.loads((folder / "room.aggregation.json").read_text())["segGroups"]
    owned = [s for group in groups for s in group["segments"]]
    assert len(owned) == len(set(owned))
    bed = next(g for g in groups if g["label"] == "bed")
    of_bed = np.isin(scan.superpoint, bed["segments"])
    truth = scan.labels.instance == 0
    assert (of_bed & truth).sum() / (of_bed | truth).sum() > 0.8
    assert {"wall", "floor"} <= {g["label"] for g in groups}


def test_alignment_of_the_folder_turns_the_scan_back_into_the_room(scan: SimulatedScan, tmp_path: Path):
    write_scan_folder(tmp_path / "room", scan, name="room")
    text = (tmp_path / "room" / "room.txt").read_text()
    values = next(line for line in text.splitlines() if line.startswith("axisAlignment")).split("=")[1].split()
    alignment = np.array(values, float).reshape(4, 4)
    assert np.allclose(alignment @ scan.world_from_room, np.eye(4), atol=1e-5)


def test_frames_of_the_folder_hold_depth_in_millimetres_and_instances(scan: SimulatedScan, tmp_path: Path):
    write_scan_folder(tmp_path / "room", scan, name="room")
    for i, frame in enumerate(scan.frames):
        depth = np.asarray(Image.open(tmp_path / "room" / "depth" / f"{i}.png"))
        assert np.abs(depth / 1000 - frame.depth_m).max() <= 0.00051
        instance = np.asarray(Image.open(tmp_path / "room" / "instance" / f"{i}.png")).astype(int)
        assert np.array_equal(instance - 1, frame.instance)
        pose = np.loadtxt(tmp_path / "room" / "pose" / f"{i}.txt")
        assert np.allclose(pose, frame.world_from_camera, atol=1e-6)


def test_writing_again_replaces_the_folder(scan: SimulatedScan, tmp_path: Path):
    (tmp_path / "room").mkdir()
    (tmp_path / "room" / "old").touch()
    write_scan_folder(tmp_path / "room", scan, name="room")
    assert not (tmp_path / "room" / "old").exists()
    assert [p.name for p in tmp_path.iterdir()] == ["room"]
