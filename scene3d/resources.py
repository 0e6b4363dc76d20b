"""Finds what ships with scene3d: samples, presets and weights, from a checkout or from an installed wheel."""

from __future__ import annotations

import os
from pathlib import Path

from scene3d.errors import InputError

_PACKAGE = Path(__file__).resolve().parent


def root() -> Path:
    """The folder that holds `configs/` and `data/`: the checkout if this is one, else `scene3d/share` of the wheel."""
    checkout = _PACKAGE.parent
    return checkout if (checkout / "ops" / "build_native.py").is_file() else _PACKAGE / "share"


def sample(name: str) -> Path:
    """Path of a sample scan, by name.

    Raises:
        InputError: No such sample; the message lists those there are.
    """
    return _named(root() / "data" / "samples", name, "sample")


def samples() -> list[Path]:
    """Paths of all sample scans, by name."""
    folder = root() / "data" / "samples"
    return sorted(p for p in folder.iterdir() if not p.name.startswith(".")) if folder.is_dir() else []


def preset(name: str) -> Path:
    """Path of a preset's YAML, by name without the ending, such as `default` or `synth/default`.

    Raises:
        InputError: No such preset; the message lists those there are.
    """
    return _named(root() / "configs", f"{name}.yaml", "preset")


def weights(name: str) -> Path:
    """Folder of shipped weights, by model name.

    Raises:
        InputError: No such model; the message lists those there are.
    """
    return _named(root() / "data" / "weights", name, "model")


def cache_dir() -> Path:
    """Where converted models and encodings are kept: `SCENE3D_CACHE`, else `~/.cache/scene3d`. Created when missing."""
    folder = Path(os.environ.get("SCENE3D_CACHE") or Path.home() / ".cache" / "scene3d")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _named(folder: Path, name: str, kind: str) -> Path:
    path = (folder / name).resolve()
    if path.exists() and path.is_relative_to(folder.resolve()):
        return path
    here = sorted(p.name for p in folder.glob("*") if not p.name.startswith(".")) if folder.is_dir() else []
    raise InputError(f"no {kind} named {name!r} below {folder}; there are: {', '.join(here) or 'none'}")
