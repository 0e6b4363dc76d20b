"""Readings: small heads for what can be told without the language model: colours, the kind of room, what is asked."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from scene3d.model.detector import COLOURS
from scene3d.types import Referents

COMPARED = ("larger", "smaller", "taller", "closer", "farther")
"""Which of two."""
ASPECTS = (
    "", "exists", "count", "colour", "material", "name", "holds", "where", "side", "distance", "room", *COMPARED
)  # fmt: skip
"""What a question can be after; the first: none of these."""
ROOMS = ("bedroom", "living room", "office", "kitchen", "bathroom", "meeting room", "studio flat")
PAINT = 12 + 2 * 32
"""Columns of `paint`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingsConfig:
    """Sizes."""

    text_width: int = 384
    kinds: int = 198
    width: int = 64
    dropout: float = 0.2


class Readings(nn.Module):
    """The heads.

    Args:
        config: Sizes.
    """

    def __init__(self, config: ReadingsConfig) -> None:
        super().__init__()
        self.config = config
        colours = len(COLOURS)
        self.colour = _head(PAINT + colours, config.width, colours, config.dropout)
        self.room = nn.Linear(config.kinds, len(ROOMS))
        self.asks = _head(config.text_width, 2 * config.width, len(ASPECTS), config.dropout)

    def coloured(self, seen: Referents, painted: Float[Tensor, "r p"]) -> Referents:
        """The referents with colours read off their points, beside what the detector took them for.

        Args:
            seen: With the detector's own colours.
            painted: From `paint`.
        """
        logit = self.colour_logit(seen.look[:, : len(COLOURS)], painted)
        return replace(seen, look=torch.cat([logit.softmax(1), seen.look[:, len(COLOURS) :]], dim=1))

    def colour_logit(self, held: Float[Tensor, "r m"], painted: Float[Tensor, "r p"]) -> Float[Tensor, "r m"]:
        """Of every colour, from the detector's probabilities and the points' colours."""
        return self.colour(torch.cat([painted, held.clamp_min(1e-4).log() / 4], dim=1))

    def room_logit(self, kind: Float[Tensor, "r k"], score: Float[Tensor, "r"]) -> Float[Tensor, "m"]:
        """Of every kind of room, from what stands in it."""
        return self.room((kind * score[:, None]).sum(0).log1p())

    def asked(self, token: Float[Tensor, "t l e"], present: Bool[Tensor, "t l"]) -> list[str]:
        """What each question is after, one of `ASPECTS`."""
        return [ASPECTS[i] for i in self.asks(sentence_mean(token, present)).argmax(1).tolist()]


def sentence_mean(token: Float[Tensor, "t l e"], present: Bool[Tensor, "t l"]) -> Float[Tensor, "t e"]:
    """Unit vectors of sentences, as `TextEncoder.encode` pools them."""
    there = present[:, :, None].to(token.dtype)
    return nn.functional.normalize((token * there).sum(1) / there.sum(1).clamp_min(1), dim=1)


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


def _head(inputs: int, width: int, outputs: int, dropout: float) -> nn.Sequential:
    return nn.Sequential(nn.Linear(inputs, width), nn.GELU(), nn.Dropout(dropout), nn.Linear(width, outputs))
