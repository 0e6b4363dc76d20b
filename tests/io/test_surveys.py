"""LAS, LAZ and E57 against their own libraries as writers."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from scene3d.errors import InputError, MissingDependencyError
from scene3d.io import load_scene
from scene3d.io.las import read_las

ORIGIN = np.array([389_400.0, 5_820_100.0, 34.0])


def xyz() -> np.ndarray:
    return np.random.default_rng(0).uniform(0, 9, (300, 3)).round(3) + ORIGIN


def las(path):
    laspy = pytest.importorskip("laspy")
    cloud = laspy.create(point_format=3, file_version="1.2")
    cloud.header.scales, cloud.header.offsets = [0.001] * 3, ORIGIN
    cloud.x, cloud.y, cloud.z = xyz().T
    cloud.red = np.full(300, 65535)
    cloud.green = np.full(300, 32896)
    cloud.classification = np.full(300, 6)
    cloud.write(str(path))
    return path


@pytest.mark.parametrize("name", ["a.las", "a.laz"])
def test_a_georeferenced_las_comes_near_the_origin(tmp_path, name):
    scene = load_scene(las(tmp_path / name))
    assert scene.xyz_m.abs().max() < 10
    back = scene.xyz_m.double() + scene.file_from_scene[:3, 3]
    np.testing.assert_allclose(back, xyz(), atol=1e-5)
    assert scene.rgb is not None
    assert scene.rgb[0].tolist() == [255, 128, 0]
    assert scene.fields["classification"].tolist() == [6] * 300
    assert {"origin", "unit", "up_axis"} <= {note.topic for note in scene.notes}


def test_a_las_is_read_in_pieces(tmp_path, monkeypatch):
    monkeypatch.setattr("scene3d.io.las.CHUNK", 128)
    sizes = [len(points.xyz) for points in read_las(las(tmp_path / "a.las")).chunks()]
    assert sizes == [128, 128, 44]


def e57(path):
    pye57 = pytest.importorskip("pye57")
    file = pye57.E57(str(path), mode="w")
    x, y, z = (xyz() - ORIGIN).T.copy()
    colour = {f"color{name}": np.full(300, v, np.uint8) for name, v in (("Red", 9), ("Green", 8), ("Blue", 7))}
    cartesian = {"cartesianX": x, "cartesianY": y, "cartesianZ": z}
    for shift in (0.0, 50.0):
        file.write_scan_raw(
            {**cartesian, **colour}, translation=np.array([shift, 0, 0]), rotation=np.array([1.0, 0, 0, 0])
        )
    file.close()
    return path


def test_every_scan_of_an_e57_is_put_at_its_pose(tmp_path):
    scene = load_scene(e57(tmp_path / "a.e57"))
    assert len(scene.xyz_m) == 600
    np.testing.assert_allclose(scene.xyz_m[:300], xyz() - ORIGIN, atol=1e-5)
    np.testing.assert_allclose(scene.xyz_m[300:] - scene.xyz_m[:300], [[50, 0, 0]] * 300, atol=1e-5)
    assert scene.rgb is not None
    assert scene.rgb[0].tolist() == [9, 8, 7]


@pytest.mark.parametrize("write", [las, e57])
def test_truncation_and_damage_are_refused(tmp_path, write):
    path = write(tmp_path / f"a.{write.__name__}")
    data = path.read_bytes()
    for broken in (data[: len(data) // 2], data[:40], b"X" + data[1:]):
        path.write_bytes(broken)
        with pytest.raises(InputError, match=path.name):
            load_scene(path)


def test_a_flipped_byte_of_an_e57_never_reaches_the_library(tmp_path):
    path = e57(tmp_path / "a.e57")
    data = bytearray(path.read_bytes())
    data[2000] ^= 1
    path.write_bytes(data)
    with pytest.raises(InputError, match="page 1 is damaged"):
        load_scene(path)


@pytest.mark.parametrize(("module", "extra", "head"), [("laspy", "las", "LASF"), ("pye57", "e57", "ASTM-E57")])
def test_a_missing_extra_is_named(tmp_path, monkeypatch, module, extra, head):
    monkeypatch.setitem(sys.modules, module, None)
    (tmp_path / f"a.{extra}").write_text(head * 300)
    with pytest.raises(MissingDependencyError, match=rf"pip install 'scene3d\[{extra}\]'"):
        load_scene(tmp_path / f"a.{extra}")


def test_reading_a_ply_needs_no_extra():
    code = "import sys, scene3d.io; sys.exit(any(m in sys.modules for m in ('laspy', 'pye57', 'open3d', 'trimesh')))"
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0
