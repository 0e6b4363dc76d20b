"""A Llama that takes embeddings: any mask and any positions, trainable, with a cache that questions share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor, nn
from torch.nn import functional

from scene3d.model.llama_attention import Packed, Turns, attend, causal_mask
from scene3d.model.llama_cache import Cache, Past


@dataclass(frozen=True, slots=True, kw_only=True)
class LlamaConfig:
    """Sizes of a Llama."""

    width: int = 576
    layers: int = 30
    heads: int = 9
    key_heads: int = 3
    head_width: int = 64
    hidden: int = 1536
    """Width inside the feed-forward part."""
    vocabulary: int = 49152
    norm_epsilon: float = 1e-5
    rope_theta: float = 100_000.0
    attention_bias: bool = False
    mlp_bias: bool = False
    tied: bool = True
    """Whether the head is the embedding table."""


class Llama(nn.Module):
    """A decoder of the Llama family, from embeddings to the normed states of its last layer.

    Parameters are named as in Hugging Face checkpoints, less the leading `model.`. The numbers are those of
    transformers' implementation to 1e-4 in float32.

    Args:
        config: Sizes.
        frequency: Radians per position of each pair of channels; by default those of `config.rope_theta`.
        turn_scale: Factor on the rotated queries and keys, for families that stretch their context.
    """

    def __init__(
        self,
        config: LlamaConfig,
        *,
        frequency: Float[Tensor, "half"] | None = None,
        turn_scale: float = 1.0,
    ) -> None:
        super().__init__()
        self.config = config
        self.embed_tokens = nn.Embedding(config.vocabulary, config.width)
        self.layers = nn.ModuleList(Layer(config) for _ in range(config.layers))
        self.norm = RootMeanSquareNorm(config.width, config.norm_epsilon)
        self.lm_head: nn.Module | None = None if config.tied else nn.Linear(config.width, config.vocabulary, bias=False)
        if frequency is None:
            frequency = config.rope_theta ** (-torch.arange(0, config.head_width, 2) / config.head_width)
        self.frequency: Tensor
        # Kept out of the state, and kept in float32 when the weights are not: positions need its precision.
        self.register_buffer("frequency", frequency, persistent=False)
        self.turn_scale = turn_scale
        self.joins = False
        """Whether the layers take sequences laid end to end; see `llama_int8`."""

    @classmethod
    def from_pretrained(cls, source: str | Path, *, dtype: torch.dtype = torch.float32) -> Llama:
        """Load a Hugging Face folder or id of model type `llama`, in evaluation mode; see `llama_load.load_llama`."""
        from scene3d.model.llama_load import load_llama

        return load_llama(source, dtype=dtype)

    @property
    def dtype(self) -> torch.dtype:
        """Of the states; int8 weights work on float32 states."""
        return self.norm.weight.dtype

    def embed(self, token: Int64[Tensor, "*n"]) -> Float[Tensor, "*n c"]:
        """Embeddings of tokens of the vocabulary."""
        return self.embed_tokens(token)

    def forward(
        self,
        x: Float[Tensor, "b t c"],
        *,
        position: Int64[Tensor, "b t"],
        mask: Bool[Tensor, "#b 1 t s"] | Float[Tensor, "#b 1 t s"] | Packed | None = None,
        cache: Cache | None = None,
        real: Bool[Tensor, "b t"] | None = None,
    ) -> Float[Tensor, "b t c"]:
        """States of the last layer, normed; `logits` turns those that matter into scores of tokens.

        Args:
            x: Embeddings.
            position: Rotary positions. Several tokens may share one, as the referents of a scene do.
            mask: Which of the s = `cache.length` + t tokens each may attend to: true, or 0 against -inf. Every token
                must see at least one. `Packed` says it of a prefix and what follows, without a cache. By default all
                real ones before it and itself.
            cache: Tokens that came before; this call adds its own to it. Not for training.
            real: False for padding, which no other token sees unless `mask` says so. Padding may stand anywhere, and is
                cheapest at the end; its own states are finite and mean nothing. By default all are real.

        Raises:
            ValueError: The cache is full.
        """
        if self.joins and mask is None and cache is not None and (real is None or _at_end(real)):
            return self._joined(x, position, cache, torch.ones(x.shape[:2], dtype=torch.bool) if real is None else real)
        if mask is None:
            mask = causal_mask(x, cache, real)
        place = None
        if cache is not None:
            place = cache.extend(x.shape[1], real)
        turns = Turns(position, self.frequency, scale=self.turn_scale, dtype=x.dtype)
        if isinstance(mask, Tensor) and mask.dtype != torch.bool:
            mask = mask.to(x.dtype)
        for index, layer in enumerate(self.layers):
            past = None
            if cache is not None and place is not None:
                past = Past(cache=cache, layer=index, place=place)
            x = layer(x, turns, mask, past)
        return self.norm(x)

    def _joined(
        self, x: Float[Tensor, "b t c"], position: Int64[Tensor, "b t"], cache: Cache, real: Bool[Tensor, "b t"]
    ) -> Float[Tensor, "b t c"]:
        """The same for sequences laid end to end, so that nothing is computed for their padding."""
        place, states = cache.extend(x.shape[1], real), torch.zeros_like(x)
        turns = Turns(position[real][None], self.frequency, scale=self.turn_scale, dtype=x.dtype)
        count, joined = real.sum(1), x[real][None]
        for index, layer in enumerate(self.layers):
            joined = layer(joined, turns, None, Past(cache=cache, layer=index, place=place, count=count))
        states[real] = self.norm(joined)[0]
        return states

    def logits(self, state: Float[Tensor, "*n c"]) -> Float[Tensor, "*n v"]:
        """Scores of the vocabulary's tokens as the next one, from states that `forward` gave."""
        if self.lm_head is not None:
            return self.lm_head(state)
        return functional.linear(state, self.embed_tokens.weight)

    def new_cache(self, *, batch: int = 1, capacity: int) -> Cache:
        """An empty cache of this model's sizes and dtype."""
        c = self.config
        shape = (c.layers, c.key_heads, c.head_width)
        return Cache(shape, batch=batch, capacity=capacity, dtype=self.dtype, device=self.norm.weight.device)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Llama:
        frequency = self.frequency
        super()._apply(fn, recurse)
        self.frequency = frequency.to(self.norm.weight.device)  # whatever dtype the weights went to
        return self


