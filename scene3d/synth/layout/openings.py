"""Doors and windows: where they go in the walls, what hangs at them, and the room they need."""

from __future__ import annotations

import numpy as np

from scene3d.synth.layout.placer import Placer, Spot
from scene3d.synth.layout.plan import Opening, Wall
from scene3d.synth.layout.space import Footprint
from scene3d.synth.stock import Piece

_STEP_M = 0.95
"""Depth of the floor that a door keeps free."""


def add_door(room: Placer, openings: list[Opening]) -> bool:
    """Put a door into a wall, closed or ajar, and keep the floor before it free; False when no wall has room."""
    rng = room.rng
    door = room.stock.piece(
        "door", most=(1.2 if rng.random() < 0.85 else 1.9, 0.3, room.plan.height_m - 0.12), least=(0.6, 0, 1.8)
    )
    found = None if door is None else _free_stretch(room, openings, door.size_m[0] + 0.1)
    if door is None or found is None:
        return False
    index, along = found
    wall = room.plan.walls[index]
    width, depth, height = door.size_m
    room.space.zones.append(_zone(wall, along, width, (0.0, height), _STEP_M))
    room.space.doors_m.append(wall.point_m(along, 0.6))
    leaf = door.model_id.startswith("own/")
    ajar = bool(leaf and rng.random() < 0.4)
    openings.append(
        Opening(label="door", wall=index, along_m=along, width_m=width, bottom_m=0.0, top_m=height, ajar=ajar)
    )
    if ajar:
        _put_ajar(room, wall, door, along)
    else:
        out = -0.06 if leaf else float(rng.uniform(0.0, 0.03)) - depth / 2
        at = wall.point_m(along, out)
        room.put(door, Spot(at_m=np.array([*at, 0.0]), turn_rad=_turn(wall)), wall=True)
    return True


def _put_ajar(room: Placer, wall: Wall, door: Piece, along: float) -> None:
    """Hinged at one side of the opening and swung into the room."""
    side = float(room.rng.choice([-1, 1]))
    swing = float(room.rng.uniform(0.5, 1.5))
    hinge = wall.point_m(along + side * door.size_m[0] / 2, 0.09)
    direction = -side * wall.along * np.cos(swing) + wall.inward * np.sin(swing)
    at = hinge + direction * door.size_m[0] / 2
    turn = float(np.arctan2(direction[1], direction[0]) + (0 if side > 0 else np.pi))
    room.put(door, Spot(at_m=np.array([*at, 0.0]), turn_rad=turn), wall=False)


def add_window(room: Placer, openings: list[Opening]) -> bool:
    """Put a window into a wall and keep tall things away from it; False when no wall has room."""
    rng = room.rng
    window = room.stock.piece("window", most=(2.4, 0.35, room.plan.height_m - 0.25))
    found = None if window is None else _free_stretch(room, openings, window.size_m[0] + 0.3)
    if window is None or found is None:
        return False
    index, along = found
    wall = room.plan.walls[index]
    width, depth, height = window.size_m
    highest = room.plan.height_m - height - 0.08
    bottom = min(window.elevation_m or float(rng.uniform(0.75, 1.1)), highest)
    opening = Opening(label="window", wall=index, along_m=along, width_m=width, bottom_m=bottom, top_m=bottom + height)
    openings.append(opening)
    at = wall.point_m(along, 0.02 - depth / 2)
    room.put(window, Spot(at_m=np.array([*at, bottom]), turn_rad=_turn(wall)), wall=True)
    _dress(room, wall, opening)
    room.space.zones.append(_zone(wall, along, width, (bottom, bottom + height), 0.25))
    return True


def _dress(room: Placer, wall: Wall, opening: Opening) -> None:
    """Curtains at both sides, or blinds before the upper part, and a radiator below."""
    rng, stock = room.rng, room.stock
    height = opening.top_m - opening.bottom_m
    choice = rng.random()
    if choice < 0.35:
        top = min(opening.top_m + 0.12, room.plan.height_m - 0.03)
        curtain = stock.piece(
            "curtain", least=(0.3, 0, 0), most=(0.55, 0.2, top - (0.05 if rng.random() < 0.6 else opening.bottom_m))
        )
        for side in (-1, 1):
            if curtain is not None:
                along = opening.along_m + side * (opening.width_m / 2 + curtain.size_m[0] * 0.2)
                spot = room.wall_spot(wall, curtain, along, away_m=0.05, z_m=top - curtain.size_m[2])
                room.try_put(curtain, spot, wall=True, zones=False)
    elif choice < 0.6:
        size = (opening.width_m * 1.02, 0.06, height * float(rng.uniform(0.4, 1)))
        blinds = stock.piece("blinds", least=(size[0] * 0.99, 0, 0), most=size, own="blinds")
        if blinds is not None:
            spot = room.wall_spot(wall, blinds, opening.along_m, away_m=0.03, z_m=opening.top_m - blinds.size_m[2])
            room.try_put(blinds, spot, wall=True, zones=False)
    if rng.random() < 0.45 and opening.bottom_m > 0.65:
        radiator = stock.piece("radiator", most=(max(opening.width_m, 0.6), 0.25, opening.bottom_m - 0.12))
        if radiator is not None:
            spot = room.wall_spot(wall, radiator, opening.along_m, away_m=0.03, z_m=0.09)
            room.try_put(radiator, spot, wall=True)


def _free_stretch(room: Placer, openings: list[Opening], width_m: float) -> tuple[int, float] | None:
    """A wall and the middle of a stretch of it that keeps clear of corners and other openings."""
    rng = room.rng
    for _ in range(20):
        index = int(rng.integers(len(room.plan.walls)))
        spare = room.plan.walls[index].length_m - width_m - 0.3
        if spare <= 0:
            continue
        along = 0.15 + width_m / 2 + float(rng.uniform()) * spare
        others = [o for o in openings if o.wall == index]
        if all(abs(o.along_m - along) > (o.width_m + width_m) / 2 + 0.15 for o in others):
            return index, along
    return None


def _zone(wall: Wall, along: float, width: float, heights: tuple[float, float], deep: float) -> Footprint:
    return Footprint(
        centre_m=wall.point_m(along, deep / 2),
        half_m=(width / 2, deep / 2),
        turn_rad=_turn(wall),
        bottom_m=heights[0],
        top_m=heights[1],
    )


def _turn(wall: Wall) -> float:
    return float(np.arctan2(wall.inward[1], wall.inward[0]) + np.pi / 2)
