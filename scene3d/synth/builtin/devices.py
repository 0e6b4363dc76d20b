"""Things with a plug: monitors, televisions, keyboards, mice, computers, phones, lamps, printers, appliances."""

from __future__ import annotations

import numpy as np

from scene3d.synth import textures
from scene3d.synth.builtin.shapes import box, cushion, cylinder, joined, lathe, plate
from scene3d.synth.colours import PLAIN, VIVID, WALL, pick, solid
from scene3d.synth.room import TexturedMesh
from scene3d.synth.textured_mesh import moved

_CASES = ((24, 24, 26), (40, 42, 45), (200, 200, 202), (235, 235, 232), (90, 92, 96))
_DARK = solid((22, 22, 24))


def monitor(rng: np.random.Generator, style: int, *, width: float, depth: float, height: float) -> TexturedMesh:
    """A flat screen on a foot; style 3 is an old deep one."""
    case = solid(pick(rng, _CASES))
    if style % 5 == 3:
        foot = cylinder(width * 0.3, 0.05, case)
        face = plate((width * 0.84, height * 0.72), textures.screen(rng), at=(0, -depth / 2 - 0.003, height * 0.2))
        return joined(foot, box((width, depth, height - 0.05), case, at=(0, 0, 0.05)), face)
    rise = height * float(rng.uniform(0.18, 0.32))
    panel = box((width, 0.035, height - rise), case, at=(0, 0, rise))
    face = plate(
        (width * 0.95, (height - rise) * 0.92), textures.screen(rng), at=(0, -0.02, rise + (height - rise) * 0.04)
    )
    neck = box((0.06, 0.03, rise + 0.08), case, at=(0, 0.03, 0))
    foot = cylinder(depth / 2, 0.015, case) if style % 2 else box((width * 0.45, depth, 0.015), case)
    return joined(panel, face, neck, foot)


def tv(rng: np.random.Generator, style: int, *, width: float, depth: float, height: float) -> TexturedMesh:
    """A television: flat with two feet, or flat for the wall."""
    case = solid(pick(rng, _CASES[:2]))
    rise = 0.06 if style % 2 == 0 else 0.0
    panel = box((width, min(depth, 0.06), height - rise), case, at=(0, 0, rise))
    y = -min(depth, 0.06) / 2 - 0.003
    face = plate((width * 0.97, (height - rise) * 0.94), textures.screen(rng), at=(0, y, rise + 0.03 * height))
    if not rise:
        return joined(panel, face)
    feet = [box((0.03, depth, rise), case, at=(x * width * 0.35, 0, 0)) for x in (-1, 1)]
    return joined(panel, face, *feet)


def keyboard(rng: np.random.Generator, style: int, *, width: float, depth: float, height: float) -> TexturedMesh:
    """Keys on a slab, with or without a rest for the palms."""
    case = solid(pick(rng, _CASES))
    slab = box((width, depth, height * 0.7), case)
    parts = [
        slab,
        box(
            (width * 0.97, depth * (0.9 - 0.15 * (style % 2)), height * 0.3),
            textures.keys(rng),
            at=(0, 0, height * 0.7),
        ),
    ]
    return joined(*parts)


def mouse(rng: np.random.Generator, style: int, *, width: float, depth: float, height: float) -> TexturedMesh:
    """A computer mouse."""
    return joined(
        cushion((width, depth, height), solid(pick(rng, _CASES, *((VIVID,) if style % 2 else ()))), roundness=0.7)
    )


def laptop(rng: np.random.Generator, style: int, *, width: float, depth: float, height: float) -> TexturedMesh:
    """An open laptop; the lid leans back."""
    case = solid(pick(rng, _CASES))
    base = box((width, depth, 0.02), case)
    deck = box((width * 0.9, depth * 0.5, 0.003), textures.keys(rng), at=(0, depth * 0.15, 0.02))
    lean = float(rng.uniform(0.15, 0.45))
    turn = np.eye(4)
    turn[1:3, 1:3] = [[np.cos(lean), np.sin(lean)], [-np.sin(lean), np.cos(lean)]]
    turn[:3, 3] = 0, depth / 2, 0.02
    lid = box((width, 0.012, height - 0.02), case, front=textures.screen(rng))
    return joined(base, deck, moved(lid, turn))


def computer_tower(rng: np.random.Generator, style: int, *, width: float, depth: float, height: float) -> TexturedMesh:
    """A desktop computer's case with drive bays and a button."""
    case = solid(pick(rng, _CASES))
    bays = [box((width * 0.85, 0.01, 0.04), solid(pick(rng, _CASES)), at=(0, -depth / 2, height * (0.88 - 0.13 * i)))
            for i in range(1 + style % 3)]  # fmt: skip
    return joined(
        box((width, depth, height), case),
        *bays,
        box((0.02, 0.012, 0.02), solid((120, 170, 220)), at=(0, -depth / 2, height * 0.4)),
    )


def telephone(rng: np.random.Generator, style: int, *, width: float, depth: float, height: float) -> TexturedMesh:
    """A desk phone with its handset."""
    case = solid(pick(rng, _CASES))
    handset = cushion((width * 0.28, depth, height * 0.5), case, at=(-width * 0.32, 0, height * 0.5), roundness=0.4)
    return joined(
        box((width, depth, height * 0.6), case),
        handset,
        box(
            (width * 0.5, depth * (0.4 + 0.1 * (style % 2)), 0.006),
            textures.keys(rng),
            at=(width * 0.15, -depth * 0.15, height * 0.6),
        ),
    )


