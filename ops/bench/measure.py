"""What a benchmark is, and how it is timed: alternatives in turn, so that a busy machine slows them all alike."""

from __future__ import annotations

import platform
import statistics
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NotRequired, TypedDict

import torch

from scene3d_ops import native


class Case(TypedDict):
    """One benchmark. A suite is a module with a function `suite() -> list[Case]`."""

    name: str
    check: Callable[[], None]
    """Raises AssertionError if the answers of the runs differ."""
    runs: dict[str, Callable[[], object]]
    """What is timed, by name; the first is ours and the others are what it is compared with."""
    at_least: NotRequired[dict[str, float]]
    """How many times faster than a named run ours should be."""
    within_s: NotRequired[float]
    """How long ours may take."""
    slow: NotRequired[frozenset[str]]
    """Runs of minutes, timed once and without a warm-up, whatever the number of repeats."""


def measure(case: Case, *, repeats: int = 7) -> dict[str, Any]:
    """Check a case, run everything once to warm up, then time the runs in turn.

    Returns:
        Name, and per run the median and the interquartile range in seconds (None for a single time) and the ratio to
        ours; whether the targets are met. Ready for JSON.
    """
    case["check"]()
    seconds: dict[str, list[float]] = {name: [] for name in case["runs"]}
    for repeat in range(repeats + 1):
        for name, run in case["runs"].items():
            if name in case.get("slow", ()) and repeat != 1:
                continue
            start = time.perf_counter()
            run()
            if repeat:
                seconds[name].append(time.perf_counter() - start)
    ours = statistics.median(next(iter(seconds.values())))
    runs = {name: _summary(times, ours) for name, times in seconds.items()}
    missed = [f"{ratio}x {name}" for name, ratio in case.get("at_least", {}).items() if runs[name]["ratio"] < ratio]
    if ours > case.get("within_s", float("inf")):
        missed.append(f"{case.get('within_s')} s")
    return {"name": case["name"], "runs": runs, "targets": _targets(case), "missed": missed}


def machine() -> dict[str, Any]:
    """Processor, threads, versions and commit, to stand beside the numbers."""
    info = Path("/proc/cpuinfo")
    models = (
        [line.split(":")[1].strip() for line in info.read_text().splitlines() if "model name" in line]
        if info.exists()
        else []
    )
    git = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty"]
    commit = subprocess.run(git, capture_output=True, text=True, check=False).stdout.strip()
    return {
        "processor": models[0] if models else platform.processor(),
        "threads": torch.get_num_threads(),
        "instruction_set": native.status().instruction_set,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "commit": commit,
    }


def _summary(times: list[float], ours: float) -> dict[str, Any]:
    median = statistics.median(times)
    low, _, high = statistics.quantiles(times, n=4) if len(times) > 1 else (0, 0, 0)
    return {"median_s": median, "iqr_s": high - low if len(times) > 1 else None, "ratio": median / ours}


def _targets(case: Case) -> dict[str, float]:
    targets = {f"times {name}": ratio for name, ratio in case.get("at_least", {}).items()}
    return targets | ({"within_s": case["within_s"]} if "within_s" in case else {})
