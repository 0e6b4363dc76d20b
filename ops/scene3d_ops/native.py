"""Loads the compiled kernels: the only place that knows about ctypes, thread counts and which OpenMP runtime serves."""

from __future__ import annotations

import ctypes
import functools
import sys
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

ABI = 1
"""Raised with every change of a C signature; a library of another age is refused, not called."""

_TYPES = {
    torch.float32: ctypes.c_float,
    torch.float64: ctypes.c_double,
    torch.int32: ctypes.c_int32,
    torch.int64: ctypes.c_int64,
    torch.uint8: ctypes.c_uint8,
    torch.bool: ctypes.c_uint8,
    torch.bfloat16: ctypes.c_uint16,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class NativeStatus:
    """What `scene3d doctor` tells about the compiled kernels."""

    path: Path | None
    instruction_set: str
    """"avx512bf16", "avx512", "avx2", "plain", or "none" without a library."""
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
    lib.scene3d_isa.restype = ctypes.c_char_p
    return NativeStatus(path=path, instruction_set=lib.scene3d_isa().decode(), reason="")


def available() -> bool:
    """Whether the compiled kernels can be called."""
    return status().path is not None


@functools.cache
def library() -> ctypes.CDLL:
    """The loaded library; its thread count is set to torch's before each call through `call`."""
    path = status().path
    if path is None:
        raise OSError(status().reason)
    return ctypes.CDLL(str(path))


def call(name: str, *arguments: Tensor | int | float | bool | None) -> int:
    """Call the C function `name`; tensors go as pointers, int as int64, float as float, None as a null pointer.

    Every C function returns int64: 0 or a count on success. Each tensor must be contiguous and on the CPU.

    Raises:
        ValueError: A tensor is not contiguous or not on the CPU: a fault of the calling op, never of its user.
    """
    lib = library()
    function = lib[name]  # a fresh object each time: argument types differ from call to call
    function.restype = ctypes.c_int64
    lib.scene3d_set_threads(ctypes.c_int64(torch.get_num_threads()))
    return function(*map(_as_c, arguments))


def _as_c(argument: Tensor | int | float | bool | None) -> object:
    if argument is None:
        return ctypes.c_void_p(None)
    if isinstance(argument, Tensor):
        if not argument.is_contiguous() or argument.device.type != "cpu" or argument.dtype not in _TYPES:
            raise ValueError(f"kernel argument {tuple(argument.shape)} {argument.dtype} must be contiguous on the CPU")
        return ctypes.c_void_p(argument.data_ptr())
    return ctypes.c_float(argument) if isinstance(argument, float) else ctypes.c_int64(int(argument))


def _bring_openmp(path: Path) -> None:
    """Bring an OpenMP runtime into the global scope: torch's own, so that one thread pool serves both."""
    if sys.platform == "darwin":
        return
    for candidate in (*_mapped_openmp(), "libgomp.so.1"):
        try:
            ctypes.CDLL(candidate, mode=ctypes.RTLD_GLOBAL)
        except OSError:
            continue
        return
    raise OSError(f"{path.name} needs an OpenMP runtime and none was found; install libgomp1")


def _mapped_openmp() -> list[str]:
    """OpenMP runtimes that this process already has in memory (torch is imported above, so its own is among them)."""
    maps = Path("/proc/self/maps")
    if not maps.exists():
        return []
    files = {line.split()[-1] for line in maps.read_text().splitlines() if "gomp" in line or "iomp" in line}
    return sorted((f for f in files if f.startswith("/")), key=lambda f: "torch" not in f)
