"""A furnished box of a room as points, sampled by area, for every test that needs a scan."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest


def _quad(rng: np.random.Generator, corner, a, b, density: float) -> np.ndarray:
    corner, a, b = (np.asarray(v, dtype=float) for v in (corner, a, b))
    count = max(int(np.linalg.norm(np.cross(a, b)) * density), 4)
    return corner + rng.random((count, 1)) * a + rng.random((count, 1)) * b


def _block(rng: np.random.Generator, low, size, density: float) -> list[np.ndarray]:
    """Five sides of a box that stands on something."""
    x, y, z = np.diag(np.asarray(size, dtype=float))
    low = np.asarray(low, dtype=float)
    return [
        _quad(rng, low + z, x, y, density),
        *(_quad(rng, low + o, s, z, density) for o, s in ((0 * x, x), (y, x), (0 * x, y), (x, y))),
    ]


def build_room(seed: int, *, has_ceiling: bool = False, density: float = 400.0, noise_m: float = 0.004) -> np.ndarray:
    """Floor, walls, blocks of furniture along the walls and in the room; metres, z up, floor at z = 0."""
    rng = np.random.default_rng(seed)
    wide, deep, high = rng.uniform(3, 7), rng.uniform(3, 6), rng.uniform(2.3, 2.9)
    x, y, z = np.diag([wide, deep, high])
    parts = [_quad(rng, (0, 0, 0), x, y, density)]
    parts += [_quad(rng, c, s, z, density) for c, s in ((0 * x, x), (y, x), (0 * x, y), (x, y))]
    if has_ceiling:
        parts.append(_quad(rng, z, x, y, density))
    for _ in range(7):
        size = rng.uniform([0.4, 0.4, 0.3], [1.6, 0.8, 1.3])
        low = rng.uniform([0, 0, 0], [wide - size[0], deep - size[1], 0.001])
        inside = np.concatenate(parts)
        hidden = ((inside > low + 1e-3) & (inside < low + size - 1e-3)).all(axis=1)
        parts = [inside[~hidden], *_block(rng, low, size, density)]
    points = np.concatenate(parts)
    return points + rng.normal(scale=noise_m, size=points.shape)


@pytest.fixture(scope="session")
def room() -> Callable[..., np.ndarray]:
    return build_room
