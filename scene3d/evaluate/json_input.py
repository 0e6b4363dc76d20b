"""JSON files as evaluators read them: a key that comes twice is an error, not a silent overwrite."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scene3d.errors import InputError


def read_json(path: Path) -> Any:
    """Parse a JSON file.

    Raises:
        InputError: Unreadable, no JSON, or an object that holds the same key twice.
    """
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"), object_pairs_hook=_without_duplicates)
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise InputError(f"{path}: cannot be read as JSON: {error}") from error
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def as_mapping(value: Any, *, where: str) -> Mapping[str, Any]:
    """The value as a JSON object.

    Raises:
        InputError: It is something else.
    """
    if not isinstance(value, Mapping):
        raise InputError(f"{where}: expected a JSON object, found {type(value).__name__} {value!r:.60}")
    return value


def as_records(value: Any, *, where: str) -> list[Mapping[str, Any]]:
    """The value as a JSON list of objects.

    Raises:
        InputError: It is something else.
    """
    if not isinstance(value, list):
        raise InputError(f"{where}: expected a JSON list of records, found {type(value).__name__}")
    return [as_mapping(record, where=f"{where}: record {i}") for i, record in enumerate(value)]


def entry(record: Mapping[str, Any], key: str, *, where: str) -> Any:
    """One entry of a record.

    Raises:
        InputError: The record lacks it; the message lists what it has.
    """
    if key not in record:
        raise InputError(f"{where}: lacks {key!r}; it has {', '.join(map(str, record)) or 'nothing'}")
    return record[key]


def as_text(value: Any, *, where: str) -> str:
    """The value as text.

    Raises:
        InputError: It is no text.
    """
    if not isinstance(value, str):
        raise InputError(f"{where}: expected a text, found {type(value).__name__} {value!r:.60}")
    return value


def as_number(value: Any, *, where: str, low: float = -math.inf, high: float = math.inf) -> float:
    """The value as a finite number between `low` and `high`.

    Raises:
        InputError: It is no number, not finite or out of range.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise InputError(f"{where}: expected a finite number, found {value!r:.60}")
    if not low <= value <= high:
        raise InputError(f"{where}: {value} is not between {low:g} and {high:g}")
    return float(value)


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise InputError(f"{twice!r} occurs twice in one object; each id is scored once")
    return result
