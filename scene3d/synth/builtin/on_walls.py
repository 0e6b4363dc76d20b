"""What hangs on walls or stands in them: doors, windows, pictures, boards, mirrors, blinds, radiators, clocks."""

from __future__ import annotations

import numpy as np

from scene3d.synth import textures
from scene3d.synth.builtin.shapes import Picture, box, cylinder, joined, plate
from scene3d.synth.colours import PLAIN, VIVID, WALL, WOOD, pick, solid
from scene3d.synth.room import TexturedMesh
from scene3d.synth.textured_mesh import merged, moved

_STEEL = solid((175, 176, 180))
_WHITE = solid((240, 240, 238))
_SILVER = solid((196, 204, 210))


def door(rng: np.random.Generator, style: int, *, width: float, depth: float, height: float) -> TexturedMesh:
    """A door leaf: flush, panelled, glazed or ribbed, with a handle on both sides."""
    leaf = (
        textures.wood(rng)
        if rng.random() < 0.5
        else solid(pick(rng, PLAIN, WALL, *((VIVID,) if rng.random() < 0.3 else ())))
    )
    thick = min(depth, 0.045)
    parts = [box((width, thick, height), leaf)]
    inset = solid(pick(rng, PLAIN)) if style % 5 == 2 else leaf
    rows = [(), ((0.08, 0.34), (0.46, 0.46)), ((0.5, 0.42),), ((0.06, 0.2), (0.3, 0.2), (0.54, 0.38)), ((0.35, 0.06),)][
        style % 5
    ]
    for bottom, size in rows:
        for side in (-1, 1):
            at = (0.0, side * (thick / 2 + 0.004), bottom * height)
            parts.append(box((width * 0.68, 0.012, size * height), inset, at=at))
    for side in (-1, 1):
        parts.append(box((0.13, 0.02, 0.02), _STEEL, at=(width * 0.37, side * (thick / 2 + 0.045), 1.02)))
        parts.append(box((0.03, 0.05, 0.03), _STEEL, at=(width * 0.43, side * (thick / 2 + 0.02), 1.015)))
    return joined(*parts)


def window(rng: np.random.Generator, style: int, *, width: float, depth: float, height: float) -> TexturedMesh:
    """A frame with panes, sashes and muntins; the panes show a bright, blurred outside."""
    frame = solid(pick(rng, PLAIN[:3])) if rng.random() < 0.7 else textures.wood(rng)
    bar = float(rng.uniform(0.04, 0.07))
    columns, rows = [(1, 1), (2, 1), (2, 2), (3, 1), (1, 2)][style % 5]
    parts = [plate((width, height), outside(rng), at=(0, depth * 0.2, 0))]
    parts += [box((width, depth, bar), frame, at=(0, 0, z)) for z in (0.0, height - bar)]
    parts += [box((bar, depth, height), frame, at=(x * (width - bar) / 2, 0, 0)) for x in (-1, 1)]
    across = [(column / columns - 0.5) * width for column in range(1, columns)]
    parts += [box((bar, depth * 0.7, height), frame, at=(x, 0, 0)) for x in across]
    parts += [box((width, depth * 0.7, bar), frame, at=(0, 0, row / rows * height)) for row in range(1, rows)]
    return joined(*parts)


def outside(rng: np.random.Generator) -> Picture:
    """What a camera sees through a pane: sky over ground."""
    level, blue = rng.uniform(170, 235), rng.uniform(0, 20)
    sky = np.array([level - blue, level, level + blue])
    ground = np.array(pick(rng, ((90, 120, 70), (140, 140, 135), (170, 160, 150))), np.float64)
    horizon = np.linspace(0, 1, 32)[:, None, None] > rng.uniform(0.4, 0.9)
    return np.broadcast_to(np.where(horizon, ground, sky), (32, 32, 3)).astype(np.uint8)


def picture(rng: np.random.Generator, style: int, *, width: float, depth: float, height: float) -> TexturedMesh:
    """A framed picture, with or without a mat."""
    frame = textures.wood(rng) if rng.random() < 0.5 else solid(pick(rng, PLAIN, VIVID))
    rim = (0.015, 0.03, 0.05)[style % 3]
    parts = [box((width, depth, height), frame)]
    if style % 2:
        parts.append(plate((width - 2 * rim, height - 2 * rim), _WHITE, at=(0, -depth / 2 - 0.001, rim)))
        rim += 0.18 * min(width, height)
    parts.append(plate((width - 2 * rim, height - 2 * rim), textures.art(rng), at=(0, -depth / 2 - 0.002, rim)))
    return joined(*parts)


def poster(rng: np.random.Generator, style: int, *, width: float, depth: float, height: float) -> TexturedMesh:
    """An unframed sheet on the wall."""
    sheet = textures.art(rng) if style % 2 else textures.lines_of_text(rng)
    return joined(box((width, depth, height), _WHITE, front=sheet))


def mirror(rng: np.random.Generator, style: int, *, width: float, depth: float, height: float) -> TexturedMesh:
    """A mirror as a depth camera records it at best: a pale plate in a frame."""
    frame = textures.wood(rng) if style % 2 else _STEEL
    rim = 0.01 + 0.02 * (style % 3)
    glass = plate((width - 2 * rim, height - 2 * rim), _SILVER, at=(0, -depth / 4, rim))
    bars = [box((width, depth, rim), frame, at=(0, 0, z)) for z in (0.0, height - rim)]
    bars += [box((rim, depth, height), frame, at=(x * (width - rim) / 2, 0, 0)) for x in (-1, 1)]
    return joined(glass, *bars)


