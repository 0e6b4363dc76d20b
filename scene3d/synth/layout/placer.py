"""The hands of the layout: put a piece against a wall, in front of another, on top, on the wall, under the ceiling."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from scene3d.synth.builtin.shapes import Number
from scene3d.synth.layout.plan import Plan, Wall
from scene3d.synth.layout.space import Footprint, Space, overlap_m
from scene3d.synth.layout.surfaces import Surfaces
from scene3d.synth.room import PlacedObject
from scene3d.synth.stock import Piece, Stock
from scene3d.synth.textured_mesh import moved

_SOFT = ("bed", "couch", "armchair", "mattress", "ottoman", "bench")


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """Where a piece goes: the middle of its underside, and its turn about z from front to -y."""

    at_m: Float64[np.ndarray, "3"]
    turn_rad: float


class Placer:
    """A room in the making."""

    def __init__(self, plan: Plan, stock: Stock, rng: np.random.Generator) -> None:
        """Start with an empty room."""
        self.plan = plan
        self.stock = stock
        self.rng = rng
        self.space = Space(plan)
        self.objects: list[PlacedObject] = []
        self.pieces: list[Piece] = []
        self.spots: list[Spot] = []
        self._surfaces: dict[int, Surfaces] = {}

    def put(
        self,
        piece: Piece,
        spot: Spot,
        *,
        support: int | None = None,
        wall: bool = False,
        ignoring: tuple[int, ...] = (),
    ) -> int:
        """Place without asking; returns the object's id."""
        key = len(self.objects)
        pose = np.eye(4)
        c, s = np.cos(spot.turn_rad), np.sin(spot.turn_rad)
        pose[:2, :2] = [[c, -s], [s, c]]
        pose[:3, 3] = spot.at_m
        yaw = float(np.arctan2(-c, s))  # the front, -y of the model, after the turn
        self.objects.append(
            PlacedObject(
                id=key,
                label=piece.label,
                model_id=piece.model_id,
                mesh=moved(piece.mesh, pose),
                world_from_model=pose,
                yaw_rad=yaw if piece.has_front else None,
                support_id=support,
                against_wall=wall,
                colour=piece.colour,
                material=piece.material,
            )
        )
        self.pieces.append(piece)
        self.spots.append(spot)
        self.space.take(key, footprint(piece, spot))
        return key

    def try_put(
        self,
        piece: Piece | None,
        spot: Spot,
        *,
        wall: bool = False,
        ignoring: tuple[int, ...] = (),
        support: int | None = None,
        zones: bool = True,
    ) -> int | None:
        """Place if nothing is in the way and people can still walk; the id, or None."""
        if piece is None:
            return None
        box = footprint(piece, spot)
        if not self.space.free(box, ignoring=ignoring, zones=zones):
            return None
        if support is None and not self.space.walkable_with(box):
            return None
        return self.put(piece, spot, support=support, wall=wall)

    def against_wall(
        self,
        piece: Piece | None,
        *,
        tries: int = 14,
        walls: list[int] | None = None,
        along: float | None = None,
        gap_m: float = 0.02,
    ) -> int | None:
        """Stand with the back to a wall, at a random place or at a share of the wall's length; the id, or None."""
        if piece is None:
            return None
        choices = walls if walls is not None else list(range(len(self.plan.walls)))
        length = np.array([max(self.plan.walls[i].length_m - piece.size_m[0], 0.0) for i in choices])
        if not length.sum():
            return None
        for _ in range(tries):
            wall = self.plan.walls[int(self.rng.choice(choices, p=length / length.sum()))]
            room = wall.length_m - piece.size_m[0] - 0.04
            if room <= 0:
                continue
            share = along if along is not None else self.rng.uniform()
            if along is None and self.rng.random() < 0.25:
                share = float(self.rng.integers(2))  # push into a corner
            where = piece.size_m[0] / 2 + 0.02 + share * room
            lean = self.rng.normal(0, 0.015)
            away = gap_m + abs(self.rng.normal(0, 0.015)) + abs(lean) * piece.size_m[0] / 2
            found = self.try_put(piece, self.wall_spot(wall, piece, where, away_m=away, lean_rad=lean), wall=True)
            if found is not None:
                return found
        return None

    def wall_spot(
        self, wall: Wall, piece: Piece, along_m: float, *, away_m: float = 0.0, z_m: float = 0.0, lean_rad: float = 0.0
    ) -> Spot:
        """The place with its back `away_m` from a wall."""
        at = wall.point_m(along_m, piece.size_m[1] / 2 + away_m)
        turn = float(np.arctan2(wall.inward[1], wall.inward[0]) + np.pi / 2 + lean_rad)
        return Spot(at_m=np.array([at[0], at[1], z_m]), turn_rad=turn)

    def on_wall(self, piece: Piece | None, *, z_m: tuple[float, float], tries: int = 12) -> int | None:
        """Hang on a wall with the lower edge at a random height; the id, or None."""
        if piece is None:
            return None
        for _ in range(tries):
            wall = self.plan.walls[int(self.rng.integers(len(self.plan.walls)))]
            room = wall.length_m - piece.size_m[0] - 0.2
            if room <= 0:
                continue
            along = piece.size_m[0] / 2 + 0.1 + self.rng.uniform() * room
            spot = self.wall_spot(wall, piece, along, away_m=0.003, z_m=float(self.rng.uniform(*z_m)))
            found = self.try_put(piece, spot, wall=True)
            if found is not None:
                return found
        return None

    def above(self, anchor: int, piece: Piece | None, *, z_m: float, shift_m: float = 0.0) -> int | None:
        """Hang on the wall behind a piece that stands against it; the id, or None."""
        if piece is None:
            return None
        spot, size = self.spots[anchor], self.pieces[anchor].size_m
        back = self.local(anchor, (shift_m, size[1] / 2))
        wall = min(
            self.plan.walls,
            key=lambda w: abs((back - w.first_m) @ w.inward) + 9 * (np.cos(spot.turn_rad - _turn(w)) < 0.9),
        )
        along = float((back - wall.first_m) @ wall.along)
        return self.try_put(piece, self.wall_spot(wall, piece, along, away_m=0.003, z_m=z_m), wall=True)

    def beside(
        self,
        anchor: int,
        piece: Piece | None,
        *,
        offset_m: tuple[float, float],
        turn_rad: float = 0.0,
        ignoring: tuple[int, ...] = (),
        wall: bool = False,
        z_m: float = 0.0,
        support: int | None = None,
    ) -> int | None:
        """Place relative to another piece: offset along its width and depth (back is +), turned from its turn."""
        if piece is None:
            return None
        at = self.local(anchor, offset_m)
        spot = Spot(at_m=np.array([at[0], at[1], z_m]), turn_rad=self.spots[anchor].turn_rad + turn_rad)
        return self.try_put(piece, spot, ignoring=ignoring, wall=wall, support=support)

    def local(self, anchor: int, offset_m: tuple[float, float]) -> Float64[np.ndarray, "2"]:
        """Room coordinates of a point in a piece's own axes."""
        spot = self.spots[anchor]
        c, s = np.cos(spot.turn_rad), np.sin(spot.turn_rad)
        return spot.at_m[:2] + np.array([[c, -s], [s, c]]) @ np.array(offset_m)

    def on_floor(self, piece: Piece | None, *, tries: int = 10, turn_rad: float | None = None) -> int | None:
        """Stand anywhere; the id, or None."""
        if piece is None:
            return None
        low, high = self.plan.floor_m.min(0), self.plan.floor_m.max(0)
        for _ in range(tries):
            turn = float(self.rng.uniform(-np.pi, np.pi)) if turn_rad is None else turn_rad
            at = self.rng.uniform(low, high)
            found = self.try_put(piece, Spot(at_m=np.array([*at, 0.0]), turn_rad=turn))
            if found is not None:
                return found
        return None

    def on_ceiling(self, piece: Piece | None, at_m: Float64[np.ndarray, "2"], *, turn_rad: float = 0.0) -> int | None:
        """Hang below the ceiling; the id, or None."""
        if piece is None:
            return None
        z = self.plan.height_m - piece.size_m[2] - 0.001
        return self.try_put(piece, Spot(at_m=np.array([*at_m, z]), turn_rad=turn_rad), zones=False)

    def on_top(
        self,
        anchor: int,
        piece: Piece | None,
        *,
        between_m: tuple[float, float] = (0.3, 1.6),
        turn_rad: float | None = None,
        tries: int = 16,
        part: tuple[Number, Number, Number, Number] = (-1, 1, -1, 1),
    ) -> int | None:
        """Stand on a surface of another piece; the id, or None.

        Args:
            anchor: The supporting object's id.
            piece: What to put there.
            between_m: Heights of the surface above the supporter's foot.
            turn_rad: Turn from the supporter's turn; None for any.
            tries: Places to try.
            part: Left, right, front, back of the supporter to keep to, from -1 to 1.
        """
        if piece is None:
            return None
        surfaces = self._surfaces_of(anchor)
        size = np.array(self.pieces[anchor].size_m)
        soft = self.pieces[anchor].label in _SOFT
        spots = surfaces.candidates(self.rng, tries, least_m=between_m[0], most_m=between_m[1])
        share = spots[:, :2] / (size[:2] / 2)
        allowed = (
            (share[:, 0] >= part[0]) & (share[:, 0] <= part[1]) & (share[:, 1] >= part[2]) & (share[:, 1] <= part[3])
        )
        for at in spots[allowed]:
            turn = float(self.rng.uniform(-np.pi, np.pi)) if turn_rad is None else turn_rad
            flat = footprint(piece, Spot(at_m=at, turn_rad=turn))
            z = surfaces.stand(flat.corners_m(), at, piece.size_m[2], slack_m=0.05 if soft else 0.008)
            if z is None:
                continue
            where = self.local(anchor, (at[0], at[1]))
            height = self.spots[anchor].at_m[2] + z
            spot = Spot(at_m=np.array([*where, height]), turn_rad=self.spots[anchor].turn_rad + turn)
            found = self.try_put(piece, spot, ignoring=(anchor,), support=anchor, zones=False)
            if found is not None:
                return found
        return None

    def _surfaces_of(self, anchor: int) -> Surfaces:
        if anchor not in self._surfaces:
            self._surfaces[anchor] = Surfaces(self.pieces[anchor].mesh)
        return self._surfaces[anchor]


def footprint(piece: Piece, spot: Spot) -> Footprint:
    """The box of a piece at a spot."""
    z = float(spot.at_m[2])
    return Footprint(
        centre_m=spot.at_m[:2],
        half_m=(piece.size_m[0] / 2, piece.size_m[1] / 2),
        turn_rad=spot.turn_rad,
        bottom_m=z,
        top_m=z + piece.size_m[2],
    )


def _turn(wall: Wall) -> float:
    return float(np.arctan2(wall.inward[1], wall.inward[0]) + np.pi / 2)


__all__ = ["Placer", "Spot", "footprint", "overlap_m"]
