"""Many scenes: seeds to files, over worker processes, picking up where an earlier run stopped."""

from __future__ import annotations

import json
import multiprocessing
import os
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np

from scene3d.errors import ConfigError, InputError
from scene3d.synth.compact import write_training_scene
from scene3d.synth.furniture import Catalogue, load_catalogue
from scene3d.synth.layout import KINDS, furnish
from scene3d.synth.scan import ScanSettings, SimulatedScan, scan_room
from scene3d.synth.writer import write_scan_folder

_MANIFEST = "synth.json"
_ATTEMPTS = 3
"""A room may turn out too full to walk through; the next seed of the scene's own sequence furnishes another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SynthSettings:
    """What to generate. Scene i of a seed is the same whatever the other scenes and the workers are."""

    seed: int = 0
    split: Literal["train", "heldout"] = "train"
    """Furniture models: four fifths for training, or the fifth that no training sees."""
    format: Literal["compact", "folder", "both"] = "compact"
    furniture: tuple[Path, ...] | None = None
    """`.sh3f` files or folders of them; None: those of the system."""
    point_m: float = 0.04
    """Lattice of the compact files, metres."""
    scan: ScanSettings = field(default_factory=ScanSettings)

    def __post_init__(self) -> None:
        if self.seed < 0:
            raise ConfigError(f"seed {self.seed} is negative")
        if not 0.01 <= self.point_m <= 0.2:
            raise ConfigError(f"compact points of {self.point_m} m; take 0.01 to 0.2")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one scene."""

    name: str
    seconds: float
    error: str | None = None
    """Why there is no such scene; None where there is."""


def scene_name(settings: SynthSettings, index: int) -> str:
    """`train0000_00042`: split and seed, then the scene's number."""
    return f"{settings.split}{settings.seed:04d}_{index:05d}"


def make_scan(settings: SynthSettings, index: int, catalogue: Catalogue) -> SimulatedScan:
    """Furnish and scan the room of one scene.

    Args:
        settings: What to generate.
        index: Number of the scene.
        catalogue: The furniture; `settings.split` says which part of it is used.

    Raises:
        InputError: No room of this scene could be walked through.
    """
    failures = []
    for attempt in np.random.SeedSequence([settings.seed, index]).spawn(_ATTEMPTS):
        kind_seed, room_seed, scan_seed = (int(s) for s in attempt.generate_state(3))
        try:
            room = furnish(KINDS[kind_seed % len(KINDS)], seed=room_seed, catalogue=catalogue, part=settings.split)
            return scan_room(room, seed=scan_seed, settings=settings.scan)
        except InputError as error:
            failures.append(str(error))
    raise InputError(f"{scene_name(settings, index)}: {_ATTEMPTS} rooms failed: {'; '.join(failures)}")


def generate_scenes(
    settings: SynthSettings, *, scenes: int, out: Path, workers: int = 1, first: int = 0
) -> Iterator[Outcome]:
    """Write the scenes that `out` does not hold yet.

    Args:
        settings: What to generate.
        scenes: How many scenes `out` shall hold.
        out: Folder, created when missing.
        workers: Processes; 1 works in this one.
        first: Number of the first scene.

    Yields:
        One outcome per scene that was not there, in the order of finishing; a failed scene does not stop the others.

    Raises:
        ConfigError: `scenes` or `workers` is not positive.
        InputError: `out` holds scenes of other settings, or there is no furniture.
    """
    if scenes < 1 or workers < 1:
        raise ConfigError(f"{scenes} scenes by {workers} workers; both are at least 1")
    missing = [i for i in range(first, first + scenes) if not _exists(settings, i, out)]
    claim(settings, out)
    if workers == 1 or len(missing) < 2:
        catalogue = load_catalogue(settings.furniture)
        for index in missing:
            yield _write_scene(settings, index, out, catalogue)
        return
    with _one_thread_each():
        pool = ProcessPoolExecutor(
            min(workers, len(missing)), multiprocessing.get_context("spawn"), _start_worker, (settings,)
        )
        try:
            waiting = [pool.submit(_write_scene_in_worker, settings, index, out) for index in missing]
            for done in as_completed(waiting):
                yield done.result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


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


def claim(settings: SynthSettings, out: Path) -> None:
    """Note the settings in the folder, or compare them with those noted there.

    Raises:
        InputError: The folder holds scenes of other settings.
    """
    out.mkdir(parents=True, exist_ok=True)
    wanted = json.dumps(asdict(settings), default=str, indent=1, sort_keys=True)
    manifest = out / _MANIFEST
    if not manifest.exists():
        scratch = manifest.with_suffix(f".{os.getpid()}")
        scratch.write_text(wanted, encoding="utf-8")
        scratch.replace(manifest)
    elif manifest.read_text(encoding="utf-8") != wanted:
        raise InputError(f"{out} holds scenes of other settings, see {manifest}; choose another folder")


def _exists(settings: SynthSettings, index: int, out: Path) -> bool:
    name = scene_name(settings, index)
    compact = settings.format == "folder" or (out / f"{name}.npz").is_file()
    return compact and (settings.format == "compact" or (out / name).is_dir())


_catalogue_of_worker: Catalogue | None = None


def _start_worker(settings: SynthSettings) -> None:
    global _catalogue_of_worker
    _catalogue_of_worker = load_catalogue(settings.furniture)


def _write_scene_in_worker(settings: SynthSettings, index: int, out: Path) -> Outcome:
    assert _catalogue_of_worker is not None
    return _write_scene(settings, index, out, _catalogue_of_worker)


def _write_scene(settings: SynthSettings, index: int, out: Path, catalogue: Catalogue) -> Outcome:
    name, start = scene_name(settings, index), time.perf_counter()
    try:
        scan = make_scan(settings, index, catalogue)
        if settings.format != "compact":
            write_scan_folder(out / name, scan, name=name)
        if settings.format != "folder":
            write_training_scene(out / f"{name}.npz", scan, name=name, voxel_m=settings.point_m)
    except Exception as error:  # whatever breaks one room of a thousand must not lose the night's work
        return Outcome(name=name, seconds=time.perf_counter() - start, error=f"{type(error).__name__}: {error}")
    return Outcome(name=name, seconds=time.perf_counter() - start)
