"""Compiles csrc/ into one shared library for ctypes. Needs a C++17 compiler and nothing else: no torch, no CMake.

`python ops/build_native.py` rebuilds it beside the package, as `pip install` does.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

SOURCES = Path(__file__).parent / "csrc"

# A file whose name ends in one of these is compiled for that instruction set and chosen at run time; all others are
# plain C++. On other machines such a file is compiled without its flags and must guard its own body.
INSTRUCTION_SETS = {
    "_avx2": ["-mavx2", "-mfma"],
    "_avx512": ["-mavx512f", "-mavx512bw", "-mavx512dq", "-mavx512vl", "-mfma"],
    "_avx512vnni": ["-mavx512f", "-mavx512bw", "-mavx512dq", "-mavx512vl", "-mfma", "-mavx512vnni"],
    "_avx512bf16": ["-mavx512f", "-mavx512bw", "-mavx512dq", "-mavx512vl", "-mfma", "-mavx512bf16"],
}

# A file with this in its name gives the very bits of its numpy twin. In others the compiler may merge a multiply and an
# add into one rounding, and does where the processor can, as on ARM.
EXACT = "_exact"


def library_name() -> str:
    """File name of the shared library on this platform."""
    return "_native.dylib" if sys.platform == "darwin" else "_native.so"


def build(folder: Path) -> tuple[Path | None, str]:
    """Compile every source and link the library into `folder`.

    Returns:
        The library and an empty string, or None and the reason why there is none.
    """
    compiler = os.environ.get("CXX") or shutil.which("g++") or shutil.which("clang++") or shutil.which("c++")
    if sys.platform == "win32" or compiler is None:
        return None, "no C++ compiler found"
    target = folder / library_name()
    with tempfile.TemporaryDirectory() as scratch:
        sources = sorted(SOURCES.glob("*.cpp"))
        objects = [Path(scratch) / f"{source.stem}.o" for source in sources]
        commands = [_compile_command(compiler, s, o) for s, o in zip(sources, objects, strict=True)]
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            for done in pool.map(_run, commands):
                if done.returncode:
                    return None, f"{' '.join(done.args)} failed:\n{done.stderr}"
        # Linked without an OpenMP runtime on purpose: at load time the symbols are resolved by the runtime that torch
        # has brought, so that both share one thread pool (two pools on two cores slow each other down).
        partial = Path(scratch) / target.name
        undefined = ["-undefined", "dynamic_lookup"] if sys.platform == "darwin" else []
        linked = _run([compiler, "-shared", *undefined, "-o", str(partial), *map(str, objects)])
        if linked.returncode:
            return None, f"linking failed:\n{linked.stderr}"
        shutil.copyfile(partial, target.with_suffix(".new"))
        target.with_suffix(".new").replace(target)  # a process that has the old library mapped keeps it whole
    return target, ""


def _compile_command(compiler: str, source: Path, target: Path) -> list[str]:
    on_x86 = platform.machine() in ("x86_64", "AMD64")
    flags = next((f for s, f in INSTRUCTION_SETS.items() if source.stem.endswith(s)), []) if on_x86 else []
    exact = ["-ffp-contract=off", "-fno-trapping-math"] if EXACT in source.stem else []
    openmp = [] if sys.platform == "darwin" else ["-fopenmp"]
    common = ["-std=c++17", "-O3", "-fPIC", "-fvisibility=hidden", "-fno-math-errno", *openmp]
    return [compiler, *common, *flags, *exact, "-c", str(source), "-o", str(target)]


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False)


if __name__ == "__main__":
    built, why = build(Path(__file__).parent / "scene3d_ops")
    print(built or f"not built: {why}")
    sys.exit(built is None)
