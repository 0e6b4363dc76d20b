"""Specification of the attention of one new token per sequence."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float32
from torch import Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedPast:
    """Keys and values before all sequences; only the first `length` tokens count."""

    keys: Float32[Tensor, "k p d"]
    values: Float32[Tensor, "k p d"]
    length: int
    real: Bool[Tensor, "p"] | None = None
    """False for padding."""


def attend_step(
    states: Float32[Tensor, "b c"],
    turn: tuple[Float32[Tensor, "b d"], Float32[Tensor, "b d"]],
    keys: Float32[Tensor, "b k s d"],
    values: Float32[Tensor, "b k s d"],
    *,
    place: int,
    real: Bool[Tensor, "b s"] | None = None,
    prefix: SharedPast | None = None,
) -> Float32[Tensor, "b hd"]:
    """See `scene3d_ops.attend_step`."""
    b, k, _, d = keys.shape
    query, key, value = states.view(b, -1, d).split([states.shape[1] // d - 2 * k, k, k], dim=1)
    keys[:, :, place] = _turned(key, turn)
    values[:, :, place] = value
    key, value = keys[:, :, : place + 1], values[:, :, : place + 1]
    seen = torch.ones(b, place + 1, dtype=torch.bool) if real is None else real[:, : place + 1]
    if prefix is not None:
        n = prefix.length
        key = torch.cat([prefix.keys[:, :n].expand(b, k, n, d), key], dim=2)
        value = torch.cat([prefix.values[:, :n].expand(b, k, n, d), value], dim=2)
        before = torch.ones(n, dtype=torch.bool) if prefix.real is None else prefix.real[:n]
        seen = torch.cat([before.expand(b, n), seen], dim=1)
    query = _turned(query, turn).view(b, k, -1, d) * d**-0.5
    score = (query @ key.transpose(2, 3)).masked_fill(~seen[:, None, None], float("-inf"))
    return (score.softmax(dim=-1) @ value).reshape(b, -1)


def _turned(x: Tensor, turn: tuple[Tensor, Tensor]) -> Tensor:
    cosine, sine = (part[:, None] for part in turn)
    return x * cosine + x.roll(x.shape[-1] // 2, -1) * sine
