"""One stable colour per object id, told apart by people with any colour vision as far as may be."""

from __future__ import annotations

import torch
from jaxtyping import Int64, UInt8
from torch import Tensor

# Okabe and Ito's eight, then tints and shades of them.
_BASE = torch.tensor(
    [[230, 159, 0], [86, 180, 233], [0, 158, 115], [240, 228, 66], [0, 114, 178], [213, 94, 0], [204, 121, 167]]
)
_LIGHTNESS = torch.tensor([1.0, 0.6, 1.35])


def colour_of(object_id: Int64[Tensor, "k"]) -> UInt8[Tensor, "k 3"]:
    """Colours of ids; ids 21 apart share one."""
    base = _BASE[object_id % len(_BASE)].float()
    shade = _LIGHTNESS[object_id // len(_BASE) % len(_LIGHTNESS), None]
    return (base * shade).clamp(0, 255).to(torch.uint8)


def object_colours(owner: Int64[Tensor, "n"], rgb: UInt8[Tensor, "n 3"] | None) -> UInt8[Tensor, "n 3"]:
    """Points of objects in the object's colour over a hint of their own; the rest in pale grey."""
    own = torch.full((len(owner), 3), 160.0) if rgb is None else rgb.float()
    grey = own.mean(1, keepdim=True).expand(-1, 3) * 0.4 + 140
    tinted = colour_of(owner.clamp_min(0)).float() * 0.75 + own * 0.25
    return torch.where(owner[:, None] >= 0, tinted, grey).to(torch.uint8)
