"""The same Llama with int8 weights, for answering: one call for all of a layer."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from scene3d.errors import InputError
from scene3d.model.llama import Layer, Llama
from scene3d.model.llama_attention import Packed, Turns, attend
from scene3d.model.llama_cache import Past
from scene3d.model.llama_lora import LoRALinear
from scene3d_ops import Int8Linear, Int8Weight, LlamaLayer, SharedPast, linear_int8


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
    llama.lm_head = Int8Head(llama.lm_head if isinstance(llama.lm_head, nn.Linear) else llama.embed_tokens)
    return llama.eval()


class Int8Head(nn.Module):
    """A linear layer with int8 weights, for the scores of tokens."""

    def __init__(self, layer: nn.Linear | nn.Embedding) -> None:
        super().__init__()
        self.part = _rounded([layer])

    def forward(self, x: Float[Tensor, "*n i"]) -> Float[Tensor, "*n o"]:
        """Output of the layer."""
        y = linear_int8(x.reshape(-1, x.shape[-1]), self.part.weight, bias=self.part.bias)
        return y.view(*x.shape[:-1], y.shape[-1])


class Int8Layer(nn.Module):
    """A layer of `Llama` in four products: queries, keys and values; output; gates and values; down."""

    def __init__(self, layer: Layer) -> None:
        super().__init__()
        attention, mlp = layer.self_attn, layer.mlp
        self.heads, self.key_heads, self.head_width = attention.heads, attention.key_heads, attention.head_width
        self.whole = LlamaLayer(
            query_key_value=_rounded([attention.q_proj, attention.k_proj, attention.v_proj]),
            output=_rounded([attention.o_proj]),
            gate_up=_rounded([mlp.gate_proj, mlp.up_proj]),
            down=_rounded([mlp.down_proj]),
            attention_norm=layer.input_layernorm.weight.detach(),
            mlp_norm=layer.post_attention_layernorm.weight.detach(),
            epsilon=layer.input_layernorm.epsilon,
        )

    def forward(
        self,
        x: Float[Tensor, "b t c"],
        turns: Turns,
        mask: Tensor | Packed | None,
        past: Past | None,
    ) -> Float[Tensor, "b t c"]:
        """States after this layer."""
        if past is not None and past.count is not None:
            return self._joined(x[0], turns, past, past.count)[None]

        def attention(states: Float[Tensor, "n i"]) -> Float[Tensor, "n o"]:
            heads = states.view(*x.shape[:2], -1, self.head_width).transpose(1, 2)
            query, key, value = heads.split([self.heads, self.key_heads, self.key_heads], dim=1)
            seen = attend(turns(query), turns(key), value, mask, past)
            return seen.transpose(1, 2).reshape(len(states), -1)

        return self.whole.with_attention(x.reshape(-1, x.shape[2]), attention).view(x.shape)

    def _joined(
        self, x: Float[Tensor, "n c"], turns: Turns, past: Past, count: Int64[Tensor, "b"]
    ) -> Float[Tensor, "n c"]:
        """The layer for new tokens, sequence after sequence, behind their own cache and the prefix before it."""
        cache, layer, shared = past.cache, past.layer, None
        if cache.prefix is not None:
            before = cache.prefix
            shared = SharedPast(
                keys=before.keys[layer, 0],
                values=before.values[layer, 0],
                length=before.own,
                real=before.real[0] if before.padded else None,
            )
        return self.whole(
            x,
            (turns.cos[0, 0], turns.sin[0, 0]),
            cache.keys[layer],
            cache.values[layer],
            place=past.place.start,
            count=count,
            real=cache.real if cache.padded else None,
            prefix=shared,
        )


def _rounded(layers: list[nn.Linear | nn.Embedding]) -> Int8Linear:
    """Linear layers of the same input, side by side as one."""
    biases = [layer.bias for layer in layers if isinstance(layer, nn.Linear) and layer.bias is not None]
    weight = Int8Weight.of(torch.cat([layer.weight for layer in layers]))
    return Int8Linear(weight=weight, bias=torch.cat(tuple(biases)).detach() if biases else None)
