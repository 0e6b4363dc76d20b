"""OBJ, STL, GLB and glTF against trimesh as an independent writer; textures become vertex colours."""

from __future__ import annotations

import json

import numpy as np
import pytest
import trimesh
from PIL import Image
from trimesh.visual import ColorVisuals

from scene3d.errors import InputError
from scene3d.io import load_scene


@pytest.fixture
def mesh() -> trimesh.Trimesh:
    mesh = trimesh.creation.box(extents=(4, 3, 2))
    colours = np.arange(32).reshape(8, 4).astype(np.uint8) | [0, 0, 0, 255]
    mesh.visual = ColorVisuals(mesh, vertex_colors=colours)
    return mesh


@pytest.mark.parametrize("ending", ["obj", "glb", "ply", "stl", "stl_ascii"])
def test_a_box_comes_back(tmp_path, mesh, ending):
    path = tmp_path / f"box.{ending.removesuffix('_ascii')}"
    mesh.export(str(path), file_type=ending)
    scene = load_scene(path, up_axis="z")
    assert scene.faces is not None
    back = trimesh.Trimesh(scene.xyz_m.numpy(), scene.faces.numpy(), process=False)
    assert len(scene.xyz_m) == 8
    np.testing.assert_allclose(back.volume, 24, rtol=1e-5)  # also tells that the winding is kept
    if "stl" not in ending:
        assert scene.rgb is not None
        np.testing.assert_array_equal(scene.rgb, np.arange(32).reshape(8, 4)[:, :3])


def test_a_glb_is_y_up_and_its_nodes_are_placed(tmp_path, mesh):
    placed = trimesh.Scene()
    placed.add_geometry(mesh, transform=trimesh.transformations.translation_matrix([10, 0, 0]))
    placed.add_geometry(mesh.copy())
    placed.export(str(tmp_path / "two.glb"))
    scene = load_scene(tmp_path / "two.glb")
    low, high = scene.xyz_m.min(dim=0).values, scene.xyz_m.max(dim=0).values
    np.testing.assert_allclose(high - low, [14, 2, 3], atol=1e-6)  # y of the file is z of the scene
    assert next(note.text for note in scene.notes if note.topic == "up_axis").startswith("y is up: glTF")


def textured_obj(folder, texture="map_Kd paint.png"):
    picture = np.zeros((2, 2, 3), np.uint8)
    picture[0, 0], picture[1, 1] = (255, 0, 0), (0, 0, 255)  # upper left, lower right
    Image.fromarray(picture).save(folder / "paint.png")
    (folder / "a.mtl").write_text(f"newmtl paint\n{texture}\nnewmtl plain\nKd 0 1 0\n")
    (folder / "a.obj").write_text(
        "mtllib a.mtl\nv 0 0 0\nv 4 0 0\nv 4 4 0\nv 0 4 0\nv 0 0 9\nvt 0.1 0.9\nvt 0.9 0.1\nvt 0.9 0.9\n"
        "usemtl paint\nf 1/1 2/2 3/3 4/1\nusemtl plain\nf -1 -4 -3\n"
    )
    return folder / "a.obj"


def test_an_obj_is_painted_by_its_textures_and_materials(tmp_path):
    scene = load_scene(textured_obj(tmp_path), up_axis="z")
    assert scene.rgb is not None
    assert scene.faces is not None
    assert scene.rgb.tolist() == [[255, 0, 0], [0, 128, 128], [0, 128, 0], [255, 0, 0], [0, 255, 0]]
    assert scene.faces.tolist() == [[0, 1, 2], [0, 2, 3], [4, 1, 2]]


def test_a_missing_texture_is_noted_not_fatal(tmp_path):
    scene = load_scene(textured_obj(tmp_path, "map_Kd gone.png"), up_axis="z")
    assert any("gone.png does not exist" in note.text for note in scene.notes)


def test_a_textured_gltf_is_painted(tmp_path):
    Image.fromarray(np.array([[[255, 0, 0], [0, 0, 255]]], np.uint8)).save(tmp_path / "t.png")
    xyz = np.array([[0, 0, 0], [4, 0, 0], [0, 4, 0]], "<f4")
    uv = np.array([[0.2, 0.5], [0.8, 0.5], [0.2, 0.5]], "<f4")
    (tmp_path / "a.bin").write_bytes(xyz.tobytes() + uv.tobytes())
    (tmp_path / "a.gltf").write_text(json.dumps(gltf_document()))
    scene = load_scene(tmp_path / "a.gltf", up_axis="z")
    assert scene.rgb is not None
    assert scene.rgb.tolist() == [[255, 0, 0], [0, 0, 128], [255, 0, 0]]


def gltf_document():
    material = {"pbrMetallicRoughness": {"baseColorTexture": {"index": 0}, "baseColorFactor": [1, 1, 0.5, 1]}}
    primitive = {"attributes": {"POSITION": 0, "TEXCOORD_0": 1}, "material": 0}
    accessors = [{"bufferView": i, "componentType": 5126, "count": 3, "type": f"VEC{3 - i}"} for i in (0, 1)]
    views = [{"buffer": 0, "byteOffset": 0, "byteLength": 36}, {"buffer": 0, "byteOffset": 36, "byteLength": 24}]
    return {
        "asset": {"version": "2.0"},
        "buffers": [{"uri": "a.bin", "byteLength": 60}],
        "bufferViews": views,
        "accessors": accessors,
        "materials": [material],
        "textures": [{"source": 0}],
        "images": [{"uri": "t.png"}],
        "meshes": [{"primitives": [primitive]}],
        "nodes": [{"mesh": 0}],
        "scenes": [{"nodes": [0]}],
    }


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"accessors": [{"bufferView": 0, "componentType": 5126, "count": 10**12, "type": "VEC3"}]}, "accessor"),
        ({"buffers": [{"uri": "../../etc/passwd"}]}, "not beside it"),
        ({"buffers": [{"uri": "https://example.com/a.bin"}]}, "not beside it"),
        ({"nodes": [{"mesh": 0, "children": [0]}]}, "circular"),
        ({"meshes": []}, "not valid glTF"),
        ({"nodes": [{}]}, "no geometry"),
    ],
)
def test_a_hostile_gltf_is_refused(tmp_path, change, message):
    (tmp_path / "a.bin").write_bytes(bytes(60))
    (tmp_path / "a.gltf").write_text(json.dumps(gltf_document() | change))
    with pytest.raises(InputError, match=message):
        load_scene(tmp_path / "a.gltf")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.obj", b"f 1 2 3\n", "no vertices"),
        ("a.obj", b"v 0 0 0\nv 1 0 0\nf 1 2 3\n", "does not exist"),
        ("a.obj", b"v 0 0\n", "instead of 3"),
        ("a.obj", b"v 0 0 zero\n", "not a table of numbers"),
        ("a.stl", bytes(84), "0 triangles"),
        ("a.stl", bytes(80) + b"\xff\xff\xff\xff", "truncated"),
        ("a.stl", b"solid a\nfacet\nvertex 1 2 3\n", "whole triangles"),
        ("a.glb", b"glTF\x02\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff____", "truncated"),
        ("a.glb", b"not a glb at all, sorry", "does not begin with 'glTF'"),
    ],
)
def test_a_broken_mesh_is_refused(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=message):
        load_scene(tmp_path / name)
