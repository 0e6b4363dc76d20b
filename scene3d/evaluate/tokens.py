"""Captions to Penn Treebank tokens, equal to the tokenizer of the COCO caption evaluation, without Java.

The official evaluation lower-cases and splits text with Stanford's PTBTokenizer 3.4.1 and then drops a list of
punctuation marks. The lexer below follows that tokenizer's documented behaviour: of all rules that match at a position
the one that consumes most text, look-ahead included, wins; among equals the one that comes first. Characters that it
does not know are dropped. Captions are lexed as one text, a line each, because an abbreviation at the end of a caption
looks at the beginning of the next ("chair a." before "The ..." loses its period).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from scene3d.evaluate.token_rules import ABBREVIATIONS, RULES

PUNCTUATION = frozenset(
    ["''", "'", "``", "`", "-LRB-", "-RRB-", "-LCB-", "-RCB-", ".", "?", "!", ",", ":", "-", "--", "...", ";"]
)
"""Tokens that the COCO evaluation drops. Brackets are lower-cased before the comparison, so "-lrb-" stays, as there."""


def tokenize(captions: Sequence[str]) -> list[str]:
    """Tokenize captions as `pycocoevalcap.tokenizer.PTBTokenizer` does.

    Args:
        captions: Texts; a line break inside a caption counts as a space.

    Returns:
        For each caption its tokens, lower case, without punctuation, joined by single spaces.
    """
    lines: list[list[str]] = [[] for _ in captions]
    text = "\n".join(_LINE_BREAK.sub(" ", caption) for caption in captions)
    line, position, end = 0, 0, len(text)
    while position < end:
        plain = _PLAIN.match(text, position)
        if plain is not None and (word := plain[1].lower()) not in _NOT_PLAIN:
            lines[line].append(word)
            position = plain.end()
        elif text[position] == "\n":
            line += 1
            position += 1
        elif text[position] in _SPACE:
            position += 1
        else:
            token, position = _longest(text, position)
            token = token.lower()
            if token and token not in PUNCTUATION:
                lines[line].append(token)
    return [" ".join(tokens) for tokens in lines]


def _longest(text: str, position: int) -> tuple[str, int]:
    """The token at `position` and where the next one begins; an empty token where no rule matches."""
    best, rule = None, None
    for candidate in RULES:
        match = candidate.pattern.match(text, position)
        if match is not None and (best is None or match.end() > best.end()):
            best, rule = match, candidate
    if best is None or rule is None:
        return "", position + 1
    token = best["token"]
    kept = token[: len(token) - rule.gives_back]
    return rule.rewrite(kept), position + len(kept)


_SPACE = frozenset(" \t\xa0\u3000\u200b\u200e\u200f\ufeff" + "".join(map(chr, range(0x2000, 0x200B))))
_LINE_BREAK = re.compile("[\n\r\x0b\x0c\u2028\u2029]")
# Most tokens are words between spaces: no rule can take more than the word, unless it is one of these.
_PLAIN = re.compile(r" *([A-Za-z]+)(?=[ \n]|,[ \n]|\.[ \n]|\.?\Z)")
_NOT_PLAIN = ABBREVIATIONS | {"cannot", "gonna", "gotta", "lemme", "gimme", "wanna", *"abcdefghijklmnopqrstuvwxyz"}
