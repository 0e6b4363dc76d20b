"""What people call things: the words that training uses, and others that are kept for testing."""

from __future__ import annotations

import csv
import functools
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """Words for the things of one label."""

    train: tuple[str, ...]
    """The first is the plainest."""
    heldout: tuple[str, ...]
    """Never in a training, in no form."""


@functools.cache
def names_of(label: str) -> Names:
    """Words for a ScanNet200 label; the label itself, and nothing held out, where the table has none."""
    return _table().get(label, Names(train=(label,), heldout=()))


@functools.cache
def _table() -> dict[str, Names]:
    with (Path(__file__).parent / "names.csv").open(encoding="utf-8", newline="") as file:
        return {
            row["label"]: Names(train=tuple(row["train"].split(";")), heldout=tuple(row["heldout"].split(";")))
            for row in csv.DictReader(file)
        }
