"""Procedural pictures for surfaces: wood, tiles, carpet, wallpaper, fabric, art, screens, book spines."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Float, UInt8

from scene3d.synth.colours import PLAIN, VIVID, WALL, WOOD, Rgb, pick, shifted

Picture = UInt8[np.ndarray, "_ _ 3"]
_EDGE = 128
"""Pixels per metre of floors and walls: a scan keeps about 50."""


def wood(rng: np.random.Generator, base: Rgb | None = None) -> Picture:
    """Grain along the columns of one board."""
    base = base or pick(rng, WOOD)
    across = _smooth(rng.normal(0, 1, 64), 2)[:, None] * 14
    along = _smooth(rng.normal(0, 1, 64), 6)[None, :] * 6
    return _tinted(base, across + along + rng.normal(0, 2.5, (64, 64)))


def planks(rng: np.random.Generator, base: Rgb | None = None) -> Picture:
    """A floor of boards, staggered, with dark seams; one metre wide."""
    base = base or pick(rng, WOOD)
    rows = int(rng.integers(5, 10))
    shade = rng.normal(0, 1.5, (_EDGE, _EDGE))
    width = _EDGE // rows
    for row in range(rows + 1):
        band = slice(row * width, (row + 1) * width)
        cut = int(rng.integers(_EDGE))
        shade[band, :cut] += rng.normal(0, 10)
        shade[band, cut:] += rng.normal(0, 10)
        shade[band, cut : cut + 1] -= 30
        shade[row * width : row * width + 1] -= 30
    return _tinted(base, shade + _smooth(rng.normal(0, 1, _EDGE), 2)[:, None] * 5)


def tiles(rng: np.random.Generator, base: Rgb | None = None) -> Picture:
    """Square or oblong tiles with joints; one metre wide."""
    base = base or pick(rng, PLAIN, WALL, *((VIVID,) if rng.random() < 0.15 else ()))
    rows, columns = int(rng.integers(2, 8)), int(rng.integers(2, 8))
    row, column = np.arange(_EDGE) * rows // _EDGE, np.arange(_EDGE) * columns // _EDGE
    shade = rng.normal(0, 6, (rows, columns))[row][:, column] + rng.normal(0, 2, (_EDGE, _EDGE))
    picture = _tinted(base, shade)
    if rng.random() < 0.3:
        checked = (row[:, None] + column[None]) % 2 == 0
        picture = np.where(checked[..., None], _tinted(pick(rng, PLAIN), shade), picture)
    joint = np.zeros((_EDGE, _EDGE), bool)
    joint[np.flatnonzero(np.diff(row, prepend=-1))] = True
    joint[:, np.flatnonzero(np.diff(column, prepend=-1))] = True
    picture[joint] = pick(rng, PLAIN)
    return picture


def carpet(rng: np.random.Generator, base: Rgb | None = None) -> Picture:
    """Short pile: blotches and noise."""
    base = base or pick(rng, PLAIN, WALL, *((VIVID,) if rng.random() < 0.3 else ()))
    blotches = np.repeat(np.repeat(rng.normal(0, 5, (16, 16)), 8, 0), 8, 1)
    return _tinted(base, blotches + rng.normal(0, 11, (_EDGE, _EDGE)))


def plaster(rng: np.random.Generator, base: Rgb | None = None) -> Picture:
    """A painted wall."""
    base = base or pick(rng, WALL)
    return _tinted(base, np.repeat(np.repeat(rng.normal(0, 2, (32, 32)), 2, 0), 2, 1))


def wallpaper(rng: np.random.Generator, base: Rgb | None = None) -> Picture:
    """Stripes, dots or lozenges in a neighbouring colour."""
    base = base or pick(rng, WALL)
    y, x = np.mgrid[0:_EDGE, 0:_EDGE] / _EDGE * 2 * np.pi * int(rng.integers(3, 9))
    pattern = [np.sin(x) > 0.3, (np.sin(x) * np.sin(y)) > 0.5, np.sin(x + y) + np.sin(x - y) > 0.9][rng.integers(3)]
    ink = shifted(base, rng, amount=0.12)
    return np.where(pattern[..., None], _tinted(ink, np.zeros_like(x)), _tinted(base, rng.normal(0, 2, x.shape)))


def bricks(rng: np.random.Generator, base: Rgb | None = None) -> Picture:
    """A brick wall in running bond; one metre wide."""
    base = base or pick(rng, ((150, 75, 55), (170, 100, 80), (200, 190, 180), (120, 60, 50)))
    row = np.arange(_EDGE) * 12 // _EDGE
    column = (np.arange(_EDGE)[None] + (row % 2)[:, None] * 16) // 32
    shade = rng.normal(0, 12, (12, 6))[row[:, None], column]
    joint = (np.diff(row, prepend=-1) > 0)[:, None] | (np.diff(column, axis=1, prepend=-1) > 0)
    return np.where(joint[..., None], np.uint8(175), _tinted(base, shade + rng.normal(0, 4, shade.shape)))


def fabric(rng: np.random.Generator, base: Rgb | None = None) -> Picture:
    """Cloth: plain, striped, checked or dotted."""
    base = base or pick(rng, VIVID, PLAIN, WALL)
    y, x = np.mgrid[0:64, 0:64]
    period = int(rng.choice([8, 16, 32]))
    kind = rng.integers(6)
    ink = [x < 0, x < 0, x < 0, x % period < period // 2, (x % period < period // 2) ^ (y % period < period // 2),
           (x % period - period / 2) ** 2 + (y % period - period / 2) ** 2 < period**2 / 12][kind]  # fmt: skip
    second = pick(rng, VIVID, PLAIN)
    noise = rng.normal(0, 5, x.shape)
    return np.where(ink[..., None], _tinted(second, noise), _tinted(base, noise))


def rug(rng: np.random.Generator) -> Picture:
    """A woven rug: border, field and a symmetric figure."""
    ground, border, ink = (pick(rng, VIVID, PLAIN, WALL) for _ in range(3))
    y, x = np.mgrid[-1:1:96j, -1:1:96j]
    waves = np.sum([np.sin(a * abs(x) + b * abs(y) + c) for a, b, c in rng.uniform(1, 14, (3, 3))], axis=0)
    picture = np.where((waves > rng.uniform(0.2, 1.2))[..., None], np.array(ink, np.uint8), np.array(ground, np.uint8))
    edge = np.maximum(abs(x), abs(y))
    picture = np.where(((edge > 0.78) & (edge < 0.92))[..., None], np.array(border, np.uint8), picture)
    return (picture + rng.normal(0, 7, picture.shape)).clip(0, 255).astype(np.uint8)


def art(rng: np.random.Generator) -> Picture:
    """A picture for a frame: landscape, blocks, circles or waves."""
    y, x = np.mgrid[0:1:72j, 0:1:96j]
    kind = rng.integers(4)
    colours = np.array([pick(rng, VIVID, WALL, PLAIN) for _ in range(7)], np.float64)
    if kind == 0:
        ridge = [0.3 + 0.15 * i + 0.06 * np.sin(rng.uniform(4, 14) * x + rng.uniform(0, 6)) for i in range(4)]
        index = np.sum([y > line for line in ridge], axis=0)
    elif kind == 1:
        index = rng.integers(0, 7, (int(rng.integers(2, 6)), int(rng.integers(2, 6))))
        index = index[
            (y * len(index)).astype(int).clip(0, len(index) - 1),
            (x * index.shape[1]).astype(int).clip(0, index.shape[1] - 1),
        ]
    elif kind == 2:
        index = np.zeros(x.shape, int)
        for i in range(1, 7):
            cx, cy, radius = rng.uniform((0, 0, 0.08), (1, 1, 0.3))
            index[(x - cx) ** 2 + (y - cy) ** 2 < radius**2] = i
    else:
        index = ((np.sin(rng.uniform(3, 12) * x) + np.cos(rng.uniform(3, 12) * y) + 2) * 1.7).astype(int)
    picture = colours[index % 7] + rng.normal(0, 6, (*index.shape, 1))
    return picture.clip(0, 255).astype(np.uint8)


def screen(rng: np.random.Generator) -> Picture:
    """A display: mostly off, at times with windows."""
    picture = np.full((48, 64, 3), rng.integers(8, 40), np.uint8)
    if rng.random() < 0.5:
        picture[:] = pick(rng, VIVID, PLAIN)
        for _ in range(int(rng.integers(1, 5))):
            top, left = rng.integers(0, 36), rng.integers(0, 48)
            picture[top : top + rng.integers(8, 30), left : left + rng.integers(10, 40)] = pick(rng, PLAIN, WALL)
    return picture


def keys(rng: np.random.Generator) -> Picture:
    """Rows of keys."""
    dark = bool(rng.random() < 0.7)
    picture = np.full((24, 72, 3), 20 if dark else 190, np.uint8)
    row, column = np.mgrid[0:24, 0:72]
    picture[(row % 5 > 0) & (column % 5 > 0)] = 55 if dark else 235
    return picture


def lines_of_text(rng: np.random.Generator) -> Picture:
    """A page, notice or whiteboard with writing."""
    picture = np.full((64, 64, 3), 246, np.uint8)
    ink = pick(rng, VIVID, PLAIN)
    for row in range(6, 58, int(rng.integers(5, 10))):
        if rng.random() < 0.8:
            picture[row : row + 2, 6 : int(rng.integers(20, 60))] = ink
    return picture


def marble(rng: np.random.Generator, base: Rgb | None = None) -> Picture:
    """Speckled stone for counters."""
    base = base or pick(rng, PLAIN)
    return _tinted(base, rng.normal(0, 16, (64, 64)) + np.repeat(np.repeat(rng.normal(0, 9, (16, 16)), 4, 0), 4, 1))


FLOORS: dict[str, Callable[[np.random.Generator], Picture]] = {"planks": planks, "tiles": tiles, "carpet": carpet}
WALLS: dict[str, Callable[[np.random.Generator], Picture]] = {
    "plaster": plaster,
    "wallpaper": wallpaper,
    "bricks": bricks,
    "tiles": tiles,
}


def _smooth(values: Float[np.ndarray, "n"], width: int) -> Float[np.ndarray, "n"]:
    kernel = np.ones(2 * width + 1) / (2 * width + 1)
    return np.convolve(np.concatenate([values[-width:], values, values[:width]]), kernel, mode="valid") * width**0.5


def _tinted(base: Rgb, shade: Float[np.ndarray, "h w"]) -> Picture:
    return (np.array(base, np.float64) + shade[..., None]).clip(0, 255).astype(np.uint8)
