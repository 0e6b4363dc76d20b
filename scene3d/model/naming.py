"""Naming: which words of a sentence name what is sought, and which name the things that tell which.

What a sentence names is found by these words alone, as a plain name is, and told to the relation scorer. That takes the
one for the other in sentences of a build that it does not know: "on the desk there is a lamp".
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from scene3d.errors import ConfigError
from scene3d.model.question import THIS, Question
from scene3d.model.readings import marked
from scene3d.model.relations import ANCHORS, RelationScorer, Told
from scene3d.model.text import TextEncoder
from scene3d.types import Referents

NAMES = 1 + ANCHORS
"""What is sought, then what tells which."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NamingConfig:
    """Sizes; those of the text are the encoder's."""

    text_width: int = 384
    inner_width: int = 1536
    layers: int = 6
    rank: int = 8
    """Of what is added to each linear layer of the encoder."""


class Naming(nn.Module):
    """Tells of each word what it is part of: the sentence encoder, its linear layers adapted, and a linear layer.

    The encoder's weights are neither changed nor part of this module.

    Args:
        config: Sizes.
    """

    def __init__(self, config: NamingConfig) -> None:
        super().__init__()
        self.config = config
        width, inner = config.text_width, config.inner_width
        sizes = [*[(width, width)] * 4, (width, inner), (inner, width)]  # query, key, value, output; up, down
        self.adapters = nn.ModuleList(Adapter(*size, config.rank) for _ in range(config.layers) for size in sizes)
        self.name = nn.Linear(width, 1 + NAMES)
        self._adapted: dict[TextEncoder, Any] = {}

    def __getstate__(self) -> dict[str, Any]:
        """Copies read with their own adapters, not with those of the original."""
        return self.__dict__ | {"_adapted": {}}

    def forward(self, tokens: Mapping[str, Tensor], encoder: TextEncoder) -> Float[Tensor, "t l n"]:
        """Logits of what each token is part of: no name, what is sought, the first thing that tells which, …

        Args:
            tokens: From the encoder's tokenizer.
            encoder: Of the sizes that the configuration tells.

        Raises:
            ConfigError: It has others.
        """
        return self.name(self._reader(encoder).train(self.training)(**tokens).last_hidden_state)

    @torch.no_grad()
    def named(self, questions: Sequence[Question], encoder: TextEncoder) -> list[list[str]]:
        """The words for what is sought and for each thing that tells which; "" where a question has none.

        None in a dialogue: its question comes after the one before, whose names are not meant any more.

        Args:
            questions: As they are put.
            encoder: Reads them.
        """
        texts = [question.spoken() for question in questions]
        tokens, spans = encoder.tokenized(texts)
        found = []
        for question, text, own, span in zip(
            questions, texts, self(tokens, encoder).log_softmax(2), spans, strict=True
        ):
            places = [None] * NAMES if question.before else marked(own, span)
            found.append([whole_words(text, *place) if place else "" for place in places])
        return found

    def _reader(self, encoder: TextEncoder) -> Any:
        """The encoder's network with adapted linear layers; it shares the encoder's weights, but is another module,
        since others read with the encoder meanwhile."""
        if encoder not in self._adapted:
            network = encoder.model
            reader = copy.deepcopy(network, {id(weight): weight for weight in network.parameters()})
            linears = [layer for layer in reader.encoder.modules() if isinstance(layer, nn.Linear)]
            sizes = [(layer.in_features, layer.out_features) for layer in linears]
            if sizes != [adapter.size for adapter in self.adapters]:
                raise ConfigError(f"{encoder.name}: linear layers of {sizes}; the naming's configuration tells others")
            for linear, adapter in zip(linears, self.adapters, strict=True):
                linear.register_forward_hook(lambda _, given, out, adapter=adapter: out + adapter(*given))
            self._adapted[encoder] = reader
        return self._adapted[encoder]


class Adapter(nn.Module):
    """What a low-rank adapter adds to a linear layer; nothing before it has learnt.

    Source: Hu et al. 2021 (arXiv:2106.09685).
    """

    def __init__(self, inputs: int, outputs: int, rank: int) -> None:
        super().__init__()
        self.size = (inputs, outputs)
        self.down = nn.Linear(inputs, rank, bias=False)
        self.up = nn.Linear(rank, outputs, bias=False)
        nn.init.zeros_(self.up.weight)

    def forward(self, x: Float[Tensor, "*n i"]) -> Float[Tensor, "*n o"]:
        """What is added."""
        return self.up(self.down(x))


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
