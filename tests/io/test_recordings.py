"""ScanNet scenes, `.sens` recordings and folders of frames, written here by hand from their specifications."""

from __future__ import annotations

import io
import json
import struct
import zlib

import numpy as np
import plyfile
import pytest
from PIL import Image

from scene3d.errors import InputError
from scene3d.io import load_scene
from scene3d.io.sens import SensFrames
from scene3d.labels import class_list

K = np.array([[50.0, 0, 31.5], [0, 50.0, 23.5], [0, 0, 1]])
POSE = np.array([[1.0, 0, 0, 1], [0, 0, 1, -2], [0, -1, 0, 1.5], [0, 0, 0, 1]])
"""A camera at (1, -2, 1.5) that looks along +y, upright."""
NOT_TRACKED = np.full((4, 4), -np.inf)


def wall_depth_mm() -> np.ndarray:
    return np.full((24, 32), 3000, np.uint16)


def sens(path, poses=(POSE, POSE, NOT_TRACKED), *, depth=None, frames=None):
    small = np.diag([0.5, 0.5, 1.0]) @ K
    small[:2, 2] = (K[:2, 2] + 0.5) / 2 - 0.5
    matrices = [np.eye(4, dtype="<f4") for _ in range(4)]
    matrices[0][:3, :3], matrices[2][:3, :3] = K, small
    picture = io.BytesIO()
    Image.fromarray(np.full((48, 64, 3), (200, 100, 50), np.uint8)).save(picture, "PNG")
    head = struct.pack("<IQ", 4, 3) + b"cam" + b"".join(m.tobytes() for m in matrices)
    head += struct.pack("<2i4IfQ", 1, 1, 64, 48, 32, 24, 1000.0, frames or len(poses))
    body = b""
    packed = zlib.compress(wall_depth_mm().tobytes()) if depth is None else depth
    for i, pose in enumerate(poses):
        body += pose.astype("<f4").tobytes() + struct.pack("<4Q", i * 10**6, 0, len(picture.getvalue()), len(packed))
        body += picture.getvalue() + packed
    path.write_bytes(head + body)
    return path


def test_sens_frames_are_decoded_when_asked_for(tmp_path):
    frames = SensFrames(sens(tmp_path / "a.sens"))
    assert len(frames) == 3
    frame = frames[1]
    assert frame.time_s == 1.0
    assert frame.rgb.shape == (48, 64, 3)
    assert frame.depth_m is not None
    assert frame.depth_m.shape == (48, 64)  # brought to the pixels of the colour picture
    assert float(frame.depth_m[20, 30]) == pytest.approx(3.0)
    assert len(frames[1:]) == 2


def test_a_recording_is_fused_where_its_poses_say(tmp_path):
    scene = load_scene(sens(tmp_path / "a.sens"), up_axis="z")
    assert scene.xyz_m[:, 1] == pytest.approx(1.0, abs=1e-4)  # 3 m along +y from y = -2
    assert float(scene.xyz_m[:, 0].mean()) == pytest.approx(1.0, abs=0.06)
    assert scene.rgb is not None
    assert scene.rgb[0].tolist() == [200, 100, 50]
    assert len(scene.frames) == 3
    np.testing.assert_allclose(scene.frames[0].world_from_camera, POSE, atol=1e-6)


@pytest.mark.parametrize("axis", ["y", "-x"])
def test_poses_follow_the_points(tmp_path, axis):
    scene = load_scene(sens(tmp_path / "a.sens"), up_axis=axis, origin=(7, 8, 9))
    camera = scene.frames[0].world_from_camera
    seen = (scene.xyz_m.double() - camera[:3, 3]) @ camera[:3, :3]
    np.testing.assert_allclose(seen[:, 2], 3.0, atol=1e-4)
    np.testing.assert_allclose(np.linalg.det(camera[:3, :3]), 1.0, atol=1e-6)


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"depth": zlib.compress(bytes(100_000_000))}, "bytes of depth"),
        ({"depth": b"not zlib"}, "damaged depth"),
        ({"frames": 10**9}, "truncated"),
    ],
)
def test_damaged_recordings_are_refused(tmp_path, how, message):
    with pytest.raises(InputError, match=message):
        SensFrames(sens(tmp_path / "a.sens", **how))[0]


def test_a_recording_that_lost_track_throughout_is_refused(tmp_path):
    with pytest.raises(InputError, match="no frame has both"):
        load_scene(sens(tmp_path / "a.sens", poses=(NOT_TRACKED,)))


def scannet_frames(folder):
    for name in ("color", "depth", "pose", "intrinsic"):
        (folder / name).mkdir(parents=True)
    full = np.eye(4)
    full[:3, :3] = K
    np.savetxt(folder / "intrinsic" / "intrinsic_color.txt", full)
    for i in (10, 2):
        Image.fromarray(np.full((48, 64, 3), 20 * i, np.uint8)).save(folder / "color" / f"{i}.jpg")
        Image.fromarray(wall_depth_mm()).save(folder / "depth" / f"{i}.png")
        np.savetxt(folder / "pose" / f"{i}.txt", POSE)


