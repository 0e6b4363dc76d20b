"""Training samples: compact files to tensors, and an endless stream of them that an interrupted run takes up again."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from scene3d.errors import InputError
from scene3d.geometry import voxelize
from scene3d.model.detector import COLOURS, MATERIALS
from scene3d.model.scan import ScanPoints, coarser, floor_height, most_frequent
from scene3d.synth import load_training_scene

STRUCTURE, NOT_ANNOTATED = -1, -2

if TYPE_CHECKING:
    from scene3d.train.augment import AugmentConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingSample:
    """A thinned scan and what is annotated on it; o objects."""

    scan: ScanPoints
    point_m: float
    """Lattice of the file, metres."""
    instance: Int64[Tensor, "n"]
    """Object per point; -1 structure such as walls, -2 not annotated."""
    object_id: Int64[Tensor, "o"]
    """What the file calls each object."""
    label: Int64[Tensor, "o"]
    """Class, or -1 where the label is none of the classes."""
    yaw_rad: Float[Tensor, "o"]
    """NaN for things without a front, or where it is unknown."""
    front_known: Bool[Tensor, "o"]
    """False where nobody told whether the thing has a front."""
    colour: Int64[Tensor, "o"]
    """-1 where unknown."""
    material: Int64[Tensor, "o"]
    """-1 where unknown."""


def find_samples(folder: Path) -> list[Path]:
    """Compact training files below `folder`, in a fixed order.

    Raises:
        InputError: There are none.
    """
    paths = sorted(folder.rglob("*.npz"))
    if not paths:
        raise InputError(
            f"{folder}: no training files (*.npz) here; make some with `scene3d synth --out {folder}`, or from "
            f"ScanNet's scenes with `scene3d prepare scannet SCANS {folder}`"
        )
    return paths


@functools.lru_cache(maxsize=2048)
def load_sample(path: Path, classes: tuple[str, ...], point_m: float = 0.0) -> TrainingSample:
    """Read a compact training file; kept in memory, as a training comes back to it (about 1 MB each).

    Args:
        path: The file.
        classes: Class names, in the order of the class head.
        point_m: A file on a finer lattice is thinned to this one; others stay as they are.
    """
    sample = _loaded(path, classes)
    return coarser_sample(sample, point_m=point_m) if sample.point_m < 0.99 * point_m else sample


def coarser_sample(sample: TrainingSample, *, point_m: float) -> TrainingSample:
    """The sample with one point per cell of a `point_m` grid, of the object that most of the cell's points are of."""
    cell = voxelize(sample.scan.xyz_m, size_m=point_m).voxel_of_point
    scan = coarser(sample.scan, point_m=point_m)
    instance = most_frequent(cell, sample.instance - NOT_ANNOTATED, len(scan.xyz_m)) + NOT_ANNOTATED
    return replace(sample, scan=scan, point_m=point_m, instance=instance)


def _loaded(path: Path, classes: tuple[str, ...]) -> TrainingSample:
    scene = load_training_scene(path)
    seen = [thing for thing in scene.objects if thing.seen]
    row_of = torch.full((max((thing.id for thing in scene.objects), default=0) + 1,), NOT_ANNOTATED)
    row_of[[thing.id for thing in seen]] = torch.arange(len(seen))
    structure = torch.where(scene.category_id > 0, STRUCTURE, NOT_ANNOTATED).long()
    instance = torch.where(scene.instance >= 0, row_of[scene.instance.long().clamp_min(0)], structure)
    yaws = [float("nan") if thing.yaw_rad is None else thing.yaw_rad for thing in seen]
    return TrainingSample(
        scan=ScanPoints(
            xyz_m=scene.xyz_m,
            rgb=None if scene.rgb is None else scene.rgb.float() / 255,
            normal=scene.normal,
            superpoint=scene.superpoint,
            superpoint_count=int(scene.superpoint.max()) + 1,
            floor_z_m=floor_height(scene.xyz_m),
        ),
        point_m=scene.voxel_m,
        instance=instance,
        object_id=torch.tensor([thing.id for thing in seen], dtype=torch.int64),
        label=_rows([thing.label for thing in seen], classes),
        yaw_rad=torch.tensor(yaws),
        front_known=torch.tensor([thing.front_known for thing in seen], dtype=torch.bool),
        colour=_rows([thing.colour for thing in seen], COLOURS),
        material=_rows([thing.material for thing in seen], MATERIALS),
    )


