"""PCD: Open3D as an independent writer of all three kinds, organised clouds, packed colour."""

from __future__ import annotations

import numpy as np
import pytest

from scene3d.errors import InputError
from scene3d.io import load_scene
from scene3d.io.lzf import decompress


@pytest.fixture(scope="module")
def cloud():
    open3d = pytest.importorskip("open3d")
    rng = np.random.default_rng(0)
    cloud = open3d.geometry.PointCloud(open3d.utility.Vector3dVector(rng.uniform(-2, 2, (500, 3)).round(2)))
    cloud.colors = open3d.utility.Vector3dVector(rng.integers(0, 256, (500, 3)) / 255)
    return open3d, cloud


@pytest.mark.parametrize("kind", [{"write_ascii": True}, {}, {"compressed": True}])
def test_each_kind_reads_as_open3d_wrote_it(tmp_path, cloud, kind):
    open3d, points = cloud
    assert open3d.io.write_point_cloud(str(tmp_path / "a.pcd"), points, **kind)
    scene = load_scene(tmp_path / "a.pcd", up_axis="z")
    np.testing.assert_allclose(scene.xyz_m, np.asarray(points.points), atol=1e-5)
    assert scene.rgb is not None
    np.testing.assert_array_equal(scene.rgb, np.rint(np.asarray(points.colors) * 255))


def organised(path, xyz):
    head = f"VERSION .7\nFIELDS x y z _ label\nSIZE 4 4 4 1 4\nTYPE F F F U U\nCOUNT 1 1 1 4 1\nWIDTH {len(xyz) // 2}\n"
    head += f"HEIGHT 2\nVIEWPOINT 0 0 0 1 0 0 0\nPOINTS {len(xyz)}\nDATA binary\n"
    rows = np.zeros(len(xyz), dtype=[("xyz", "<f4", 3), ("pad", "u1", 4), ("label", "<u4")])
    rows["xyz"], rows["label"] = xyz, np.arange(len(xyz))
    path.write_bytes(head.encode() + rows.tobytes())
    return path


def test_missing_returns_are_dropped_counted_and_mapped(tmp_path):
    xyz = np.random.default_rng(0).uniform(-2, 2, (10, 3)).astype(np.float32)
    xyz[[2, 7], [0, 2]] = np.nan
    scene = load_scene(organised(tmp_path / "a.pcd", xyz), up_axis="z")
    assert len(scene.xyz_m) == 8
    assert scene.scene_point_of_file is not None
    assert scene.scene_point_of_file.tolist() == [0, 1, -1, 2, 3, 4, 5, -1, 6, 7]
    assert scene.fields["label"].tolist() == [0, 1, 3, 4, 5, 6, 8, 9]
    assert list(scene.fields) == ["label"]
    assert any("2 of 10 points are not finite" in note.text for note in scene.notes)


def test_a_view_without_any_return_is_refused(tmp_path):
    with pytest.raises(InputError, match="0 of 10 points are finite"):
        load_scene(organised(tmp_path / "a.pcd", np.full((10, 3), np.nan)))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ((b"POINTS 10", b"POINTS 99999999"), "truncated"),
        ((b"DATA binary", b"DATA morse"), "unknown DATA"),
        ((b"COUNT 1 1", b"COUNT 1 -1"), "broken PCD header"),
        ((b"FIELDS x", b"FIELDS a"), "no columns x, y, z"),
        ((b"FIELDS", b"FIELD"), "no PCD header"),
    ],
)
def test_a_broken_header_is_refused(tmp_path, change, message):
    path = organised(tmp_path / "a.pcd", np.random.default_rng(0).normal(size=(10, 3)))
    path.write_bytes(path.read_bytes().replace(*change))
    with pytest.raises(InputError, match=message):
        load_scene(path)


def test_lzf_copies_that_overlap_repeat():
    packed = bytes([1, ord("a"), ord("b"), (6 << 5), 1])  # "ab", then 8 bytes from 2 back
    assert decompress(packed, size=10, where="x") == b"ababababab"


@pytest.mark.parametrize("packed", [b"\x20\x05", b"\xe0", b"\x05ab", b""])
def test_lzf_damage_is_refused(packed):
    with pytest.raises(InputError, match="block"):
        decompress(packed, size=10, where="x")
