"""PLY: every flavour against plyfile as an independent writer, and what `save_ply` writes."""

from __future__ import annotations

import numpy as np
import plyfile
import pytest
import torch

from scene3d.errors import InputError
from scene3d.io import load_scene, save_ply, save_scene_ply
from scene3d.io.ply import read_ply
from scene3d.io.raw import joined

KIND = [("x", "f8"), ("y", "f4"), ("z", "f4"), ("red", "u1"), ("green", "u1"), ("blue", "u1")]
KIND += [("label", "i4"), ("quality", "f4"), ("nx", "f4"), ("ny", "f4"), ("nz", "f4")]


def write(path, xyz, polygons=None, *, text=False, order="<", length="u1", comments=()):
    rows = np.zeros(len(xyz), dtype=KIND)
    rows["x"], rows["y"], rows["z"] = xyz.T
    rows["red"], rows["green"], rows["blue"] = 10, np.arange(len(xyz)) % 256, 30
    rows["label"], rows["quality"], rows["nz"] = np.arange(len(xyz)) - 5, 0.5, 2.0
    elements = [plyfile.PlyElement.describe(rows, "vertex")]
    if polygons is not None:
        faces = np.empty(len(polygons), dtype=[("flags", "i4"), ("vertex_indices", "O")][:: -1 if text else 1])
        faces["flags"] = 7
        faces["vertex_indices"] = [np.array(p, dtype="i4") for p in polygons] + []
        lengths = {"vertex_indices": length}
        elements.append(
            plyfile.PlyElement.describe(faces, "face", len_types=lengths, val_types={"vertex_indices": "i4"})
        )
    plyfile.PlyData(elements, text=text, byte_order=order, comments=list(comments)).write(str(path))
    return path


FLAVOURS = [{"text": True}, {"order": "<"}, {"order": ">"}, {"order": "<", "length": "i4"}]


@pytest.mark.parametrize("flavour", FLAVOURS)
@pytest.mark.parametrize("shape", ["triangles", "mixed"])
def test_every_flavour_keeps_points_fields_and_faces(tmp_path, flavour, shape):
    xyz = np.random.default_rng(0).uniform(-2, 2, (30, 3)).astype(np.float32)
    polygons = (
        [[0, 1, 2], [3, 4, 5]] if shape == "triangles" else [[0, 1, 2], [3, 4, 5, 6], [7, 8], [9, 10, 11, 12, 13]]
    )
    scene = load_scene(write(tmp_path / "a.ply", xyz, polygons, **flavour), up_axis="z", unit="m")
    np.testing.assert_allclose(scene.xyz_m, xyz, atol=1e-6)
    assert scene.rgb is not None
    assert scene.rgb[7].tolist() == [10, 7, 30]
    assert scene.normal is not None
    assert scene.normal[3].tolist() == [0, 0, 1]
    assert scene.fields["label"].tolist() == list(range(-5, 25))
    assert scene.fields["quality"].dtype == torch.float32
    expected = [[0, 1, 2], [3, 4, 5]]
    if shape == "mixed":
        expected = [[0, 1, 2], [3, 4, 5], [3, 5, 6], [9, 10, 11], [9, 11, 12], [9, 12, 13]]
    assert scene.faces is not None
    assert scene.faces.tolist() == expected
    assert scene.scene_point_of_file is None


def test_float_colours_up_to_one_are_scaled(tmp_path):
    rows = np.zeros(5, dtype=[(n, "f4") for n in ("x", "y", "z", "red", "green", "blue")])
    rows["x"], rows["red"], rows["blue"] = np.arange(5), 1.0, 0.5
    plyfile.PlyData([plyfile.PlyElement.describe(rows, "vertex")]).write(str(tmp_path / "a.ply"))
    scene = load_scene(tmp_path / "a.ply", up_axis="z")
    assert scene.rgb is not None
    assert scene.rgb[2].tolist() == [255, 0, 128]


def test_points_are_read_in_pieces(tmp_path, monkeypatch):
    monkeypatch.setattr("scene3d.io.ply.CHUNK", 7)
    xyz = np.random.default_rng(0).uniform(-2, 2, (30, 3)).astype(np.float32)
    for i, flavour in enumerate(FLAVOURS[:3]):
        scan = read_ply(write(tmp_path / f"{i}.ply", xyz, **flavour))
        sizes = [len(points.xyz) for points in scan.chunks()]
        assert sizes == [7, 7, 7, 7, 2]
        np.testing.assert_allclose(joined(scan.chunks()).xyz, xyz, atol=1e-6)


