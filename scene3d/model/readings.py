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
DESCRIBED = ("describe", "describe room")
"""What a thing is and where, or what is in the room."""
ASPECTS = (
    "", "exists", "count", "colour", "material", "name", "holds", "where", "side", "distance", "room", *COMPARED,
    *DESCRIBED,
)  # fmt: skip
"""What a question can be after; the first: none of these."""
ROOMS = ("bedroom", "living room", "office", "kitchen", "bathroom", "meeting room", "studio flat")
MENTIONS = 3
"""Things that a question singles out at most."""
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
        self.word = nn.Sequential(nn.Linear(config.text_width, 4 * config.width), nn.GELU(), nn.Dropout(config.dropout))
        self.asks = nn.Linear(config.text_width + 4 * config.width, len(ASPECTS))
        self.around = nn.Conv1d(4 * config.width, 2 * config.width, 5, padding=2)
        self.mention = nn.Conv1d(2 * config.width, 1 + MENTIONS, 5, padding=2)

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
        return [ASPECTS[i] for i in self.text_logits(token, present)[0].argmax(1).tolist()]

    def text_logits(
        self, token: Float[Tensor, "t l e"], present: Bool[Tensor, "t l"]
    ) -> tuple[Float[Tensor, "t a"], Float[Tensor, "t l m"]]:
        """Of what each question is after; and of which mention each word is part: none, the first, the second, …"""
        there = present[:, :, None]
        word = self.word(token) * there
        most = word.masked_fill(~there, -torch.inf).amax(1).nan_to_num(neginf=0.0)
        around = nn.functional.gelu(self.around(word.mT)) * there.mT
        return self.asks(torch.cat([most, sentence_mean(token, present)], dim=1)), self.mention(around).mT

    def mentions(
        self, token: Float[Tensor, "t l e"], present: Bool[Tensor, "t l"], spans: list[list[tuple[int, int]]]
    ) -> list[list[tuple[int, int]]]:
        """Where each question singles out things, as places in its text, in the order in which they matter.

        Args:
            token: States of the tokens.
            present: Those that are no padding.
            spans: First letter and the one after the last of every token; equal where it stands for no letters.
        """
        chance = self.text_logits(token, present)[1].log_softmax(2)
        found = []
        for logit, own in zip(chance, spans, strict=True):
            found.append(list(filter(None, (marked_as(k, logit, own) for k in range(1, 1 + MENTIONS)))))
        return found


def marked_as(k: int, chance: Float[Tensor, "l m"], spans: list[tuple[int, int]]) -> tuple[int, int] | None:
    """Where the neighbouring words lie that are of class `k` rather than of any other; None where none are.

    Args:
        k: The class.
        chance: Of each class for each token, as logarithms; more rows than `spans` are padding.
        spans: Letters of each token.
    """
    own = chance[: len(spans)]
    other = own.clone()
    other[:, k] = -torch.inf
    worded = torch.tensor([end > start for start, end in spans])
    run = best_run((own[:, k] - other.amax(1)).masked_fill(~worded, -1e3))
    return None if run is None else (spans[run[0]][0], spans[run[1]][1])


def best_run(value: Float[Tensor, "l"]) -> tuple[int, int] | None:
    """First and last of the neighbours whose sum is largest; None where no sum is positive.

    >>> best_run(torch.tensor([-1.0, 2.0, -0.5, 3.0, -4.0, 1.0])), best_run(torch.tensor([-1.0]))
    ((1, 3), None)
    """
    best, total, first, run = 0.0, 0.0, 0, None
    for i, one in enumerate(value.tolist()):
        if total <= 0:
            total, first = 0.0, i
        total += one
        if total > best:
            best, run = total, (first, i)
    return run


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