def whiteboard(rng: np.random.Generator, style: int, *, width: float, depth: float, height: float) -> TexturedMesh:
    """A whiteboard with an aluminium frame and a ledge for pens; some with writing."""
    face = textures.lines_of_text(rng) if style % 2 else solid((246, 247, 248))
    board = box((width, depth * 0.4, height), _STEEL, at=(0, depth * 0.3, 0))
    surface = plate((width - 0.04, height - 0.04), face, at=(0, depth * 0.1 - 0.002, 0.02))
    return joined(board, surface, box((width * 0.6, depth * 0.5, 0.02), _STEEL, at=(0, -depth * 0.15, 0)))


def blackboard(rng: np.random.Generator, style: int, *, width: float, depth: float, height: float) -> TexturedMesh:
    """A green or black board in a wooden frame."""
    face = solid(((40, 70, 55), (38, 40, 42))[style % 2])
    rim = plate((width - 0.08, height - 0.08), face, at=(0, -depth / 2 - 0.002, 0.04))
    return joined(box((width, depth, height), textures.wood(rng)), rim)


def bulletin_board(rng: np.random.Generator, style: int, *, width: float, depth: float, height: float) -> TexturedMesh:
    """A cork board with notes pinned to it."""
    cork = textures.carpet(rng, ((190, 150, 100), (110, 120, 140))[style % 2])
    parts = [box((width, depth * 0.6, height), textures.wood(rng), front=cork, at=(0, depth * 0.2, 0))]
    for _ in range(int(rng.integers(3, 9))):
        note = textures.lines_of_text(rng) if rng.random() < 0.6 else solid(pick(rng, VIVID))
        x, z = rng.uniform(-0.38, 0.38) * width, rng.uniform(0.08, 0.7) * height
        parts.append(plate((0.15, 0.18), note, at=(x, -depth * 0.1 - 0.003, z)))
    return joined(*parts)


def blinds(rng: np.random.Generator, style: int, *, width: float, depth: float, height: float) -> TexturedMesh:
    """Slats, or a roller blind."""
    cover = solid(pick(rng, WALL, PLAIN[:3]))
    rail = box((width, depth, 0.04), cover, at=(0, 0, height - 0.04))
    if style % 2:
        return joined(rail, box((width * 0.98, 0.005, height - 0.03), textures.fabric(rng), at=(0, 0, 0)))
    slats = np.arange(0.01, height - 0.05, 0.05)
    return joined(rail, *(box((width * 0.98, depth * 0.6, 0.012), cover, at=(0, 0, float(z))) for z in slats))


def radiator(rng: np.random.Generator, style: int, *, width: float, depth: float, height: float) -> TexturedMesh:
    """A ribbed or a flat radiator."""
    paint = solid(pick(rng, PLAIN[:3]))
    if style % 2:
        return joined(
            box((width, depth, height), paint),
            box((width * 0.96, 0.02, height * 0.9), paint, at=(0, -depth / 2, height * 0.05)),
        )
    ribs = np.arange(0.04, width, 0.07) - width / 2
    return joined(*(box((0.045, depth, height), paint, at=(float(x), 0, 0)) for x in ribs),
                  box((width, depth * 0.4, 0.04), paint, at=(0, 0, 0.06)))  # fmt: skip


def clock(rng: np.random.Generator, style: int, *, width: float, depth: float, height: float) -> TexturedMesh:
    """A wall clock, round or square."""
    rim, face = solid(pick(rng, PLAIN, VIVID)), _WHITE
    black, before = solid((20, 20, 20)), -depth / 2 - 0.004
    hands = [
        box((0.012, 0.004, height * 0.35), black, at=(0, before, height / 2)),
        box((width * 0.28, 0.004, 0.012), black, at=(width * 0.13, before, height / 2)),
    ]
    if style % 2:
        return joined(box((width, depth, height), rim, front=face), *hands)
    upright = np.array([[1, 0, 0, 0], [0, 0, 1, 0], [0, -1, 0, height / 2], [0, 0, 0, 1.0]])
    disc = merged(
        [
            cylinder(width / 2, depth, rim, at=(0, 0, -depth / 2)),
            cylinder(width * 0.44, 0.004, face, at=(0, 0, -depth / 2 - 0.003)),
        ]
    )
    return joined(moved(disc, upright), *hands)


def switch_plate(rng: np.random.Generator, style: int, *, width: float, depth: float, height: float) -> TexturedMesh:
    """A light switch or socket: a plate with an inset."""
    plastic = solid(pick(rng, PLAIN[:2]))
    inset = solid(((225, 225, 222), (70, 70, 70))[style % 2])
    return joined(
        box((width, depth, height), plastic),
        plate((width * 0.5, height * 0.6), inset, at=(0, -depth / 2 - 0.002, height * 0.2)),
    )


def paper_towel_dispenser(
    rng: np.random.Generator, style: int, *, width: float, depth: float, height: float
) -> TexturedMesh:
    """A dispenser with a sheet hanging out."""
    shell = solid(pick(rng, PLAIN))
    sheet = plate((width * 0.5, 0.07), _WHITE)
    slot = box((width * 0.6, 0.02, 0.05 + 0.02 * (style % 2)), solid((60, 60, 60)), at=(0, -depth / 2, 0.1))
    return joined(box((width, depth, height), shell, at=(0, 0, 0.06)), sheet, slot)


def coat_rack(rng: np.random.Generator, style: int, *, width: float, depth: float, height: float) -> TexturedMesh:
    """A board with hooks, some with jackets on them."""
    parts = [box((width, 0.02, 0.10), textures.wood(rng, pick(rng, WOOD)), at=(0, depth / 2 - 0.01, height - 0.12))]
    hooks = (np.linspace(-0.4, 0.4, 4 + style % 2) * width).tolist()
    parts += [box((0.02, depth * 0.6, 0.02), _STEEL, at=(x, depth * 0.2, height - 0.09)) for x in hooks]
    return joined(*parts)
