"""Rooms as the language parts are trained on them: the detector's own proposals, and which true object each is."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Int64
from rich.progress import track
from safetensors.torch import load_file, save_file
from torch import Tensor

from scene3d import resources
from scene3d.errors import InputError
from scene3d.model.encoding import encoding_of
from scene3d.model.grounder import Grounder
from scene3d.model.proposals import propose
from scene3d.model.referents import referents
from scene3d.model.scan import coarser
from scene3d.synth.language import RoomFacts
from scene3d.train.augment import AugmentConfig, augment
from scene3d.train.data import TrainingSample, find_samples, load_sample
from scene3d.train.targets import mask_overlap, scan_targets
from scene3d.types import Referents

NOBODY, UNCLEAR = -1, -2
_MEASURED = 7
"""Counts the ways in which referents have been made; part of the name of what is kept."""
_TURNED = AugmentConfig(
    tilt_deg=1.0,
    mirror=0.0,
    scale=(1.0, 1.0),
    elastic_m=0.0,
    jitter_m=0.0,
    floor_m=0.0,
    colour_cast=0.04,
    contrast=(0.9, 1.1),
    drop_colour=0.0,
    drop_normals=0.0,
    flip_normals=0.0,
    holes=0,
    max_points=10**7,
)
"""Turned about and lit a little differently; sizes, distances and sides stay true."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposedRoom:
    """One scan as the detector sees it, beside the truth."""

    path: Path
    """The compact file."""
    seen: Referents
    owner: Int64[Tensor, "r"]
    """`SceneObject.id` where the mask meets an object with IoU of at least 0.5, `NOBODY` where it meets none with 0.25,
    else `UNCLEAR`."""
    facts: RoomFacts | None = None
    """What is true of the room, where that is not what the file tells; see `scene3d.train.rearranged`."""

    def rows_of(self, ids: tuple[int, ...]) -> list[int]:
        """Referents that are one of the objects `ids`."""
        return [row for row, owner in enumerate(self.owner.tolist()) if owner in ids]


def proposed_rooms(
    grounder: Grounder, data: Path, *, variants: int = 1, fused_only: bool = False
) -> list[ProposedRoom]:
    """Proposals of every room below `data`, each turned `variants` ways; kept on disk for the next training.

    Rooms in which nothing is found are left out.

    Raises:
        InputError: No training files below `data`, or their points are too far apart for the model's recognition.
    """
    paths = find_samples(data)
    folder = resources.cache_dir() / "proposals" / f"{grounder.model_key()}-{_MEASURED}"
    folder.mkdir(parents=True, exist_ok=True)
    rooms = []
    for variant in range(variants):
        for path in track(paths, description=f"proposals, variant {variant + 1}", transient=True):
            room = _read(grounder, path, variant, folder)
            if len(room.owner):
                rooms.append(room)
    return rooms


def _read(grounder: Grounder, path: Path, variant: int, folder: Path) -> ProposedRoom:
    name = hashlib.blake2b(path.read_bytes(), digest_size=12).hexdigest()
    kept = folder / f"{name}_{variant}.safetensors"
    if not kept.is_file():
        generator = torch.Generator().manual_seed(int(name[:12], 16) + variant)
        sample = load_sample(path, grounder.detector_config.classes)
        check_lattice(grounder, path, sample)
        seen, owner = propose_sample(grounder, augment(sample, _TURNED, generator))
        fields = ("embedding", "kind", "look", "place", "score")
        save_file({"owner": owner} | {f: getattr(seen, f).contiguous() for f in fields}, kept)
    tensors = load_file(kept)
    owner = tensors.pop("owner")
    return ProposedRoom(path=path, seen=Referents(id=tuple(range(len(owner))), **tensors), owner=owner)


def check_lattice(grounder: Grounder, path: Path, sample: TrainingSample) -> None:
    """See that a file's points lie as close as the model looks at them.

    Raises:
        InputError: They do not.
    """
    if grounder.recognition is None:
        return
    wanted = grounder.recognition.config.point_m
    if sample.point_m > 1.01 * wanted:
        raise InputError(
            f"{path}: points {sample.point_m:g} m apart, but the model's recognition looks at points {wanted:g} m "
            f"apart; make finer files with `scene3d synth --point {wanted:g}`"
        )


@torch.no_grad()
def propose_sample(grounder: Grounder, sample: TrainingSample) -> tuple[Referents, Int64[Tensor, "r"]]:
    """Referents of a sample, and `ProposedRoom.owner`."""
    scan, point_m = sample.scan, grounder.detector_config.point_m
    seen_at = coarser(scan, point_m=point_m) if sample.point_m < 0.99 * point_m else scan
    found = propose(grounder.detector, grounder.detector.encode([seen_at])[0], grounder.config.rules)
    encoding = encoding_of(scan.superpoint, scan.normal, found)
    if grounder.recognition is not None:
        encoding = grounder.recognition.told(scan, encoding)
    seen = referents(encoding, encoding.point_mask(scan.xyz_m), scan.xyz_m, scan.normal)
    overlap = mask_overlap(encoding.mask, scan_targets(sample))
    owner = torch.full((len(encoding.mask),), NOBODY)
    if overlap.numel():
        best, row = overlap.max(1)
        owner = torch.where(best >= 0.5, sample.object_id[row], torch.where(best < 0.25, NOBODY, UNCLEAR))
    return seen, owner
