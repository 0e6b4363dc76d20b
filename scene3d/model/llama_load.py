"""From Hugging Face folders and ids to a `Llama`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from scene3d.errors import InputError
from scene3d.model.llama import Llama, LlamaConfig

_STATIC_TURNS = {"default", "linear", "llama3", "yarn"}


def load_llama(source: str | Path, *, dtype: torch.dtype = torch.float32) -> Llama:
    """Load a Hugging Face model of type `llama`.

    Args:
        source: A folder, as `language_folder` gives, or a hub id.
        dtype: What the weights become.

    Raises:
        InputError: It cannot be read, is of another family, or has an activation or rotary scaling that is not known.
    """
    from transformers import AutoConfig

    try:
        config = AutoConfig.from_pretrained(source)
    except (OSError, ValueError) as error:
        raise InputError(f"language model {str(source)!r} cannot be opened: {error}") from error
    with torch.device("meta"):  # nothing is drawn or allocated that is overwritten at once
        llama = empty_llama(config)
    state = {name.removeprefix("model."): value.to(dtype) for name, value in _state(source).items()}
    state = {name: value for name, value in state.items() if not name.endswith("rotary_emb.inv_freq")}
    missing, unknown = llama.load_state_dict(state, strict=False, assign=True)
    unknown = [name for name in unknown if not (llama.config.tied and name == "lm_head.weight")]
    if missing or unknown:
        raise InputError(f"{source}: weights do not fit the configuration; missing {missing}, unknown {unknown}")
    return llama.eval()


def empty_llama(config: Any) -> Llama:
    """A Llama of a transformers configuration, with random weights.

    Raises:
        InputError: Another family, activation or rotary scaling.
    """
    if config.model_type != "llama" or config.hidden_act != "silu":
        raise InputError(
            f"model type {config.model_type!r} with activation {getattr(config, 'hidden_act', None)!r} is no Llama; "
            "load it with transformers' AutoModelForCausalLM"
        )
    heads = config.num_attention_heads
    frequency, scale = _turns(config)
    sizes = LlamaConfig(
        width=config.hidden_size,
        layers=config.num_hidden_layers,
        heads=heads,
        key_heads=config.num_key_value_heads or heads,
        head_width=getattr(config, "head_dim", None) or config.hidden_size // heads,
        hidden=config.intermediate_size,
        vocabulary=config.vocab_size,
        norm_epsilon=config.rms_norm_eps,
        attention_bias=config.attention_bias,
        mlp_bias=config.mlp_bias,
        tied=config.tie_word_embeddings,
    )
    return Llama(sizes, frequency=frequency, turn_scale=scale)


def _turns(config: Any) -> tuple[Tensor, float]:
    """Rotary frequencies and their scale; transformers knows the rules of each family that stretches its context."""
    from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding

    with torch.device("cpu"):
        rotary: Any = LlamaRotaryEmbedding(config=config)
    if rotary.rope_type not in _STATIC_TURNS:
        raise InputError(f"rotary scaling {rotary.rope_type!r} depends on the length of the text; not supported")
    return rotary.inv_freq.float(), float(rotary.attention_scaling)


def _state(source: str | Path) -> dict[str, Tensor]:
    shards = sorted(Path(source).glob("*.safetensors")) if Path(source).is_dir() else []
    if not shards:  # an id, or a folder of an older format
        from transformers import AutoModelForCausalLM

        try:
            return AutoModelForCausalLM.from_pretrained(source).state_dict()
        except (OSError, ValueError) as error:
            raise InputError(f"language model {str(source)!r} has no readable weights: {error}") from error
    state: dict[str, Tensor] = {}
    for shard in shards:
        state.update(load_file(shard))
    return state
