"""Loads the compiled kernels: the only place that knows about ctypes, thread counts and which OpenMP runtime serves."""

from __future__ import annotations

import ctypes
import functools
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

ABI = 2
"""Raised with every change of a C signature; a library of another age is refused, not called."""

INSTRUCTION_SETS = ("plain", "avx2", "avx512", "avx512bf16")
"""From the least to the best; the library knows them by their place here."""

_DTYPES = {
    torch.float32,
    torch.float64,
    torch.int32,
    torch.int64,
    torch.uint8,
    torch.bool,
    torch.bfloat16,
}
_ARRAY_DTYPES = {np.dtype(t) for t in (np.float32, np.float64, np.int32, np.int64, np.uint8, np.bool_)}


@dataclass(frozen=True, slots=True, kw_only=True)
class NativeStatus:
    """What `scene3d doctor` tells about the compiled kernels."""

    path: Path | None
    instruction_set: str
    """The best of `INSTRUCTION_SETS` that serves here, or "none" without a library."""
    reason: str
    """Why there is no library; empty where there is one."""


@functools.cache
def status() -> NativeStatus:
    """Load the library once and say how that went."""
    name = "_native.dylib" if sys.platform == "darwin" else "_native.so"
    path = Path(__file__).parent / name
    if not path.is_file():
        return NativeStatus(path=None, instruction_set="none", reason="not compiled at install time")
    try:
        _bring_openmp(path)
        lib = ctypes.CDLL(str(path))
        if lib.scene3d_abi() != ABI:
            raise OSError(f"built for ABI {lib.scene3d_abi()}, this package needs {ABI}; reinstall scene3d")
    except (OSError, AttributeError) as error:
        return NativeStatus(path=None, instruction_set="none", reason=f"{path}: {error}")
    asked = os.environ.get("SCENE3D_OPS_ISA")
    if asked is not None:
        lib.scene3d_limit_isa(_level(asked))
    return NativeStatus(path=path, instruction_set=_serving(lib), reason="")


def available() -> bool:
    """Whether the compiled kernels can be called."""
    return status().path is not None


@contextmanager
def at_most(instruction_set: str) -> Iterator[str]:
    """Run the body on one of `INSTRUCTION_SETS` or, where the processor lacks it, on the best it has.

    For tests and benchmarks, and not per thread: the whole process changes. The environment variable `SCENE3D_OPS_ISA`
    does the same from outside.

    Yields:
        The set that serves.

    Raises:
        ValueError: No such instruction set.
    """
    lib, before = library(), _level(status().instruction_set)
    lib.scene3d_limit_isa(_level(instruction_set))
    try:
        yield _serving(lib)
    finally:
        lib.scene3d_limit_isa(before)


@functools.cache
def library() -> ctypes.CDLL:
    """The loaded library; its thread count is set to torch's before each call through `call`."""
    path = status().path
    if path is None:
        raise OSError(status().reason)
    return ctypes.CDLL(str(path))


def call(name: str, *arguments: Tensor | np.ndarray | int | float | bool | None) -> int:
    """Call the C function `name`.

    Tensors and arrays go as pointers, int as int64, float as float, None as a null pointer. Every C function returns
    int64: 0 or a count on success. Each tensor or array must be contiguous and on the CPU.

    Raises:
        ValueError: A tensor is not contiguous or not on the CPU: a fault of the calling op, never of its user.
    """
    lib = library()
    function = lib[name]  # a fresh object each time: argument types differ from call to call
    function.restype = ctypes.c_int64
    lib.scene3d_set_threads(ctypes.c_int64(torch.get_num_threads()))
    return function(*map(_as_c, arguments))


def _as_c(argument: Tensor | np.ndarray | int | float | bool | None) -> object:
    if argument is None:
        return ctypes.c_void_p(None)
    if isinstance(argument, Tensor):
        if not argument.is_contiguous() or argument.device.type != "cpu" or argument.dtype not in _DTYPES:
            raise ValueError(f"kernel argument {tuple(argument.shape)} {argument.dtype} must be contiguous on the CPU")
        return ctypes.c_void_p(argument.data_ptr())
    if isinstance(argument, np.ndarray):
        if not argument.flags.c_contiguous or argument.dtype not in _ARRAY_DTYPES:
            raise ValueError(f"kernel argument {argument.shape} {argument.dtype} must be contiguous")
        return ctypes.c_void_p(argument.ctypes.data)
    return ctypes.c_float(argument) if isinstance(argument, float) else ctypes.c_int64(int(argument))


def _level(instruction_set: str) -> ctypes.c_int64:
    if instruction_set not in INSTRUCTION_SETS:
        raise ValueError(f"instruction set {instruction_set!r} is not one of {', '.join(INSTRUCTION_SETS)}")
    return ctypes.c_int64(INSTRUCTION_SETS.index(instruction_set))


def _serving(lib: ctypes.CDLL) -> str:
    lib.scene3d_isa.restype = ctypes.c_char_p
    return lib.scene3d_isa().decode()


def _bring_openmp(path: Path) -> None:
    """Bring an OpenMP runtime into the global scope: torch's own, so that one thread pool serves both."""
    if sys.platform == "darwin":
        return
    for candidate in (*mapped_openmp(), "libgomp.so.1"):
        try:
            ctypes.CDLL(candidate, mode=ctypes.RTLD_GLOBAL)
        except OSError:
            continue
        return
    raise OSError(f"{path.name} needs an OpenMP runtime and none was found; install libgomp1")


def mapped_openmp() -> list[str]:
    """Paths of the OpenMP runtimes that this process has in memory, torch's own first (it is imported above)."""
    maps = Path("/proc/self/maps")
    if not maps.exists():
        return []
    files = {line.split()[-1] for line in maps.read_text().splitlines() if "gomp" in line or "iomp" in line}
    return sorted((f for f in files if f.startswith("/")), key=lambda f: "/torch/lib/" not in f)