def _rows(names: list[str], known: tuple[str, ...]) -> Int64[Tensor, "o"]:
    """Place of each name among those known, -1 for others."""
    place = {name: i for i, name in enumerate(known)}
    return torch.tensor([place.get(name, -1) for name in names], dtype=torch.int64)


class SampleStream:
    """Batches of augmented samples; what comes at a step depends on the seed and the step alone.

    Args:
        paths: Training files.
        classes: Class names, in the order of the class head.
        augment: How samples are varied.
        point_m: Finer files are thinned to this lattice.
        seed: Of the whole stream.
        batch: Samples per batch.
        rank: Of this process; each process sees its own part of every epoch.
        world: Number of processes.
    """

    def __init__(
        self,
        paths: list[Path],
        classes: tuple[str, ...],
        augment: AugmentConfig,
        *,
        point_m: float,
        seed: int,
        batch: int,
        rank: int = 0,
        world: int = 1,
    ) -> None:
        self.paths, self.classes, self.augment, self.point_m = paths, classes, augment, point_m
        self.seed, self.batch, self.rank, self.world = seed, batch, rank, world

    def batches(self, first: int, last: int, *, workers: int) -> Iterator[tuple[int, list[TrainingSample]]]:
        """Steps `first` … `last` - 1 with their batches, prepared by `workers` processes, or here when 0."""
        view = _Steps(self, first, last)
        loader = DataLoader(view, batch_size=None, num_workers=workers, prefetch_factor=4 if workers else None)
        yield from zip(range(first, last), loader, strict=True)

    def at(self, step: int) -> list[TrainingSample]:
        """The batch of one step."""
        return [self._sample((step * self.world + self.rank) * self.batch + i) for i in range(self.batch)]

    def _sample(self, number: int) -> TrainingSample:
        from scene3d.train.augment import augment, mix

        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + number)
        sample = self._drawn(number)
        if float(torch.rand((), generator=generator)) < self.augment.mix:
            other = int(torch.randint(len(self.paths), (), generator=generator))
            sample = mix(sample, load_sample(self.paths[other], self.classes, self.point_m))
        return augment(sample, self.augment, generator)

    def _drawn(self, number: int) -> TrainingSample:
        """Sample `number` of an endless sequence of shuffled epochs."""
        epoch, place = divmod(number, len(self.paths))
        order = torch.randperm(len(self.paths), generator=torch.Generator().manual_seed(self.seed + epoch))
        return load_sample(self.paths[int(order[place])], self.classes, self.point_m)


class _Steps(Dataset[list[TrainingSample]]):
    """A stretch of a stream, by number, as DataLoader asks for it."""

    def __init__(self, stream: SampleStream, first: int, last: int) -> None:
        self.stream, self.first, self.last = stream, first, last

    def __len__(self) -> int:
        return self.last - self.first

    def __getitem__(self, i: int) -> list[TrainingSample]:
        return self.stream.at(self.first + i)


def samples_to(samples: list[TrainingSample], device: str) -> list[TrainingSample]:
    """Move samples to a device."""
    return samples if device == "cpu" else [_to(sample, device) for sample in samples]


def _to(sample: TrainingSample, device: str) -> TrainingSample:
    scan = replace(sample.scan, **_moved(sample.scan, device))
    return replace(sample, **(_moved(sample, device) | {"scan": scan}))


def _moved(record: object, device: str) -> dict[str, Tensor]:
    values = {f.name: getattr(record, f.name) for f in dataclasses.fields(record)}  # type: ignore[arg-type]
    return {name: value.to(device) for name, value in values.items() if isinstance(value, Tensor)}
