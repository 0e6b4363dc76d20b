"""Writing answers, many at once: greedy or sampled, with well-formed markup, each phrase linked as it closes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor

from scene3d.model.language import LanguageModel, Links
from scene3d.model.llama_cache import Cache
from scene3d.model.markup import TOKENS

OPEN, CLOSE, REF = range(len(TOKENS))
LONGEST_PHRASE = 12
"""Tokens after which a phrase is closed."""
_BLOCKED = float("-inf")


@dataclass(frozen=True, slots=True, kw_only=True)
class WritingRules:
    """How answers are written."""

    longest: int = 96
    """Most tokens of an answer."""
    temperature: float = 0.0
    """0: always the likeliest token."""
    seed: int = 0
    unrepeated: int = 7
    """No run of so many tokens is written twice; a small model asked for a list may never end it."""


@dataclass(slots=True)
class Written:
    """An answer as it grows."""

    token: list[int] = field(default_factory=list)
    links: list[Links] = field(default_factory=list)
    """One for each phrase that has closed."""
    inside: int = -1
    """Tokens of the open phrase so far, -1 outside."""
    closing: bool = False
    """`<ref>` was written, `</p>` must follow."""
    sentences: int | None = None
    """How many more it may end; None for any number. An answer of so many says one thing in each but the first."""
    ended: int = 0
    """Sentences so far, where they are counted."""
    done: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What one question got in one step."""

    row: int
    token: int | None
    """A token of text; None where markup was written or the answer ended."""
    opened: bool = False
    """A phrase begins."""
    links: Links | None = None
    """Set where a phrase was closed and linked."""
    done: bool = False


Linker = Callable[[list[int], list[Written], Float[Tensor, "k c"]], list[Links]]
"""Rows, their answers so far, and the states at their `<ref>`: what the phrases link to."""


@torch.no_grad()
def write(
    model: LanguageModel,
    cache: Cache,
    first: int,
    asking: list[Tensor],
    linker: Linker,
    rules: WritingRules,
    *,
    sentences: list[int | None] | None = None,
) -> Iterator[Step]:
    """Answer questions that follow one scene's prefix.

    Args:
        model: In evaluation mode.
        cache: The read prefix.
        first: Position of the first token after it.
        asking: Embeddings of each question, (t, c), from the first token after the prefix; they do not see each other.
        linker: Says what a phrase links to.
        rules: How to write.
        sentences: Most sentences of each answer; None, there or at all, for any number.

    Yields:
        Every question's tokens, links and end, as they come.
    """
    count = len(asking)
    longest = max(len(one) for one in asking)
    own = cache.branch(batch=count, capacity=longest + rules.longest + 2)
    length = torch.tensor([len(one) for one in asking])
    real = torch.arange(longest) < length[:, None]
    x = torch.stack([torch.nn.functional.pad(one, (0, 0, 0, longest - len(one))) for one in asking])
    position = first + torch.arange(longest).expand(count, -1)
    state = model.llama(x, position=position, cache=own, real=real)
    state = state[torch.arange(count), length - 1]
    answers = [Written(sentences=most) for most in sentences or [None] * count]
    place = first + length
    generator = torch.Generator().manual_seed(rules.seed)
    end, (stop, comma) = model.tokenizer.eos_token_id, model.tokenizer.convert_tokens_to_ids([".", ","])
    for written in range(rules.longest):
        score = _allowed(model.logits(state), answers, end, rules.longest - written)
        for row, answer in enumerate(answers):
            if answer.inside < 0 and not (answer.done or answer.closing):
                score[row, _repeating(answer.token, rules.unrepeated)] = _BLOCKED
                if answer.ended and answer.sentences:
                    score[row, comma] = _BLOCKED
        token = _choose(score, rules, generator)
        yield from _take(token.tolist(), answers, model.first_mark, end, stop)
        if all(answer.done for answer in answers):
            return
        state = model.llama(model.embed(token[:, None]), position=place[:, None], cache=own)[:, 0]
        place = place + 1
        closing = [row for row, answer in enumerate(answers) if answer.closing and not answer.done]
        if closing:
            for row, links in zip(closing, linker(closing, answers, state[closing]), strict=True):
                answers[row].links.append(links)
                yield Step(row=row, token=None, links=links)


def _allowed(score: Float[Tensor, "b v"], answers: list[Written], end: int, left: int) -> Float[Tensor, "b v"]:
    """Forbid what would break the markup: inside a phrase only text until `<ref>`, then `</p>`; outside, no closing."""
    marks = score.shape[1] - len(TOKENS)
    for row, answer in enumerate(answers):
        ended = answer.done or answer.sentences == 0
        if ended or answer.closing:
            only = end if ended else marks + CLOSE
            score[row] = _BLOCKED
            score[row, only] = 0.0
        elif answer.inside < 0:
            score[row, marks + CLOSE] = score[row, marks + REF] = _BLOCKED
            if left < LONGEST_PHRASE + 4:  # no room for a phrase that must end
                score[row, marks + OPEN] = _BLOCKED
        elif answer.inside >= LONGEST_PHRASE:
            score[row] = _BLOCKED
            score[row, marks + REF] = 0.0
        else:
            score[row, marks + OPEN] = score[row, marks + CLOSE] = score[row, end] = _BLOCKED
            if answer.inside == 0:
                score[row, marks + REF] = _BLOCKED
    return score


def _repeating(token: list[int], run: int) -> list[int]:
    """Tokens that would end a run which is there already."""
    last = token[len(token) - run + 1 :]
    return [token[i + run - 1] for i in range(len(token) - run + 1) if token[i : i + run - 1] == last]


def _choose(score: Float[Tensor, "b v"], rules: WritingRules, generator: torch.Generator) -> Tensor:
    if rules.temperature <= 0:
        return score.argmax(1)
    return torch.multinomial((score / rules.temperature).softmax(1), 1, generator=generator)[:, 0]


def _take(token: list[int], answers: list[Written], marks: int, end: int, stop: int) -> Iterator[Step]:
    """Write one token to every answer that is not done."""
    for row, (one, answer) in enumerate(zip(token, answers, strict=True)):
        if answer.done:
            continue
        if one == end:
            answer.done = True
            yield Step(row=row, token=None, done=True)
            continue
        answer.token.append(one)
        if one < marks:
            answer.inside += answer.inside >= 0
            if one == stop and answer.inside < 0 and answer.sentences is not None:
                answer.sentences -= 1
                answer.ended += 1
            yield Step(row=row, token=one)
        elif one == marks + OPEN:
            answer.inside = 0
            yield Step(row=row, token=None, opened=True)
        elif one == marks + REF:
            answer.closing, answer.inside = True, -1
        else:
            answer.closing = False
