"""Places for labels so that none covers another."""

from __future__ import annotations

from collections.abc import Sequence

Rectangle = tuple[float, float, float, float]
"""Left, top, right, bottom."""


def place_labels(
    anchors: Sequence[tuple[float, float]], sizes: Sequence[tuple[float, float]], *, width: float, height: float
) -> list[Rectangle | None]:
    """Lay labels over, beside or near their anchors, the first ones first.

    Args:
        anchors: Where each label points, pixels.
        sizes: Width and height of each label, pixels.
        width: Of the picture.
        height: Of the picture.

    Returns:
        A rectangle per label; None where the anchor is outside the picture or no free place is near.
    """
    placed: list[Rectangle | None] = []
    for (x, y), size in zip(anchors, sizes, strict=True):
        inside = 0 <= x < width and 0 <= y < height
        tries = (_at(x, y, size, step, width, height) for step in range(13)) if inside else ()
        placed.append(next((r for r in tries if not any(_overlap(r, other) for other in placed if other)), None))
    return placed


def _at(x: float, y: float, size: tuple[float, float], step: int, width: float, height: float) -> Rectangle:
    """The anchor itself, then rings of places further and further away, always inside the picture."""
    wide, high = size
    ring, side = (step + 3) // 4, (step + 3) % 4
    dx, dy = ((0, -1), (0, 1), (1, 0), (-1, 0))[side]
    left = x - wide / 2 + dx * ring * (wide / 2 + 8)
    top = y - high / 2 + dy * ring * (high + 3)
    left, top = min(max(left, 0), max(width - wide, 0)), min(max(top, 0), max(height - high, 0))
    return left, top, left + wide, top + high


def _overlap(a: Rectangle, b: Rectangle) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
