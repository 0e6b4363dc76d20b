"""Checkpoints: all that a training needs to go on as if it had never stopped. Written whole or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from scene3d.errors import ConfigError

NAME = "checkpoint.pt"


def save(folder: Path, state: dict[str, Any]) -> None:
    """Write `state` to `folder`; a crash in the middle leaves the previous checkpoint."""
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / f"{NAME}.partial"
    torch.save(state, partial)
    partial.replace(folder / NAME)


def load(folder: Path, *, config: dict[str, Any]) -> dict[str, Any] | None:
    """The checkpoint of `folder`, or None if there is none yet.

    Raises:
        ConfigError: It was written by a run with another configuration, so that going on would be neither run.
    """
    path = folder / NAME
    if not path.is_file():
        return None
    state = torch.load(path, map_location="cpu", weights_only=True)
    for key, value in config.items():
        if state["config"].get(key) != value:
            raise ConfigError(
                f"{path}: written with {key} = {state['config'].get(key)!r}, now {value!r}; "
                "choose another output folder, or the old setting"
            )
    return state
