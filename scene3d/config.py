"""Dataclasses hold the defaults; a YAML file holds overrides only, and an unknown key is an error."""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

import yaml

from scene3d import resources
from scene3d.errors import ConfigError

T = TypeVar("T")


def load_config(kind: type[T], source: str | Path) -> T:
    """Build the dataclass `kind` from a YAML file of overrides.

    Args:
        kind: A dataclass, nested dataclasses allowed, all fields with defaults. A nested one may be given as the name
            of a preset or a YAML file of its own.
        source: Path of a YAML file, or the name of a shipped preset such as `detector/default`.

    Raises:
        ConfigError: Unreadable YAML, an unknown key, or a value of the wrong type; the key's full path is named.
        InputError: Neither a file nor a preset.
    """
    path = Path(source) if Path(source).suffix in (".yaml", ".yml") else resources.preset(str(source))
    try:
        overrides = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f"{path}: cannot be read as YAML: {error}") from error
    return from_mapping(kind, {} if overrides is None else overrides, where=str(path))


def from_mapping(kind: type[T], overrides: object, *, where: str = "config") -> T:
    """Build the dataclass `kind` from a mapping of overrides; see `load_config`."""
    if not isinstance(overrides, Mapping):
        raise ConfigError(f"{where}: expected a mapping of settings, found {type(overrides).__name__} {overrides!r}")
    hints = get_type_hints(kind)
    unknown = [key for key in overrides if key not in hints]
    if unknown:
        raise ConfigError(f"{where}: unknown setting {unknown[0]!r}; there are: {', '.join(hints)}")
    values = {key: _converted(hints[key], value, f"{where}: {key}") for key, value in overrides.items()}
    try:
        return kind(**values)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{where}: {error}") from error


def to_mapping(config: object) -> dict[str, Any]:
    """The settings as plain dicts, lists and scalars, for JSON, YAML and checkpoints."""
    return dataclasses.asdict(config)  # type: ignore[call-overload]


def _converted(hint: Any, value: Any, where: str) -> Any:
    if dataclasses.is_dataclass(hint):
        if isinstance(value, str):
            return load_config(hint, value)  # type: ignore[arg-type]
        return from_mapping(hint, value, where=where)  # type: ignore[arg-type]
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        if value is None and type(None) in inner:
            return None
        return _converted(next(h for h in inner if h is not type(None)), value, where)
    if origin is tuple and isinstance(value, (list, tuple)):
        item_hints = [inner[0]] * len(value) if inner[1:] == (...,) else list(inner)
        if len(item_hints) != len(value):
            raise ConfigError(f"{where}: expected {len(item_hints)} values, found {value!r}")
        return tuple(_converted(h, v, f"{where}[{i}]") for i, (h, v) in enumerate(zip(item_hints, value, strict=True)))
    if origin is dict and isinstance(value, Mapping):
        return {_converted(inner[0], k, where): _converted(inner[1], v, f"{where}.{k}") for k, v in value.items()}
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if hint is Path and isinstance(value, str):
        return Path(value)
    plain = hint if isinstance(hint, type) else None
    if plain is None or not isinstance(value, plain) or (plain is not bool and isinstance(value, bool)):
        name = getattr(hint, "__name__", str(hint))
        raise ConfigError(f"{where}: expected {name}, found {type(value).__name__} {value!r}")
    return value
