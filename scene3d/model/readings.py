"""Readings: small heads for what can be told without the language model: the kind of room, what is asked."""

from __future__ import annotations

import functools
import itertools
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor, nn

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
_TOUCHING = 3.0
"""By how much a reading is less likely, as a logarithm, for each two names without a word between them."""


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
        self.room = nn.Linear(config.kinds, len(ROOMS))
        self.word = nn.Sequential(nn.Linear(config.text_width, 4 * config.width), nn.GELU(), nn.Dropout(config.dropout))
        self.asks = nn.Linear(config.text_width + 4 * config.width, len(ASPECTS))
        self.around = nn.Conv1d(4 * config.width, 2 * config.width, 5, padding=2)
        self.mention = nn.Conv1d(2 * config.width, 1 + MENTIONS, 5, padding=2)

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
        return [list(filter(None, marked(logit, own))) for logit, own in zip(chance, spans, strict=True)]


def marked(chance: Float[Tensor, "l m"], spans: list[tuple[int, int]]) -> list[tuple[int, int] | None]:
    """Where the words of each class but the first lie, in the likeliest reading of the whole text; None where none do.

    In a reading every class is one run of neighbouring words, but for the first that is not "no name", which may come
    several times and is then where it is surest, and two classes hardly touch.

    Args:
        chance: Of each class for each token, as logarithms; more rows than `spans` are padding.
        spans: Letters of each token; equal where it stands for none.

    >>> words = [(0, 3), (4, 8), (9, 12), (13, 17)]
    >>> marked(torch.tensor([[0.1, 0.9, 0.0], [0.1, 0.8, 0.1], [0.8, 0.1, 0.1], [0.3, 0.5, 0.2]]).log(), words)
    [(0, 8), None]
    """
    own = chance[: len(spans)].detach().double()
    for row, (start, end) in enumerate(spans):
        if start == end:
            own[row, 1:] = -torch.inf
    roles, sure = _likeliest(own), own - own[:, :1]
    best: dict[int, tuple[float, tuple[int, int]]] = {}
    for k, members in itertools.groupby(range(len(roles)), key=roles.__getitem__):
        tokens = list(members)
        run = float(sure[tokens, k].sum()), (spans[tokens[0]][0], spans[tokens[-1]][1])
        best[k] = max(run, best.get(k, run))
    return [best[k][1] if k in best else None for k in range(1, chance.shape[1])]


def _likeliest(chance: Float[Tensor, "l m"]) -> list[int]:
    """The class of each token in the likeliest reading (Viterbi's algorithm)."""
    moves, role = _moves(chance.shape[1])
    best = torch.full((len(role),), -torch.inf, dtype=chance.dtype)
    best[0] = 0.0
    before = []
    for token in chance:
        best, came = (best[:, None] + moves).max(0)
        best = best + token[role]
        before.append(came.tolist())
    state, roles = int(best.argmax()), []
    for came in reversed(before):
        roles.append(int(role[state]))
        state = came[state]
    return roles[::-1]


@functools.cache
def _moves(classes: int) -> tuple[Float[Tensor, "s s"], Int64[Tensor, "s"]]:
    """Of each two states of a reading what going from one to the other costs, and the class that each stands for.

    A state is the classes that have been, bit by bit from the third on, and the present one.
    """
    states = list(itertools.product(range(2 ** (classes - 2)), range(classes)))
    cost = torch.full((len(states), len(states)), -torch.inf, dtype=torch.float64)
    for i, (been, role) in enumerate(states):
        for k in range(classes):
            once = 1 << k >> 2
            if k == role or not been & once:
                cost[i, states.index((been | once, k))] = -_TOUCHING if 0 not in (k, role) and k != role else 0.0
    return cost, torch.tensor([role for _, role in states])


def sentence_mean(token: Float[Tensor, "t l e"], present: Bool[Tensor, "t l"]) -> Float[Tensor, "t e"]:
    """Unit vectors of sentences, as `TextEncoder.encode` pools them."""
    there = present[:, :, None].to(token.dtype)
    return nn.functional.normalize((token * there).sum(1) / there.sum(1).clamp_min(1), dim=1)
