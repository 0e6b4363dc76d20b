"""The same work on many scenes, over worker processes; what breaks one scene does not stop the others."""

from __future__ import annotations

import json
import multiprocessing
import os
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

from scene3d.errors import InputError, Scene3DError

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one scene."""

    name: str
    seconds: float
    error: str | None = None
    """Why there is no such scene; None where there is."""


def work_through(work: Callable[[T], object], items: Mapping[str, T], *, workers: int) -> Iterator[Outcome]:
    """Do the work on each item.

    Args:
        work: A module-level function, or a `functools.partial` of one: it travels to other processes.
        items: What it is done on, by the names that the outcomes carry.
        workers: Processes; 1 works in this one.

    Yields:
        One outcome per item, in the order of finishing.
    """
    if workers == 1 or len(items) < 2:
        for name, item in items.items():
            yield _outcome(work, name, item)
        return
    with _one_thread_each():
        pool = ProcessPoolExecutor(min(workers, len(items)), multiprocessing.get_context("spawn"))
        try:
            waiting = [pool.submit(_outcome, work, name, item) for name, item in items.items()]
            for done in as_completed(waiting):
                yield done.result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def claim(settings: Any, out: Path, *, manifest: str) -> None:
    """Note the settings, a dataclass, in the folder, or compare them with those noted there.

    Raises:
        InputError: The folder holds scenes of other settings.
    """
    out.mkdir(parents=True, exist_ok=True)
    wanted = json.dumps(asdict(settings), default=str, indent=1, sort_keys=True)
    path = out / manifest
    if not path.exists():
        scratch = path.with_suffix(f".{os.getpid()}")
        scratch.write_text(wanted, encoding="utf-8")
        scratch.replace(path)
    elif path.read_text(encoding="utf-8") != wanted:
        raise InputError(f"{out} holds scenes of other settings, see {path}; choose another folder")


def _outcome(work: Callable[[T], object], name: str, item: T) -> Outcome:
    start = time.perf_counter()
    try:
        work(item)
    except Scene3DError as error:
        return Outcome(name=name, seconds=time.perf_counter() - start, error=str(error))
    except Exception as error:  # whatever breaks one room of a thousand must not lose the night's work
        return Outcome(name=name, seconds=time.perf_counter() - start, error=f"{type(error).__name__}: {error}")
    return Outcome(name=name, seconds=time.perf_counter() - start)


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """Spawned workers read the variable when they load their libraries; this process keeps its own."""
    before = os.environ.get("OMP_NUM_THREADS")
    os.environ["OMP_NUM_THREADS"] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ["OMP_NUM_THREADS"]
        else:
            os.environ["OMP_NUM_THREADS"] = before
