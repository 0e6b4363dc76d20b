"""The language part of a model folder: adapters and what is ours beside them; the base model comes from its package."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from scene3d.errors import InputError
from scene3d.model.language import LanguageConfig, LanguageModel
from scene3d.model.llama import Llama
from scene3d.model.llama_lora import add_lora, load_lora, lora_state
from scene3d.model.smollm import language_folder

_ADAPTER = "adapter."


def new_language(config: LanguageConfig, *, dtype: torch.dtype = torch.float32) -> LanguageModel:
    """The base model with fresh adapters.

    Raises:
        MissingDependencyError: The package that carries the default base model is not installed.
        InputError: The base model cannot be read.
    """
    from transformers import AutoTokenizer

    folder = language_folder(config.source)
    llama = Llama.from_pretrained(folder, dtype=dtype)
    add_lora(llama, rank=config.rank, alpha=config.alpha)
    return LanguageModel(llama, AutoTokenizer.from_pretrained(folder), config)


def save_language(path: Path, model: LanguageModel) -> None:
    """Write adapters and our own parts in half precision, whole or not at all."""
    state = {f"{_ADAPTER}{name}": value for name, value in lora_state(model.llama).items()}
    state |= {name: value.detach() for name, value in model.ours().items()}
    partial = path.with_suffix(".partial")
    save_file({name: value.half().contiguous() for name, value in state.items()}, partial)
    partial.replace(path)


def load_language(path: Path, config: LanguageConfig) -> LanguageModel:
    """The language model of a model folder.

    Raises:
        MissingDependencyError: The package that carries the default base model is not installed.
        InputError: The file is damaged or of another configuration.
    """
    model = new_language(config)
    try:
        state = load_file(path)
        own = {name: value.float() for name, value in state.items() if not name.startswith(_ADAPTER)}
        if own.keys() != model.ours().keys():
            raise InputError(f"names differ: {sorted(own.keys() ^ model.ours().keys())[:3]}")
        model.load_state_dict(own, strict=False)
        load_lora(model.llama, {n.removeprefix(_ADAPTER): v for n, v in state.items() if n.startswith(_ADAPTER)})
    except (OSError, RuntimeError, InputError) as error:
        raise InputError(f"{path}: not the language part of this model ({error})") from error
    return model
