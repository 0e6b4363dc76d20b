"""Many scenes: seeds to files, over worker processes, picking up where an earlier run stopped."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np

from scene3d.errors import ConfigError, InputError
from scene3d.synth.batch import Outcome, claim, work_through
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
    claim(settings, out, manifest=_MANIFEST)
    if missing:
        _catalogue(settings.furniture)  # without furniture this fails once, not in every scene
    work = functools.partial(_write_scene, settings, out)
    yield from work_through(work, {scene_name(settings, i): i for i in missing}, workers=workers)


def _exists(settings: SynthSettings, index: int, out: Path) -> bool:
    name = scene_name(settings, index)
    compact = settings.format == "folder" or (out / f"{name}.npz").is_file()
    return compact and (settings.format == "compact" or (out / name).is_dir())


@functools.lru_cache(maxsize=1)
def _catalogue(furniture: tuple[Path, ...] | None) -> Catalogue:
    """The furniture, read once per process."""
    return load_catalogue(furniture)


def _write_scene(settings: SynthSettings, out: Path, index: int) -> None:
    name = scene_name(settings, index)
    scan = make_scan(settings, index, _catalogue(settings.furniture))
    if settings.format != "compact":
        write_scan_folder(out / name, scan, name=name)
    if settings.format != "folder":
        write_training_scene(out / f"{name}.npz", scan, name=name, voxel_m=settings.point_m)
