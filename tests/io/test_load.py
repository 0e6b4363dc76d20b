"""What every format shares: unit, origin, the way back to the file, thinning, and clear refusals."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from scene3d.errors import InputError
from scene3d.io import load_scene


def save(path, xyz, **arrays):
    np.savez(path, xyz=xyz, **arrays)
    return path


def notes(scene, topic):
    return " | ".join(note.text for note in scene.notes if note.topic == topic)


def in_file(scene):
    homogeneous = torch.cat([scene.xyz_m.double(), torch.ones(len(scene.xyz_m), 1, dtype=torch.float64)], dim=1)
    return (homogeneous @ scene.file_from_scene.T)[:, :3].numpy()


@pytest.mark.parametrize(("per_metre", "name"), [(1, "metres"), (100, "centimetres"), (1000, "millimetres")])
def test_the_unit_is_found_from_the_extent(tmp_path, room, per_metre, name):
    xyz = room(0)[::20]
    scene = load_scene(save(tmp_path / "a.npz", xyz * per_metre))
    np.testing.assert_allclose(scene.xyz_m, xyz, atol=1e-5)
    assert name in notes(scene, "unit")


@pytest.mark.parametrize(("unit", "metres"), [("ft", 0.3048), ("in", 0.0254), (2.5, 2.5)])
def test_the_unit_can_be_given(tmp_path, room, unit, metres):
    scene = load_scene(save(tmp_path / "a.npz", room(0)[::50]), unit=unit, up_axis="z")
    np.testing.assert_allclose(scene.xyz_m, room(0)[::50] * metres, atol=1e-5)


def test_the_files_coordinates_are_recovered_from_a_far_y_up_millimetre_scan(tmp_path, room):
    xyz = room(1)[::20][:, [1, 2, 0]] * 1000 + [4_500_000.0, 120_000.0, 5_300_000.0]
    scene = load_scene(save(tmp_path / "a.npz", xyz), unit="mm")
    assert scene.xyz_m.abs().max() < 20
    assert "became the origin" in notes(scene, "origin")
    np.testing.assert_allclose(in_file(scene), xyz, atol=2e-3)  # thousandths of a millimetre: 32-bit metres
    assert scene.file_from_scene.dtype == torch.float64


def test_the_origin_can_be_given(tmp_path):
    xyz = np.random.default_rng(0).uniform(0, 5, (50, 3))
    scene = load_scene(save(tmp_path / "a.npz", xyz), origin=(1, 2, 3), up_axis="z")
    np.testing.assert_allclose(scene.xyz_m, xyz - [1, 2, 3], atol=1e-6)
    np.testing.assert_allclose(in_file(scene), xyz, atol=1e-6)


@pytest.mark.parametrize("max_points", [10_000_000, 500])
def test_thinning_keeps_places_colours_faces_and_the_way_back(tmp_path, monkeypatch, room, max_points):
    xyz = np.append(room(0)[::9], [[np.nan, 0, 0]], axis=0)
    rng = np.random.default_rng(0)
    rgb, faces = rng.integers(0, 256, (len(xyz), 3), dtype=np.uint8), rng.integers(0, len(xyz), (400, 3))
    path = save(tmp_path / "a.npz", xyz, rgb=rgb, faces=faces, label=np.arange(len(xyz)))
    scene = load_scene(path, voxel_m=0.2, max_points=max_points, up_axis="z")
    index = scene.scene_point_of_file
    assert index is not None
    assert scene.rgb is not None
    assert index[-1] == -1
    assert len(scene.xyz_m) <= max_points
    assert set(index[:-1].tolist()) == set(range(len(scene.xyz_m)))
    for point in range(0, len(scene.xyz_m), 37):  # an oracle by hand: the mean of what maps here
        mine = (index == point).numpy()
        np.testing.assert_allclose(scene.xyz_m[point], xyz[mine].mean(axis=0), atol=1e-5)
        np.testing.assert_allclose(scene.rgb[point], rgb[mine].mean(axis=0), atol=0.51)
        assert int(scene.fields["label"][point]) in np.flatnonzero(mine)
    assert scene.faces is not None
    corners = index[torch.from_numpy(faces)]
    whole = (corners >= 0).all(dim=1) & torch.tensor([len(set(row)) == 3 for row in corners.tolist()])
    assert torch.equal(scene.faces, corners[whole].long())
    assert "were merged into" in notes(scene, "points")


def test_what_is_missing_is_noted(tmp_path):
    scene = load_scene(save(tmp_path / "a.npz", np.random.default_rng(0).uniform(0, 3, (99, 3))))
    assert "no colour" in notes(scene, "colour")
    assert "no faces" in notes(scene, "faces")


@pytest.mark.parametrize(
    ("xyz", "message"),
    [
        (np.full((5, 3), np.nan), "0 of 5 points are finite"),
        (np.ones((5, 3)), "all 5 points lie within"),
        (np.array([[0, 0, 0], [1e300, 0, 0], [0, -1e300, 0]]), "more than 20,000 m"),
        (np.array([[0, 0, 0], [1e308, 0, 0], [-1e308, 0, 0]]), "more than 20,000 m"),
        (np.zeros((0, 3)), r"shape \(n, 3\) is needed"),
        (np.zeros((4, 2)), r"shape \(n, 3\) is needed"),
    ],
)
def test_useless_points_are_refused(tmp_path, xyz, message):
    with pytest.raises(InputError, match=message):
        load_scene(save(tmp_path / "a.npz", xyz))


@pytest.mark.parametrize(
    ("wish", "message"),
    [
        ({"up_axis": "w"}, "up_axis 'w'"),
        ({"unit": "furlong"}, "unit 'furlong'"),
        ({"unit": -1.0}, "positive number"),
        ({"max_points": 0}, "at least 1"),
        ({"voxel_m": 0.0}, "voxel_m 0.0"),
        ({"origin": (0.0, float("nan"), 0.0)}, "three finite"),
    ],
)
def test_senseless_wishes_are_refused(tmp_path, wish, message):
    with pytest.raises(InputError, match=message):
        load_scene(save(tmp_path / "a.npz", np.random.default_rng(0).uniform(0, 3, (99, 3))), **wish)


def test_paths_that_are_no_scan_are_refused(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        load_scene(tmp_path / "no.ply")
    (tmp_path / "a.docx").write_bytes(b"x")
    with pytest.raises(InputError, match=r"'\.docx' is not read.*\.ply"):
        load_scene(tmp_path / "a.docx")
    (tmp_path / "empty.ply").touch()
    with pytest.raises(InputError, match="empty"):
        load_scene(tmp_path / "empty.ply")
    with pytest.raises(InputError, match=r"a folder, but neither.*empty\.ply"):
        load_scene(tmp_path)


def test_pickled_arrays_are_not_run(tmp_path):
    np.savez(tmp_path / "a.npz", xyz=np.array([object()], dtype=object))
    with pytest.raises(InputError, match="pickled"):
        load_scene(tmp_path / "a.npz")


def test_a_zip_bomb_is_refused_before_it_unpacks(tmp_path):
    np.savez_compressed(tmp_path / "a.npz", xyz=np.zeros((1000, 3)))
    data = bytearray((tmp_path / "a.npz").read_bytes())
    central = data.find(b"PK\x01\x02")
    data[central + 24 : central + 28] = (0xFFFFFFF0).to_bytes(4, "little")
    (tmp_path / "a.npz").write_bytes(data)
    with pytest.raises(InputError, match=r"a\.npz"):
        load_scene(tmp_path / "a.npz")


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("0 0 0\n1 2 3\n4 5 6\n", []),
        ("# x y z label\n0 0 0 7\n1 2 3 8\n4 5 6 9\n", ["label"]),
        ("x,y,z,r,g,b,label\n0,0,0,1,2,3,7\n1,2,3,1,2,3,8\n4,5,6,1,2,3,9\n", ["label"]),
        ("3\n0 0 0 55 1 2 3\n1 2 3 55 1 2 3\n4 5 6 55 1 2 3\n", ["intensity"]),
    ],
)
def test_tables_of_text(tmp_path, text, fields):
    (tmp_path / "a.txt").write_text(text)
    scene = load_scene(tmp_path / "a.txt", up_axis="z")
    assert scene.xyz_m.tolist() == [[0, 0, 0], [1, 2, 3], [4, 5, 6]]
    assert list(scene.fields) == fields
    if scene.rgb is not None:
        assert scene.rgb.tolist() == [[1, 2, 3]] * 3


@pytest.mark.parametrize("text", ["1 2\n", "1 2 3\n4 5\n", "hello\n", "1 2 3\n4 x 6\n"])
def test_tables_that_are_none_are_refused(tmp_path, text):
    (tmp_path / "a.xyz").write_text(text)
    with pytest.raises(InputError, match=r"a\.xyz"):
        load_scene(tmp_path / "a.xyz")