def _at_end(real: Bool[Tensor, "b t"]) -> bool:
    """Whether all padding stands at the end of its sequence."""
    return not bool((real[:, 1:] > real[:, :-1]).any())


class Layer(nn.Module):
    """Attention and feed-forward, each on normed states and added to them."""

    def __init__(self, config: LlamaConfig) -> None:
        super().__init__()
        self.self_attn = Attention(config)
        self.mlp = FeedForward(config)
        self.input_layernorm = RootMeanSquareNorm(config.width, config.norm_epsilon)
        self.post_attention_layernorm = RootMeanSquareNorm(config.width, config.norm_epsilon)

    def forward(
        self,
        x: Float[Tensor, "b t c"],
        turns: Turns,
        mask: Tensor | Packed | None,
        past: Past | None,
    ) -> Float[Tensor, "b t c"]:
        """States after this layer."""
        x = x + self.self_attn(self.input_layernorm(x), turns, mask, past)
        return x + self.mlp(self.post_attention_layernorm(x))


class Attention(nn.Module):
    """Grouped-query attention with rotary positions."""

    def __init__(self, config: LlamaConfig) -> None:
        super().__init__()
        self.heads, self.key_heads, self.head_width = config.heads, config.key_heads, config.head_width
        inner, keys = config.heads * config.head_width, config.key_heads * config.head_width
        self.q_proj = nn.Linear(config.width, inner, bias=config.attention_bias)
        self.k_proj = nn.Linear(config.width, keys, bias=config.attention_bias)
        self.v_proj = nn.Linear(config.width, keys, bias=config.attention_bias)
        self.o_proj = nn.Linear(inner, config.width, bias=config.attention_bias)

    def forward(
        self,
        x: Float[Tensor, "b t c"],
        turns: Turns,
        mask: Tensor | Packed | None,
        past: Past | None,
    ) -> Float[Tensor, "b t c"]:
        """What each token gathers from those it may see."""
        b, t, _ = x.shape
        query = turns(self.q_proj(x).view(b, t, self.heads, self.head_width).transpose(1, 2))
        key = turns(self.k_proj(x).view(b, t, self.key_heads, self.head_width).transpose(1, 2))
        value = self.v_proj(x).view(b, t, self.key_heads, self.head_width).transpose(1, 2)
        return self.o_proj(attend(query, key, value, mask, past).transpose(1, 2).reshape(b, t, -1))


class FeedForward(nn.Module):
    """The gated two-layer perceptron."""

    def __init__(self, config: LlamaConfig) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(config.width, config.hidden, bias=config.mlp_bias)
        self.up_proj = nn.Linear(config.width, config.hidden, bias=config.mlp_bias)
        self.down_proj = nn.Linear(config.hidden, config.width, bias=config.mlp_bias)

    def forward(self, x: Float[Tensor, "b t c"]) -> Float[Tensor, "b t c"]:
        """States of each token on its own."""
        return self.down_proj(functional.silu(self.gate_proj(x)) * self.up_proj(x))


class RootMeanSquareNorm(nn.Module):
    """Scale each state to root mean square 1, then each channel by its weight. Computed in float32."""

    def __init__(self, width: int, epsilon: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.epsilon = epsilon

    def forward(self, x: Float[Tensor, "*n c"]) -> Float[Tensor, "*n c"]:
        """Normed states."""
        wide = x.float()
        return self.weight * (wide * torch.rsqrt(wide.square().mean(-1, keepdim=True) + self.epsilon)).to(x.dtype)