def flat_frames(folder):
    np.savetxt(folder / "intrinsics.txt", K)
    for i in range(2):
        Image.fromarray(np.full((48, 64, 3), 40, np.uint8)).save(folder / f"frame-{i:06}.color.png")
        Image.fromarray(wall_depth_mm()).save(folder / f"frame-{i:06}.depth.png")
        np.savetxt(folder / f"frame-{i:06}.pose.txt", POSE)


def own_frames(folder):
    Image.fromarray(np.full((48, 64, 3), 40, np.uint8)).save(folder / "a.png")
    Image.fromarray(wall_depth_mm()).save(folder / "a_depth.png")
    entry = {"rgb": "a.png", "depth": "a_depth.png", "world_from_camera": POSE.tolist()}
    document = {"schema": "scene3d/frames/1", "intrinsic": K.tolist(), "frames": [entry, entry | {"depth": None}]}
    (folder / "frames.json").write_text(json.dumps(document))


@pytest.mark.parametrize("write", [scannet_frames, flat_frames, own_frames])
def test_folders_of_frames_are_fused(tmp_path, write):
    write(tmp_path)
    scene = load_scene(tmp_path, up_axis="z")
    assert len(scene.frames) == 2
    assert scene.xyz_m[:, 1] == pytest.approx(1.0, abs=1e-4)
    assert int(scene.frames[0].rgb[0, 0, 0]) == 40  # frames come in the order of their numbers
    assert "fused from the depth of 2 of 2 frames" in " ".join(note.text for note in scene.notes)


@pytest.mark.parametrize("damage", ["{", '{"schema": "other"}', '{"schema": "scene3d/frames/1", "frames": [{}]}', "[]"])
def test_a_broken_list_of_frames_is_refused(tmp_path, damage):
    (tmp_path / "frames.json").write_text(damage)
    with pytest.raises(InputError, match=r"frames\.json"):
        load_scene(tmp_path)


@pytest.fixture
def scannet(tmp_path):
    folder = tmp_path / "scans" / "scene0000_00"
    folder.mkdir(parents=True)
    rows = np.zeros(6, dtype=[(c, "f4") for c in "xyz"])
    rows["x"], rows["y"] = np.arange(6), [0, 1, 0, 1, 0, 1]
    faces = np.array([([0, 1, 2],), ([3, 4, 5],)], dtype=[("vertex_indices", "i4", 3)])
    elements = [plyfile.PlyElement.describe(rows, "vertex"), plyfile.PlyElement.describe(faces, "face")]
    plyfile.PlyData(elements).write(str(folder / "scene0000_00_vh_clean_2.ply"))
    segments = {"segIndices": [50, 50, 9, 9, 70, 70]}
    (folder / "scene0000_00_vh_clean_2.0.010000.segs.json").write_text(json.dumps(segments))
    groups = [
        {"objectId": 0, "label": "swivel chair", "segments": [50]},
        {"objectId": 4, "label": "gizmo", "segments": [9]},
    ]
    (folder / "scene0000_00.aggregation.json").write_text(json.dumps({"segGroups": groups}))
    (folder / "scene0000_00.txt").write_text("axisAlignment = 0 -1 0 10 1 0 0 20 0 0 1 0 0 0 0 1\nnumColorFrames = 9\n")
    table = "id\traw_category\tcategory\n5\tswivel chair\tchair\n9999\tgizmo\tgizmo\n"
    (tmp_path / "scannetv2-labels.combined.tsv").write_text(table)
    return folder


def test_a_scannet_scene(scannet):
    scene = load_scene(scannet)
    assert scene.name == "scene0000_00"
    np.testing.assert_allclose(scene.xyz_m[:, 0], 10 - np.array([0, 1, 0, 1, 0, 1]))
    np.testing.assert_allclose(scene.xyz_m[:, 1], 20 + np.arange(6))
    np.testing.assert_allclose(scene.file_from_scene.numpy() @ [10, 20, 0, 1], [0, 0, 0, 1], atol=1e-12)
    assert scene.superpoint is not None
    assert scene.superpoint.tolist() == [1, 1, 0, 0, 2, 2]
    assert scene.truth is not None
    assert scene.truth.instance.tolist() == [0, 0, 4, 4, -1, -1]
    assert scene.truth.category_id.tolist() == [5, 5, 0, 0, 0, 0]
    objects = [(o.id, o.label, o.category_id) for o in scene.truth.objects]
    assert objects == [(0, class_list("scannet200").name_of(5), 5), (4, "gizmo", 0)]
    assert "axis alignment" in " ".join(note.text for note in scene.notes)


def test_a_scannet_scene_without_the_table_uses_the_names(scannet, tmp_path):
    (tmp_path / "scannetv2-labels.combined.tsv").unlink()
    path = scannet / "scene0000_00.aggregation.json"
    path.write_text(path.read_text().replace("swivel chair", "office chair"))
    scene = load_scene(scannet)
    assert scene.truth is not None
    assert scene.truth.category_id[0] == class_list("scannet200").id_of("office chair")
    assert "labels" in {note.topic for note in scene.notes}


def test_segments_of_another_mesh_are_refused(scannet):
    (scannet / "scene0000_00_vh_clean_2.0.010000.segs.json").write_text('{"segIndices": [1, 2]}')
    with pytest.raises(InputError, match="they do not match"):
        load_scene(scannet)
