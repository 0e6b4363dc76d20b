"""Low-rank adapters: a few trained numbers beside frozen linear layers, merged into them for use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from scene3d.errors import InputError
from scene3d.model.llama import Llama

TARGETS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
_SEPARATOR = ".lora_"


class LoRALinear(nn.Module):
    """`base(x) + alpha / rank · B A x` with `base` frozen; B starts at zero, so at first nothing changes.

    A and B stay in float32 whatever the dtype of `base`, since small steps of training vanish in bfloat16.

    Source: Hu et al. 2021 (arXiv:2106.09685).
    """

    def __init__(self, base: nn.Linear, *, rank: int, alpha: float) -> None:
        super().__init__()
        self.base = base.requires_grad_(False)
        self.lora_a = nn.Parameter(torch.empty(rank, base.in_features, device=base.weight.device))
        self.lora_b = nn.Parameter(torch.zeros(base.out_features, rank, device=base.weight.device))
        nn.init.kaiming_uniform_(self.lora_a, a=5**0.5)
        self.scale = alpha / rank

    def forward(self, x: Float[Tensor, "*n i"]) -> Float[Tensor, "*n o"]:
        """Output of the adapted layer."""
        low = nn.functional.linear(x, (self.lora_a * self.scale).to(x.dtype))
        return self.base(x) + nn.functional.linear(low, self.lora_b.to(x.dtype))

    @torch.no_grad()
    def merged(self) -> nn.Linear:
        """The base layer with the adapter added to its weight."""
        change = self.scale * self.lora_b @ self.lora_a
        self.base.weight.copy_(self.base.weight.float() + change)
        return self.base


def add_lora(llama: Llama, *, rank: int, alpha: float, targets: Sequence[str] = TARGETS) -> list[nn.Parameter]:
    """Freeze a Llama and put an adapter beside each linear layer whose name is in `targets`.

    Returns:
        The adapters' parameters, for an optimiser.

    Raises:
        InputError: A target that no layer has, or a rank below 1.
    """
    unknown = sorted(set(targets) - set(TARGETS))
    if unknown or rank < 1:
        raise InputError(f"adapters of rank {rank} on {unknown or targets}; rank is at least 1, targets are {TARGETS}")
    llama.requires_grad_(False)
    for parent, name, linear in _linears(llama, targets):
        setattr(parent, name, LoRALinear(linear, rank=rank, alpha=alpha))
    return [p for name, p in llama.named_parameters() if _SEPARATOR in name]


def lora_state(llama: Llama) -> dict[str, Tensor]:
    """The adapters' numbers by name, for safetensors; `load_lora` reads them back."""
    return {name: value.detach().clone() for name, value in llama.named_parameters() if _SEPARATOR in name}


def load_lora(llama: Llama, state: Mapping[str, Tensor]) -> None:
    """Fill adapters that `add_lora` made with the same rank and targets.

    Raises:
        InputError: Names or shapes differ.
    """
    own = {name: value for name, value in llama.named_parameters() if _SEPARATOR in name}
    wrong = sorted(set(own) ^ set(state)) or [n for n in own if own[n].shape != state[n].shape]
    if wrong:
        raise InputError(f"{len(wrong)} adapters differ from the model's, such as {wrong[0]!r}; same rank and targets?")
    with torch.no_grad():
        for name, value in own.items():
            value.copy_(state[name])


def merge_lora(llama: Llama) -> None:
    """Add the adapters to the weights and take them away: the same answers without their cost."""
    for parent in list(llama.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, LoRALinear):
                setattr(parent, name, child.merged())


def _linears(llama: Llama, targets: Sequence[str]) -> list[tuple[nn.Module, str, nn.Linear]]:
    return [
        (parent, name, child)
        for parent in llama.modules()
        for name, child in parent.named_children()
        if name in targets and isinstance(child, nn.Linear)
    ]
