"""Small random language parts: a tokenizer of bytes, a Llama of two layers, referents."""

from __future__ import annotations

from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from scene3d.model.language import LanguageConfig, LanguageModel
from scene3d.model.llama import Llama, LlamaConfig
from scene3d.types import Referents

KINDS = ("chair", "table", "door", "couch", "lamp")


def byte_tokenizer() -> Any:
    """One token per byte, and the two marks of SmolLM2's chat."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE(vocab={c: i for i, c in enumerate(alphabet)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    wrapped = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<|im_end|>")
    wrapped.add_special_tokens({"additional_special_tokens": ["<|im_start|>"]})
    return wrapped


def tiny_language(*, seed: int = 0) -> LanguageModel:
    torch.manual_seed(seed)
    tokenizer = byte_tokenizer()
    llama = Llama(
        LlamaConfig(
            width=32, layers=2, heads=4, key_heads=2, head_width=8, hidden=48, vocabulary=len(tokenizer), tied=True
        )
    )
    config = LanguageConfig(feature_width=8, kinds=len(KINDS), looks=22, places=11, link_width=16)
    model = LanguageModel(llama, tokenizer, config).eval()
    with torch.no_grad():  # so that answers are more than one letter repeated
        for parameter in (model.mark_in, model.mark_out):
            parameter.normal_(0, 0.3)
        for parameter in llama.layers.parameters():
            if parameter.ndim == 2:
                parameter.mul_(3)
    return model


def some_referents(count: int, *, seed: int = 0) -> Referents:
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator)

    place = draw(count, 11)
    place[:, 3:6] = place[:, 3:6].abs() + 0.1
    place[:, 8:] = place[:, 8:].abs()
    return Referents(
        id=tuple(range(count)),
        embedding=draw(count, 8),
        kind=draw(count, len(KINDS)).softmax(1),
        look=torch.cat([draw(count, 12).softmax(1), draw(count, 10).softmax(1)], dim=1),
        place=place,
        score=draw(count).sigmoid(),
    )
