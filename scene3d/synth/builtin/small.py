"""Small things that lie about: books, papers, cups, bottles, boxes, bins, plants, balls, rolls."""

from __future__ import annotations

import numpy as np

from scene3d.synth import textures
from scene3d.synth.builtin.shapes import box, cushion, cylinder, joined, lathe, plate
from scene3d.synth.colours import PLAIN, VIVID, WALL, WOOD, pick, solid
from scene3d.synth.room import TexturedMesh
from scene3d.synth.textured_mesh import moved

_PAPER = solid((240, 236, 225))
_CARDBOARD = ((176, 140, 100), (196, 160, 118), (150, 116, 80), (225, 222, 215))


def books(rng: np.random.Generator, style: int, *, width: float, depth: float, height: float) -> TexturedMesh:
    """A row of upright books, spines to -y; some lean shorter than others."""
    parts, x = [], -width / 2
    while x < width / 2 - 0.015:
        thick = min(float(rng.uniform(0.015, 0.05)), width / 2 - x)
        tall, deep = height * rng.uniform(0.72, 1), depth * rng.uniform(0.75, 1)
        cover = solid(pick(rng, VIVID, PLAIN, WALL))
        parts.append(box((thick - 0.001, deep, tall), cover, at=(x + thick / 2, (deep - depth) / 2 * (style % 2), 0)))
        x += thick
    return joined(*parts)


def book_pile(rng: np.random.Generator, style: int, *, width: float, depth: float, height: float) -> TexturedMesh:
    """One to five lying books."""
    count = 1 + style % 5
    parts = []
    for index in range(count):
        cover = solid(pick(rng, VIVID, PLAIN, WALL))
        size = (width * rng.uniform(0.85, 1), depth * rng.uniform(0.85, 1), height / 5)
        parts.append(box(size, cover, at=(0, 0, index * height / 5)))
        parts.append(
            box(
                (size[0] - 0.004, 0.01, size[2] * 0.7),
                _PAPER,
                at=(0, -size[1] / 2 + 0.003, (index + 0.15) * height / 5),
            )
        )
    return joined(*parts)


def paper(rng: np.random.Generator, style: int, *, width: float, depth: float, height: float) -> TexturedMesh:
    """A stack of printed sheets."""
    return joined(box((width, depth, height), textures.lines_of_text(rng) if style % 2 else _PAPER))


def cup(rng: np.random.Generator, style: int, *, width: float, depth: float, height: float) -> TexturedMesh:
    """A mug with a handle, or a tumbler."""
    glaze = solid(pick(rng, VIVID, PLAIN))
    radius = min(width, depth) * 0.42
    wall = lathe(
        [(0, 0), (radius * 0.8, 0), (radius, height), (radius * 0.9, height), (radius * 0.75, 0.01), (0, 0.01)], glaze
    )
    if style % 2:
        return joined(wall)
    return joined(wall, box((width * 0.25, 0.012, height * 0.55), glaze, at=(radius * 1.05, 0, height * 0.2)))


def bottle(rng: np.random.Generator, style: int, *, width: float, depth: float, height: float) -> TexturedMesh:
    """A bottle with a neck, a cap and a label."""
    glass, label = solid(pick(rng, VIVID, PLAIN)), solid(pick(rng, WALL, VIVID))
    r = min(width, depth) / 2
    shoulder = (0.6, 0.7, 0.78)[style % 3] * height
    hull = lathe(
        [
            (0, 0),
            (r, 0),
            (r, shoulder),
            (r * 0.35, shoulder + height * 0.12),
            (r * 0.33, height * 0.94),
            (0, height * 0.94),
        ],
        glass,
    )
    return joined(
        hull,
        cylinder(r * 1.01, shoulder * 0.5, label, at=(0, 0, shoulder * 0.2)),
        cylinder(r * 0.4, height * 0.06, label, at=(0, 0, height * 0.94)),
    )


def bowl(rng: np.random.Generator, style: int, *, width: float, depth: float, height: float) -> TexturedMesh:
    """An open bowl or, when low, a plate."""
    r = min(width, depth) / 2
    profile = [
        (0, 0),
        (r * 0.45, 0),
        (r * (0.9 + 0.05 * (style % 2)), height * 0.7),
        (r, height),
        (r * 0.94, height),
        (r * 0.4, 0.01),
        (0, 0.01),
    ]
    return joined(lathe(profile, solid(pick(rng, PLAIN, VIVID, WALL)), sides=20))


