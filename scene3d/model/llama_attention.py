"""Attention with grouped keys: rotary turns, masks, and one prefix of keys that a whole batch shares."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor
from torch.nn import functional

from scene3d.model.llama_cache import Cache, Past


class Turns:
    """Turns pairs of channels by angles that grow with the position; made once per call, used by every layer.

    Args:
        position: Rotary positions.
        frequency: Radians per position of each pair.
        scale: Factor on what is turned.
        dtype: Of the queries and keys.

    Source: Su et al. 2021 (arXiv:2104.09864); channel i pairs with channel i + d/2, as in Hugging Face checkpoints.
    """

    def __init__(
        self, position: Int64[Tensor, "b t"], frequency: Float[Tensor, "half"], *, scale: float, dtype: torch.dtype
    ) -> None:
        angle = (position[:, None, :, None].float() * frequency.float()).repeat(1, 1, 1, 2)  # (b, 1, t, d)
        half = frequency.shape[0]
        self.cos = (angle.cos() * scale).to(dtype)
        self.sin = (angle.sin() * scale).to(dtype)
        self.sin[..., :half].neg_()
        self.half = half

    def __call__(self, x: Float[Tensor, "b h t d"]) -> Float[Tensor, "b h t d"]:
        """Turned queries or keys."""
        return x * self.cos + x.roll(self.half, -1) * self.sin


class Packed:
    """A prefix and sequences that continue it, laid end to end: each sees what it may of the prefix, and itself.

    For training, where a mask over all of them would mostly be false.

    Args:
        prefix_mask: Who sees whom within the prefix.
        lengths: Tokens of each sequence.
        seen: Which tokens of the prefix each sequence sees.
    """

    def __init__(self, prefix_mask: Bool[Tensor, "1 1 p p"], lengths: Sequence[int], seen: Bool[Tensor, "n p"]) -> None:
        self.prefix_mask, self.first = prefix_mask, prefix_mask.shape[-1]
        length = torch.tensor(lengths, dtype=torch.int64)
        order = torch.arange(max(lengths, default=0))
        self.real = order < length[:, None]  # (n, l)
        start = self.first + length.cumsum(0) - length
        self.place = (start[:, None] + order).masked_fill(~self.real, self.first)
        own = (order[:, None] >= order).expand(len(lengths), -1, -1)
        before = seen[:, None].expand(-1, len(order), -1)
        self.mask = torch.cat([before, own], dim=2)[:, None]  # (n, 1, l, p + l)

    def attend(
        self, query: Float[Tensor, "1 h t d"], key: Float[Tensor, "1 k t d"], value: Float[Tensor, "1 k t d"]
    ) -> Float[Tensor, "1 h t d"]:
        """Answers of all tokens; differentiable."""
        p = self.first
        before = attend(query[:, :, :p], key[:, :, :p], value[:, :, :p], self.prefix_mask, None)
        if not len(self.place):
            return before
        own = (part[0][:, self.place].transpose(0, 1) for part in (query, key, value))  # (n, h, l, d)
        asked, keys, values = own
        shared = (part[:, :, :p].expand(len(self.place), -1, -1, -1) for part in (key, value))
        keys, values = (torch.cat(pair, dim=2) for pair in zip(shared, (keys, values), strict=True))
        found = attend(asked, keys, values, self.mask, None)
        return torch.cat([before, found.transpose(1, 2)[self.real].transpose(0, 1)[None]], dim=2)


def causal_mask(
    x: Float[Tensor, "b t c"], cache: Cache | None, real: Bool[Tensor, "b t"] | None
) -> Bool[Tensor, "b 1 t s"] | None:
    """Each token sees the real ones before it and itself; None where that means everything, as for one new token."""
    t = x.shape[1]
    past = 0 if cache is None else cache.length
    padded = cache is not None and (cache.padded or (cache.prefix is not None and cache.prefix.padded))
    if real is None and t == 1 and not padded:
        return None
    order = torch.arange(t, device=x.device)
    own = order[:, None] >= order
    if real is not None:
        own = own & real[:, None] | torch.eye(t, dtype=torch.bool, device=x.device)  # (b, t, t)
    own = own.expand(x.shape[0], t, t)
    if cache is None or past == 0:
        return own[:, None]
    return torch.cat([cache.seen()[:, None].expand(-1, t, -1), own], dim=2)[:, None]


def attend(
    query: Float[Tensor, "b h t d"],
    key: Float[Tensor, "b k s d"],
    value: Float[Tensor, "b k s d"],
    mask: Tensor | Packed | None,
    past: Past | None,
) -> Float[Tensor, "b h t d"]:
    """Scaled dot-product attention of queries to their own tokens and to those of the past.

    Queries that share a key head are laid end to end as if they were more tokens, so keys are never repeated.
    """
    if isinstance(mask, Packed):
        return mask.attend(query, key, value)
    b, h, t, d = query.shape
    groups = key.shape[1]
    query = query.reshape(b, groups, h // groups * t, d)
    if mask is not None and t > 1:
        mask = mask.repeat(1, 1, h // groups, 1)
    prefix = None
    if past is not None:
        key, value = past.write(key, value)
        prefix = past.cache.prefix
    if prefix is None or past is None:
        out = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
    else:
        first = prefix.keys[past.layer, 0, :, : prefix.own], prefix.values[past.layer, 0, :, : prefix.own]
        out = _attend_to_two(query, first, (key, value), mask)
    return out.reshape(b, h, t, d)


def _attend_to_two(
    query: Float[Tensor, "b k q d"],
    prefix: tuple[Float[Tensor, "k p d"], Float[Tensor, "k p d"]],
    own: tuple[Float[Tensor, "b k s d"], Float[Tensor, "b k s d"]],
    mask: Tensor | None,
) -> Float[Tensor, "b k q d"]:
    """Attention to a prefix that all of the batch share, then to each sequence's own tokens, under one softmax.

    The batch joins the queries for the prefix's part, so that its keys are read once, not once per sequence.
    """
    b, k, q, d = query.shape
    size = prefix[0].shape[1]
    together = (query * d**-0.5).transpose(0, 1).reshape(k, b * q, d)
    score = torch.empty(b, k, q, size + own[0].shape[2], dtype=query.dtype, device=query.device)
    score[..., :size] = (together @ prefix[0].transpose(1, 2)).view(k, b, q, size).transpose(0, 1)
    score[..., size:] = (query * d**-0.5) @ own[0].transpose(2, 3)
    if mask is not None:
        score = score.masked_fill(~mask, float("-inf")) if mask.dtype == torch.bool else score + mask
    weight = score.softmax(dim=-1)
    shared = weight[..., :size].transpose(0, 1).reshape(k, b * q, size) @ prefix[1]
    return shared.view(k, b, q, d).transpose(0, 1) + weight[..., size:] @ own[1]
