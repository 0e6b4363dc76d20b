"""Naming: which words of a sentence name what is sought, and which name the things that tell which.

What a sentence names is found by these words alone, as a plain name is, and told to the relation scorer. That takes the
one for the other in sentences of a build that it does not know: "on the desk there is a lamp".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from scene3d.model.question import THIS, Question
from scene3d.model.readings import marked_as
from scene3d.model.relations import ANCHORS, RelationScorer, Told
from scene3d.model.text import Words
from scene3d.types import Referents

NAMES = 1 + ANCHORS
"""What is sought, then what tells which."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NamingConfig:
    """Sizes."""

    text_width: int = 384
    width: int = 256
    around: int = 128
    dropout: float = 0.2


class Naming(nn.Module):
    """Tells of each word what it is part of, from the words around it.

    Args:
        config: Sizes.
    """

    def __init__(self, config: NamingConfig) -> None:
        super().__init__()
        self.config = config
        width, around = config.width, config.around
        self.word = nn.Sequential(nn.Linear(2 * config.text_width, width), nn.GELU(), nn.Dropout(config.dropout))
        self.near = nn.Conv1d(width, around, 5, padding=2)
        self.far = nn.Conv1d(around, around, 5, padding=2)
        self.name = nn.Conv1d(around, 1 + NAMES, 5, padding=2)

    def forward(
        self, early: Float[Tensor, "t l c"], late: Float[Tensor, "t l c"], present: Bool[Tensor, "t l"]
    ) -> Float[Tensor, "t l n"]:
        """Logits of what each token is part of: no name, what is sought, the first thing that tells which, …"""
        there = present[:, None]
        state = self.word(torch.cat([early, late], dim=2)).mT * there
        for layer in (self.near, self.far):
            state = nn.functional.gelu(layer(state)) * there
        return self.name(state).mT

    @torch.no_grad()
    def named(self, questions: Sequence[Question], words: Words) -> list[list[str]]:
        """The words for what is sought and for each thing that tells which; "" where a question has none.

        None in a dialogue: its question comes after the one before, whose names are not meant any more.

        Args:
            questions: As they are put.
            words: Of what is spoken.
        """
        chance = self(words.early, words.late, words.present).log_softmax(2)
        found = []
        for question, own, spans in zip(questions, chance, words.span, strict=True):
            places = [None if question.before else marked_as(k, own, spans) for k in range(1, 1 + NAMES)]
            found.append([whole_words(question.spoken(), *place) if place else "" for place in places])
        return found


@torch.no_grad()
def told_of(
    named: Sequence[Sequence[str]],
    scorer: RelationScorer,
    encode: Callable[[list[str]], tuple[Tensor, Tensor]],
    seen: Referents,
    selected: Float[Tensor, "t r 2"],
) -> Told:
    """What sentences name, every name read alone.

    Args:
        named: Of each sentence, as `Naming.named` finds it.
        scorer: Finds what names mean.
        encode: As `TextEncoder.tokens`.
        seen: The objects; at least one.
        selected: As the scorer takes it.
    """
    places = [
        (row, k, (text, row if THIS in text else -1)) for row, own in enumerate(named) for k, text in enumerate(own)
    ]
    places = [place for place in places if place[2][0]]
    candidate = torch.zeros(len(named), len(seen.id))
    anchor = torch.zeros(len(named), ANCHORS, len(seen.id) + 1)
    there = torch.zeros(len(named), NAMES, dtype=torch.bool)
    if places:
        alone = {name: i for i, name in enumerate(dict.fromkeys(name for _, _, name in places))}
        chosen = torch.zeros(len(alone), len(seen.id), 2)
        for (_, row), i in alone.items():
            if row >= 0:
                chosen[i, :, 0] = selected[row, :, 0]
        scores = scorer(*encode([text for text, _ in alone]), seen, chosen)
        absent = scores.absent.sigmoid()[:, None].clamp(1e-6, 1 - 1e-6)
        meant = torch.cat([scores.target.log_softmax(1) + (1 - absent).log(), absent.log()], dim=1)
        for row, k, name in places:
            there[row, k] = True
            if k:
                anchor[row, k - 1] = meant[alone[name]]
            else:
                candidate[row] = scores.candidate[alone[name]]
    return Told(sought=there[:, 0], candidate=candidate, by=there[:, 1:], anchor=anchor)


def whole_words(text: str, start: int, end: int) -> str:
    """A piece of a text, with the rest of the words that it begins and ends in.

    >>> whole_words("two bookshelves", 5, 9)
    'bookshelves'
    """
    while start and text[start - 1].isalnum():
        start -= 1
    while end < len(text) and text[end].isalnum():
        end += 1
    return text[start:end]
