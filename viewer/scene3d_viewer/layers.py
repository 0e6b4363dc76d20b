"""A scene and what was found in it as drawables; windows, pages and pictures draw these and decide nothing."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64, UInt8
from torch import Tensor

from scene3d.geometry.boxes import transform_points
from scene3d.model.palette import colour_of
from scene3d.types import Plan, Proposals, Scene
from scene3d_viewer.regions import Regions, regions_of

_PALE = 175
"""Grey level around which everything that is not meant is drawn, when something is."""
_CEILING_BAND_M = 0.45
_LEAST_ROOM_HEIGHT_M = 2.0
_CAMERA_SIZE_M = 0.12
Colour = tuple[int, int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Surface:
    """The scan itself: a mesh where there are faces, else points."""

    xyz_m: Float[Tensor, "n 3"]
    rgb: UInt8[Tensor, "n 3"]
    faces: Int64[Tensor, "f 3"] | None
    normal: Float[Tensor, "n 3"] | None
    regions: Regions


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectLayer:
    """One object: its colour, name and box."""

    id: int
    row: int
    """Column of `Regions.member`."""
    label: str
    score: float
    colour: Colour
    box_m: tuple[float, ...]
    """Minimum, then maximum."""

    @property
    def anchor_m(self) -> tuple[float, float, float]:
        """Where its label points: the middle of the box's top."""
        x0, y0, _, x1, y1, z1 = self.box_m
        return (x0 + x1) / 2, (y0 + y1) / 2, z1

    @property
    def name(self) -> str:
        """What its label says: number and name."""
        return f"{self.id} {self.label}".strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Marker:
    """A numbered place of a plan."""

    number: int
    text: str
    at_m: tuple[float, float, float]
    objects: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScaleBar:
    """A bar of a round length."""

    length_m: float
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Layers:
    """All that can be drawn of one scene."""

    name: str
    surface: Surface
    objects: tuple[ObjectLayer, ...]
    cameras: Float[Tensor, "c 2 3"]
    """Line segments of the frames' cameras."""
    truth: Int64[Tensor, "n"] | None
    """Annotated object per point, -1 for none."""
    floor_m: float
    top_m: float
    ceiling_cut_m: float
    """Above this height the ceiling hides the room; `top_m` where there is none."""

    def by_id(self, object_id: int) -> ObjectLayer | None:
        """The object with that id."""
        return next((o for o in self.objects if o.id == object_id), None)


def layers_of(scene: Scene, found: Proposals | None = None) -> Layers:
    """Drawables of a scene.

    Args:
        scene: With at least one point.
        found: Its objects, masks over the scene's points.
    """
    count = len(scene.xyz_m)
    mask = torch.zeros(0, count, dtype=torch.bool) if found is None else found.mask
    floor, top = _height_range(scene.xyz_m)
    return Layers(
        name=scene.name,
        surface=Surface(
            xyz_m=scene.xyz_m,
            rgb=_height_shades(scene.xyz_m, floor, top) if scene.rgb is None else scene.rgb,
            faces=scene.faces if scene.faces is not None and len(scene.faces) else None,
            normal=scene.normal,
            regions=regions_of(mask),
        ),
        objects=() if found is None else _objects(found),
        cameras=_camera_segments(scene),
        truth=None if scene.truth is None else scene.truth.instance.long(),
        floor_m=floor,
        top_m=top,
        ceiling_cut_m=_ceiling_cut(floor, top),
    )


def tint(layers: Layers, lit: Iterable[int] = ()) -> UInt8[Tensor, "n 3"]:
    """Colours of all points: lit objects in their own colour, the rest pale; as scanned where nothing is lit."""
    surface = layers.surface
    rows = [o.row for o in layers.objects if o.id in set(lit)]
    if not rows:
        return surface.rgb
    colour = torch.tensor([o.colour for o in layers.objects], dtype=torch.float32)
    owner = surface.regions.owner(rows)
    claimed = (owner >= 0)[surface.regions.of_point]
    own = surface.rgb.float()
    tinted = colour[owner.clamp_min(0)][surface.regions.of_point] * 0.72 + own * 0.28
    return torch.where(claimed[:, None], tinted.to(torch.uint8), pale(surface.rgb))


def truth_tint(layers: Layers) -> UInt8[Tensor, "n 3"]:
    """Colours of all points by annotated object; as scanned where nothing is annotated."""
    if layers.truth is None:
        return layers.surface.rgb
    tinted = colour_of(layers.truth.clamp_min(0)).float() * 0.72 + layers.surface.rgb.float() * 0.28
    return torch.where(layers.truth[:, None] >= 0, tinted.to(torch.uint8), layers.surface.rgb)


def pale(rgb: UInt8[Tensor, "n 3"]) -> UInt8[Tensor, "n 3"]:
    """What is not meant: grey with a hint of light and dark."""
    return (rgb.float().mean(1, keepdim=True).expand(-1, 3) * 0.3 + _PALE * 0.7).to(torch.uint8)


def coloured(rgb: UInt8[Tensor, "n 3"], colour: Colour) -> UInt8[Tensor, "n 3"]:
    """What is meant: the object's colour over a hint of its own."""
    return (torch.tensor(colour).float() * 0.72 + rgb.float() * 0.28).to(torch.uint8)


def shaded(rgb: UInt8[Tensor, "n 3"], normal: Float[Tensor, "n 3"] | None) -> UInt8[Tensor, "n 3"]:
    """Colours with a soft light from above in them, for toolkits whose own lights would change them."""
    if normal is None:
        return rgb
    light = torch.nn.functional.normalize(torch.tensor([0.35, -0.5, 0.8]), dim=0)
    return (rgb.float() * (0.8 + 0.2 * (normal @ light))[:, None]).to(torch.uint8)


