"""OBJ and MTL text against meshes worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from scene3d.errors import InputError
from scene3d.synth.wavefront import read_mtl, read_obj

_QUAD = b"v 0 0 0\nv 1 0 0\nv 1 1 0\nv 0 1 0\n"


def _no_library(name: str) -> bytes:
    raise AssertionError(f"nothing should ask for {name}")


def test_a_polygon_becomes_a_fan() -> None:
    mesh = read_obj(_QUAD + b"f 1 2 3 4\n", _no_library)
    assert mesh.faces.tolist() == [[0, 1, 2], [0, 2, 3]]


@pytest.mark.parametrize("face", [b"f 1/1 2/2 3/3", b"f 1/1/1 2/2/1 3/3/1", b"f -4/-3 -3/-2 -2/-1"])
def test_ways_to_write_a_corner(face: bytes) -> None:
    text = _QUAD + b"vt 0 0\nvt 1 0\nvt 1 1\nvn 0 0 1\n" + face + b"\n"
    mesh = read_obj(text, _no_library)
    assert mesh.faces.tolist() == [[0, 1, 2]]
    assert mesh.uv.tolist() == [[[0, 0], [1, 0], [1, 1]]]


def test_corners_without_pictures_beside_corners_with() -> None:
    mesh = read_obj(_QUAD + b"vt 0.5 0.25\nf 1/1 2/1 3/1\nf 1//1 2//1 3//1\n", _no_library)
    assert np.allclose(mesh.uv[0], [0.5, 0.25])
    assert not mesh.uv[1].any()


def test_materials_follow_usemtl() -> None:
    library = b"newmtl red\nKd 1 0 0\nnewmtl glass\nKd 0 0 1\nd 0.25\nmap_Kd pane.png\n"
    text = b"mtllib a.mtl\n" + _QUAD + b"usemtl red\nf 1 2 3\nusemtl glass\nf 1 3 4\nusemtl red\nf 2 3 4\n"
    mesh = read_obj(text, lambda name: {"a.mtl": library}[name])
    materials = [mesh.materials[i] for i in mesh.material]
    assert [m.name for m in materials] == ["red", "glass", "red"]
    assert materials[0].rgb == (1, 0, 0)
    assert (materials[1].opacity, materials[1].picture) == (0.25, "pane.png")


def test_transparency_is_the_complement_of_opacity() -> None:
    assert read_mtl("newmtl a\nTr 0.75\n")["a"].opacity == 0.25


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (_QUAD, "no faces"),
        (_QUAD + b"f 1 2 9\n", "names vertex 9 of 4"),
        (b"v 0 0\nv 1 0\nv 1 1\nf 1 2 3\n", "2 numbers"),
    ],
)
def test_unusable_files_say_why(text: bytes, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_obj(text, _no_library, name="bad.obj")
