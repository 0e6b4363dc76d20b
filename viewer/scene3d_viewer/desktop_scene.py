"""What the desktop window draws of the scene, by Open3D: scan, lit objects, labels, plan and scale bar."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import open3d as o3d
import torch
from open3d.visualization import gui, rendering

from scene3d_viewer.conversation import Conversation
from scene3d_viewer.display import has_graphics_device
from scene3d_viewer.labels import place_labels
from scene3d_viewer.layers import (
    ObjectLayer,
    box_segments,
    coloured,
    floor_bar,
    pale,
    point_normals,
    shaded,
    truth_tint,
)
from scene3d_viewer.theme import Theme
from scene3d_viewer.thinned import thinned
from scene3d_viewer.views import FIELD_OF_VIEW_DEG, from_corner

_LIFT_M = 0.004
_MOST_LABELS = 24
_FIRST_POINTS = 250_000
"""Of a larger scan this much is drawn at first where no graphics device is."""


class DesktopScene:
    """The part of the window that shows the scan.

    Args:
        window: Open3D's window.
        conversation: What is shown.
        theme: Colours of background and letters.
    """

    def __init__(self, window: Any, conversation: Conversation, theme: Theme) -> None:
        self._window, self._talk, self._theme = window, conversation, theme
        self._set_surface(whole=has_graphics_device())
        self._cut_m = conversation.layers.ceiling_cut_m
        self._truth = False
        self._labels: list[Any] = []
        self._drawn: set[str] = set()
        self.widget: Any = gui.SceneWidget()
        self.widget.scene = rendering.Open3DScene(window.renderer)
        self.widget.scene.set_background([*(c / 255 for c in theme.background), 1.0])
        self.widget.scene.view.set_post_processing(False)
        # Smooth edges take a software renderer twice as long as the scan itself.
        self.widget.scene.view.set_antialiasing(self.points_drawn == len(conversation.layers.surface.xyz_m))
        self.widget.enable_scene_caching(True)  # or each letter typed in the panel would draw the whole scan again
        self._draw_base()
        self._draw_still_things()
        self.look_from_corner()

    def refresh(self) -> None:
        """Draw what is lit, selected and stepped to."""
        talk, scene = self._talk, self.widget.scene
        shown = [o for i in talk.shown() if (o := talk.layers.by_id(i))]
        if shown and not scene.has_geometry("pale"):
            self._draw_surface("pale", pale(self._surface.rgb))
        scene.show_geometry("scan", not shown)
        scene.show_geometry("pale", bool(shown))
        for name in self._drawn:
            scene.remove_geometry(name)
        self._drawn = set()
        parts = self._surface.regions.parts([o.row for o in shown])
        for item in shown:
            self._add(f"lit {item.id}", self._object_geometry(item, parts[item.row]), self._material(larger=1.4))
            if item.id in talk.selected:
                self._add(f"box {item.id}", _lines(box_segments(item.box_m), item.colour), _line_material())
        markers = talk.markers() if talk.step is not None else ()
        if len(markers) > 1:
            ends = torch.tensor([m.at_m for m in markers])
            self._add("path", _lines(torch.stack([ends[:-1], ends[1:]], 1), (90, 90, 90)), _line_material())
        for label in self._labels:
            self.widget.remove_3d_label(label)
        self._labels = [self._label(np.array(m.at_m), f"({m.number})") for m in markers]
        self._labels += self._object_labels(shown)
        self._redraw()

    @property
    def points_drawn(self) -> int:
        """Of the scan."""
        return len(self._surface.xyz_m)

    def set_whole(self, on: bool) -> None:
        """Draw all points with smooth edges, or so many that any computer can turn them."""
        self._set_surface(whole=on)
        self.widget.scene.view.set_antialiasing(on)
        self._draw_base()
        self.refresh()

    def set_ceiling(self, height_m: float) -> None:
        """Leave out what lies above a height."""
        self._cut_m = height_m
        self._draw_base()
        self.refresh()

    def set_truth(self, on: bool) -> None:
        """Show the annotated objects in place of the scan's colours."""
        self._truth = on
        self._draw_base()
        self.refresh()

    def set_cameras(self, on: bool) -> None:
        """Show where the frames were taken."""
        self.widget.scene.show_geometry("cameras", on)
        self._redraw()

    def look_from_corner(self) -> None:
        """Down into the room, all of it and the scale bar in sight."""
        view = from_corner(self._talk.layers, with_bar=True)
        self._look(view.eye_m, view.target_m)

    def look_from_above(self) -> None:
        """Straight down, y up."""
        low, high = self._bounds()
        middle, reach = (low + high) / 2, float(np.linalg.norm(high - low))
        self._look(tuple(middle + reach * np.array([0, -0.001, 1])), tuple(middle))

    def save_picture(self, path: str) -> None:
        """Write what the scene shows as a picture."""

        def write(image: Any) -> None:
            o3d.io.write_image(Path(path), image)

        self.widget.scene.scene.render_to_image(write)

    def point_at(self, x: float, y: float) -> int | None:
        """The point of the surface that is drawn at a place of the window, pixels from its left and top."""
        camera, frame = self.widget.scene.camera, self.widget.frame
        eye = np.linalg.inv(np.asarray(camera.get_view_matrix()))[:3, 3]
        far = np.asarray(camera.unproject(x - frame.x, y - frame.y, 0.9, frame.width, frame.height))
        return self._talk.picker.point_on_ray(tuple(eye.tolist()), tuple((far - eye).tolist()), below_m=self._cut_m)

    def _set_surface(self, *, whole: bool) -> None:
        surface = self._talk.layers.surface
        self._surface, self._kept = thinned(surface, most=len(surface.xyz_m) if whole else _FIRST_POINTS)
        self._normal = point_normals(self._surface)

    def _draw_base(self) -> None:
        """The scan; it is drawn pale once something is lit."""
        self.widget.scene.remove_geometry("pale")
        rgb = truth_tint(self._talk.layers)[self._kept] if self._truth else self._surface.rgb
        self._draw_surface("scan", rgb)

    def _draw_surface(self, name: str, rgb: torch.Tensor) -> None:
        self.widget.scene.remove_geometry(name)
        low = self._surface.xyz_m[:, 2] <= self._cut_m
        self.widget.scene.add_geometry(name, self._geometry(low, rgb, lift_m=0.0), self._material())

    def _draw_still_things(self) -> None:
        lines, text = floor_bar(self._talk.layers)
        self.widget.scene.add_geometry("bar", _lines(lines, (110, 110, 110)), _line_material())
        self._label(lines[0].mean(0).numpy(), text)
        cameras = self._talk.layers.cameras
        self.widget.scene.add_geometry("cameras", _lines(cameras, (130, 130, 130)), _line_material())
        self.widget.scene.show_geometry("cameras", False)

    def _object_geometry(self, item: ObjectLayer, part: torch.Tensor) -> Any:
        inside = part & (self._surface.xyz_m[:, 2] <= self._cut_m)
        return self._geometry(inside, coloured(self._surface.rgb, item.colour), lift_m=_LIFT_M)

    def _geometry(self, points: torch.Tensor, rgb: torch.Tensor, *, lift_m: float) -> Any:
        """Part of the surface as Open3D draws it."""
        xyz_m, faces, rgb = self._surface.xyz_m, self._surface.faces, shaded(rgb, self._normal)
        if faces is None or self._normal is None:
            cloud = o3d.t.geometry.PointCloud(_tensor(xyz_m[points].numpy()))
            cloud.point.colors = _tensor(rgb[points].float().div(255).numpy())
            return cloud
        number, local = faces[points[faces].all(1)].unique(return_inverse=True)
        # Open3D's other kind of mesh leaves texture coordinates uninitialised, which can stall a software renderer.
        lifted = (xyz_m + lift_m * self._normal)[number]
        mesh = o3d.t.geometry.TriangleMesh(_tensor(lifted.numpy()), _tensor(local.view(-1, 3).int().numpy()))
        mesh.vertex.colors = _tensor(rgb[number].float().div(255).numpy())
        return mesh

    def _add(self, name: str, geometry: Any, material: Any) -> None:
        self.widget.scene.add_geometry(name, geometry, material)
        self._drawn.add(name)

    def _material(self, *, larger: float = 1.0) -> Any:
        material = rendering.MaterialRecord()
        material.shader, material.point_size = "defaultUnlit", 3 * larger * self._window.scaling
        return material

    def _object_labels(self, shown: Sequence[ObjectLayer]) -> list[Any]:
        """Names beside their objects, moved apart as the camera sees them now."""
        camera, frame = self.widget.scene.camera, self.widget.frame
        wide, high = max(frame.width, 1), max(frame.height, 1)
        matrix = np.asarray(camera.get_projection_matrix()) @ np.asarray(camera.get_view_matrix())
        items = sorted(shown, key=lambda o: -o.score)[:_MOST_LABELS]
        clip = [matrix @ np.array([*o.anchor_m, 1.0]) for o in items]
        screen = [
            (wide * (1 + c[0] / c[3]) / 2, high * (1 - c[1] / c[3]) / 2) if c[3] > 0 else (-1.0, -1.0) for c in clip
        ]
        sizes = [(0.65 * self._window.theme.font_size * len(o.name), 1.5 * self._window.theme.font_size) for o in items]
        labels = []
        for item, c, place in zip(items, clip, place_labels(screen, sizes, width=wide, height=high), strict=True):
            if place is not None:
                ndc = np.array([2 * place[0] / wide - 1, 1 - (place[1] + place[3]) / high, c[2] / c[3], 1.0])
                world = np.linalg.inv(matrix) @ ndc
                labels.append(self._label(world[:3] / world[3], item.name))
        return labels

    def _label(self, at_m: np.ndarray, text: str) -> Any:
        label = self.widget.add_3d_label(at_m, text)
        label.color = gui.Color(*(c / 255 for c in self._theme.text))
        return label

    def _look(self, eye_m: tuple[float, float, float], target_m: tuple[float, float, float]) -> None:
        low, high = self._bounds()
        bounds = o3d.geometry.AxisAlignedBoundingBox(low, high)
        self.widget.setup_camera(FIELD_OF_VIEW_DEG, bounds, (low + high) / 2)
        self.widget.look_at(target_m, eye_m, [0, 0, 1])
        self._redraw()

    def _redraw(self) -> None:
        self.widget.force_redraw()
        self._window.set_needs_layout()  # after which the window draws until the change is seen

    def _bounds(self) -> tuple[np.ndarray, np.ndarray]:
        xyz_m = self._surface.xyz_m[self._surface.xyz_m[:, 2] <= self._cut_m]
        return xyz_m.amin(0).double().numpy(), xyz_m.amax(0).double().numpy()


def _lines(segments: torch.Tensor, colour: tuple[int, int, int]) -> Any:
    count = len(segments)
    lines = o3d.geometry.LineSet(
        o3d.utility.Vector3dVector(segments.reshape(-1, 3).double().numpy()),
        o3d.utility.Vector2iVector(np.arange(2 * count, dtype=np.int32).reshape(-1, 2)),
    )
    lines.paint_uniform_color([c / 255 for c in colour])
    return lines


def _line_material() -> Any:
    material = rendering.MaterialRecord()
    material.shader, material.line_width = "unlitLine", 3.0
    return material


def _tensor(array: np.ndarray) -> Any:
    return o3d.core.Tensor.from_numpy(np.ascontiguousarray(array))
