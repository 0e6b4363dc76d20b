"""ScanNet's scenes to compact training files, as `scene3d synth` writes them; what nobody told stays unknown."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float32

from scene3d.errors import ConfigError, InputError
from scene3d.geometry import over_segment, with_normals
from scene3d.io import load_scene
from scene3d.io.scannet import find_mesh
from scene3d.labels import class_list
from scene3d.synth import AnnotatedScan, Outcome, SceneObject, write_annotated_scan
from scene3d.synth.batch import claim, work_through
from scene3d.types import Scene, TruthObject

_MANIFEST = "prepared.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class PrepareSettings:
    """How scans become training files."""

    point_m: float = 0.04
    """Lattice of the files, metres: what the detector to be trained takes as `point_m`."""
    least_points: int = 30
    """An object with fewer vertices counts as unseen; its points are not annotated."""

    def __post_init__(self) -> None:
        if not 0.01 <= self.point_m <= 0.2:
            raise ConfigError(f"compact points of {self.point_m} m; take 0.01 to 0.2")
        if self.least_points < 1:
            raise ConfigError(f"least_points {self.least_points} must be at least 1")


def scannet_scenes(source: Path, listed: Path | None = None) -> dict[str, Path]:
    """Scene folders in `source`, by name.

    Args:
        source: Folder of scene folders, or one of them.
        listed: Text file with a scene name on each line, such as ScanNet's `scannetv2_train.txt`; None takes all. A
            listed scene that is not there is in the answer too: reading it says so.

    Raises:
        InputError: No scene folder here, or the list cannot be read or is empty.
    """
    if source.is_dir() and find_mesh(source):
        folders = {source.name: source}
    else:
        folders = {f.name: f for f in sorted(source.glob("*")) if f.is_dir() and find_mesh(f)}
    if not folders:
        raise InputError(f"{source}: no ScanNet scenes here; name the folder that holds scene0000_00 and so on")
    if listed is None:
        return folders
    try:
        names = listed.read_text(encoding="utf-8").split()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{listed}: cannot be read as a list of scene names ({error})") from error
    if not names:
        raise InputError(f"{listed}: no scene names in it; write one on each line, such as scene0000_00")
    return {name: folders.get(name, source / name) for name in names}


def prepare_scannet(
    scenes: dict[str, Path], out: Path, *, settings: PrepareSettings | None = None, workers: int = 1
) -> Iterator[Outcome]:
    """Write the compact file of each scene that `out` does not hold yet.

    Args:
        scenes: Scene folders by name, as `scannet_scenes` finds them.
        out: Folder, created when missing.
        settings: How.
        workers: Processes; 1 works in this one.

    Yields:
        One outcome per scene that was not there, in the order of finishing; a broken scene does not stop the others.

    Raises:
        ConfigError: `workers` is not positive.
        InputError: `out` holds files of other settings.
    """
    settings = settings or PrepareSettings()
    if workers < 1:
        raise ConfigError(f"{workers} workers; give 1 or more")
    claim(settings, out, manifest=_MANIFEST)
    missing = {name: folder for name, folder in scenes.items() if not (out / f"{name}.npz").is_file()}
    yield from work_through(functools.partial(_prepare, settings, out), missing, workers=workers)


def annotated_scan(scene: Scene, *, least_points: int) -> AnnotatedScan:
    """A scene with what its annotations tell: instances, labels and boxes; all else stays unknown.

    Walls and floors are structure, not objects, as in the benchmark.

    Raises:
        InputError: The scene is not annotated.
    """
    if scene.truth is None:
        raise InputError(
            f"{scene.name}: no annotations (*.segs.json and *.aggregation.json); only annotated scans teach"
        )
    scene = scene if scene.normal is not None else with_normals(scene)
    scene = scene if scene.superpoint is not None else over_segment(scene)
    assert scene.truth is not None
    assert scene.normal is not None
    assert scene.superpoint is not None
    instance = scene.truth.instance.numpy().copy()
    category_id = scene.truth.category_id.numpy().copy()
    things = [0, *(i for i, _ in class_list("scannet200").things())]
    instance[~np.isin(category_id, things)] = -1
    named = [thing for thing in scene.truth.objects if thing.category_id in things]
    objects = tuple(_object(thing, scene.xyz_m.numpy()[instance == thing.id], least_points) for thing in named)
    hardly = np.isin(instance, [thing.id for thing in objects if not thing.seen])
    instance[hardly], category_id[hardly] = -1, 0
    return AnnotatedScan(
        name=scene.name,
        kind="",
        xyz_m=scene.xyz_m.numpy(),
        rgb=None if scene.rgb is None else scene.rgb.numpy(),
        normal=scene.normal.numpy(),
        instance=instance,
        category_id=category_id,
        superpoint=scene.superpoint.numpy(),
        objects=objects,
        relations=None,
        floor_m=[],
        voxel_m=None,
        fused=scene.faces is not None,
    )


def _prepare(settings: PrepareSettings, out: Path, folder: Path) -> None:
    if find_mesh(folder) is None:
        raise InputError(f"{folder}: no *_vh_clean_2.ply; download the scene again, or take it off the list")
    scan = annotated_scan(load_scene(folder, max_points=10**8), least_points=settings.least_points)
    write_annotated_scan(out / f"{folder.name}.npz", scan, voxel_m=settings.point_m)


def _object(thing: TruthObject, xyz_m: Float32[np.ndarray, "p 3"], least_points: int) -> SceneObject:
    """An annotated object with the aligned box of its points."""
    corners = np.stack([xyz_m.min(0), xyz_m.max(0)]) if len(xyz_m) else np.zeros((2, 3))
    centre, size = np.round(corners.mean(0), 3).tolist(), np.round(corners[1] - corners[0], 3).tolist()
    return SceneObject(
        id=thing.id,
        label=thing.label,
        category_id=thing.category_id,
        seen=len(xyz_m) >= least_points,
        points=len(xyz_m),
        centre_m=(centre[0], centre[1], centre[2]),
        size_m=(size[0], size[1], size[2]),
        box_yaw_rad=0.0,
        yaw_rad=None,
        support_id=None,
        against_wall=None,
        in_corner=None,
        colour="",
        material="",
        model_id="",
        front_known=False,
    )
