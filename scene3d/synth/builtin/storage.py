"""Cabinets, shelves, counters, desks and tables that the layout builds to measure."""

from __future__ import annotations

import numpy as np

from scene3d.synth import textures
from scene3d.synth.builtin.shapes import Picture, box, cylinder, joined
from scene3d.synth.colours import PLAIN, VIVID, WALL, WOOD, pick, solid
from scene3d.synth.room import TexturedMesh

_DARK = solid((28, 28, 30))
_STEEL = solid((178, 180, 184))


def body(rng: np.random.Generator) -> Picture:
    """What cabinets are covered with: mostly wood or a plain paint."""
    return textures.wood(rng) if rng.random() < 0.5 else solid(pick(rng, PLAIN, WALL if rng.random() < 0.8 else VIVID))


def cabinet(rng: np.random.Generator, style: int, *, width: float, depth: float, height: float) -> TexturedMesh:
    """A closed cupboard: doors or drawers in columns and rows, set off by gaps, with knobs."""
    columns, rows = [(2, 1), (1, 3), (2, 3), (1, 1), (3, 2)][style % 5]
    cover = body(rng)
    fronts = body(rng) if rng.random() < 0.3 else cover
    plinth = 0.06 if rng.random() < 0.6 else 0.0
    parts = [box((width, depth - 0.02, height - plinth), cover, at=(0, 0.01, plinth))]
    if plinth:
        parts.append(box((width - 0.06, depth - 0.06, plinth), _DARK, at=(0, 0, 0)))
    parts += _fronts(width, height, plinth, depth, columns, rows, fronts)
    return joined(*parts)


def _fronts(
    width: float, height: float, plinth: float, depth: float, columns: int, rows: int, picture: Picture
) -> list[TexturedMesh]:
    parts = []
    cell_x, cell_z = width / columns, (height - plinth) / rows
    for column in range(columns):
        for row in range(rows):
            x = (column + 0.5) * cell_x - width / 2
            z = plinth + row * cell_z
            parts.append(box((cell_x - 0.012, 0.02, cell_z - 0.012), picture, at=(x, -depth / 2 + 0.01, z + 0.006)))
            handle = (0.10, 0.02, 0.015) if rows > 1 else (0.015, 0.02, 0.12)
            side = 0.0 if rows > 1 else (0.38 if column % 2 == 0 else -0.38) * cell_x
            parts.append(box(handle, _STEEL, at=(x + side, -depth / 2 - 0.01, z + cell_z * 0.55)))
    return parts


def shelf(rng: np.random.Generator, style: int, *, width: float, depth: float, height: float) -> TexturedMesh:
    """An open shelf: boards between sides, or a metal rack on four posts; with or without a back."""
    cover = body(rng)
    boards = max(2, round(height / rng.uniform(0.28, 0.42)))
    thick = 0.022
    parts = []
    for index in range(boards + 1):
        z = 0.05 + index * (height - 0.05 - thick) / boards
        parts.append(box((width - 0.02, depth, thick), cover, at=(0, 0, z), tile_m=0.6))
    if style % 3 == 2:
        post = solid(pick(rng, PLAIN))
        for x, y in ((-1, -1), (-1, 1), (1, -1), (1, 1)):
            at = (x * (width / 2 - 0.015), y * (depth / 2 - 0.015), 0.0)
            parts.append(box((0.03, 0.03, height), post, at=at))
        return joined(*parts)
    parts += [box((thick, depth, height), cover, at=(x * (width - thick) / 2, 0, 0)) for x in (-1, 1)]
    if style % 3 == 0:
        parts.append(box((width - 0.01, 0.01, height - 0.02), cover, at=(0, depth / 2 - 0.006, 0.01)))
    return joined(*parts)


def wall_shelf(rng: np.random.Generator, style: int, *, width: float, depth: float, height: float) -> TexturedMesh:
    """One to three boards on brackets, hung on a wall."""
    cover = body(rng)
    boards = 1 + style % 3
    parts = []
    for index in range(boards):
        z = index * height / boards
        parts.append(box((width, depth, 0.025), cover, at=(0, 0, z + 0.10)))
        parts += [box((0.02, depth * 0.8, 0.10), _STEEL, at=(x * width, depth * 0.1, z)) for x in (-0.35, 0.35)]
    return joined(*parts)


