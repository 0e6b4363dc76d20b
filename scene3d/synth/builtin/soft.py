"""Cloth and leather: pillows, blankets, rugs, curtains, towels, clothes, bags."""

from __future__ import annotations

import numpy as np

from scene3d.synth import textures
from scene3d.synth.builtin.shapes import box, cushion, cylinder, drape, joined, sheet
from scene3d.synth.colours import PLAIN, VIVID, WALL, pick, solid
from scene3d.synth.room import TexturedMesh

_STEEL = solid((160, 160, 165))


def pillow(rng: np.random.Generator, style: int, *, width: float, depth: float, height: float) -> TexturedMesh:
    """A stuffed cushion, lying."""
    picture = textures.fabric(rng) if style % 2 else solid(pick(rng, PLAIN, WALL))
    return joined(cushion((width, depth, height), picture, roundness=float(rng.uniform(0.25, 0.55))))


def blanket(rng: np.random.Generator, style: int, *, width: float, depth: float, height: float) -> TexturedMesh:
    """A folded or rumpled blanket."""
    if style % 2:
        layers = 3
        picture = textures.fabric(rng)
        sizes = [(width - 0.02 * i, depth - 0.015 * i, height / layers) for i in range(layers)]
        parts = [cushion(s, picture, at=(0, 0, i * height / layers), roundness=0.2) for i, s in enumerate(sizes)]
        return joined(*parts)
    return _pile(rng, width, depth, height)


def clothes(rng: np.random.Generator, style: int, *, width: float, depth: float, height: float) -> TexturedMesh:
    """Clothes thrown on a heap, or a folded stack."""
    if style % 3 == 2:
        parts, z = [], 0.0
        for _ in range(3):
            size = (width * rng.uniform(0.85, 1), depth * rng.uniform(0.85, 1), height / 3)
            parts.append(cushion(size, textures.fabric(rng), at=(0, 0, z), roundness=0.25))
            z += height / 3
        return joined(*parts)
    other = _pile(rng, width * 0.7, depth * 0.7, height)
    return joined(_pile(rng, width, depth, height * 0.7), other) if style % 3 else _pile(rng, width, depth, height)


def _pile(rng: np.random.Generator, width: float, depth: float, height: float) -> TexturedMesh:
    y, x = np.mgrid[-1:1:15j, -1:1:15j]
    waves = np.sum([np.sin(a * x + b * y + c) for a, b, c in rng.uniform(-5, 5, (4, 3))], axis=0)
    dome = (1 - np.abs(x) ** 3) * (1 - np.abs(y) ** 3)
    heights = dome * (0.6 + 0.12 * waves).clip(0.15, 1)
    return joined(sheet(heights * height / heights.max(), (width, depth), textures.fabric(rng)))


def rug(rng: np.random.Generator, style: int, *, width: float, depth: float, height: float) -> TexturedMesh:
    """A rug, rectangular or round, patterned or plain."""
    picture = textures.carpet(rng) if style % 4 == 1 else textures.rug(rng)
    if style % 4 == 3:
        return joined(cylinder(min(width, depth) / 2, height, textures.carpet(rng), sides=28))
    return joined(box((width, depth, height), picture))


def curtain(rng: np.random.Generator, style: int, *, width: float, depth: float, height: float) -> TexturedMesh:
    """A pleated curtain on a rod."""
    picture = textures.fabric(rng) if style % 2 else solid(pick(rng, WALL, PLAIN, VIVID))
    cloth = drape(width, height - 0.03, picture, folds=max(3, round(width / 0.11)), depth=depth * 0.8)
    return joined(cloth, box((width * 1.04, 0.02, 0.02), _STEEL, at=(0, 0, height - 0.03)))


def towel(rng: np.random.Generator, style: int, *, width: float, depth: float, height: float) -> TexturedMesh:
    """A towel on a bar, in one or two layers."""
    picture = textures.fabric(rng)
    hanging = drape(width * 0.85, height, picture, folds=1 + style % 3, depth=0.03, at=(0, -depth / 2 + 0.02, 0))
    bar = box((width, 0.02, 0.02), _STEEL, at=(0, -depth / 2 + 0.04, height - 0.02))
    arms = [box((0.02, depth - 0.04, 0.02), _STEEL, at=(x * width * 0.48, 0.02, height - 0.02)) for x in (-1, 1)]
    return joined(hanging, bar, *arms)


def folded_towel(rng: np.random.Generator, style: int, *, width: float, depth: float, height: float) -> TexturedMesh:
    """One to three folded towels."""
    count = 1 + style % 3
    parts = [
        cushion((width, depth, height / 3), textures.fabric(rng), at=(0, 0, i * height / 3), roundness=0.2)
        for i in range(count)
    ]
    return joined(*parts)


def backpack(rng: np.random.Generator, style: int, *, width: float, depth: float, height: float) -> TexturedMesh:
    """A rucksack with a front pocket and two straps."""
    cloth, trim = solid(pick(rng, VIVID, PLAIN)), solid(pick(rng, PLAIN, VIVID))
    main = cushion((width, depth * 0.7, height), cloth, at=(0, depth * 0.12, 0), roundness=0.45)
    pocket = cushion((width * 0.75, depth * 0.4, height * (0.4 + 0.1 * (style % 3))), trim, at=(0, -depth * 0.3, 0.02))
    straps = [
        box((0.05, 0.02, height * 0.8), trim, at=(x * width * 0.25, depth * 0.47, height * 0.08)) for x in (-1, 1)
    ]
    return joined(main, pocket, *straps)


def bag(rng: np.random.Generator, style: int, *, width: float, depth: float, height: float) -> TexturedMesh:
    """A handbag, a shopping bag or a sports bag."""
    cloth, trim = textures.fabric(rng), solid(pick(rng, PLAIN, VIVID))
    if style % 3 == 0:
        handles = [box((width * 0.5, 0.01, 0.015), trim, at=(0, y * depth * 0.2, height - 0.015)) for y in (-1, 1)]
        posts = [box((0.015, 0.01, height * 0.3), trim, at=(x * width * 0.25, y * depth * 0.2, height * 0.7))
                 for x in (-1, 1) for y in (-1, 1)]  # fmt: skip
        return joined(box((width, depth, height * 0.72), cloth), *handles, *posts)
    if style % 3 == 1:
        strap = box((width * 0.3, 0.03, height * 0.2), trim, at=(0, 0, height * 0.8))
        return joined(cushion((width, depth, height * 0.82), cloth, roundness=0.4), strap)
    return joined(cushion((width, depth, height), cloth, roundness=0.6))


def shoe(rng: np.random.Generator, style: int, *, width: float, depth: float, height: float) -> TexturedMesh:
    """A pair of shoes, side by side, toes to -y."""
    upper, sole = solid(pick(rng, VIVID, PLAIN)), solid(pick(rng, PLAIN))
    parts = []
    for x in (-1, 1):
        at = x * width * 0.27
        lean = float(rng.uniform(-0.02, 0.02))
        parts.append(box((width * 0.42, depth, 0.02), sole, at=(at, lean, 0)))
        parts.append(cushion((width * 0.40, depth * 0.98, height * 0.55), upper, at=(at, lean, 0.015)))
        top = height * (0.85 + 0.15 * (style % 2))
        parts.append(cushion((width * 0.36, depth * 0.45, top - 0.02), upper, at=(at, lean + depth * 0.25, 0.02)))
    return joined(*parts)
