"""The empty room: a floor polygon, walls with openings for doors and windows, and the surfaces that show."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from jaxtyping import Float64

from scene3d.synth import textures
from scene3d.synth.builtin.shapes import Picture
from scene3d.synth.room import Structure, TexturedMesh

_TILE_M = 1.0
"""Edge of one repetition of a floor or wall picture."""
_GAP_M = 0.006
"""Air between an opening and the door or window in it, so that no two surfaces coincide."""
_REVEAL_M = 0.14
"""Depth of the wall around an opening."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """A hole in a wall, as wide and tall as the door or window in it."""

    label: str
    """`door` or `window`."""
    wall: int
    along_m: float
    """Middle of the hole, from the wall's first corner."""
    width_m: float
    bottom_m: float
    top_m: float
    ajar: bool = False
    """An open door: nothing closes the hole behind it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wall:
    """One straight wall; the room lies to the left of first → second."""

    first_m: Float64[np.ndarray, "2"]
    second_m: Float64[np.ndarray, "2"]

    @property
    def length_m(self) -> float:
        """Distance between the corners."""
        return float(np.linalg.norm(self.second_m - self.first_m))

    @property
    def along(self) -> Float64[np.ndarray, "2"]:
        """Unit vector from the first to the second corner."""
        return (self.second_m - self.first_m) / self.length_m

    @property
    def inward(self) -> Float64[np.ndarray, "2"]:
        """Unit normal into the room."""
        return np.array([-self.along[1], self.along[0]])

    def point_m(self, along_m: float, out_m: float = 0.0) -> Float64[np.ndarray, "2"]:
        """A point at a distance along the wall and out from it."""
        return self.first_m + self.along * along_m + self.inward * out_m


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """An empty room."""

    floor_m: Float64[np.ndarray, "k 2"]
    """Counter-clockwise."""
    height_m: float
    walls: tuple[Wall, ...]


def draw_plan(rng: np.random.Generator, *, width_m: tuple[float, float], depth_m: tuple[float, float]) -> Plan:
    """A rectangular or, in a third of the larger rooms, an L-shaped room with its first corner at the origin.

    Args:
        rng: Where the choices come from.
        width_m: Range of the extent along x, metres.
        depth_m: Range of the extent along y, metres.
    """
    width, depth = float(rng.uniform(*width_m)), float(rng.uniform(*depth_m))
    corners = np.array([[0, 0], [width, 0], [width, depth], [0, depth]])
    if min(width, depth) > 3.4 and rng.random() < 0.35:
        cut_x, cut_y = width - rng.uniform(0.25, 0.45) * width, depth - rng.uniform(0.25, 0.45) * depth
        corners = np.array([[0, 0], [width, 0], [width, cut_y], [cut_x, cut_y], [cut_x, depth], [0, depth]])
    if rng.random() < 0.5:  # mirror, so that the cut is not always at the same corner
        corners = (corners * [-1, 1] + [width, 0])[::-1]
    if rng.random() < 0.5:
        corners = (corners * [1, -1] + [0, depth])[::-1]
    corners = np.ascontiguousarray(corners)
    walls = tuple(Wall(first_m=a, second_m=b) for a, b in zip(corners, np.roll(corners, -1, 0), strict=True))
    return Plan(floor_m=corners, height_m=float(rng.uniform(2.35, 2.9)), walls=walls)


def inside(points_m: Float64[np.ndarray, "n 2"], floor_m: Float64[np.ndarray, "k 2"]) -> np.ndarray:
    """Whether points lie in a floor polygon (even-odd rule)."""
    a, b = floor_m, np.roll(floor_m, -1, 0)
    x, y = points_m[:, :1], points_m[:, 1:]
    crosses = (a[:, 1] > y) != (b[:, 1] > y)
    rise = np.where(b[:, 1] == a[:, 1], 1.0, b[:, 1] - a[:, 1])
    return (crosses & (x < a[:, 0] + (y - a[:, 1]) / rise * (b[:, 0] - a[:, 0]))).sum(1) % 2 == 1


def build_structures(
    plan: Plan, openings: tuple[Opening, ...], rng: np.random.Generator, *, wet: bool
) -> tuple[Structure, ...]:
    """Floor, ceiling, walls with their holes, and the reveals around the holes.

    Args:
        plan: The empty room.
        openings: Its doors and windows.
        rng: Where colours and patterns come from.
        wet: A bathroom or kitchen, where tiles are likelier.
    """
    floors = ["planks", "tiles", "carpet"]
    floor_kind = str(rng.choice(floors, p=[0.2, 0.7, 0.1] if wet else [0.5, 0.15, 0.35]))
    kinds = ["plaster", "wallpaper", "bricks", "tiles"]
    wall_kind = str(rng.choice(kinds, p=[0.5, 0.0, 0.0, 0.5] if wet else [0.8, 0.13, 0.05, 0.02]))
    wall_picture = textures.WALLS[wall_kind](rng)
    accent = textures.plaster(rng) if rng.random() < 0.25 else wall_picture
    accent_wall = int(rng.integers(len(plan.walls)))
    floor = Structure(label="floor", mesh=_level(plan.floor_m, 0.0, textures.FLOORS[floor_kind](rng), up=True))
    white = textures.plaster(rng, (244, 243, 240)) if rng.random() < 0.8 else textures.plaster(rng)
    ceiling = Structure(label="ceiling", mesh=_level(plan.floor_m, plan.height_m, white, up=False))
    walls = []
    for index in range(len(plan.walls)):
        holes = [opening for opening in openings if opening.wall == index]
        picture = accent if index == accent_wall else wall_picture
        mesh = _wall_mesh(plan.walls[index], plan.height_m, holes, picture)
        walls.append(Structure(label="wall", mesh=mesh))
    frames = [_frame(plan.walls[opening.wall], opening, textures.plaster(rng)) for opening in openings]
    return (floor, ceiling, *walls, *frames)


def _level(floor_m: Float64[np.ndarray, "k 2"], z: float, picture: Picture, *, up: bool) -> TexturedMesh:
    """A horizontal polygon, cut into rectangles by the corners' coordinates."""
    xs, ys = np.unique(floor_m[:, 0]), np.unique(floor_m[:, 1])
    quads = []
    for x0, x1 in pairwise(xs):
        for y0, y1 in pairwise(ys):
            if inside(np.array([[(x0 + x1) / 2, (y0 + y1) / 2]]), floor_m)[0]:
                quad = np.array([[x0, y0, z], [x1, y0, z], [x1, y1, z], [x0, y1, z]])
                quads.append(quad if up else quad[::-1])
    corners = np.array(quads)
    return _quad_mesh(corners, corners[..., :2] / _TILE_M, picture)


