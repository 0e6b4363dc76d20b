"""The same Llama with int8 weights, for answering: fewer, larger products and one call for attention."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from scene3d.errors import InputError
from scene3d.model.llama import Layer, Llama
from scene3d.model.llama_attention import Packed, Turns, attend
from scene3d.model.llama_cache import Past
from scene3d.model.llama_lora import LoRALinear
from scene3d_ops import Int8Weight, SharedPast, attend_cached, linear_int8


def quantize(llama: Llama) -> Llama:
    """Round the weights of a Llama's layers and head to int8, in place; embeddings and norms stay in float32.

    For answering only, on a CPU. States are rounded by blocks of 32 of a row, so that no question of a batch is
    rounded by another's scale. Of next tokens 96 % stay the most probable (SmolLM2-135M, prompts and prose); rounding
    states by whole rows would leave 84 %.

    Raises:
        InputError: Adapters are still beside the weights.
    """
    if any(isinstance(module, LoRALinear) for module in llama.modules()):
        raise InputError("adapters cannot be rounded to int8 by themselves; call merge_lora first")
    llama.requires_grad_(False).float()
    llama.layers = nn.ModuleList(Int8Layer(layer) for layer in llama.layers if isinstance(layer, Layer))
    llama.joins = True
    llama.lm_head = Int8Linear([llama.lm_head if isinstance(llama.lm_head, nn.Linear) else llama.embed_tokens])
    return llama.eval()


class Int8Linear(nn.Module):
    """Linear layers of the same input, side by side as one, with int8 weights."""

    def __init__(self, layers: list[nn.Linear | nn.Embedding]) -> None:
        super().__init__()
        self.weight = Int8Weight.of(torch.cat([layer.weight for layer in layers]))
        biases = [layer.bias for layer in layers if isinstance(layer, nn.Linear) and layer.bias is not None]
        self.bias = torch.cat(tuple(biases)).detach() if biases else None

    def forward(
        self,
        x: Float[Tensor, "*n i"],
        *,
        norm: Float[Tensor, "c"] | None = None,
        epsilon: float = 0.0,
        gated: bool = False,
        residual: Float[Tensor, "*n o"] | None = None,
    ) -> Float[Tensor, "*n o"]:
        """Output of the layers; the arguments are those of `scene3d_ops.linear_int8`."""
        rows = x.reshape(-1, x.shape[-1])
        added = None if residual is None else residual.reshape(-1, residual.shape[-1])
        y = linear_int8(rows, self.weight, norm=norm, epsilon=epsilon, gated=gated, bias=self.bias, residual=added)
        return y.view(*x.shape[:-1], y.shape[-1])


class Int8Layer(nn.Module):
    """A layer of `Llama` in four products: queries, keys and values; output; gates and values; down."""

    def __init__(self, layer: Layer) -> None:
        super().__init__()
        attention, mlp = layer.self_attn, layer.mlp
        self.heads, self.key_heads, self.head_width = attention.heads, attention.key_heads, attention.head_width
        self.query_key_value = Int8Linear([attention.q_proj, attention.k_proj, attention.v_proj])
        self.output = Int8Linear([attention.o_proj])
        self.gate_up = Int8Linear([mlp.gate_proj, mlp.up_proj])
        self.down = Int8Linear([mlp.down_proj])
        self.attention_norm = layer.input_layernorm.weight.detach()
        self.mlp_norm = layer.post_attention_layernorm.weight.detach()
        self.epsilon = layer.input_layernorm.epsilon

    def forward(
        self,
        x: Float[Tensor, "b t c"],
        turns: Turns,
        mask: Tensor | Packed | None,
        past: Past | None,
    ) -> Float[Tensor, "b t c"]:
        """States after this layer."""
        states = self.query_key_value(x, norm=self.attention_norm, epsilon=self.epsilon)
        if past is not None and past.count is not None:
            seen = _look_back(states[0], turns, past, past.count)[None]
        else:
            seen = self._attend(states, turns, mask, past)
        x = self.output(seen, residual=x)
        return self.down(self.gate_up(x, norm=self.mlp_norm, epsilon=self.epsilon), gated=True, residual=x)

    def _attend(
        self, states: Float[Tensor, "b t c"], turns: Turns, mask: Tensor | Packed | None, past: Past | None
    ) -> Float[Tensor, "b t hd"]:
        b, t, _ = states.shape
        heads = states.view(b, t, -1, self.head_width).transpose(1, 2)
        query, key, value = heads.split([self.heads, self.key_heads, self.key_heads], dim=1)
        return attend(turns(query), turns(key), value, mask, past).transpose(1, 2).reshape(b, t, -1)


def _look_back(
    states: Float[Tensor, "n c"], turns: Turns, past: Past, count: Int64[Tensor, "b"]
) -> Float[Tensor, "n hd"]:
    """Attention of new tokens, sequence after sequence, to their own cache and to the prefix before it."""
    cache, layer, shared = past.cache, past.layer, None
    if cache.prefix is not None:
        before = cache.prefix
        shared = SharedPast(
            keys=before.keys[layer, 0],
            values=before.values[layer, 0],
            length=before.own,
            real=before.real[0] if before.padded else None,
        )
    return attend_cached(
        states,
        (turns.cos[0, 0], turns.sin[0, 0]),
        cache.keys[layer],
        cache.values[layer],
        place=past.place.start,
        count=count,
        real=cache.real if cache.padded else None,
        prefix=shared,
    )
