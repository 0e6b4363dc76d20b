"""The colours of a thing's points, summed up."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor

PAINT = 12 + 2 * 32
"""Columns of `paint`."""


def paint(mask: Bool[Tensor, "q n"], rgb: Float[Tensor, "n 3"]) -> Float[Tensor, "q p"]:
    """The colours of each object's points, and of all: mean, median, deviation, mean of the scan; then the shares of
    the shades in the mask, and in it as if lit so that the scan is grey.

    Args:
        mask: Points of each object.
        rgb: 0–1.
    """
    room = rgb.mean(0)
    balanced = (rgb * (room.mean() / room.clamp_min(0.05))).clamp(0, 1)
    rows = []
    for row in mask:
        seen = rgb[row] if bool(row.any()) else room[None]
        lit = balanced[row] if bool(row.any()) else room[None]
        plain = [seen.mean(0), seen.median(0).values, seen.std(0, correction=0), room]
        rows.append(torch.cat([*plain, _shades(seen), _shades(lit)]))
    return torch.stack(rows) if rows else torch.zeros(0, PAINT)


def _shades(rgb: Float[Tensor, "n 3"]) -> Float[Tensor, "32"]:
    """Shares of eight levels of grey, and of 24 shades of colour: six hues, twice as strong or light."""
    high, low = rgb.amax(1), rgb.amin(1)
    chroma = high - low
    light = (high + low) / 2
    red, green, blue = rgb.unbind(1)
    spread = chroma.clamp_min(1e-6)
    hue = torch.where(
        high == red,
        ((green - blue) / spread) % 6,
        torch.where(high == green, (blue - red) / spread + 2, (red - green) / spread + 4),
    )
    hue_bin = (hue + 0.25).long() % 6
    strong, bright = (chroma > 0.3).long(), (light > 0.45).long()
    grey = (light * 8).long().clamp_max(7)
    shade = torch.where(chroma < 0.1, grey, 8 + hue_bin * 4 + strong * 2 + bright)
    return torch.bincount(shade, minlength=32).float() / len(rgb)