def _wall_mesh(wall: Wall, height_m: float, holes: list[Opening], picture: Picture) -> TexturedMesh:
    """The wall's rectangle without its holes."""
    edges = [_edges(hole) for hole in holes]
    cuts = np.unique([0.0, wall.length_m, *(x for e in edges for x in e[:2])])
    levels = np.unique([0.0, height_m, *(z for e in edges for z in e[2:])])
    quads, uv = [], []
    for a, b in pairwise(cuts):
        for low, high in pairwise(levels):
            x, z = (a + b) / 2, (low + high) / 2
            if not any(e[0] < x < e[1] and e[2] < z < e[3] for e in edges):
                flat = np.array([[a, low], [b, low], [b, high], [a, high]])
                quads.append([[*wall.point_m(t), h] for t, h in flat])
                uv.append(flat / _TILE_M)
    # seen from the room, first → second runs from right to left, so the reversed order faces inward
    return _quad_mesh(np.array(quads)[:, ::-1], np.array(uv)[:, ::-1], picture)


def _edges(opening: Opening) -> tuple[float, float, float, float]:
    """Left, right, lower and upper edge of the hole."""
    half = opening.width_m / 2 + _GAP_M
    low = opening.bottom_m - _GAP_M if opening.bottom_m > 0 else 0.0
    return opening.along_m - half, opening.along_m + half, low, opening.top_m + _GAP_M


def _frame(wall: Wall, opening: Opening, picture: Picture) -> Structure:
    """The four sides of the hole in the wall, and what closes it behind unless a door stands open."""
    a, b, low, high = _edges(opening)
    rim = [(a, low), (b, low), (b, high), (a, high)]
    quads = []
    for (x0, z0), (x1, z1) in zip(rim, rim[1:] + rim[:1], strict=True):
        front = [[*wall.point_m(x, 0.0), z] for x, z in ((x0, z0), (x1, z1))]
        back = [[*wall.point_m(x, -_REVEAL_M), z] for x, z in ((x1, z1), (x0, z0))]
        quads.append(front + back)
    if not opening.ajar:
        quads.append([[*wall.point_m(x, -_REVEAL_M), z] for x, z in reversed(rim)])
    corners = np.array(quads)
    uv = np.broadcast_to(np.array([[0, 0], [1, 0], [1, 0.2], [0, 0.2]]), (len(quads), 4, 2))
    return Structure(label="doorframe" if opening.label == "door" else "wall", mesh=_quad_mesh(corners, uv, picture))


def _quad_mesh(
    corners: Float64[np.ndarray, "q 4 3"], uv: Float64[np.ndarray, "q 4 2"], picture: Picture
) -> TexturedMesh:
    index = np.arange(len(corners) * 4).reshape(-1, 4)
    split = [[0, 1, 2], [0, 2, 3]]
    return TexturedMesh(
        xyz_m=corners.reshape(-1, 3).astype(np.float32),
        faces=index[:, split].reshape(-1, 3).astype(np.int32),
        uv=uv[:, split].reshape(-1, 3, 2).astype(np.float32),
        material=np.zeros(len(corners) * 2, np.int32),
        textures=(picture,),
    )
