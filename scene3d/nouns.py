"""English nouns: their plurals."""

from __future__ import annotations

import functools

_PLURAL_ONLY = frozenset((
    "blinds", "window blinds", "venetian blinds", "shades", "drapes", "clothes", "garments", "headphones",
    "earphones", "stairs", "drawers", "steps up", "documents", "weights", "steps",
))  # fmt: skip
_IRREGULAR = {"mouse": "mice", "shelf": "shelves", "bookshelf": "bookshelves"}


def is_plural(noun: str) -> bool:
    """Whether the noun has a plural only."""
    return noun in _PLURAL_ONLY


@functools.cache
def plural(noun: str) -> str:
    """Plural of a noun phrase, its adjectives included."""
    if noun in _PLURAL_ONLY:
        return noun
    head, joint, rest = _parted(noun)
    before, _, last = head.rpartition(" ")
    start = f"{before} " if before else ""
    if last in _IRREGULAR:
        many = _IRREGULAR[last]
    elif last.endswith(("s", "x", "ch", "sh", "z")):
        many = last + "es"
    elif last.endswith("y") and last[-2:-1] not in "aeiou":
        many = last[:-1] + "ies"
    else:
        many = last + "s"
    return start + many + joint + rest


def _parted(noun: str) -> tuple[str, str, str]:
    for joint in (" of ", " in ", " with ", " for ", " on "):
        head, found, rest = noun.partition(joint)
        if found:
            return head, joint, rest
    return noun, "", ""