def counter(rng: np.random.Generator, style: int, *, width: float, depth: float, height: float) -> TexturedMesh:
    """A worktop on closed fronts."""
    top = textures.marble(rng) if rng.random() < 0.6 else textures.wood(rng)
    cover = body(rng)
    slab = 0.035
    columns = max(1, round(width / 0.5))
    base = box((width, depth - 0.04, height - slab - 0.08), cover, at=(0, 0.02, 0.08))
    plinth = box((width, depth - 0.12, 0.08), _DARK, at=(0, 0.04, 0))
    fronts = _fronts(width, height - slab, 0.08, depth - 0.02, columns, 1 + style % 3, cover)
    return joined(plinth, base, box((width, depth, slab), top, at=(0, 0, height - slab), tile_m=0.7), *fronts)


def table(rng: np.random.Generator, style: int, *, width: float, depth: float, height: float) -> TexturedMesh:
    """A top on four legs, a pedestal or two side panels; every fourth style is round."""
    top = textures.wood(rng) if rng.random() < 0.6 else solid(pick(rng, PLAIN, WALL))
    legs = top if rng.random() < 0.4 else solid(pick(rng, PLAIN, WOOD))
    thick = float(rng.uniform(0.02, 0.045))
    if style % 4 == 3:
        radius = min(width, depth) / 2
        return joined(
            cylinder(radius, thick, top, at=(0, 0, height - thick), sides=24),
            cylinder(0.04, height - thick, legs),
            cylinder(radius * 0.55, 0.03, legs, top_radius=radius * 0.4),
        )
    parts = [box((width, depth, thick), top, at=(0, 0, height - thick))]
    if style % 4 == 2:
        parts += [box((0.03, depth * 0.9, height - thick), legs, at=(x * (width / 2 - 0.05), 0, 0)) for x in (-1, 1)]
        return joined(*parts)
    leg = float(rng.uniform(0.03, 0.07))
    for x, y in ((-1, -1), (-1, 1), (1, -1), (1, 1)):
        at = (x * (width / 2 - leg), y * (depth / 2 - leg), 0.0)
        parts.append(box((leg, leg, height - thick), legs, at=at))
    if style % 4 == 1:
        parts.append(box((width - 2 * leg, depth - 2 * leg, 0.02), top, at=(0, 0, height * 0.3)))
    return joined(*parts)


def desk(rng: np.random.Generator, style: int, *, width: float, depth: float, height: float) -> TexturedMesh:
    """A top on legs or panels, with drawers on one side in some styles and a panel at the back in others."""
    cover = body(rng)
    thick = 0.03
    legs = solid(pick(rng, PLAIN)) if rng.random() < 0.5 else cover
    parts = [box((width, depth, thick), cover, at=(0, 0, height - thick))]
    drawers = style % 3 == 1
    for x in (-1, 1):
        if drawers and x == 1:
            at = (width / 2 - 0.22, 0.0, 0.0)
            parts.append(box((0.42, depth - 0.06, height - thick), cover, at=at))
            parts += [
                box((0.12, 0.02, 0.015), _STEEL, at=(at[0], -depth / 2 + 0.03, 0.15 + 0.2 * row)) for row in range(3)
            ]
        elif style % 3 == 2:
            parts.append(box((0.025, depth - 0.02, height - thick), legs, at=(x * (width / 2 - 0.02), 0, 0)))
        else:
            for y in (-1, 1):
                at = (x * (width / 2 - 0.04), y * (depth / 2 - 0.04), 0.0)
                parts.append(box((0.05, 0.05, height - thick), legs, at=at))
    if style % 2 == 0:
        parts.append(box((width - 0.08, 0.02, 0.35), cover, at=(0, depth / 2 - 0.03, height - thick - 0.35)))
    return joined(*parts)
