"""`scene3d doctor`: what this installation can do, and what a scan looks like to it."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import tyro

_LIBRARIES = ("torch", "numpy", "scipy", "trimesh", "open3d", "open3d-cpu", "transformers")
_EXTRAS = {
    "las": ("laspy", "LAS and LAZ files"),
    "e57": ("pye57", "E57 files"),
    "cuda": ("spconv", "spconv convolutions"),
    "ray": ("ray", "distributed generation"),
}


def doctor(
    scan: Annotated[Path | None, tyro.conf.Positional] = None,
    *,
    up_axis: str | None = None,
    unit: str | None = None,
    max_points: int = 2_000_000,
) -> None:
    """Report what is installed; with a scan, how it is read: its size, what it holds and what was decided about it.

    Args:
        scan: File or folder of a scan.
        up_axis: The file's axis that points up: x, y, z, -x, -y or -z; found if not given.
        unit: m, cm, mm, ft, in, or metres per unit; found if not given.
        max_points: Scans of more points are merged to at most this many.
    """
    from rich.console import Console

    lines = installation() if scan is None else scan_report(scan, up_axis=up_axis, unit=unit, max_points=max_points)
    console = Console(soft_wrap=True)
    width = max(len(name) for name, _ in lines)
    for name, text in lines:
        console.print(f"{name:<{width}}  {text}", highlight=False, markup=False)


def installation() -> list[tuple[str, str]]:
    """Versions, kernels, threads, extras and weights, as pairs of a name and a plain sentence."""
    import torch

    from scene3d import resources
    from scene3d_ops import backend, native

    status = native.status()
    kernels = f"compiled, {status.instruction_set} ({status.path})"
    if status.path is None:
        kernels = f"none: {status.reason}; the torch twins serve, slower. A C++ compiler and a reinstall bring them"
    folder = resources.root() / "data" / "weights"
    models = sorted(p.name for p in folder.iterdir() if p.is_dir()) if folder.is_dir() else []
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "none"
    threads = f"{torch.get_num_threads()} of {os.cpu_count()} processors (OMP_NUM_THREADS overrides)"
    return [
        ("scene3d", _version("scene3d") or "not installed, run from its sources"),
        ("python", f"{platform.python_version()} on {platform.system()} {platform.machine()}"),
        *((name, version) for name in _LIBRARIES if (version := _version(name))),
        ("kernels", kernels),
        ("backend", backend.current()),
        ("threads", threads),
        ("gpu", gpu),
        *((f"extra {name}", _extra(name, *about)) for name, about in _EXTRAS.items()),
        ("weights", ", ".join(models) or f"none in {folder}"),
    ]


def scan_report(
    scan: Path, *, up_axis: str | None = None, unit: str | None = None, max_points: int = 2_000_000
) -> list[tuple[str, str]]:
    """Load a scan and describe it, as pairs of a name and a plain sentence.

    Raises:
        InputError: The scan cannot be used.
    """
    from scene3d.io.load import load_scene

    scene = load_scene(scan, up_axis=up_axis, unit=_unit(unit), max_points=max_points)
    low, high = scene.xyz_m.min(dim=0).values.tolist(), scene.xyz_m.max(dim=0).values.tolist()
    lines = [
        ("scan", f"{scene.name} ({scan})"),
        ("points", f"{len(scene.xyz_m):,}{'' if scene.rgb is None else ', coloured'}"),
        ("faces", f"{0 if scene.faces is None else len(scene.faces):,}"),
        ("extent", " × ".join(f"{b - a:.2f}" for a, b in zip(low, high, strict=True)) + " m (x, y, z; z is up)"),
        ("from, to", f"({', '.join(f'{v:.2f}' for v in low)}) to ({', '.join(f'{v:.2f}' for v in high)}) m"),
    ]
    if len(scene.frames):
        lines.append(("frames", f"{len(scene.frames):,} posed pictures"))
    if scene.superpoint is not None:
        lines.append(("superpoints", f"{int(scene.superpoint.max()) + 1:,}"))
    if scene.truth is not None:
        lines.append(("objects", f"{len(scene.truth.objects)} annotated"))
    if scene.fields:
        lines.append(("fields", ", ".join(scene.fields)))
    return lines + [(f"note: {note.topic}", note.text) for note in scene.notes]


def _unit(text: str | None) -> str | float | None:
    """A unit's name, or the number that was typed."""
    if text is None:
        return None
    try:
        return float(text)
    except ValueError:
        return text


def _extra(name: str, module: str, purpose: str) -> str:
    if importlib.util.find_spec(module) is not None:
        return f"present: {purpose}"
    return f"absent: {purpose}; `pip install 'scene3d[{name}]'` brings it"


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


COMMANDS: dict[str, Callable[..., None]] = {"doctor": doctor}
