"""The language model with referents: a scene becomes a prefix, and phrases of an answer find their objects."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor, nn
from torch.nn.functional import normalize

from scene3d.model.llama import Llama
from scene3d.model.llama_cache import Cache
from scene3d.model.markup import TOKENS
from scene3d.types import Referents

HEAD = "<|im_start|>system\nThe objects of the room:"
TAIL = "<|im_end|>\n"
"""What stands before and after the referents."""
GROUP = 4
"""Tokens of a referent: its embedding and at most three of the name of its class."""
EVIDENCE = 3
"""What the relation scorer says of an object: for the question, for what it is told by, for the phrase itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LanguageConfig:
    """What the language model is made of."""

    source: str = "SmolLM2-135M-Instruct"
    """The shipped model, a folder, or a Hugging Face id; of the Llama family."""
    rank: int = 8
    alpha: float = 16.0
    feature_width: int = 128
    kinds: int = 198
    looks: int = 22
    places: int = 11
    link_width: int = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class Prefix:
    """A scene before it is read: embeddings, where they stand, and who sees whom."""

    x: Float[Tensor, "1 s c"]
    position: Int64[Tensor, "1 s"]
    mask: Bool[Tensor, "1 1 s s"]
    head: int
    """Tokens before the referents."""
    end: int
    """Position of the first token after the prefix."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Links:
    """Logits of l phrases over r referents."""

    link: Float[Tensor, "l r"]
    absent: Float[Tensor, "l"]


class LanguageModel(nn.Module):
    """A Llama that reads referents and links phrases.

    Args:
        llama: With or without adapters.
        tokenizer: Its Hugging Face tokenizer.
        config: Sizes of what is ours.
    """

    def __init__(self, llama: Llama, tokenizer: Any, config: LanguageConfig) -> None:
        super().__init__()
        width = llama.config.width
        self.llama, self.tokenizer, self.config = llama, tokenizer, config
        self.first_mark: int = llama.config.vocabulary
        self.mark_in = nn.Parameter(torch.zeros(len(TOKENS), width))
        self.mark_out = nn.Parameter(torch.zeros(len(TOKENS), width))
        self.mark_bias = nn.Parameter(torch.zeros(len(TOKENS)))
        self.from_kind = nn.Linear(config.kinds, width, bias=False)
        self.from_rest = nn.Linear(config.feature_width + config.looks + config.places + 1, width)
        own = config.feature_width + config.kinds + config.looks + config.places
        self.key = nn.Sequential(nn.Linear(own, 256), nn.GELU(), nn.Linear(256, config.link_width))
        self.ask = nn.Sequential(nn.Linear(width, 256), nn.GELU(), nn.Linear(256, config.link_width))
        self.null = nn.Parameter(torch.randn(config.link_width) * 0.1)
        self.log_scale = nn.Parameter(torch.tensor(math.log(5.0)))
        self.trust = nn.Linear(width, EVIDENCE + 2)
        self.bias = nn.Parameter(torch.tensor(-1.0))
        self._head, self._tail = self.tokens(HEAD, special=True), self.tokens(TAIL, special=True)

    def tokens(self, text: str, *, special: bool = False) -> list[int]:
        """Token ids. Only where `special` do marks such as `<|im_end|>` count as such; what users type never does."""
        return self.tokenizer.encode(text, add_special_tokens=False, split_special_tokens=not special)

    def embed(self, token: Int64[Tensor, "*n"]) -> Float[Tensor, "*n c"]:
        """Embeddings of tokens; the marks `<p>`, `</p>`, `<ref>` have the numbers after the vocabulary's."""
        is_mark = token >= self.first_mark
        plain = self.llama.embed(token.masked_fill(is_mark, 0))
        mark = self.mark_in[(token - self.first_mark).clamp_min(0)].to(plain.dtype)
        return torch.where(is_mark[..., None], mark, plain)

    def logits(self, state: Float[Tensor, "*n c"]) -> Float[Tensor, "*n v"]:
        """Scores of the next token, marks last."""
        mark = state.float() @ self.mark_out.T + self.mark_bias
        return torch.cat([self.llama.logits(state).float(), mark], dim=-1)

    def soft(self, seen: Referents) -> Float[Tensor, "r c"]:
        """Each referent as an embedding among those of words."""
        rest = torch.cat([seen.embedding, seen.look, seen.place, seen.score[:, None]], dim=1)
        return (self.from_kind(seen.kind) + self.from_rest(rest)).to(self.llama.dtype)

    def prefix(self, seen: Referents, names: list[str]) -> Prefix:
        """The scene as a prefix. Every referent starts at the same position and their order makes no difference.

        Args:
            seen: The referents; there may be none.
            names: What to call each.
        """
        groups = [self.tokens(f" {name}")[: GROUP - 1] for name in names]
        head = len(self._head)
        owner = [-1] * head
        position = list(range(head))
        for i, group in enumerate(groups):
            owner += [i] * (1 + len(group))
            position += range(head, head + 1 + len(group))
        owner += [-2] * len(self._tail)
        position += range(head + GROUP, head + GROUP + len(self._tail))
        token = torch.tensor([*self._head, *(t for group in groups for t in (0, *group)), *self._tail])
        x = self.embed(token)
        of = torch.tensor(owner)
        is_soft = torch.zeros(len(of), dtype=torch.bool)
        is_soft[1:] = (of[1:] >= 0) & (of[1:] != of[:-1])
        x = x.masked_scatter(is_soft[:, None], self.soft(seen)) if len(groups) else x
        order = torch.arange(len(of))
        mask = (of[:, None] == of) & (of[:, None] >= 0)  # a referent and its words see each other,
        mask |= is_soft[:, None] & is_soft  # and all referents each other;
        mask |= (of == -1) & ((of[:, None] != -1) | (order <= order[:, None]))  # all see the head,
        mask |= (of[:, None] == -2) & (order <= order[:, None])  # and the tail sees everything.
        return Prefix(
            x=x[None],
            position=torch.tensor([position]),
            mask=mask[None, None],
            head=head,
            end=head + GROUP + len(self._tail),
        )

    @torch.no_grad()
    def read(self, prefix: Prefix) -> Cache:
        """Read a scene once; questions branch from the cache."""
        cache = self.llama.new_cache(capacity=prefix.x.shape[1])
        self.llama(prefix.x, position=prefix.position, mask=prefix.mask, cache=cache)
        return cache

    def keys(self, seen: Referents) -> Float[Tensor, "r d"]:
        """Referents as phrases look for them."""
        return normalize(self.key(torch.cat([seen.embedding, seen.kind, seen.look, seen.place], dim=1)), dim=1)

    def links(
        self, state: Float[Tensor, "l c"], keys: Float[Tensor, "l r d"], evidence: Float[Tensor, "l r 3"]
    ) -> Links:
        """Which referents phrases name.

        Args:
            state: At the `<ref>` that closes each phrase.
            keys: Of the referents of each phrase's scene.
            evidence: Logits of the relation scorer.
        """
        state = state.float()
        sought, scale = normalize(self.ask(state), dim=1), self.log_scale.exp()
        own = torch.einsum("ld,lrd->lr", sought, keys) - (sought @ normalize(self.null, dim=0))[:, None]
        trust = self.trust(state)
        link = scale * own + (evidence * trust[:, None, :EVIDENCE]).sum(2) + self.bias
        best = link.amax(1) if link.shape[1] else torch.full((len(state),), -10.0)
        return Links(link=link, absent=trust[:, EVIDENCE] - torch.nn.functional.softplus(trust[:, EVIDENCE + 1]) * best)

    @torch.no_grad()
    def start_from_words(self, kinds: tuple[str, ...]) -> None:
        """Begin where words already are: referents as the embeddings of their class names, marks as common words."""
        name = [self.llama.embed(torch.tensor(self.tokens(f" {kind}"))).mean(0) for kind in kinds]
        self.from_kind.weight.copy_(torch.stack(name, dim=1))
        self.from_rest.weight.mul_(0.1)
        self.from_rest.bias.zero_()
        for row, word in enumerate((" [", "]", " here")):
            self.mark_in[row] = self.llama.embed(torch.tensor(self.tokens(word))).float().mean(0)
        nn.init.zeros_(self.trust.weight)
        self.trust.bias.copy_(torch.tensor([0.5, 0.1, 0.3, 0.0, 0.0]))

    def ours(self) -> dict[str, nn.Parameter]:
        """What is trained beside the adapters, by name."""
        return {name: value for name, value in self.named_parameters() if not name.startswith("llama.")}
