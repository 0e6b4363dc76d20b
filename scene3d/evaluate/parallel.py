"""One function over many scenes: in this process, in several, or on a Ray cluster; results in the order of scenes."""

from __future__ import annotations

import multiprocessing
import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Literal, TypeVar

from rich.console import Console
from rich.progress import track

from scene3d.errors import InputError, MissingDependencyError

Engine = Literal["local", "ray"]

_SCENES_WORTH_A_PROCESS = 4  # to start one takes as long as to score these

T = TypeVar("T")
R = TypeVar("R")


def map_scenes(
    work: Callable[[T], R],
    scenes: Sequence[T],
    *,
    workers: int | None = None,
    engine: Engine = "local",
    title: str = "",
) -> Iterator[R]:
    """Apply `work` to each scene, with a progress bar on a terminal.

    Each worker holds one scene at a time, and results come in the order of `scenes`, so that sums do not depend on the
    engine.

    Args:
        work: A module-level function, or a `functools.partial` of one: it travels to other processes.
        scenes: What it is applied to; file names rather than data.
        workers: Processes; None for one per processor, if there are scenes enough. With Ray, tasks at a time.
        engine: `local` processes, or `ray` for the cluster at `RAY_ADDRESS` (else one started on this machine). The
            cluster must see the files under the same names.
        title: Before the progress bar.

    Raises:
        InputError: `workers` is not positive.
        MissingDependencyError: Ray is not installed.
    """
    if workers is not None and workers < 1:
        raise InputError(f"{workers} workers; give 1 or more")
    count = min(workers or _processors(), len(scenes) if workers else len(scenes) // _SCENES_WORTH_A_PROCESS)
    if engine == "ray":
        results = _on_ray(work, scenes, workers)
    elif count <= 1:
        results = map(work, scenes)
    else:
        results = _in_processes(work, scenes, count)
    console = Console(stderr=True)
    quiet = not console.is_terminal
    yield from track(results, title, total=len(scenes), console=console, disable=quiet, transient=True)


def _in_processes(work: Callable[[T], R], scenes: Sequence[T], count: int) -> Iterator[R]:
    # Spawned processes are the same on every system, and safe beside the thread of the progress bar.
    with ProcessPoolExecutor(count, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield from pool.map(work, scenes)


def _on_ray(work: Callable[[T], R], scenes: Sequence[T], workers: int | None) -> Iterator[R]:
    try:
        import ray  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise MissingDependencyError("--engine ray needs Ray; install it with `pip install 'scene3d[ray]'`") from error
    if not ray.is_initialized():
        on_cluster = bool(os.environ.get("RAY_ADDRESS"))
        ray.init(num_cpus=None if on_cluster else workers, log_to_driver=False)
    task = ray.remote(work_on)
    limit = workers or int(ray.cluster_resources().get("CPU", 1))
    running = deque(task.remote(work, scene) for scene in scenes[:limit])
    for scene in scenes[limit:]:
        yield ray.get(running.popleft())
        running.append(task.remote(work, scene))
    while running:
        yield ray.get(running.popleft())


def work_on(work: Callable[[T], R], scene: T) -> R:
    """What a Ray task does; at the top of the module, so that workers can import it."""
    return work(scene)


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
