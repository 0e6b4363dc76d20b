import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image

from scene3d import resources
from scene3d.geometry.splat import View, project_view, top_view
from scene3d.model.palette import colour_of
from scene3d_viewer import sight as sight_module
from scene3d_viewer.layers import Layers, layers_of, tint
from scene3d_viewer.session import Exchange
from scene3d_viewer.sight import Sight
from scene3d_viewer.stills import contact_sheet, picture
from scene3d_viewer.views import first_person, from_above, from_corner
from tests.viewer.room import LAMP, SHELF, TABLE, ScriptedSession, make_plan, make_proposals, make_scene


def make_layers(*, mesh: bool = True) -> Layers:
    scene = make_scene(mesh=mesh)
    return layers_of(scene, make_proposals(scene))


def coloured_like(image: Image.Image, object_id: int) -> np.ndarray:
    """Pixels whose hue is that of an object."""
    pixel = np.asarray(image).astype(float)
    want = colour_of(torch.tensor([object_id]))[0].numpy() * 0.72 + 128 * 0.28
    pixel_hue = pixel - pixel.mean(2, keepdims=True)
    want_hue = want - want.mean()
    cosine = (pixel_hue * want_hue).sum(2) / (np.linalg.norm(pixel_hue, axis=2) * np.linalg.norm(want_hue) + 1e-6)
    return (cosine > 0.97) & (np.linalg.norm(pixel_hue, axis=2) > 25)


@pytest.mark.parametrize("mesh", [True, False])
def test_the_pixels_of_an_object_have_its_colour_and_no_others(mesh: bool) -> None:
    layers = make_layers(mesh=mesh)
    view = from_above(layers)
    coloured = coloured_like(picture(layers, view, lit=(SHELF,), size=(400, 300)), SHELF)
    ends = torch.tensor([[3.4, 0.5, 1.8], [3.8, 2.5, 1.8]])
    x, y, _, _ = project_view(ends, view, 400, 300)
    left, right, top, bottom = (round(v) for v in (*sorted(x.tolist()), *sorted(y.tolist())))
    inside = coloured[top:bottom, left:right]
    label = 60 * 20
    assert inside.sum() > 0.9 * inside.size - label
    around = coloured[top - 7 : bottom + 7, left - 7 : right + 7]  # squares stand for points
    assert coloured.sum() - around.sum() < 0.2 * label  # the label's outline
    assert not coloured_like(picture(layers, view, lit=(TABLE,), size=(400, 300)), SHELF).any()


def test_rays_and_splats_see_the_same_points(monkeypatch: pytest.MonkeyPatch) -> None:
    layers = make_layers()
    view = View(eye_m=(0.5, 0.4, 1.6), target_m=(2.0, 1.5, 0.5))
    by_rays = Sight(layers.surface).look(view, width=160, height=120)
    monkeypatch.setattr(sight_module, "_open3d", lambda: None)
    by_splats = Sight(layers.surface).look(view, width=160, height=120)
    both = by_rays.hit & by_splats.hit
    assert both.float().mean() > 0.6
    first, second = (layers.surface.xyz_m[seen.nearest_point()[both]] for seen in (by_rays, by_splats))
    assert (first - second).norm(dim=1).quantile(0.9) < 0.15


def test_a_painting_blends_the_corners_of_the_triangle_seen() -> None:
    layers = make_layers()
    seen = Sight(layers.surface, below_m=layers.ceiling_cut_m).look(top_view(layers.surface.xyz_m), width=80, height=60)
    height = (layers.surface.xyz_m[:, 2:] * 100).to(torch.uint8).expand(-1, 3)
    painted = seen.paint(height, (0, 0, 0))[..., 0].float() / seen.shade
    assert float(painted[seen.hit].max()) == pytest.approx(180, abs=6)  # the shelf's top


def test_from_above_the_ceiling_is_gone_and_from_inside_it_is_there() -> None:
    layers = make_layers()
    above = from_above(layers)
    seen = Sight(layers.surface, below_m=layers.ceiling_cut_m, eye_m=above.eye_m).look(above, width=200, height=150)
    assert float(layers.surface.xyz_m[seen.nearest_point()[seen.hit], 2].max()) < layers.ceiling_cut_m
    inside = first_person(layers)
    assert inside.eye_m[2] == pytest.approx(1.6, abs=0.1)
    assert from_corner(layers).eye_m[2] > layers.top_m


@pytest.mark.parametrize("target", [LAMP, SHELF])
def test_a_person_stands_on_free_floor_and_sees_what_is_meant(target: int) -> None:
    layers = make_layers()
    view = first_person(layers, (target,))
    x, y, _ = view.eye_m
    for item in layers.objects:
        assert not (item.box_m[0] < x < item.box_m[3] and item.box_m[1] < y < item.box_m[4])
    point = Sight(layers.surface).look(view, width=160, height=120).nearest_point()
    item = layers.by_id(target)
    assert item is not None
    member = layers.surface.regions.member[layers.surface.regions.of_point[point[point >= 0]], item.row]
    assert member.float().mean() > 0.01


def test_a_contact_sheet_has_a_row_per_answer_and_one_for_the_plan() -> None:
    layers, session = make_layers(), ScriptedSession()
    asked = [("Where is the lamp?", ()), ("Describe <ref>.", (SHELF,))]
    exchanges = [Exchange(question=q, answer=session.ask(q, select=s), select=s) for q, s in asked]
    sheet = contact_sheet(layers, exchanges, plan=make_plan(), theme="dark")
    third = sheet.height // 3
    first, second, planned = (sheet.crop((0, y, sheet.width, y + third)) for y in (0, third, 2 * third))
    assert coloured_like(first, LAMP).sum() > 200
    assert coloured_like(second, SHELF).sum() > 2000
    assert coloured_like(first, SHELF).sum() == coloured_like(second, LAMP).sum() == 0
    assert min(coloured_like(planned, LAMP).sum(), coloured_like(planned, TABLE).sum()) > 200


def test_pictures_need_no_display_and_no_graphics_library() -> None:
    """In a process that may load neither OpenGL, EGL, Vulkan nor X."""
    code = """
import os, torch
from tests.viewer.room import make_scene, make_proposals
from scene3d_viewer.layers import layers_of
from scene3d_viewer.stills import picture
from scene3d_viewer.views import from_corner
scene = make_scene()
layers = layers_of(scene, make_proposals(scene))
picture(layers, from_corner(layers), size=(120, 90))
maps = open("/proc/self/maps").read() if os.path.exists("/proc/self/maps") else ""
assert "swrast" not in maps and "libvulkan_lvp" not in maps
"""
    environment = {"PATH": "/usr/bin", "PYTHONPATH": ":".join(["viewer", "ops", "."]), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=resources.root(), env=environment, check=False, capture_output=True
    )
    assert done.returncode == 0, done.stderr.decode()


def test_nothing_lit_is_as_scanned() -> None:
    layers = make_layers()
    image = np.asarray(picture(layers, from_corner(layers), size=(160, 120))).astype(int)
    assert (image.max(2) - image.min(2)).max() == 0  # a grey room stays grey
    assert torch.equal(tint(layers, [77]), layers.surface.rgb)