def vase(rng: np.random.Generator, style: int, *, width: float, depth: float, height: float) -> TexturedMesh:
    """A turned vase."""
    r = min(width, depth) / 2
    belly, neck = float(rng.uniform(0.25, 0.6)), (0.35, 0.55, 0.8)[style % 3]
    return joined(
        lathe(
            [
                (0, 0),
                (r * 0.6, 0),
                (r, height * belly),
                (r * neck, height * 0.85),
                (r * neck * 1.15, height),
                (0, height * 0.9),
            ],
            solid(pick(rng, VIVID, PLAIN)),
        )
    )


def carton(rng: np.random.Generator, style: int, *, width: float, depth: float, height: float) -> TexturedMesh:
    """A cardboard box: taped, open with flaps, or printed."""
    board = solid(pick(rng, _CARDBOARD))
    if style % 4 == 1:
        walls = [box((width, 0.008, height), board, at=(0, y * depth / 2, 0)) for y in (-1, 1)]
        walls += [box((0.008, depth, height), board, at=(x * width / 2, 0, 0)) for x in (-1, 1)]
        return joined(*walls, box((width, depth, 0.01), board))
    front = textures.lines_of_text(rng) if style % 4 == 2 else None
    tape = box((0.05, depth, 0.003), solid((205, 185, 150)), at=(0, 0, height))
    return joined(box((width, depth, height), board, front=front), tape)


def shoebox(rng: np.random.Generator, style: int, *, width: float, depth: float, height: float) -> TexturedMesh:
    """A box with a lid of another colour."""
    lid = box((width, depth, height * 0.25), solid(pick(rng, VIVID, PLAIN)), at=(0, 0, height * 0.75))
    base = textures.fabric(rng) if style % 2 else solid(pick(rng, PLAIN, VIVID))
    return joined(box((width - 0.01, depth - 0.01, height * 0.75), base), lid)


def bin_(rng: np.random.Generator, style: int, *, width: float, depth: float, height: float) -> TexturedMesh:
    """An open bin, round or square, or one with a lid."""
    shell = solid(pick(rng, PLAIN, VIVID))
    r = min(width, depth) / 2
    if style % 4 == 1:
        walls = [box((width, 0.012, height), shell, at=(0, y * (depth - 0.012) / 2, 0)) for y in (-1, 1)]
        walls += [box((0.012, depth, height), shell, at=(x * (width - 0.012) / 2, 0, 0)) for x in (-1, 1)]
        return joined(*walls, box((width, depth, 0.02), shell))
    if style % 4 == 2:
        return joined(
            cylinder(r, height * 0.85, shell),
            lathe(
                [(r * 1.02, 0), (r, height * 0.08), (0, height * 0.15)],
                solid(pick(rng, PLAIN)),
                at=(0, 0, height * 0.85),
            ),
        )
    rim = [(0, 0), (r * 0.78, 0), (r, height), (r * 0.94, height), (r * 0.74, 0.02), (0, 0.02)]
    sack = [cylinder(r * 1.01, 0.05, solid((235, 235, 240)), at=(0, 0, height - 0.05))] if style % 4 == 3 else []
    return joined(lathe(rim, shell, sides=18), *sack)


def storage_bin(rng: np.random.Generator, style: int, *, width: float, depth: float, height: float) -> TexturedMesh:
    """A plastic tub with a lid, or an open basket."""
    shell = solid(pick(rng, VIVID, PLAIN)) if style % 2 else textures.fabric(rng)
    lid = [box((width, depth, 0.03), solid(pick(rng, PLAIN)), at=(0, 0, height - 0.03))] if style % 2 else []
    walls = [box((width - 0.02, 0.012, height - 0.02), shell, at=(0, y * (depth / 2 - 0.02), 0)) for y in (-1, 1)]
    walls += [box((0.012, depth - 0.03, height - 0.02), shell, at=(x * (width / 2 - 0.02), 0, 0)) for x in (-1, 1)]
    return joined(box((width - 0.02, depth - 0.03, 0.015), shell), *walls, *lid)


