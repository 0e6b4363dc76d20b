"""scene3d: a scan and a sentence in, a sentence whose phrases are linked to objects in the scan out."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scene3d.errors import ConfigError, InputError, MissingDependencyError, Scene3DError
    from scene3d.io import load_scene
    from scene3d.model.grounder import Grounder, Session
    from scene3d.types import Frame, Note, Proposals, Scene, Truth, TruthObject

_HOMES = {
    "load_scene": "scene3d.io",
    **dict.fromkeys(("Grounder", "Session"), "scene3d.model.grounder"),
    **dict.fromkeys(("ConfigError", "InputError", "MissingDependencyError", "Scene3DError"), "scene3d.errors"),
    **dict.fromkeys(("Frame", "Note", "Proposals", "Scene", "Truth", "TruthObject"), "scene3d.types"),
}

__all__ = [
    "ConfigError",
    "Frame",
    "Grounder",
    "InputError",
    "MissingDependencyError",
    "Note",
    "Proposals",
    "Scene",
    "Scene3DError",
    "Session",
    "Truth",
    "TruthObject",
    "load_scene",
]


def __getattr__(name: str) -> object:
    """Import a public name when it is first used: the evaluators and `--help` need no torch."""
    if name not in _HOMES:
        raise AttributeError(f"module 'scene3d' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
