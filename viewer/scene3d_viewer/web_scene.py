"""What the browser draws of the scene, by viser: scan, lit objects, labels, plan, cameras and scale bar."""

from __future__ import annotations

import math
import threading
from typing import Any

import numpy as np
import torch
import trimesh
import viser
from trimesh.exchange.gltf import export_glb
from viser.transforms import SO3

from scene3d.geometry.cameras import intrinsic_of, project
from scene3d.geometry.splat import spacing
from scene3d_viewer.conversation import Conversation
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
from scene3d_viewer.thinned import thinned

_MOST_POINTS = 400_000
_LABEL_WIDE_M, _LABEL_HIGH_M = 0.8, 0.25
"""About what a label covers of a room that is looked at as a whole."""
_LIFT_M = 0.004
"""Lit objects are drawn this far in front of the scan, so that the two do not flicker."""


class WebScene:
    """The part of the page that shows the scan.

    Args:
        server: Viser's server.
        conversation: What is shown.
    """

    def __init__(self, server: viser.ViserServer, conversation: Conversation) -> None:
        self._scene, self._talk = server.scene, conversation
        self._surface, self._kept = thinned(conversation.layers.surface, most=_MOST_POINTS)
        self._spacing_m, self._normal = spacing(self._surface.xyz_m), point_normals(self._surface)
        self._cut_m = conversation.layers.ceiling_cut_m
        self._truth = False
        self._bases: list[Any] = []
        self._drawn: dict[str, list[Any]] = {}
        # Viser answers each event in a thread of its own; a handle that one of them replaces would fail in another.
        self._drawing = threading.RLock()
        self._draw_base()
        self._draw_bar_and_cameras()
        self._scene.configure_default_lights(enabled=False)
        self._scene.configure_environment_map(None)
        self._scene.add_light_ambient("/light", intensity=float(np.pi))  # colours come out as they are given
        self._scene.set_up_direction("+z")
        server.on_client_connect(self._place_camera)

    def refresh(self) -> None:
        """Draw what is lit, selected and stepped to."""
        with self._drawing:
            self._draw_lit()
            self._draw_plan()

    def set_ceiling(self, height_m: float) -> None:
        """Leave out what lies above a height."""
        with self._drawing:
            self._cut_m = height_m
            self._draw_base()
            self.refresh()

    def set_truth(self, on: bool) -> None:
        """Show the annotated objects in place of the scan's colours."""
        with self._drawing:
            self._truth = on
            self._draw_base()
            self.refresh()

    def set_cameras(self, on: bool) -> None:
        """Show where the frames were taken."""
        self._scene.get_handle_by_name("/cameras").visible = on  # type: ignore[union-attr]

    def object_under(self, event: viser.SceneClickEvent) -> ObjectLayer | None:
        """The object that a click meets."""
        point = self._talk.picker.point_on_ray(event.ray_origin, event.ray_direction, below_m=self._cut_m)
        return self._talk.picker.object_of(point)

    def objects_in(self, event: viser.SceneRectSelectEvent) -> tuple[int, ...]:
        """Ids of the objects with most of their points inside a rectangle of the picture."""
        camera = event.client.camera
        pose = np.eye(4)
        pose[:3, :3] = SO3(np.asarray(camera.wxyz)).as_matrix()
        pose[:3, 3] = camera.position
        high = 1000
        wide = round(high * camera.aspect)
        fov = 2 * np.arctan(np.tan(camera.fov / 2) * camera.aspect)
        intrinsic = intrinsic_of(width=wide, height=high, horizontal_fov_rad=float(fov))
        xyz_m = self._talk.layers.surface.xyz_m
        pixel, _ = project(xyz_m, intrinsic, torch.from_numpy(pose))
        low, top = (
            torch.tensor(corner) * torch.tensor([wide, high]) for corner in (event.screen_min, event.screen_max)
        )
        inside = ((pixel >= low) & (pixel <= top)).all(1)
        return self._talk.picker.objects_of(inside & (xyz_m[:, 2] <= self._cut_m))

    def _draw_base(self) -> None:
        """The scan twice: as scanned, and pale for when something is lit."""
        for handle in self._bases:
            handle.remove()
        scanned = truth_tint(self._talk.layers)[self._kept] if self._truth else self._surface.rgb
        self._bases = [self._add_surface("/scan", scanned), self._add_surface("/pale", pale(self._surface.rgb))]

    def _draw_lit(self) -> None:
        talk = self._talk
        shown = [o for i in talk.shown() if (o := talk.layers.by_id(i))]
        for base, visible in zip(self._bases, (not shown, bool(shown)), strict=True):
            base.visible = visible
        parts, anchors = self._surface.regions.parts([o.row for o in shown]), _apart([o.anchor_m for o in shown])
        handles = [
            self._add_object(item, parts[item.row], at_m, selected=item.id in talk.selected)
            for item, at_m in zip(shown, anchors, strict=True)
        ]
        self._replace("lit", [handle for group in handles for handle in group])

    def _draw_plan(self) -> None:
        talk = self._talk
        markers = talk.markers() if talk.step is not None else ()
        labels = [
            self._scene.add_label(f"/plan/{m.number}", f"{m.number}", position=m.at_m, font_screen_scale=1.3)
            for m in markers
        ]
        if len(markers) > 1:
            ends = np.array([m.at_m for m in markers], np.float32)
            path = np.stack([ends[:-1], ends[1:]], 1)
            labels.append(self._scene.add_line_segments("/plan/path", path, (120, 120, 120)))  # type: ignore[arg-type]
        self._replace("plan", labels)

    def _add_surface(
        self, name: str, rgb: torch.Tensor, only: torch.Tensor | None = None, *, lift_m: float = 0.0
    ) -> Any:
        """Draw the surface, or only some of its points, below the ceiling."""
        xyz_m, inside = self._surface.xyz_m, self._surface.xyz_m[:, 2] <= self._cut_m
        inside = inside if only is None else inside & only
        rgb = shaded(rgb, self._normal)
        if self._surface.faces is None or self._normal is None:
            size = self._spacing_m * (1.8 if lift_m else 1.4)
            return self._scene.add_point_cloud(name, xyz_m[inside].numpy(), rgb[inside].numpy(), point_size=size)
        number, local = self._surface.faces[inside[self._surface.faces].all(1)].unique(return_inverse=True)
        # glTF holds linear light; scans hold what a screen is told.
        linear = ((rgb[number].double() / 255) ** 2.2 * 255).round().to(torch.uint8).numpy()
        opaque = np.concatenate([linear, np.full((len(linear), 1), 255, np.uint8)], 1)
        lifted = (xyz_m + lift_m * self._normal)[number].numpy()
        mesh = trimesh.Trimesh(lifted, local.view(-1, 3).numpy(), vertex_colors=opaque, process=False)
        return self._scene.add_glb(
            name, export_glb(mesh.scene(), tree_postprocessor=_make_matt), cast_shadow=False, receive_shadow=False
        )

    def _add_object(
        self, item: ObjectLayer, part: torch.Tensor, label_at_m: tuple[float, float, float], *, selected: bool
    ) -> list[Any]:
        name, scene = f"/lit/{item.id}", self._scene
        handles: list[Any] = [scene.add_label(f"{name}/name", item.name, position=label_at_m)]
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
        layers, scene = self._talk.layers, self._scene
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


def _apart(places_m: list[tuple[float, float, float]]) -> list[tuple[float, float, float]]:
    """Places of labels, lifted where they would lie in one another."""
    apart: list[tuple[float, float, float]] = []
    for x, y, z in places_m:
        near = [other[2] for other in apart if math.dist((x, y), other[:2]) < _LABEL_WIDE_M]
        while any(abs(z - other) < _LABEL_HIGH_M for other in near):
            z += _LABEL_HIGH_M / 2
        apart.append((x, y, z))
    return apart


def _make_matt(tree: dict[str, Any]) -> None:
    """Give a glTF one material without gloss; without any it would be metal, which mirrors and has no colour."""
    tree["materials"] = [{"pbrMetallicRoughness": {"metallicFactor": 0.0, "roughnessFactor": 1.0}}]
    for mesh in tree["meshes"]:
        for primitive in mesh["primitives"]:
            primitive["material"] = 0