def lamp(rng: np.random.Generator, style: int, *, width: float, depth: float, height: float) -> TexturedMesh:
    """A shade on a foot: for the table when low, for the floor when tall."""
    shade, foot = solid(pick(rng, WALL, VIVID)), solid(pick(rng, PLAIN, VIVID))
    radius = min(width, depth) / 2
    if style % 3 == 1:
        return joined(
            cylinder(radius * 0.6, 0.02, foot),
            cylinder(0.012, height * 0.8, foot),
            cushion((radius * 2, radius * 2, height * 0.3), shade, at=(0, 0, height * 0.7), roundness=0.9),
        )
    rise = height * (0.6 if height < 1 else 0.8)
    body = lathe(
        [
            (0, 0),
            (radius * 0.55, 0),
            (radius * 0.2, 0.03),
            (radius * (0.45 if height < 1 else 0.08), rise * 0.5),
            (0.012, rise),
        ],
        foot,
    )
    return joined(
        body,
        cylinder(
            radius,
            height - rise + 0.02,
            shade,
            at=(0, 0, rise - 0.02),
            top_radius=radius * (0.55 if style % 3 else 0.95),
        ),
    )


def ceiling_light(rng: np.random.Generator, style: int, *, width: float, depth: float, height: float) -> TexturedMesh:
    """A panel, a tube housing, a bowl, or a pendant; `z` is its lower end."""
    glow = solid((250, 248, 235))
    if style % 4 == 0:
        return joined(box((width, depth, min(height, 0.07)), glow))
    if style % 4 == 1:
        return joined(
            box((width, depth, height * 0.5), solid(pick(rng, PLAIN)), at=(0, 0, height * 0.5)),
            box((width * 0.95, depth * 0.5, height * 0.5), glow),
        )
    radius = min(width, depth) / 2
    if style % 4 == 2:
        return joined(lathe([(0, 0), (radius * 0.6, height * 0.15), (radius, height), (0, height)], glow))
    shade = solid(pick(rng, VIVID, PLAIN))
    return joined(
        cylinder(radius, height * 0.35, shade, top_radius=radius * 0.4), cylinder(0.01, height, solid((30, 30, 30)))
    )


def printer(rng: np.random.Generator, style: int, *, width: float, depth: float, height: float) -> TexturedMesh:
    """An office printer with a paper tray."""
    case = solid(pick(rng, _CASES))
    tray = box((width * 0.6, depth * 0.4, 0.01), solid((245, 245, 245)), at=(0, -depth * 0.25, height * 0.35))
    lower = box((width, depth, height * 0.35), case)
    upper = box((width, depth * 0.65, height * 0.65), case, at=(0, depth * 0.17, height * 0.35))
    return joined(
        lower,
        upper,
        tray,
        box((width * 0.3, 0.02, 0.06), _DARK, at=(width * 0.2 * (-1) ** style, -depth * 0.15, height * 0.75)),
    )


def copier(rng: np.random.Generator, style: int, *, width: float, depth: float, height: float) -> TexturedMesh:
    """A floor-standing copier: paper drawers, output slot, lid and panel."""
    case = solid(pick(rng, PLAIN[:4]))
    drawers = [
        box(
            (width * 0.9, 0.02, height * 0.12),
            solid(pick(rng, PLAIN[1:4])),
            at=(0, -depth / 2, 0.08 + i * height * 0.14),
        )
        for i in range(2 + style % 2)
    ]
    slot = box((width * 0.8, depth * 0.9, height * 0.1), _DARK, at=(0, -0.01, height * 0.6))
    base = box((width, depth - 0.02, height * 0.6), case, at=(0, 0.01, 0))
    top = box((width, depth - 0.02, height * 0.3), case, at=(0, 0.01, height * 0.7))
    return joined(
        base, slot, top, *drawers, box((width * 0.5, 0.06, 0.03), _DARK, at=(0, -depth / 2 - 0.02, height * 0.92))
    )


def appliance(rng: np.random.Generator, style: int, *, width: float, depth: float, height: float) -> TexturedMesh:
    """A white box of the kitchen: refrigerator, dishwasher, oven or microwave, told apart by size and front."""
    case = solid(pick(rng, PLAIN[:6], ((235, 235, 235), (180, 182, 185), (240, 240, 240))))
    parts = [box((width, depth - 0.03, height), case, at=(0, 0.015, 0))]
    split = (0.0, 0.35, 0.68)[style % 3] if height > 1.2 else 0.0
    for bottom, top in ((0.0, split), (split, 1.0)) if split else ((0.0, 1.0),):
        tall = (top - bottom) * height
        parts.append(box((width - 0.01, 0.03, tall - 0.015), case, at=(0, -depth / 2 + 0.015, bottom * height + 0.005)))
        parts.append(
            box(
                (0.02, 0.03, tall * 0.4),
                solid((150, 150, 155)),
                at=(width * 0.42, -depth / 2 - 0.012, bottom * height + tall * 0.35),
            )
        )
    if height < 1.2:
        pane = plate((width * 0.62, height * 0.55), _DARK, at=(-width * 0.08, -depth / 2 - 0.004, height * 0.2))
        panel = box((width * 0.9, 0.01, height * 0.10), solid((60, 60, 64)), at=(0, -depth / 2 - 0.003, height * 0.86))
        parts += [pane, panel] if style % 2 == 0 else [panel]
    return joined(*parts)


def speaker(rng: np.random.Generator, style: int, *, width: float, depth: float, height: float) -> TexturedMesh:
    """A loudspeaker box with two drivers."""
    case = textures.wood(rng) if style % 2 else solid(pick(rng, _CASES[:2]))
    cones = [
        box((width * 0.7, 0.01, width * 0.7), _DARK, at=(0, -depth / 2, height * z))
        for z in (0.1, 0.55)
        if height > width
    ]
    return joined(box((width, depth, height), case), *cones)
