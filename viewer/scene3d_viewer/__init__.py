"""Shows scans and answers: layers that a still picture, a page or a window draw alike."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scene3d_viewer.layers import Layers, layers_of
    from scene3d_viewer.page import write_page
    from scene3d_viewer.session import Exchange, ViewedSession
    from scene3d_viewer.stills import contact_sheet, picture

_HOMES = {
    "Layers": "scene3d_viewer.layers",
    "layers_of": "scene3d_viewer.layers",
    "write_page": "scene3d_viewer.page",
    "Exchange": "scene3d_viewer.session",
    "ViewedSession": "scene3d_viewer.session",
    "contact_sheet": "scene3d_viewer.stills",
    "picture": "scene3d_viewer.stills",
}

__all__ = ["Exchange", "Layers", "ViewedSession", "contact_sheet", "layers_of", "picture", "write_page"]


def __getattr__(name: str) -> object:
    """Import a public name when it is used, so that listing the commands needs no torch."""
    if name not in _HOMES:
        raise AttributeError(f"module 'scene3d_viewer' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
