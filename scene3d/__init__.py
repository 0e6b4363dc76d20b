"""scene3d: a scan and a sentence in, a sentence whose phrases are linked to objects in the scan out."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scene3d.errors import ConfigError, InputError, MissingDependencyError, Scene3DError
    from scene3d.io import load_scene
    from scene3d.model.grounder import Grounder
    from scene3d.model.session import Session
    from scene3d.types import (
        Frame,
        GroundedText,
        Note,
        ObjectLink,
        Phrase,
        Plan,
        PlanStep,
        Proposals,
        Referents,
        Scene,
        Truth,
        TruthObject,
        Violation,
    )

_TYPES = (
    "Frame",
    "GroundedText",
    "Note",
    "ObjectLink",
    "Phrase",
    "Plan",
    "PlanStep",
    "Proposals",
    "Referents",
    "Scene",
    "Truth",
    "TruthObject",
    "Violation",
)
_HOMES = {
    "load_scene": "scene3d.io",
    "Grounder": "scene3d.model.grounder",
    "Session": "scene3d.model.session",
    **dict.fromkeys(("ConfigError", "InputError", "MissingDependencyError", "Scene3DError"), "scene3d.errors"),
    **dict.fromkeys(_TYPES, "scene3d.types"),
}

__all__ = [
    "ConfigError",
    "Frame",
    "GroundedText",
    "Grounder",
    "InputError",
    "MissingDependencyError",
    "Note",
    "ObjectLink",
    "Phrase",
    "Plan",
    "PlanStep",
    "Proposals",
    "Referents",
    "Scene",
    "Scene3DError",
    "Session",
    "Truth",
    "TruthObject",
    "Violation",
    "load_scene",
]


def __getattr__(name: str) -> object:
    """Import a public name when it is first used: the evaluators and `--help` need no torch."""
    if name not in _HOMES:
        raise AttributeError(f"module 'scene3d' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
