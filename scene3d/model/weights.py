"""Model folders: a JSON of sizes and safetensors of numbers. No pickle, so that a stranger's model can be opened."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from scene3d.config import from_mapping, to_mapping
from scene3d.errors import InputError
from scene3d.model.detector import Detector, DetectorConfig

DETECTOR_CONFIG, DETECTOR_WEIGHTS = "detector.json", "detector.safetensors"


def save_detector(folder: Path, state: Mapping[str, Tensor], config: DetectorConfig, *, half: bool = True) -> None:
    """Write the state of a detector to `folder`, in half precision unless a training is to go on from it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / DETECTOR_CONFIG).write_text(json.dumps(to_mapping(config), indent=1) + "\n", encoding="utf-8")
    save_tensors(folder / DETECTOR_WEIGHTS, state, half=half)


def load_detector(folder: Path) -> tuple[Detector, DetectorConfig]:
    """The detector of a model folder, in evaluation mode, in single precision.

    Raises:
        InputError: A file is missing, damaged, or its tensors are not those of the configuration.
    """
    try:
        text = (folder / DETECTOR_CONFIG).read_text(encoding="utf-8")
        config = from_mapping(DetectorConfig, json.loads(text), where=str(folder / DETECTOR_CONFIG))
    except (OSError, ValueError) as error:
        raise InputError(f"{folder}: no readable {DETECTOR_CONFIG} ({error}); is this a scene3d model?") from error
    detector = Detector.from_config(config)
    load_tensors(folder / DETECTOR_WEIGHTS, detector)
    return detector.eval(), config


def save_tensors(path: Path, state: Mapping[str, Tensor], *, half: bool) -> None:
    """Write a module's state, whole or not at all."""
    tensors = {
        name: value.to(torch.float16 if half and value.is_floating_point() else value.dtype).contiguous()
        for name, value in state.items()
    }
    partial = path.with_suffix(".partial")
    save_file(tensors, partial)
    partial.replace(path)


def load_tensors(path: Path, module: nn.Module) -> None:
    """Read a module's state.

    Raises:
        InputError: The file is missing or damaged, or names or shapes differ from the module's.
    """
    try:
        state = load_file(path)
        module.load_state_dict(state)
    except Exception as error:  # safetensors raises its own kinds, torch a RuntimeError that lists the keys
        raise InputError(f"{path}: not the weights of this model ({error})") from error
