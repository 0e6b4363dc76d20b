"""Specification of the attention of new tokens to a cache."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float32, Int64
from torch import Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedPast:
    """Keys and values before all sequences; only the first `length` tokens count."""

    keys: Float32[Tensor, "k p d"]
    values: Float32[Tensor, "k p d"]
    length: int
    real: Bool[Tensor, "p"] | None = None
    """False for padding."""


def attend_cached(
    states: Float32[Tensor, "n c"],
    turn: tuple[Float32[Tensor, "n d"], Float32[Tensor, "n d"]],
    keys: Float32[Tensor, "b k s d"],
    values: Float32[Tensor, "b k s d"],
    *,
    place: int,
    count: Int64[Tensor, "b"] | None = None,
    real: Bool[Tensor, "b s"] | None = None,
    prefix: SharedPast | None = None,
) -> Float32[Tensor, "n hd"]:
    """See `scene3d_ops.attend_cached`."""
    k, d = keys.shape[1], keys.shape[3]
    heads, answers, first = states.shape[1] // d, [], 0
    for sequence in range(len(keys)):
        new = 1 if count is None else int(count[sequence])
        rows, own = slice(first, first + new), slice(place, place + new)
        query, key, value = states[rows].view(new, heads, d).split([heads - 2 * k, k, k], dim=1)
        cosine, sine = (part[rows, None] for part in turn)
        keys[sequence, :, own] = _turned(key, cosine, sine).transpose(0, 1)
        values[sequence, :, own] = value.transpose(0, 1)
        before = torch.ones(place, dtype=torch.bool) if real is None else real[sequence, :place]
        past = (keys[sequence, :, : place + new], values[sequence, :, : place + new], before)
        answers.append(_answer(_turned(query, cosine, sine), past, new, prefix))
        first += new
    return torch.cat(answers) if answers else states.new_zeros(0, (heads - 2 * k) * d)


def _answer(
    query: Float32[Tensor, "t h d"], past: tuple[Tensor, Tensor, Tensor], new: int, prefix: SharedPast | None
) -> Float32[Tensor, "t hd"]:
    key, value, before = past
    if prefix is not None:
        n = prefix.length
        key, value = torch.cat([prefix.keys[:, :n], key], dim=1), torch.cat([prefix.values[:, :n], value], dim=1)
        shared = torch.ones(n, dtype=torch.bool) if prefix.real is None else prefix.real[:n]
        before = torch.cat([shared, before])
    seen = torch.cat([before.expand(new, -1), torch.ones(new, new).tril().bool()], dim=1)
    t, h, d = query.shape
    grouped = query.view(t, len(key), h // len(key), d).permute(1, 2, 0, 3) * d**-0.5  # (k, g, t, d)
    score = (grouped @ key[:, None].transpose(2, 3)).masked_fill(~seen, float("-inf"))
    return (score.softmax(dim=-1) @ value[:, None]).permute(2, 0, 1, 3).reshape(t, h * d)


def _turned(x: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    return x * cosine + x.roll(x.shape[-1] // 2, -1) * sine
