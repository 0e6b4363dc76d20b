"""Which implementation serves an op: compiled kernels, the torch twins, or spconv."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from scene3d_ops import native

BACKENDS = ("native", "reference", "spconv")
"""native: C++ on the CPU, Triton on a GPU. reference: plain torch, on any device. spconv: convolutions only."""

_asked: ContextVar[str | None] = ContextVar("scene3d_ops_backend", default=None)


def current() -> str:
    """The backend in force: what `using` or `SCENE3D_OPS_BACKEND` asks for, else native where it can be had.

    Raises:
        ValueError: An unknown backend, or native on a machine without the compiled library.
    """
    asked = _asked.get() or os.environ.get("SCENE3D_OPS_BACKEND")
    if asked is None:
        return "native" if native.available() else "reference"
    return _checked(asked)


@contextmanager
def using(name: str) -> Iterator[None]:
    """Run the body on one backend, as tests and benchmarks do: `with using("reference"): ...`."""
    token = _asked.set(_checked(name))
    try:
        yield
    finally:
        _asked.reset(token)


def _checked(name: str) -> str:
    if name not in BACKENDS:
        raise ValueError(f"backend {name!r} is not one of {', '.join(BACKENDS)}")
    if name == "native" and not native.available():
        raise ValueError(f"the native backend is not here ({native.status().reason}); use 'reference'")
    return name
