"""Places to look at a scene from: above, a corner, and where a person would stand."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor

from scene3d.geometry.splat import View, project_view, top_view
from scene3d_viewer.layers import Layers, ObjectLayer, floor_bar
from scene3d_viewer.sight import Sight

_EYE_HEIGHT_M = 1.6
_ELBOW_ROOM_M = 0.3
_SMALL = (96, 72)
_ENOUGH_OF_PICTURE = 0.06
"""An object that fills more than this share is not seen any better."""
FIELD_OF_VIEW_DEG = 60.0
_TAN_HALF_FOV = math.tan(math.radians(FIELD_OF_VIEW_DEG / 2))


def from_above(layers: Layers) -> View:
    """Straight down, everything below the ceiling inside."""
    return top_view(_below_cut(layers))


def from_corner(layers: Layers, *, with_bar: bool = False) -> View:
    """Down into the room, everything inside, as near as that allows.

    Args:
        layers: The room.
        with_bar: The scale bar on the floor before it is inside as well.
    """
    xyz_m = _below_cut(layers)
    if with_bar:
        xyz_m = torch.cat([xyz_m, floor_bar(layers)[0].view(-1, 3)])
    middle = (xyz_m.amin(0) + xyz_m.amax(0)) / 2
    back = torch.nn.functional.normalize(torch.tensor([-0.55, -0.65, 0.95]), dim=0)
    right = torch.nn.functional.normalize(torch.linalg.cross(-back, torch.tensor([0.0, 0, 1])), dim=0)
    down = torch.linalg.cross(-back, right)
    x, y, nearer = ((xyz_m - middle) @ torch.stack([right, down, back]).T).unbind(1)
    middle = middle + down * (y.amin() + y.amax()) / 2 + right * (x.amin() + x.amax()) / 2
    x, y = x - (x.amin() + x.amax()) / 2, y - (y.amin() + y.amax()) / 2
    distance = (torch.maximum(x.abs(), y.abs()) / _TAN_HALF_FOV + nearer).amax() * 1.03 + 0.1
    return View(eye_m=tuple((middle + distance * back).tolist()), target_m=tuple(middle.tolist()))


def first_person(layers: Layers, ids: tuple[int, ...] = ()) -> View:
    """From eye height, out of the free floor, where most is seen of the given objects, or of the room.

    Every free place is tried with a small picture. Where no floor is free, the view is from a corner.
    """
    targets = [o for o in layers.objects if o.id in ids]
    places = _free_floor(layers)
    if not places:
        return from_corner(layers)
    sight = Sight(layers.surface, below_m=layers.top_m)
    best, best_score = from_corner(layers), -1.0
    if targets:
        middle = torch.tensor([o.box_m for o in targets]).view(-1, 2, 3).mean((0, 1))
    else:
        middle = _below_cut(layers).mean(0)
    for x, y in places:
        if math.dist((x, y), middle[:2].tolist()) < 0.2:
            continue
        view = View(eye_m=(x, y, layers.floor_m + _EYE_HEIGHT_M), target_m=tuple(middle.tolist()))
        point = sight.look(view, width=_SMALL[0], height=_SMALL[1]).nearest_point()
        point = point[point >= 0]
        if targets:
            member = layers.surface.regions.member[layers.surface.regions.of_point[point]]
            score = sum(_well_seen(o, int(member[:, o.row].sum()), view) for o in targets)
        else:
            score = float(len(point.unique()))
        if score > best_score:
            best, best_score = view, score
    return best


def _well_seen(target: ObjectLayer, pixels: int, view: View) -> float:
    """How much of an object is seen, and whether it is in the picture as a whole, 0–1."""
    share = min(pixels / (_SMALL[0] * _SMALL[1]) / _ENOUGH_OF_PICTURE, 1.0)
    ends = torch.tensor(target.box_m).view(2, 3)
    corner = ends.gather(0, torch.cartesian_prod(*(torch.tensor([0, 1]) for _ in range(3))))
    column, row, depth, _ = project_view(corner, view, *_SMALL)
    inside = (depth > 0.3) & (column >= 0) & (column < _SMALL[0]) & (row >= 0) & (row < _SMALL[1])
    return math.sqrt(share) * float(inside.float().mean())


def _below_cut(layers: Layers) -> Float[Tensor, "m 3"]:
    xyz_m = layers.surface.xyz_m
    low = xyz_m[:, 2] <= layers.ceiling_cut_m
    return xyz_m[low] if low.any() else xyz_m


def _free_floor(layers: Layers, *, step_m: float = 0.4, most: int = 48) -> list[tuple[float, float]]:
    """Places with floor beneath and nothing between the knees and the head of a person, evenly thinned."""
    xyz_m = layers.surface.xyz_m[:: max(1, len(layers.surface.xyz_m) // 30_000)]
    height = xyz_m[:, 2] - layers.floor_m
    floor, body = xyz_m[height.abs() < 0.12, :2], xyz_m[(height > 0.3) & (height < 1.8), :2]
    low, high = xyz_m[:, :2].amin(0), xyz_m[:, :2].amax(0)
    x, y = (torch.arange(float(low[i]) + step_m / 2, float(high[i]), step_m) for i in range(2))
    place = torch.cartesian_prod(x, y).view(-1, 2)
    if not len(place) or not len(floor):
        return []
    free = torch.cdist(place, floor).amin(1) < _ELBOW_ROOM_M
    if len(body):
        free &= torch.cdist(place, body).amin(1) > _ELBOW_ROOM_M
    kept = place[free]
    return [tuple(p) for p in kept[:: max(1, -(-len(kept) // most))].tolist()]
