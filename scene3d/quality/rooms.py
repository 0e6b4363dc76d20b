"""The rooms that quality is measured on: scanned once, kept on disk, the same for everybody."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float32, Int64, UInt8
from torch import Tensor

from scene3d import resources
from scene3d.labels import class_list
from scene3d.synth import SceneObject, SynthSettings, inventory, load_catalogue, make_scan
from scene3d.synth.inventory import relations, relations_from_json, room_outline
from scene3d.types import Note, Scene

SEED = 770_000
"""Trainings take small seeds; these rooms lie far from all of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomTruth:
    """What is said to be in a room, in the fields of a `TrainingScene`."""

    kind: str
    objects: tuple[SceneObject, ...]
    relations: dict[str, Any]
    floor_m: Float32[Tensor, "k 2"]
    rgb: UInt8[Tensor, "n 3"] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedRoom:
    """A scan as a user has it, without superpoints or labels, and the truth beside it."""

    scene: Scene
    instance: Int64[np.ndarray, "n"]
    """Object per vertex, -1 where there is none."""
    label: dict[int, str]
    """ScanNet200 name per object."""
    longest_m: dict[int, float]
    """Longest edge of the true box per object."""
    truth: RoomTruth
    """What language about the room is made from."""

    def benchmark_truth(self, keep: set[int] | None = None) -> Int64[np.ndarray, "n"]:
        """Vertices as the ScanNet benchmark writes them; objects that are not in `keep` become void."""
        classes = class_list("scannet200")
        code = np.zeros(max(self.label, default=0) + 2, dtype=np.int64)  # the last entry serves -1
        for i, label in self.label.items():
            if keep is None or i in keep:
                code[i] = classes.id_of(label) * 1000 + i + 1
        return code[self.instance]


def judged_rooms(count: int, *, workers: int, split: str = "heldout", seed: int = SEED) -> Iterator[JudgedRoom]:
    """Rooms 0 … count-1, made by `workers` processes where they are not on disk yet.

    Raises:
        MissingDependencyError: The furniture libraries are not installed.
    """
    folder = resources.cache_dir() / "quality" / f"{split}{seed}-2"
    folder.mkdir(parents=True, exist_ok=True)
    missing = [i for i in range(count) if not _path(folder, i).is_file()]
    if missing:
        with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
            list(pool.map(_make, missing, [folder] * len(missing), [split] * len(missing), [seed] * len(missing)))
    for i in range(count):
        yield _read(_path(folder, i))


def _path(folder: Path, index: int) -> Path:
    return folder / f"{index:03d}.npz"


def _make(index: int, folder: Path, split: str, seed: int) -> None:
    torch.set_num_threads(1)
    settings = SynthSettings(seed=seed, split="heldout" if split == "heldout" else "train")
    scan = make_scan(settings, index, load_catalogue())
    header = {
        "kind": scan.room.kind,
        "objects": [asdict(thing) for thing in inventory(scan)],
        "relations": relations(scan),
        "floor_m": room_outline(scan),
    }
    partial = folder / f".{index:03d}.npz"
    np.savez_compressed(
        partial,
        xyz_m=scan.surface.xyz_m,
        rgb=scan.surface.rgb if scan.has_colour else np.zeros((0, 3), np.uint8),
        faces=scan.surface.faces,
        instance=scan.labels.instance,
        header=np.frombuffer(json.dumps(header).encode(), np.uint8),
    )
    partial.replace(_path(folder, index))


def _read(path: Path) -> JudgedRoom:
    with np.load(path, allow_pickle=False) as file:
        arrays = {key: file[key] for key in file.files}
    header = json.loads(arrays["header"].tobytes())
    scene = Scene(
        name=path.stem,
        xyz_m=torch.from_numpy(arrays["xyz_m"]),
        rgb=torch.from_numpy(arrays["rgb"]) if len(arrays["rgb"]) else None,
        faces=torch.from_numpy(arrays["faces"]).long() if len(arrays["faces"]) else None,
        file_from_scene=torch.eye(4, dtype=torch.float64),
        notes=(Note(topic="origin", text="simulated scan"),),
    )
    truth = RoomTruth(
        kind=header["kind"],
        objects=tuple(SceneObject.from_json(record) for record in header["objects"]),
        relations=relations_from_json(header["relations"]),
        floor_m=torch.tensor(header["floor_m"], dtype=torch.float32),
        rgb=scene.rgb,
    )
    seen = [thing for thing in truth.objects if thing.seen]
    return JudgedRoom(
        scene=scene,
        instance=arrays["instance"].astype(np.int64),
        label={thing.id: thing.label for thing in seen},
        longest_m={thing.id: max(thing.size_m) for thing in seen},
        truth=truth,
    )
