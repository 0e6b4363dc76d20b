"""What the benchmark network needs of a sparse convolution library, so that one network runs on several."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from scene3d_ops import Lattice


@dataclass(frozen=True, slots=True, kw_only=True)
class Library:
    """The few things in which libraries differ. Layers are made from channels in, channels out and the level."""

    subm: Callable[[int, int, int], nn.Module]
    down: Callable[[int, int, int], nn.Module]
    up: Callable[[int, int, int], nn.Module]
    start: Callable[[Lattice, Tensor], Any]
    """The library's sparse tensor, without neighbour maps yet."""
    feature: Callable[[Any], Tensor]
    replace: Callable[[Any, Tensor], Any]
    """The same voxels with other features."""
    raised: Callable[[nn.Module, Any, Any], Any]
    """An inverse convolution of a tensor onto the voxels of another."""
