"""`scene3d view --web`: the scene and the conversation in a browser, by viser, for computers without a display."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import torch
import trimesh
import viser
from trimesh.exchange.gltf import export_glb
from viser.transforms import SO3

from scene3d.errors import Scene3DError
from scene3d.geometry.cameras import intrinsic_of, project
from scene3d.geometry.splat import spacing
from scene3d.types import Phrase
from scene3d_viewer.conversation import Conversation, coloured_html
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
from scene3d_viewer.theme import ThemeName
from scene3d_viewer.thinned import thinned

_MOST_POINTS = 400_000
_LIFT_M = 0.004
"""Lit objects are drawn this far in front of the scan, so that the two do not flicker."""


class WebWindow:
    """Serves one conversation.

    Args:
        conversation: What is shown.
        host: Address to listen on; this machine alone unless told otherwise.
        port: Where; another free one is taken if it is in use.
        theme: light or dark.
    """

    def __init__(
        self, conversation: Conversation, *, host: str = "127.0.0.1", port: int = 8080, theme: ThemeName = "light"
    ) -> None:
        self.conversation = conversation
        self.server = viser.ViserServer(host=host, port=port, label=conversation.layers.name, verbose=False)
        self.server.gui.configure_theme(dark_mode=theme == "dark", control_width="large", show_logo=False)
        self.server.gui.main_panel.dock_right()
        self._surface, self._kept = thinned(conversation.layers.surface, most=_MOST_POINTS)
        self._spacing_m, self._normal = spacing(self._surface.xyz_m), point_normals(self._surface)
        self._bases: list[Any] = []
        self._drawn: dict[str, list[Any]] = {}
        self._boxes: dict[int, Any] = {}
        self._cut_m = conversation.layers.ceiling_cut_m
        self._build_panel()
        self._draw_base()
        self._draw_bar_and_cameras()
        self.server.scene.configure_default_lights(enabled=False)
        self.server.scene.configure_environment_map(None)
        self.server.scene.add_light_ambient("/light", intensity=float(np.pi))  # colours come out as they are given
        self.server.scene.set_up_direction("+z")
        self.server.scene.on_click()(self._clicked)
        self.server.on_client_connect(self._place_camera)

    @property
    def address(self) -> str:
        """What to open in a browser."""
        return f"http://{self.server.get_host()}:{self.server.get_port()}"

    def close(self) -> None:
        """Stop serving."""
        self.server.stop()

    # What is drawn.

    def _draw_base(self) -> None:
        """The scan twice: as scanned, and pale for when something is lit."""
        for handle in self._bases:
            handle.remove()
        scanned = self.conversation.layers.surface.rgb
        if self._truth.value:
            scanned = truth_tint(self.conversation.layers)
        self._bases = [
            self._add_surface("/scan", scanned[self._kept]),
            self._add_surface("/pale", pale(self._surface.rgb)),
        ]
        self._show()

    def _add_surface(
        self, name: str, rgb: torch.Tensor, only: torch.Tensor | None = None, *, lift_m: float = 0.0
    ) -> Any:
        """Draw the surface, or only some of its points, below the ceiling."""
        xyz_m, inside = self._surface.xyz_m, self._surface.xyz_m[:, 2] <= self._cut_m
        inside = inside if only is None else inside & only
        rgb = shaded(rgb, self._normal)
        if self._surface.faces is None or self._normal is None:
            size = self._spacing_m * (1.8 if lift_m else 1.4)
            return self.server.scene.add_point_cloud(name, xyz_m[inside].numpy(), rgb[inside].numpy(), point_size=size)
        number, local = self._surface.faces[inside[self._surface.faces].all(1)].unique(return_inverse=True)
        # glTF holds linear light; scans hold what a screen is told.
        linear = ((rgb[number].double() / 255) ** 2.2 * 255).round().to(torch.uint8).numpy()
        opaque = np.concatenate([linear, np.full((len(linear), 1), 255, np.uint8)], 1)
        lifted = (xyz_m + lift_m * self._normal)[number].numpy()
        mesh = trimesh.Trimesh(lifted, local.view(-1, 3).numpy(), vertex_colors=opaque, process=False)
        return self.server.scene.add_glb(
            name, export_glb(mesh.scene(), tree_postprocessor=_make_matt), cast_shadow=False, receive_shadow=False
        )

    def _show(self) -> None:
        """Draw what is lit, selected and stepped to, and mark it in the panel."""
        talk = self.conversation
        shown = [o for i in talk.shown() if (o := talk.layers.by_id(i))]
        for base, visible in zip(self._bases, (not shown, bool(shown)), strict=True):
            base.visible = visible
        parts = self._surface.regions.parts([o.row for o in shown])
        self._replace("lit", [h for o in shown for h in self._add_object(o, parts[o.row], o.id in talk.selected)])
        markers = talk.markers() if talk.step is not None else ()
        labels = [
            self.server.scene.add_label(f"/plan/{m.number}", f"{m.number}", position=m.at_m, font_screen_scale=1.3)
            for m in markers
        ]
        if len(markers) > 1:
            ends = np.array([m.at_m for m in markers], np.float32)
            path = np.stack([ends[:-1], ends[1:]], 1)
            labels.append(self.server.scene.add_line_segments("/plan/path", path, (120, 120, 120)))  # type: ignore[arg-type]
        self._replace("plan", labels)
        for i, box in self._boxes.items():
            if box.value != (i in talk.lit):
                box.value = i in talk.lit
        names = ", ".join(o.name for o in shown if o.id in talk.selected)
        self._selection.content = f"**&lt;ref&gt;** {names}" if names else "*Click objects to ask about them.*"
        self._show_step()

    def _add_object(self, item: ObjectLayer, part: torch.Tensor, selected: bool) -> list[Any]:
        name, scene = f"/lit/{item.id}", self.server.scene
        handles: list[Any] = [scene.add_label(f"{name}/name", item.name, position=item.anchor_m)]
        if selected:
            edges = box_segments(item.box_m).numpy()
            handles.append(scene.add_line_segments(f"{name}/box", edges, item.colour))  # type: ignore[arg-type]
        handles.append(
            self._add_surface(f"{name}/part", coloured(self._surface.rgb, item.colour), part, lift_m=_LIFT_M)
        )
        return handles

    def _replace(self, group: str, handles: list[Any]) -> None:
        """Show these in place of a group's former ones; those of the same name have been replaced already."""
        names = {handle.name for handle in handles}
        for handle in self._drawn.get(group, []):
            if handle.name not in names:
                handle.remove()
        self._drawn[group] = handles

    def _draw_bar_and_cameras(self) -> None:
        layers, scene = self.conversation.layers, self.server.scene
        lines, text = floor_bar(layers)
        scene.add_line_segments("/bar", lines.numpy(), (90, 90, 90), thickness=0.015)  # type: ignore[arg-type]
        scene.add_label("/bar/length", text, position=tuple(lines[0].mean(0).tolist()))
        if len(layers.cameras):
            scene.add_line_segments("/cameras", layers.cameras.numpy(), (130, 130, 130), visible=False)  # type: ignore[arg-type]

    def _place_camera(self, client: viser.ClientHandle) -> None:
        xyz_m = self._surface.xyz_m[self._surface.xyz_m[:, 2] <= self._cut_m]
        low, high = xyz_m.amin(0), xyz_m.amax(0)
        middle, reach = (low + high) / 2, float((high - low).norm())
        eye = middle + 0.8 * reach * torch.tensor([-0.5, -0.6, 0.8])
        client.camera.position, client.camera.look_at = tuple(eye.tolist()), tuple(middle.tolist())

    # The panel.

    def _build_panel(self) -> None:
        gui = self.server.gui
        tabs = gui.add_tab_group()
        with tabs.add_tab("Ask"):
            self._chat = gui.add_folder("Answers")
            self._selection = gui.add_markdown("")
            self._question = gui.add_text("Question", "", hint="Enter sends it; <ref> is what you selected")
            self._send = gui.add_button("Ask")
            self._clear = gui.add_button("Clear", color="gray")
        with tabs.add_tab("Objects"):
            self._build_objects()
        with tabs.add_tab("Plan"):
            self._request = gui.add_text("Request", "", hint="such as: I want the room brighter.")
            self._plan_it = gui.add_button("Plan")
            self._steps = gui.add_html("")
            self._walk = gui.add_button_group("Step", ("back", "next"))
        with tabs.add_tab("View"):
            self._build_view()
        self._send.on_click(lambda _: self.ask(self._question.value))
        self._clear.on_click(lambda _: self._act(self.conversation.clear))
        self._plan_it.on_click(lambda _: self.plan(self._request.value))
        self._walk.on_click(
            lambda event: self._act(lambda: self.conversation.go(1 if event.target.value == "next" else -1))
        )

    def _build_objects(self) -> None:
        gui = self.server.gui
        search = gui.add_text("Search", "")
        for item in self.conversation.layers.objects:
            box = gui.add_checkbox(f"{item.name} ({item.score:.0%})", False)
            box.on_update(lambda event, i=item.id: self._pinned(i, event.target.value))
            self._boxes[item.id] = box

        @search.on_update
        def _(_: object) -> None:
            for item in self.conversation.layers.objects:
                self._boxes[item.id].visible = search.value.lower() in item.name.lower()

    def _build_view(self) -> None:
        layers, gui = self.conversation.layers, self.server.gui
        top = max(layers.top_m, layers.ceiling_cut_m) + 0.05
        ceiling = gui.add_slider("Ceiling", layers.floor_m, top, 0.05, min(layers.ceiling_cut_m, top))
        self._truth = gui.add_checkbox("Ground truth", False, disabled=layers.truth is None)
        cameras = gui.add_checkbox("Cameras", False, disabled=not len(layers.cameras))
        rectangle = gui.add_button("Select by rectangle", hint="then drag over the picture")

        @ceiling.on_update
        def _(_: object) -> None:
            self._cut_m = ceiling.value
            self._draw_base()

        self._truth.on_update(lambda _: self._draw_base())

        @cameras.on_update
        def _(_: object) -> None:
            self.server.scene.get_handle_by_name("/cameras").visible = cameras.value  # type: ignore[union-attr]

        @rectangle.on_click
        def _(_: object) -> None:
            rectangle.disabled = True

            @self.server.scene.on_rect_select()
            def once(event: viser.SceneRectSelectEvent) -> None:
                self.server.scene.remove_rect_select_callback(once)
                rectangle.disabled = False
                self.conversation.select(self._in_rectangle(event))
                self._show()

    # What people do.

    def ask(self, text: str) -> None:
        """Send a question; the answer is written as it comes, then its phrases become chips."""
        if not text.strip():
            return
        self._question.value, self._send.disabled = "", True
        with self._chat:
            line = self.server.gui.add_html("")
        said, phrases = "", []
        try:
            for piece in self.conversation.ask(text):
                if isinstance(piece, Exchange):
                    line.remove()
                    self._add_exchange(piece)
                elif isinstance(piece, Phrase):
                    phrases.append(piece)
                else:
                    said += piece
                    line.content = f"<p>{coloured_html(self.conversation.layers, said, phrases)} …</p>"
        except Scene3DError as error:
            line.content = f"<p><b>{html.escape(str(error))}</b></p>"
        self._send.disabled = False
        self._show()

    def plan(self, request: str) -> None:
        """Ask for a plan and show it."""
        if not request.strip():
            return
        try:
            self.conversation.ask_plan(request)
        except Scene3DError as error:
            self._steps.content = f"<p><b>{html.escape(str(error))}</b></p>"
            return
        self._show()

    def _add_exchange(self, exchange: Exchange) -> None:
        layers, answer = self.conversation.layers, exchange.answer
        said = coloured_html(layers, answer.text, answer.phrases)
        with self._chat:
            self.server.gui.add_html(
                f'<div style="padding:4px 10px"><i>{html.escape(exchange.question)}</i><br>{said}</div>'
            )
            for phrase in answer.phrases:
                ids = tuple(link.id for link in phrase.objects)
                first = layers.by_id(ids[0]) if ids else None
                if first is not None:
                    words = answer.text[phrase.start : phrase.end]
                    chip = self.server.gui.add_button(
                        words, color=first.colour, hint=_names(layers.by_id(i) for i in ids)
                    )
                    chip.on_click(lambda _, ids=ids: self._act(lambda: self.conversation.light(ids)))

    def _act(self, change: Callable[[], None]) -> None:
        change()
        self._show()

    def _clicked(self, event: viser.SceneClickEvent) -> None:
        point = self.conversation.picker.point_on_ray(event.ray_origin, event.ray_direction, below_m=self._cut_m)
        item = self.conversation.picker.object_of(point)
        double = self.conversation.click(item)
        self._show()
        if double and item is not None:
            try:
                self._add_exchange(self.conversation.describe(item.id))
            except Scene3DError as error:
                event.client.add_notification("No caption", str(error), color="red")
            self._show()

    def _pinned(self, object_id: int, on: bool) -> None:
        if on != (object_id in self.conversation.lit):
            self.conversation.pin(object_id, on)
            self._show()

    def _in_rectangle(self, event: viser.SceneRectSelectEvent) -> tuple[int, ...]:
        camera = event.client.camera
        pose = np.eye(4)
        pose[:3, :3] = SO3(np.asarray(camera.wxyz)).as_matrix()
        pose[:3, 3] = camera.position
        high = 1000
        wide = round(high * camera.aspect)
        fov = 2 * np.arctan(np.tan(camera.fov / 2) * camera.aspect)
        intrinsic = intrinsic_of(width=wide, height=high, horizontal_fov_rad=float(fov))
        pixel, _ = project(self.conversation.layers.surface.xyz_m, intrinsic, torch.from_numpy(pose))
        low, top = (
            torch.tensor(corner) * torch.tensor([wide, high]) for corner in (event.screen_min, event.screen_max)
        )
        inside = ((pixel >= low) & (pixel <= top)).all(1)
        return self.conversation.picker.objects_of(
            inside & (self.conversation.layers.surface.xyz_m[:, 2] <= self._cut_m)
        )

    def _show_step(self) -> None:
        plan = self.conversation.plan
        if plan is None:
            return
        rows = [
            f"<li>{'<b>' if s.i == self.conversation.step else ''}{html.escape(s.text)}</b></li>" for s in plan.steps
        ]
        verdict = "checked: every step can be carried out" if plan.valid else "not valid"
        remarks = [f"step {v.step}: {v.reason}" for v in plan.violations] + list(plan.unresolved)
        notes = "".join(f"<p>{html.escape(remark)}</p>" for remark in remarks)
        self._steps.content = f"<p>{html.escape(plan.text)} ({verdict})</p><ol>{''.join(rows)}</ol>{notes}"


def _make_matt(tree: dict[str, Any]) -> None:
    """Give a glTF one material without gloss; without any it would be metal, which mirrors and has no colour."""
    tree["materials"] = [{"pbrMetallicRoughness": {"metallicFactor": 0.0, "roughnessFactor": 1.0}}]
    for mesh in tree["meshes"]:
        for primitive in mesh["primitives"]:
            primitive["material"] = 0


def _names(items: Iterable[ObjectLayer | None]) -> str:
    return ", ".join(item.name for item in items if item is not None)
