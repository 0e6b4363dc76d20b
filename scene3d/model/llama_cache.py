"""Keys and values of tokens already read: pre-allocated, and shared by all questions that follow one prefix."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor


class Cache:
    """The keys and values of a batch of token sequences, layer by layer.

    A scene's prefix is read once into a cache of batch 1; `branch` then opens caches that see it without copying it.
    Written in place and without gradients.

    Args:
        shape: Layers, key heads, width of a head.
        batch: Sequences.
        capacity: Tokens per sequence that fit, those of `prefix` not counted.
        prefix: A cache of batch 1 whose tokens come before these; it must not change while this one is used.
    """

    def __init__(
        self,
        shape: tuple[int, int, int],
        *,
        batch: int = 1,
        capacity: int,
        prefix: Cache | None = None,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
    ) -> None:
        layers, heads, width = shape
        if prefix is not None and (prefix.batch != 1 or prefix.prefix is not None):
            raise ValueError(f"a prefix has batch 1 and no prefix of its own; this one has batch {prefix.batch}")
        self.shape, self.batch, self.capacity, self.prefix = shape, batch, capacity, prefix
        self.keys = torch.zeros(layers, batch, heads, capacity, width, dtype=dtype, device=device)
        self.values = torch.zeros_like(self.keys)
        self.real = torch.zeros(batch, capacity, dtype=torch.bool, device=device)
        self.own = 0
        self.padded = False
        """Whether any of these tokens, those of the prefix not counted, may be padding."""

    @property
    def length(self) -> int:
        """Tokens that a new one may look back at, padding and prefix included."""
        return self.own + (self.prefix.length if self.prefix is not None else 0)

    def branch(self, *, batch: int = 1, capacity: int) -> Cache:
        """An empty cache whose sequences all continue this one; batch 1 only."""
        return Cache(
            self.shape,
            batch=batch,
            capacity=capacity,
            prefix=self,
            dtype=self.keys.dtype,
            device=self.keys.device,
        )

    def extend(self, count: int, real: Bool[Tensor, "b t"] | None = None) -> slice:
        """Make room for more tokens; `real` is false for padding. Returns their places in `keys` and `values`.

        Raises:
            ValueError: They do not fit.
        """
        first, last = self.own, self.own + count
        if last > self.capacity:
            raise ValueError(f"{last} tokens do not fit a cache of {self.capacity}; ask for a larger capacity")
        self.real[:, first:last] = True if real is None else real
        self.padded = self.padded or (real is not None and not bool(real.all()))
        self.own = last
        return slice(first, last)

    def seen(self) -> Bool[Tensor, "b s"]:
        """Which of the `length` tokens are not padding."""
        own = self.real[:, : self.own]
        return own if self.prefix is None else torch.cat([self.prefix.seen().expand(self.batch, -1), own], dim=1)

    def rewind(self, own: int) -> None:
        """Forget all but the first `own` tokens after the prefix.

        Raises:
            ValueError: There are not so many.
        """
        if not 0 <= own <= self.own:
            raise ValueError(f"cannot rewind to {own} tokens; there are {self.own}")
        self.own = own

    def keep(self, rows: Int64[Tensor, "k"]) -> None:
        """Keep only these sequences, in this order, as when others of the batch are finished."""
        self.keys, self.values, self.real = self.keys[:, rows], self.values[:, rows], self.real[rows]
        self.batch = len(rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """What one layer's attention looks back at, and where it leaves its own keys and values."""

    cache: Cache
    layer: int
    place: slice
    count: Int64[Tensor, "b"] | None = None
    """New tokens of each sequence, where they come end to end without padding and see all real ones before them."""

    def write(
        self, key: Float[Tensor, "b h t d"], value: Float[Tensor, "b h t d"]
    ) -> tuple[Float[Tensor, "b h s d"], Float[Tensor, "b h s d"]]:
        """Store keys and values at `place`; returns all of the cache's own up to there."""
        keys, values = self.cache.keys[self.layer], self.cache.values[self.layer]
        keys[:, :, self.place], values[:, :, self.place] = key, value
        return keys[:, :, : self.place.stop], values[:, :, : self.place.stop]