def plant(rng: np.random.Generator, style: int, *, width: float, depth: float, height: float) -> TexturedMesh:
    """A pot with leaves: a rosette of blades, or a bush on a stem."""
    pot, leaf = (
        solid(pick(rng, PLAIN, ((170, 90, 60), (120, 70, 50)))),
        solid(pick(rng, ((50, 100, 45), (80, 130, 60), (40, 80, 50), (110, 140, 60)))),
    )
    r, rise = min(width, depth) * 0.3, height * 0.3
    foot = rise * (0.95 if style % 2 else 1.3)
    parts = [cylinder(r * 0.75, rise, pot, top_radius=r), cylinder(0.015, foot + 0.02, leaf)]
    for _ in range(14 + 4 * (style % 3)):
        yaw, lean = rng.uniform(0, 2 * np.pi), rng.uniform(0.05, 0.5)
        length = (height - rise) * rng.uniform(0.6, 1) * 0.8
        blade = plate((width * 0.14, length), leaf)
        tilt = np.array([[1, 0, 0], [0, np.cos(lean), -np.sin(lean)], [0, np.sin(lean), np.cos(lean)]])
        turn = np.array([[np.cos(yaw), -np.sin(yaw), 0], [np.sin(yaw), np.cos(yaw), 0], [0, 0, 1]])
        pose = np.eye(4)
        pose[:3, :3], pose[2, 3] = turn @ tilt, foot
        parts.append(moved(blade, pose))
    return joined(*parts)


def ball(rng: np.random.Generator, style: int, *, width: float, depth: float, height: float) -> TexturedMesh:
    """A ball."""
    r = min(width, depth, height) / 2
    arc = np.linspace(-np.pi / 2, np.pi / 2, 9)
    picture = textures.fabric(rng) if style % 2 else solid(pick(rng, VIVID))
    return joined(lathe([(r * float(np.cos(a)), r * (1 + float(np.sin(a)))) for a in arc], picture))


def roll(rng: np.random.Generator, style: int, *, width: float, depth: float, height: float) -> TexturedMesh:
    """A paper roll, standing."""
    core = cylinder(min(width, depth) * 0.12, height + 0.001 + 0.02 * (style % 2), solid(pick(rng, _CARDBOARD)))
    return joined(cylinder(min(width, depth) / 2, height, solid((244, 243, 240))), core)


def tissue_box(rng: np.random.Generator, style: int, *, width: float, depth: float, height: float) -> TexturedMesh:
    """A box of tissues with one sticking out."""
    tissue = cushion((0.08, 0.04 + 0.01 * (style % 2), height * 0.4), solid((248, 248, 248)), at=(0, 0, height * 0.65))
    return joined(box((width, depth, height * 0.7), textures.fabric(rng)), tissue)


def suitcase(rng: np.random.Generator, style: int, *, width: float, depth: float, height: float) -> TexturedMesh:
    """An upright suitcase with wheels and a handle."""
    shell = solid(pick(rng, VIVID, PLAIN))
    wheels = [
        box((0.04, 0.04, 0.04), solid((30, 30, 30)), at=(x * width * 0.4, y * depth * 0.3, 0))
        for x in (-1, 1)
        for y in (-1, 1)
    ]
    ribs = [
        box((0.02, depth + 0.01, height * 0.75), shell, at=(x * width, 0, 0.09))
        for x in np.linspace(-0.3, 0.3, 3 + style % 3).tolist()
    ]
    return joined(
        cushion((width, depth, height - 0.1), shell, at=(0, 0, 0.04), roundness=0.25),
        *ribs,
        *wheels,
        box((width * 0.4, 0.03, 0.04), solid((40, 40, 40)), at=(0, 0, height - 0.06)),
    )


def tray(rng: np.random.Generator, style: int, *, width: float, depth: float, height: float) -> TexturedMesh:
    """A flat tray with a rim."""
    cover = textures.wood(rng, pick(rng, WOOD)) if style % 2 else solid(pick(rng, PLAIN, VIVID))
    rim = [box((width, 0.01, height), cover, at=(0, y * (depth - 0.01) / 2, 0)) for y in (-1, 1)]
    rim += [box((0.01, depth, height), cover, at=(x * (width - 0.01) / 2, 0, 0)) for x in (-1, 1)]
    return joined(box((width, depth, 0.008), cover), *rim)
