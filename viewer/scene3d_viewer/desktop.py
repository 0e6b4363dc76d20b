"""`scene3d view`: the scene and the conversation in a window, by Open3D's GUI."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import open3d as o3d
import torch
from open3d.visualization import gui, rendering

from scene3d.errors import Scene3DError
from scene3d.types import Phrase
from scene3d_viewer.conversation import Conversation
from scene3d_viewer.desktop_panel import Panel
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
from scene3d_viewer.session import Exchange
from scene3d_viewer.theme import THEMES, ThemeName

_LIFT_M = 0.004
_PANEL_EM = 26
_MOST_LABELS = 24


class DesktopWindow:
    """One window on one conversation. There is one per process, as Open3D has one application per process.

    Args:
        conversation: What is shown.
        theme: light or dark background.
        first: Questions asked when the window opens.
        plan: A request planned for when the window opens.
    """

    def __init__(
        self, conversation: Conversation, *, theme: ThemeName = "light", first: Sequence[str] = (), plan: str = ""
    ) -> None:
        self.conversation = conversation
        self._first, self._plan, self._theme = tuple(first), plan, THEMES[theme]
        self._surface = conversation.layers.surface
        self._normal = point_normals(self._surface)
        self._cut_m = conversation.layers.ceiling_cut_m
        self._truth = False
        self._labels: list[Any] = []
        self._drawn: set[str] = set()
        self._pressed: tuple[int, int] | None = None
        self._corner: np.ndarray | None = None
        gui.Application.instance.initialize()
        self.window: Any = gui.Application.instance.create_window(f"scene3d – {conversation.layers.name}", 1400, 860)
        self.view = gui.SceneWidget()
        self.view.scene = rendering.Open3DScene(self.window.renderer)
        background = [c / 255 for c in self._theme.background]
        self.view.scene.set_background([*background, 1.0])
        self.view.scene.view.set_post_processing(False)
        self.panel = Panel(self.window, conversation, self)
        self.window.add_child(self.view)
        self.window.add_child(self.panel.widget)
        self.window.set_on_layout(self._lay_out)
        self.view.set_on_mouse(self._on_mouse)
        self._draw_base()
        self._draw_still_things()
        self.look_from_corner()
        self.refresh()

    def run(self) -> None:
        """Show the window until it is closed."""
        for question in self._first:
            self.ask(question)
        if self._plan:
            self.plan(self._plan)
        gui.Application.instance.run()

    def close(self) -> None:
        """Close the window, from any thread."""
        self._on_main(self.window.close)

    # What people do; the panel calls these.

    def act(self, change: Callable[[], None]) -> None:
        """Change what is lit, selected or stepped to, and show it."""
        change()
        self.refresh()

    def ask(self, text: str) -> None:
        """Send a question; answers come one after the other, in the order of the questions."""
        if text.strip():
            self.panel.begin_answer(text)
            self._later(lambda: self.conversation.ask(text))

    def describe(self, object_id: int) -> None:
        """Ask for the caption of an object."""
        self.panel.begin_answer("Describe <ref>.")
        self._later(lambda: iter([self.conversation.describe(object_id)]))

    def plan(self, request: str) -> None:
        """Ask for a plan."""

        def work() -> None:
            try:
                self.conversation.ask_plan(request)
            except Scene3DError as error:
                message = str(error)
                self._on_main(lambda: self.panel.show_plan(problem=message))
                return
            self._on_main(self.refresh)

        if request.strip():
            threading.Thread(target=work, daemon=True).start()

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
        self.view.scene.show_geometry("cameras", on)

    def look_from_corner(self) -> None:
        """Down into the room."""
        self._look([-0.5, -0.6, 0.8])

    def look_from_above(self) -> None:
        """Straight down, y up."""
        self._look([0, -0.001, 1])

    def save_picture(self, path: str) -> None:
        """Write what the scene shows as a picture."""

        def write(image: Any) -> None:
            o3d.io.write_image(Path(path), image)

        self.view.scene.scene.render_to_image(write)

    # What is drawn.

    def refresh(self) -> None:
        """Draw what is lit, selected and stepped to, and mark it in the panel."""
        talk, scene = self.conversation, self.view.scene
        shown = [o for i in talk.shown() if (o := talk.layers.by_id(i))]
        scene.show_geometry("scan", not shown)
        scene.show_geometry("pale", bool(shown))
        for name in self._drawn:
            scene.remove_geometry(name)
        self._drawn = set()
        for item in shown:
            self._add(f"lit {item.id}", self._object_geometry(item), self._material(larger=1.4))
            if item.id in talk.selected:
                self._add(f"box {item.id}", _lines(box_segments(item.box_m), item.colour), _line_material())
        markers = talk.markers() if talk.step is not None else ()
        if len(markers) > 1:
            ends = torch.tensor([m.at_m for m in markers])
            self._add("path", _lines(torch.stack([ends[:-1], ends[1:]], 1), (90, 90, 90)), _line_material())
        for label in self._labels:
            self.view.remove_3d_label(label)
        self._labels = [self._label(np.array(m.at_m), f"({m.number})") for m in markers]
        self._labels += self._object_labels(shown)
        self.panel.mark()
        self.window.post_redraw()

    def _draw_base(self) -> None:
        rgb = truth_tint(self.conversation.layers) if self._truth else self._surface.rgb
        for name, colours in (("scan", rgb), ("pale", pale(self._surface.rgb))):
            if self.view.scene.has_geometry(name):
                self.view.scene.remove_geometry(name)
            low = self._surface.xyz_m[:, 2] <= self._cut_m
            self.view.scene.add_geometry(name, self._geometry(low, colours, lift_m=0.0), self._material())

    def _draw_still_things(self) -> None:
        lines, text = floor_bar(self.conversation.layers)
        self.view.scene.add_geometry("bar", _lines(lines, (110, 110, 110)), _line_material())
        self._label(lines[0].mean(0).numpy(), text)
        cameras = self.conversation.layers.cameras
        self.view.scene.add_geometry("cameras", _lines(cameras, (130, 130, 130)), _line_material())
        self.view.scene.show_geometry("cameras", False)

    def _object_geometry(self, item: ObjectLayer) -> Any:
        inside = self._surface.regions.member[self._surface.regions.of_point, item.row]
        inside &= self._surface.xyz_m[:, 2] <= self._cut_m
        return self._geometry(inside, coloured(self._surface.rgb, item.colour), lift_m=_LIFT_M)

    def _geometry(self, points: torch.Tensor, rgb: torch.Tensor, *, lift_m: float) -> Any:
        """Part of the surface as Open3D draws it."""
        xyz_m, faces, rgb = self._surface.xyz_m, self._surface.faces, shaded(rgb, self._normal)
        if faces is None or self._normal is None:
            cloud = o3d.t.geometry.PointCloud(_tensor(xyz_m[points].numpy()))
            cloud.point.colors = _tensor(rgb[points].float().div(255).numpy())
            return cloud
        number, local = faces[points[faces].all(1)].unique(return_inverse=True)
        mesh = o3d.geometry.TriangleMesh(
            o3d.utility.Vector3dVector((xyz_m + lift_m * self._normal)[number].double().numpy()),
            o3d.utility.Vector3iVector(local.view(-1, 3).int().numpy()),
        )
        mesh.vertex_colors = o3d.utility.Vector3dVector(rgb[number].double().div(255).numpy())
        return mesh

    def _add(self, name: str, geometry: Any, material: Any) -> None:
        self.view.scene.add_geometry(name, geometry, material)
        self._drawn.add(name)

    def _material(self, *, larger: float = 1.0) -> Any:
        material = rendering.MaterialRecord()
        material.shader, material.point_size = "defaultUnlit", 3 * larger * self.window.scaling
        return material

    def _object_labels(self, shown: Sequence[ObjectLayer]) -> list[Any]:
        """Names beside their objects, moved apart as the camera sees them now."""
        camera, frame = self.view.scene.camera, self.view.frame
        wide, high = max(frame.width, 1), max(frame.height, 1)
        matrix = np.asarray(camera.get_projection_matrix()) @ np.asarray(camera.get_view_matrix())
        items = sorted(shown, key=lambda o: -o.score)[:_MOST_LABELS]
        clip = [matrix @ np.array([*o.anchor_m, 1.0]) for o in items]
        screen = [
            (wide * (1 + c[0] / c[3]) / 2, high * (1 - c[1] / c[3]) / 2) if c[3] > 0 else (-1.0, -1.0) for c in clip
        ]
        sizes = [(0.65 * self.window.theme.font_size * len(o.name), 1.5 * self.window.theme.font_size) for o in items]
        labels = []
        for item, c, place in zip(items, clip, place_labels(screen, sizes, width=wide, height=high), strict=True):
            if place is not None:
                ndc = np.array([2 * place[0] / wide - 1, 1 - (place[1] + place[3]) / high, c[2] / c[3], 1.0])
                world = np.linalg.inv(matrix) @ ndc
                labels.append(self._label(world[:3] / world[3], item.name))
        return labels

    def _label(self, at_m: np.ndarray, text: str) -> Any:
        label = self.view.add_3d_label(at_m, text)
        label.color = gui.Color(*(c / 255 for c in self._theme.text))
        return label

    def _look(self, back: list[float]) -> None:
        xyz_m = self._surface.xyz_m[self._surface.xyz_m[:, 2] <= self._cut_m]
        low, high = xyz_m.amin(0).numpy(), xyz_m.amax(0).numpy()
        middle, reach = (low + high) / 2, float(np.linalg.norm(high - low))
        bounds = o3d.geometry.AxisAlignedBoundingBox(low.astype(float), high.astype(float))
        self.view.setup_camera(50.0, bounds, middle)
        eye = middle + 1.05 * reach * np.array(back) / np.linalg.norm(back)
        self.view.look_at(middle, eye, [0, 0, 1])

    # How the toolkit calls.

    def _lay_out(self, context: Any) -> None:
        all_of_it = self.window.content_rect
        panel = int(_PANEL_EM * context.theme.font_size)
        self.view.frame = gui.Rect(all_of_it.x, all_of_it.y, all_of_it.width - panel, all_of_it.height)
        self.panel.widget.frame = gui.Rect(self.view.frame.get_right(), all_of_it.y, panel, all_of_it.height)

    def _on_mouse(self, event: Any) -> Any:
        """A press and release at one place is a click; Ctrl makes it a corner of a box; a drag turns the scene."""
        if event.type == gui.MouseEvent.Type.BUTTON_DOWN:
            self._pressed = (event.x, event.y)
        elif event.type == gui.MouseEvent.Type.BUTTON_UP and self._pressed is not None:
            still = abs(event.x - self._pressed[0]) + abs(event.y - self._pressed[1]) <= 4
            self._pressed = None
            if still:
                self.click(event.x, event.y, corner=event.is_modifier_down(gui.KeyModifier.CTRL))
        return gui.Widget.EventCallbackResult.IGNORED

    def click(self, x: float, y: float, *, corner: bool = False) -> None:
        """Take a click at a place of the window.

        Args:
            x: Pixels from the left of the window.
            y: Pixels from its top.
            corner: The point under it is a corner of a box; two of them select the objects in the box.
        """
        camera, frame = self.view.scene.camera, self.view.frame
        eye = np.linalg.inv(np.asarray(camera.get_view_matrix()))[:3, 3]
        far = np.asarray(camera.unproject(x - frame.x, y - frame.y, 0.9, frame.width, frame.height))
        picker = self.conversation.picker
        point = picker.point_on_ray(tuple(eye.tolist()), tuple((far - eye).tolist()), below_m=self._cut_m)
        if corner and point is not None:
            self._take_corner(self._surface.xyz_m[point].double().numpy())
        elif not corner:
            item = picker.object_of(point)
            if self.conversation.click(item) and item is not None:
                self.describe(item.id)
        self.refresh()

    def _take_corner(self, at_m: np.ndarray) -> None:
        if self._corner is None:
            self._corner = at_m
            return
        low, high = np.minimum(self._corner, at_m), np.maximum(self._corner, at_m)
        self._corner = None
        low[2], high[2] = self.conversation.layers.floor_m, max(high[2] + 1.0, self._cut_m)
        x0, y0, z0, x1, y1, z1 = [*(low - 0.05).tolist(), *high.tolist()]
        self.conversation.select(self.conversation.session.objects_in((x0, y0, z0, x1 + 0.05, y1 + 0.05, z1)))

    def _later(self, begin: Callable[[], Iterator[str | Phrase | Exchange]]) -> None:
        """Work through an answer beside the window, and show each piece in it."""

        def work() -> None:
            try:
                for piece in begin():
                    self._on_main(lambda piece=piece: self._take_piece(piece))
            except Scene3DError as error:
                message = str(error)
                self._on_main(lambda: self.panel.end_answer(problem=message))

        threading.Thread(target=work, daemon=True).start()

    def _take_piece(self, piece: str | Phrase | Exchange) -> None:
        if isinstance(piece, Exchange):
            self.panel.end_answer(piece)
            self.refresh()
        else:
            self.panel.grow_answer(piece)

    def _on_main(self, action: Callable[[], None]) -> None:
        gui.Application.instance.post_to_main_thread(self.window, action)


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
