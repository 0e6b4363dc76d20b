"""Ways of saying things, from the tables in `phrasing/`; a fifth of each list is kept for testing."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random

import yaml

from scene3d.errors import InputError

SHORT_ANSWER = "Answer with a word or a phrase."
"""Ends a question that wants the bare answer."""
_FOLDER = Path(__file__).parent / "phrasing"
_SLOT = re.compile(r" ?\[([^\]]*)\]")


def phrase(rng: Random, key: str, *, heldout: bool) -> tuple[str, str]:
    """One way of saying `key`, and its name.

    Returns:
        The name (`nearest/3`, `nearest/h0` where held out) and the text with its slots. A key that has nothing held
        out (answers) gives the same for testing.
    """
    ways = _table()[key]
    chosen, mark = (ways["heldout"], "h") if heldout and ways.get("heldout") else (ways["train"], "")
    index = rng.randrange(len(chosen))
    return f"{key}/{mark}{index}", chosen[index]


def said(rng: Random, key: str, slots: Mapping[str, str], *, heldout: bool) -> str:
    """A way of saying `key` with its slots filled."""
    return phrase(rng, key, heldout=heldout)[1].format_map(slots)


def ways_of(key: str, *, heldout: bool) -> tuple[str, ...]:
    """All ways of saying `key`, for training or held out.

    Raises:
        InputError: No such key.
    """
    if key not in _table():
        raise InputError(f"no phrasing {key!r}; there are: {', '.join(sorted(_table()))}")
    return tuple(_table()[key].get("heldout" if heldout else "train", ()))


def keys() -> tuple[str, ...]:
    """All that there are ways of saying."""
    return tuple(_table())


def sought(text: str, slots: Mapping[str, str]) -> str:
    """What a way of saying calls the thing that is sought, without its article; "" where it does not.

    >>> sought("{at} is near {a}", {"t": "red chair", "ts": "chairs", "at": "a red chair", "a": "the desk"})
    'red chair'
    """
    for slot, word in (("t", "t"), ("at", "t"), ("ts", "ts"), ("n", "n")):
        if f"{{{slot}}}" in text:
            return slots[word]
    return ""


def marked(text: str) -> str:
    """Answer text with `[phrase]` turned into markup: `the<p> chair<ref></p>`, the space where tokenisers want it."""

    def link(match: re.Match[str]) -> str:
        space = " " if match.group(0).startswith(" ") else ""
        return f"<p>{space}{match.group(1)}<ref></p>"

    return _SLOT.sub(link, text)


def listed(parts: Sequence[str]) -> str:
    """`a, b and c`."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


@functools.cache
def _table() -> dict[str, dict[str, list[str]]]:
    table: dict[str, dict[str, list[str]]] = {}
    for path in sorted(_FOLDER.glob("*.yaml")):
        ways = yaml.load(path.read_text(encoding="utf-8"), yaml.CSafeLoader)
        if table.keys() & ways.keys():
            raise InputError(f"{path}: {sorted(table.keys() & ways.keys())} are already in another table")
        table |= ways
    return table
