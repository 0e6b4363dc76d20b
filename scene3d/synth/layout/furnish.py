"""From a kind and a seed to a furnished room."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from scene3d.errors import InputError
from scene3d.synth.furniture import Catalogue
from scene3d.synth.layout import recipes
from scene3d.synth.layout.openings import add_door, add_window
from scene3d.synth.layout.placer import Placer
from scene3d.synth.layout.plan import Opening, build_structures, draw_plan
from scene3d.synth.room import Room
from scene3d.synth.stock import Stock


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kind:
    recipe: Callable[[Placer], None]
    width_m: tuple[float, float]
    depth_m: tuple[float, float]
    rug: float = 0.5
    """Chance of a rug."""
    wet: bool = False


_OBJECTS = (18, 52)
"""Between these, a room goes on gathering things until it has its number."""
_KINDS = {
    "bedroom": _Kind(recipe=recipes.bedroom, width_m=(3.2, 5.2), depth_m=(3.2, 5.0), rug=0.6),
    "living room": _Kind(recipe=recipes.living_room, width_m=(4.0, 7.5), depth_m=(3.8, 6.5), rug=0.75),
    "office": _Kind(recipe=recipes.office, width_m=(3.2, 8.0), depth_m=(3.2, 6.5), rug=0.15),
    "kitchen": _Kind(recipe=recipes.kitchen, width_m=(3.0, 5.5), depth_m=(3.0, 5.0), rug=0.25, wet=True),
    "bathroom": _Kind(recipe=recipes.bathroom, width_m=(3.0, 4.0), depth_m=(3.0, 3.8), rug=0.0, wet=True),
    "meeting room": _Kind(recipe=recipes.meeting_room, width_m=(4.5, 9.0), depth_m=(4.0, 7.0), rug=0.1),
    "studio flat": _Kind(recipe=recipes.studio_flat, width_m=(5.0, 8.5), depth_m=(4.5, 7.0), rug=0.5),
}
KINDS = tuple(_KINDS)


def furnish(kind: str, *, seed: int, catalogue: Catalogue, part: str = "train") -> Room:
    """Furnish a room by rules.

    Args:
        kind: One of `KINDS`.
        seed: The same seed, kind, catalogue and part give the same room bit for bit.
        catalogue: Where the furniture comes from.
        part: The split of the furniture to use: `train`, `heldout` or `all`.

    Raises:
        InputError: No such kind or split.
    """
    if kind not in _KINDS:
        raise InputError(f"no kind of room named {kind!r}; there are: {', '.join(KINDS)}")
    rules = _KINDS[kind]
    rng = np.random.default_rng([seed, KINDS.index(kind)])
    plan = draw_plan(rng, width_m=rules.width_m, depth_m=rules.depth_m)
    room = Placer(plan, Stock(catalogue, part, rng), rng)
    openings: list[Opening] = []
    while not add_door(room, openings):
        pass
    if rng.random() < 0.4:
        add_door(room, openings)
    for _ in range(int(rng.integers(0 if rules.wet else 1, 4))):
        add_window(room, openings)
    rules.recipe(room)
    if rng.random() < rules.rug:
        recipes.lay_mats(room, count=int(rng.integers(1, 3)), most=(2.4, 1.8))
    finish(room, openings)
    recipes.crowd(room, objects=int(rng.integers(*_OBJECTS)))
    return Room(
        name=f"{kind.replace(' ', '-')}-{seed}",
        kind=kind,
        seed=seed,
        floor_m=plan.floor_m,
        height_m=plan.height_m,
        structures=build_structures(plan, tuple(openings), rng, wet=rules.wet),
        objects=tuple(room.objects),
    )


def finish(room: Placer, openings: list[Opening]) -> None:
    """What every room has: pictures, lights, switches by the doors, sockets, a plant."""
    rng, stock = room.rng, room.stock
    for _ in range(int(rng.integers(1, 8))):
        label = str(rng.choice(["picture", "picture", "picture", "poster", "mirror", "shelf", "clock"]))
        own = "wall-shelf" if label == "shelf" else ""
        room.on_wall(stock.piece(label, own=own, most=(1.3, 0.3, 1.2)), z_m=(1.15, 1.6))
    _lights(room)
    for opening in openings:
        if opening.label == "door" and rng.random() < 0.7:
            switch = stock.piece("light switch")
            side = float(rng.choice([-1, 1])) * (opening.width_m / 2 + 0.2)
            if switch is not None:
                wall = room.plan.walls[opening.wall]
                room.try_put(
                    switch,
                    room.wall_spot(wall, switch, opening.along_m + side, away_m=0.002, z_m=1.1),
                    wall=True,
                    zones=False,
                )
    for _ in range(int(rng.integers(0, 3))):
        room.on_wall(stock.piece("power outlet"), z_m=(0.25, 0.32))
    if rng.random() < 0.5:
        room.against_wall(stock.piece("plant", least=(0.2, 0.2, 0.5)), along=float(rng.integers(2)))
    if rng.random() < 0.4:
        room.against_wall(stock.piece("trash can"))


def _lights(room: Placer) -> None:
    """One light in the middle, or flat ones in a row or a grid."""
    rng = room.rng
    light = room.stock.piece("ceiling light", most=(1.4, 1.4, room.plan.height_m - 2.0))
    low, high = room.plan.floor_m.min(0), room.plan.floor_m.max(0)
    flat = light is not None and light.size_m[2] < 0.2
    columns, rows = (int(rng.integers(1, 3)), int(rng.integers(1, 3))) if flat else (1, 1)
    turn = float(rng.choice([0, np.pi / 2]))
    for column in range(columns):
        for row in range(rows):
            share = np.array([(column + 0.5) / columns, (row + 0.5) / rows]) + rng.normal(0, 0.01, 2)
            room.on_ceiling(light, low + share * (high - low), turn_rad=turn)
