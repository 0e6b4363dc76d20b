"""Linked phrases: `the<p> armchair<ref></p>` in what the model writes, plain text and spans in what people see."""

from __future__ import annotations

import re
from dataclasses import dataclass

OPEN, CLOSE, REF = "<p>", "</p>", "<ref>"
TOKENS = (OPEN, CLOSE, REF)
_PHRASE = re.compile(r"<p>((?:(?!</?p>|<ref>).)*)<ref></p>", re.DOTALL)
_MARK = re.compile(r"</?p>|<ref>")


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Where a phrase stands in the shown text."""

    start: int
    end: int


def shown(marked: str) -> tuple[str, tuple[Span, ...]]:
    """Text as people see it, and the span of each phrase in it.

    A phrase's own leading and trailing blanks stand outside its span. Marks that belong to no well-formed phrase are
    dropped.
    """
    text, spans, at = "", [], 0
    for match in _PHRASE.finditer(marked):
        text += _MARK.sub("", marked[at : match.start()])
        inner = match.group(1)
        start = len(text) + len(inner) - len(inner.lstrip())
        text += inner
        spans.append(Span(start=start, end=start + len(inner.strip())))
        at = match.end()
    text += _MARK.sub("", marked[at:])
    lead = len(text) - len(text.lstrip())
    text = text.strip()
    return text, tuple(Span(start=_within(s.start - lead, text), end=_within(s.end - lead, text)) for s in spans)


def _within(at: int, text: str) -> int:
    return min(max(at, 0), len(text))


def marked(text: str, spans: tuple[Span, ...]) -> str:
    """The markup that `shown` reads back: a phrase takes the blank before it inside, as the tokeniser wants it."""
    out, at = "", 0
    for span in spans:
        start = span.start - 1 if span.start > at and text[span.start - 1] == " " else span.start
        out += f"{text[at:start]}{OPEN}{text[start : span.end]}{REF}{CLOSE}"
        at = span.end
    return out + text[at:]


def slots(question: str, count: int) -> tuple[str, ...]:
    """A question cut at the `<ref>` that stand for `count` selected objects: one part more than there are objects.

    The first `count` of them are slots, further ones are plain text, and where there are too few, the rest of the
    objects is appended.
    """
    parts = question.split(REF, count)
    while len(parts) <= count:
        parts.append("")
    return tuple(parts)
