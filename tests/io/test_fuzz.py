"""Damaged files of every format: whatever the bytes, either a scene or an InputError comes out."""

from __future__ import annotations

import json

import numpy as np
import plyfile
import pytest
import trimesh
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scene3d.errors import InputError
from scene3d.io.load import READERS, load_scene

_SLOW_IS_FINE = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.data_too_large]
XYZ = np.random.default_rng(0).uniform(-2, 2, (24, 3)).round(3)


def ply_bytes(tmp, *, text, order):
    rows = np.zeros(24, dtype=[("x", "f4"), ("y", "f4"), ("z", "f4"), ("red", "u1"), ("green", "u1"), ("blue", "u1")])
    rows["x"], rows["y"], rows["z"] = XYZ.T
    faces = np.empty(2, dtype=[("vertex_indices", "O")])
    faces["vertex_indices"] = [np.array([0, 1, 2], "i4"), np.array([3, 4, 5, 6], "i4")]
    elements = [plyfile.PlyElement.describe(rows, "vertex"), plyfile.PlyElement.describe(faces, "face")]
    plyfile.PlyData(elements, text=text, byte_order=order).write(str(tmp / "a"))
    return (tmp / "a").read_bytes()


def pcd_bytes(kind):
    head = (
        f"VERSION .7\nFIELDS x y z\nSIZE 4 4 4\nTYPE F F F\nCOUNT 1 1 1\nWIDTH 24\nHEIGHT 1\nPOINTS 24\nDATA {kind}\n"
    )
    body = {
        "ascii": "\n".join(" ".join(map(str, row)) for row in XYZ).encode(),
        "binary": XYZ.astype("<f4").tobytes(),
        "binary_compressed": b"",
    }[kind]
    if kind == "binary_compressed":
        raw = XYZ.T.astype("<f4").tobytes()
        packed = b"".join(bytes([len(raw[i : i + 32]) - 1]) + raw[i : i + 32] for i in range(0, len(raw), 32))
        body = np.array([len(packed), len(raw)], "<u4").tobytes() + packed
    return head.encode() + body


@pytest.fixture(scope="session")
def valid(tmp_path_factory):
    """One small valid file per format, as ending and bytes."""
    tmp = tmp_path_factory.mktemp("valid")
    box = trimesh.creation.box(extents=(4, 3, 2))
    np.savez(tmp / "a.npz", xyz=XYZ, rgb=np.zeros((24, 3), np.uint8))
    np.savez_compressed(tmp / "b.npz", xyz=XYZ)
    np.save(tmp / "a.npy", XYZ)
    text = "\n".join(" ".join(map(str, row)) for row in XYZ).encode()
    glb = trimesh.Scene(box).export(file_type="glb")
    obj = b"mtllib a.mtl\nv 0 0 0\nv 1 0 0\nv 0 1 0\nvt 0 0\nusemtl m\nf 1/1 2/1 3/1\nf -1 -2 -3\n"
    files = [
        (".ply", ply_bytes(tmp, text=text_, order=order)) for text_, order in ((True, "="), (False, "<"), (False, ">"))
    ]
    files += [(".pcd", pcd_bytes(kind)) for kind in ("ascii", "binary", "binary_compressed")]
    files += [(".obj", obj), (".glb", glb), (".xyz", text), (".csv", b"x,y,z\n" + text.replace(b" ", b","))]
    for kind in ("stl", "stl_ascii"):
        box.export(str(tmp / "a.stl"), file_type=kind)
        files.append((".stl", (tmp / "a.stl").read_bytes()))
    files += [(".npz", (tmp / f"{n}.npz").read_bytes()) for n in "ab"] + [(".npy", (tmp / "a.npy").read_bytes())]
    files += [(".gltf", json.dumps({"buffers": [], "nodes": [{"mesh": 0}], "meshes": [{"primitives": []}]}).encode())]
    return files + _surveys(tmp)


def _surveys(tmp):
    laspy, pye57 = pytest.importorskip("laspy"), pytest.importorskip("pye57")
    cloud = laspy.create(point_format=2, file_version="1.2")
    cloud.x, cloud.y, cloud.z = XYZ.T
    for name in ("a.las", "a.laz"):
        cloud.write(str(tmp / name))
    file = pye57.E57(str(tmp / "a.e57"), mode="w")
    file.write_scan_raw({f"cartesian{axis}": XYZ[:, i].copy() for i, axis in enumerate("XYZ")})
    file.close()
    return [(f".{ending}", (tmp / f"a.{ending}").read_bytes()) for ending in ("las", "laz", "e57")]


@pytest.fixture(scope="session")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("fuzz")


def test_every_format_takes_part(valid, place):
    assert {ending for ending, _ in valid} >= set(READERS) - {".txt", ".pts", ".asc", ".xyzrgb"}
    for ending, data in valid:
        if ending != ".gltf":
            (place / f"whole{ending}").write_bytes(data)
            assert len(load_scene(place / f"whole{ending}").xyz_m) > 2


def test_an_array_whose_header_ends_in_the_middle_is_refused(place):
    np.save(place / "open.npy", XYZ)
    whole = (place / "open.npy").read_bytes()
    (place / "open.npy").write_bytes(whole.replace(b"}", b" ", 1))
    with pytest.raises(InputError, match=r"open\.npy: a damaged array"):
        load_scene(place / "open.npy")


@settings(max_examples=120, deadline=None, suppress_health_check=_SLOW_IS_FINE)
@given(data=st.data())
def test_damage_gives_a_scene_or_an_input_error(valid, place, data):
    ending, whole = data.draw(st.sampled_from(valid))
    broken = bytearray(whole)
    for _ in range(data.draw(st.integers(0, 4))):
        header_or_anywhere = data.draw(st.sampled_from([min(400, len(broken)), len(broken)]))
        broken[data.draw(st.integers(0, header_or_anywhere - 1))] = data.draw(st.integers(0, 255))
    if data.draw(st.booleans()):
        broken = broken[: data.draw(st.integers(0, len(broken)))]
    path = place / f"a{ending}"
    path.write_bytes(broken)
    max_points = data.draw(st.sampled_from([10, 1000]))
    try:
        scene = load_scene(path, max_points=max_points)
    except InputError as refusal:
        message = str(refusal)
    else:
        message = f"{path} was read"
        assert bool(scene.xyz_m.isfinite().all())
    assert str(path) in message
