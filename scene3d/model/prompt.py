"""Prompts: a question with its note as tokens, the same in training and in use."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from scene3d.model.language import LanguageModel
from scene3d.model.markup import CLOSE, OPEN, REF, slots
from scene3d.model.question import Question

_USER, _NOTE, _ANSWER, _END = "<|im_start|>user\n", "<|im_start|>note\n", "<|im_start|>assistant\n", "<|im_end|>\n"
LONGEST_QUESTION = 1536
"""Tokens of a question; what is longer loses its middle."""


def question_tokens(
    model: LanguageModel,
    question: Question,
    *,
    words: list[str],
    note: str,
) -> list[int]:
    """Tokens from the end of the scene's prefix to the start of the answer; -1 - i stands for referent i.

    Args:
        model: Its tokenizer is used.
        question: What is asked.
        words: What to call each referent.
        note: What perception says.
    """
    tokens: list[int] = []
    for said in question.before:
        tokens += [*model.tokens(_USER, special=True), *model.tokens(said.user), *model.tokens(_END, special=True)]
        tokens += [*model.tokens(_ANSWER, special=True), *model.tokens(said.answer), *model.tokens(_END, special=True)]
    parts = slots(question.text, len(question.select))
    asked = model.tokens(parts[0])
    for row, part in zip(question.select, parts[1:], strict=True):
        asked += [-1 - row, *model.tokens(f" {words[row]}"), *model.tokens(part)]
    if len(asked) > LONGEST_QUESTION:
        asked = asked[: LONGEST_QUESTION // 2] + asked[-LONGEST_QUESTION // 2 :]
    tokens += [*model.tokens(_USER, special=True), *asked, *model.tokens(_END, special=True)]
    tokens += [*model.tokens(_NOTE, special=True), *model.tokens(note), *model.tokens(_END, special=True)]
    return tokens + model.tokens(_ANSWER, special=True)


def answer_tokens(model: LanguageModel, marked: str) -> list[int]:
    """Tokens of an answer with its marks, and its end."""
    marks = {OPEN: 0, CLOSE: 1, REF: 2}
    tokens: list[int] = []
    rest = marked
    while rest:
        places = [(rest.find(mark), mark) for mark in marks if mark in rest]
        if not places:
            tokens += model.tokens(rest)
            break
        at, mark = min(places)
        tokens += [*model.tokens(rest[:at]), model.first_mark + marks[mark]] if at else [model.first_mark + marks[mark]]
        rest = rest[at + len(mark) :]
    return [*tokens, model.tokenizer.eos_token_id]


def embed_tokens(model: LanguageModel, tokens: list[int], soft: Float[Tensor, "r c"]) -> Float[Tensor, "t c"]:
    """Embeddings of tokens, referents among them."""
    token = torch.tensor(tokens)
    x = model.embed(token.clamp_min(0))
    if bool((token < 0).any()):
        x = torch.where((token < 0)[:, None], soft[(-1 - token).clamp_min(0)], x)
    return x
