"""Which implementation serves an op: compiled kernels, the torch twins, or spconv."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from importlib.util import find_spec

import torch

from scene3d_ops import native

BACKENDS = ("native", "reference", "spconv")
"""native: C++ on the CPU, Triton on a GPU. reference: plain torch, on any device. spconv: convolutions only."""

_asked: ContextVar[str | None] = ContextVar("scene3d_ops_backend", default=None)


def current(device: torch.device | str = "cpu") -> str:
    """The backend in force for tensors on `device`: the one asked for, else native where it can be had.

    `using` and the environment variable `SCENE3D_OPS_BACKEND` ask.

    Raises:
        ValueError: An unknown backend, or native where there are no kernels for `device`.
    """
    asked = _asked.get() or os.environ.get("SCENE3D_OPS_BACKEND")
    lacking = _native_lacks(torch.device(device))
    if asked is None:
        return "reference" if lacking else "native"
    if _checked(asked) == "native" and lacking:
        raise ValueError(f"the native backend is not here ({lacking}); use 'reference'")
    return asked


@contextmanager
def using(name: str) -> Iterator[None]:
    """Run the body on one backend, as tests and benchmarks do: `with using("reference"): ...`.

    Raises:
        ValueError: An unknown backend.
    """
    token = _asked.set(_checked(name))
    try:
        yield
    finally:
        _asked.reset(token)


def _checked(name: str) -> str:
    if name not in BACKENDS:
        raise ValueError(f"backend {name!r} is not one of {', '.join(BACKENDS)}")
    return name


def _native_lacks(device: torch.device) -> str:
    """Why native kernels cannot serve tensors on `device`; empty where they can."""
    if device.type == "cpu":
        return native.status().reason
    if device.type == "cuda":
        return "" if find_spec("triton") else "Triton is not installed"
    return f"no kernels for {device.type}"
