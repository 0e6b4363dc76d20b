"""Results for people and for programs: a table on the terminal, JSON in a file."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from scene3d.errors import InputError


def print_table(title: str, rows: Mapping[str, Mapping[str, float | None]], *, scale: float = 100.0) -> None:
    """Print rows of numbers under their keys; numbers that are not defined show as a dash.

    Args:
        title: Above the table.
        rows: Row name → column name → value; columns in order of first appearance.
        scale: What values are multiplied with: 100 for fractions as per cent.
    """
    table = Table(title=title, title_justify="left")
    columns = list(dict.fromkeys(name for row in rows.values() for name in row))
    table.add_column("")
    for name in columns:
        table.add_column(name, justify="right")
    for name, row in rows.items():
        table.add_row(name, *(_cell(row.get(column), scale) for column in columns))
    Console().print(table)


def write_json(result: Mapping[str, Any], path: Path | None) -> None:
    """Write a result as JSON, `null` where a number is not defined; nothing where `path` is None.

    Raises:
        InputError: The file cannot be written.
    """
    if path is None:
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(_plain(result), indent=2, allow_nan=False) + "\n", encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror or error}") from error


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _cell(value: float | None, scale: float) -> str:
    return "–" if value is None or math.isnan(value) else f"{value * scale:.1f}"