def point_normals(surface: Surface) -> Float[Tensor, "n 3"] | None:
    """Normals of the points: those of the scan, else the mean of those of the faces around; None for bare points."""
    if surface.normal is not None or surface.faces is None:
        return surface.normal
    a, b, c = (surface.xyz_m[surface.faces[:, i]] for i in range(3))
    face = torch.linalg.cross(b - a, c - a)
    total = torch.zeros_like(surface.xyz_m)
    for i in range(3):
        total.index_add_(0, surface.faces[:, i], face)
    return torch.nn.functional.normalize(total, dim=1)


def markers_of(layers: Layers, plan: Plan | None) -> tuple[Marker, ...]:
    """A numbered marker per step that happens somewhere: over its first object, else where the robot would stand.

    Steps at one place stand side by side, so that no number hides another.
    """
    markers: list[Marker] = []
    for step in () if plan is None else plan.steps:
        objects = tuple(i for i in dict.fromkeys(step.args.values()) if layers.by_id(i))
        if objects:
            x, y, z = layers.by_id(objects[0]).anchor_m  # type: ignore[union-attr]
        elif step.target_pose is not None:
            x, y, z = step.target_pose[:3]
        else:
            continue
        while any(math.dist((x, y), marker.at_m[:2]) < 0.2 for marker in markers):
            x += 0.25
        markers.append(Marker(number=step.i, text=step.text, at_m=(x, y, z + 0.15), objects=objects))
    return tuple(markers)


def box_segments(box_m: Sequence[float]) -> Float[Tensor, "12 2 3"]:
    """The edges of an axis-aligned box."""
    ends = torch.tensor(box_m, dtype=torch.float32).view(2, 3)
    corner = torch.cartesian_prod(*(torch.tensor([0, 1]) for _ in range(3)))  # (8, 3)
    pair = torch.combinations(torch.arange(8))
    edge = pair[(corner[pair[:, 0]] - corner[pair[:, 1]]).abs().sum(1) == 1]
    return ends.gather(0, corner)[edge]


def scale_bar(metres_across: float) -> ScaleBar:
    """The longest bar of 1, 2 or 5 times a power of ten that takes at most a quarter of the width."""
    limit = max(metres_across, 1e-6) / 4
    power = 10 ** math.floor(math.log10(limit))
    length = max(step * power for step in (1, 2, 5) if step * power <= limit)
    return ScaleBar(length_m=length, text=f"{length:g} m" if length >= 1 else f"{round(100 * length, 3):g} cm")


def floor_bar(layers: Layers) -> tuple[Float[Tensor, "3 2 3"], str]:
    """A scale bar that lies on the floor before the scan: a line with two ends, and its length."""
    low, high = layers.surface.xyz_m.amin(0), layers.surface.xyz_m.amax(0)
    bar = scale_bar(2 * float((high - low)[:2].max()))
    x, y, z = float(low[0]), float(low[1]) - 0.25, layers.floor_m
    left, right = (x, y, z), (x + bar.length_m, y, z)
    ends = [[(end[0], y - 0.06, z), (end[0], y + 0.06, z)] for end in (left, right)]
    return torch.tensor([[left, right], *ends]), bar.text


def _objects(found: Proposals) -> tuple[ObjectLayer, ...]:
    colours = colour_of(torch.tensor(found.id, dtype=torch.int64)).tolist()
    labels = found.label or ("",) * len(found.id)
    rows = zip(found.id, labels, found.score.tolist(), colours, found.box.tolist(), strict=True)
    return tuple(
        ObjectLayer(
            id=i, row=row, label=label, score=score, colour=(red, green, blue), box_m=tuple(round(x, 4) for x in box)
        )
        for row, (i, label, score, (red, green, blue), box) in enumerate(rows)
    )


def _height_range(xyz_m: Float[Tensor, "n 3"]) -> tuple[float, float]:
    """Floor and top, without stray points."""
    z = xyz_m[:, 2].sort().values
    return float(z[len(z) // 200]), float(z[-1 - len(z) // 200])


def _ceiling_cut(floor: float, top: float) -> float:
    """Just below the ceiling of a room; the top where the scan is lower than a room."""
    return top if top - floor < _LEAST_ROOM_HEIGHT_M else top - _CEILING_BAND_M


def _height_shades(xyz_m: Float[Tensor, "n 3"], floor: float, top: float) -> UInt8[Tensor, "n 3"]:
    """Grey that grows lighter with height, for scans without colour."""
    share = ((xyz_m[:, 2:] - floor) / max(top - floor, 0.01)).clamp(0, 1)
    return (110 + 110 * share).to(torch.uint8).expand(-1, 3).contiguous()


def _camera_segments(scene: Scene, *, most: int = 200) -> Float[Tensor, "c 2 3"]:
    """Small pyramids at the cameras of at most `most` frames, evenly chosen."""
    picks = range(0, len(scene.frames), max(1, -(-len(scene.frames) // most)))
    corner = torch.tensor([[-1, -0.75, 1.2], [1, -0.75, 1.2], [1, 0.75, 1.2], [-1, 0.75, 1.2]], dtype=torch.float64)
    corner = corner * _CAMERA_SIZE_M
    apex = torch.zeros_like(corner)
    lines = torch.cat([torch.stack([apex, corner], 1), torch.stack([corner, corner.roll(-1, 0)], 1)])  # (8, 2, 3)
    poses = [scene.frames[i].world_from_camera for i in picks]
    segments = [transform_points(lines.view(-1, 3), pose).view(-1, 2, 3) for pose in poses]
    return torch.cat([torch.zeros(0, 2, 3, dtype=torch.float64), *segments]).float()