@pytest.mark.parametrize("flavour", FLAVOURS[:3])
def test_a_truncated_file_is_refused(tmp_path, flavour):
    path = write(tmp_path / "a.ply", np.random.default_rng(0).normal(size=(50, 3)), [[0, 1, 2]] * 9, **flavour)
    data = path.read_bytes()
    for keep in (0.3, 0.6, 0.98):
        path.write_bytes(data[: int(len(data) * keep)])
        with pytest.raises(InputError, match=r"a\.ply"):
            load_scene(path)


def test_a_header_that_promises_too_much_allocates_nothing(tmp_path):
    path = tmp_path / "a.ply"
    head = "ply\nformat binary_little_endian 1.0\nelement vertex 99999999999\n"
    path.write_text(head + "property float x\nproperty float y\nproperty float z\nend_header\nabc")
    with pytest.raises(InputError, match="truncated"):
        load_scene(path)


def test_a_face_without_its_point_is_refused(tmp_path):
    path = write(tmp_path / "a.ply", np.random.default_rng(0).normal(size=(5, 3)), [[0, 1, 5]] * 2)
    with pytest.raises(InputError, match="names point 5, there are 5"):
        load_scene(path)


def test_a_saved_scene_comes_back_without_guessing(tmp_path):
    rng = np.random.default_rng(0)
    xyz = torch.from_numpy(rng.uniform(-900, 900, (40, 3)).astype(np.float32))  # would be taken for millimetres
    rgb = torch.from_numpy(rng.integers(0, 256, (40, 3), dtype=np.uint8))
    normal = torch.nn.functional.normalize(torch.randn(40, 3, generator=torch.Generator().manual_seed(0)), dim=1)
    faces = torch.tensor([[0, 1, 2], [37, 38, 39]])
    fields = {"instance": torch.arange(40) - 1, "is_wall": torch.arange(40) % 2 == 0}
    save_ply(tmp_path / "a.ply", xyz, rgb=rgb, normal=normal, faces=faces, fields=fields)
    scene = load_scene(tmp_path / "a.ply", origin=(0, 0, 0))
    torch.testing.assert_close(scene.xyz_m, xyz, rtol=0, atol=0)
    torch.testing.assert_close(scene.normal, normal)
    assert scene.rgb is not None
    assert scene.faces is not None
    assert torch.equal(scene.rgb, rgb)
    assert torch.equal(scene.faces, faces)
    assert scene.fields["instance"].tolist() == list(range(-1, 39))
    assert scene.fields["is_wall"].tolist() == [1, 0] * 20
    oracle = plyfile.PlyData.read(str(tmp_path / "a.ply"))
    np.testing.assert_array_equal(oracle["vertex"]["x"], xyz[:, 0])
    np.testing.assert_array_equal(np.stack(list(oracle["face"]["vertex_indices"])), faces)


def test_a_scene_is_saved_with_its_fields(tmp_path, room):
    write(tmp_path / "a.ply", room(0)[:500])
    save_scene_ply(tmp_path / "b.ply", load_scene(tmp_path / "a.ply"), fields={"mask": torch.arange(500) % 3})
    again = load_scene(tmp_path / "b.ply")
    assert {"label", "quality", "mask"} == set(again.fields)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"a b": torch.zeros(3)}, "without blanks"),
        ({"a": torch.zeros(4)}, "one value per point"),
        ({"x": torch.zeros(3)}, "may not be called 'x'"),
        ({"a": torch.tensor([0, 1, 1 << 40])}, "exceeds 32 bits"),
    ],
)
def test_unsuitable_fields_are_refused(tmp_path, fields, message):
    with pytest.raises(InputError, match=message):
        save_ply(tmp_path / "a.ply", torch.zeros(3, 3), fields=fields)


def test_an_unwritable_place_is_an_input_error(tmp_path):
    with pytest.raises(InputError, match="cannot be written"):
        save_ply(tmp_path / "no" / "a.ply", torch.zeros(3, 3))
