"""A scene as it was read, on disk in safetensors: opened again without touching the user's file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from scene3d.errors import InputError
from scene3d.types import Note, Scene

_TENSORS = ("xyz_m", "rgb", "normal", "faces", "superpoint", "file_from_scene", "scene_point_of_file", "viewpoint_m")


def save_scene(path: Path, scene: Scene) -> None:
    """Write what the model needs of a scene, whole or not at all; frames and annotations are left out."""
    tensors = {name: getattr(scene, name) for name in _TENSORS}
    present = {name: tensor.contiguous() for name, tensor in tensors.items() if tensor is not None}
    notes = json.dumps([[note.topic, note.text] for note in scene.notes])
    partial = path.with_suffix(".partial")
    save_file(present, partial, metadata={"name": scene.name, "notes": notes})
    partial.replace(path)


def encoding_path(scene: Path, model_key: str) -> Path:
    """Where the encoding of a stored scene is kept, by the model that made it; dropped with the scene."""
    return scene.with_name(f"encoding-{model_key}.safetensors")


def load_saved_scene(path: Path) -> Scene:
    """Read what `save_scene` wrote.

    Raises:
        InputError: The file is missing or damaged.
    """
    try:
        with safe_open(path, framework="pt") as file:
            tensors: dict[str, torch.Tensor] = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            metadata = file.metadata() or {}
        notes = tuple(Note(topic=topic, text=text) for topic, text in json.loads(metadata["notes"]))
        return Scene(name=metadata["name"], notes=notes, **cast(dict[str, Any], tensors))
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path.parent.name}: the stored scene is damaged; delete it and upload it again") from error
