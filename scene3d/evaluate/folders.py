"""Whole benchmarks: every scene of a folder, in parallel, one scene per worker in memory at a time."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from jaxtyping import Float64, Int64

from scene3d.errors import InputError
from scene3d.evaluate.boxes import BoxAP, bounding_boxes
from scene3d.evaluate.instance import InstanceAP, InstancePrediction
from scene3d.evaluate.instance_files import (
    ScenePaths,
    nothing_predicted,
    pair_scenes,
    read_arrays,
    read_prediction,
    read_truth,
)
from scene3d.evaluate.instance_matching import ID_FACTOR
from scene3d.evaluate.integer_lines import read_integers
from scene3d.evaluate.masks import MaskList
from scene3d.evaluate.parallel import Engine, map_scenes
from scene3d.evaluate.semantic import SemanticIoU
from scene3d.labels import class_list


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderRun:
    """What is read from two folders, and with how many hands."""

    pred: Path
    gt: Path
    classes: str = "scannet20"
    workers: int | None = None
    """Processes; None for as many as there are processors."""
    engine: Engine = "local"
    official_quirks: bool = False


def instance_ap_of_folders(run: FolderRun, *, min_region: int = 100, class_agnostic: bool = False) -> InstanceAP:
    """Instance AP of a folder of predictions; see `pair_scenes`, `read_prediction` and `InstanceAP`.

    Raises:
        InputError: A file that cannot be scored; its path is named.
    """
    empty = InstanceAP(classes=run.classes, min_region=min_region, class_agnostic=class_agnostic)
    work = functools.partial(_scene_instance_ap, run=run, min_region=min_region, class_agnostic=class_agnostic)
    return _merged(empty, _map(work, run))


def box_ap_of_folders(
    run: FolderRun, *, points: Path | None = None, min_region: int = 100, class_agnostic: bool = False
) -> BoxAP:
    """Box AP of the boxes around the masks of a folder of predictions.

    Predictions and objects of fewer than `min_region` vertices are left out; 0 keeps all, as VoteNet does.

    Args:
        run: The folders.
        points: Vertices of each scene in metres: `SCENE.npy (n 3)`, `SCENE.ply` or `SCENE_vh_clean_2.ply`; None where
            the ground truth is `.npz` with `xyz_m (n 3)`.
        min_region: Vertices that a prediction or an object needs.
        class_agnostic: Score all objects as one class.

    Raises:
        InputError: A file that cannot be scored; its path is named.
    """
    empty = BoxAP(classes=run.classes, class_agnostic=class_agnostic)
    work = functools.partial(
        _scene_box_ap, run=run, points=points, min_region=min_region, class_agnostic=class_agnostic
    )
    return _merged(empty, _map(work, run))


def semantic_iou_of_folders(run: FolderRun) -> SemanticIoU:
    """Semantic IoU of a folder of labels, as text (one id per vertex) or `.npz` (array `label`).

    Raises:
        InputError: A file that cannot be scored; its path is named.
    """
    empty = SemanticIoU(classes=run.classes, official_quirks=run.official_quirks)
    return _merged(empty, _map(functools.partial(_scene_semantic_iou, run=run), run))


M = TypeVar("M", InstanceAP, BoxAP, SemanticIoU)


def _map(work: Callable[[ScenePaths], M], run: FolderRun) -> Iterable[M]:
    scenes = pair_scenes(run.pred, run.gt, official_quirks=run.official_quirks)
    return map_scenes(work, scenes, workers=run.workers, engine=run.engine, title="scenes")


def _merged(whole: M, parts: Iterable[M]) -> M:
    for part in parts:
        whole.merge(part)
    return whole


def _scene_instance_ap(scene: ScenePaths, *, run: FolderRun, min_region: int, class_agnostic: bool) -> InstanceAP:
    ap = InstanceAP(classes=run.classes, min_region=min_region, class_agnostic=class_agnostic)
    truth = read_truth(scene.truth)
    ap.add(_prediction(scene, len(truth), run, class_agnostic), truth)
    return ap


def _scene_box_ap(
    scene: ScenePaths, *, run: FolderRun, points: Path | None, min_region: int, class_agnostic: bool
) -> BoxAP:
    ap = BoxAP(classes=run.classes, class_agnostic=class_agnostic)
    truth = read_truth(scene.truth)
    xyz_m = _vertices(scene, points)
    if len(xyz_m) != len(truth):
        raise InputError(f"{scene.truth}: labels for {len(truth):,} vertices, but the scene has {len(xyz_m):,}")
    prediction = _prediction(scene, len(truth), run, class_agnostic)
    covered = prediction.over_vertices()
    large = np.diff(covered.start) >= max(min_region, 1)
    ids, count = np.unique(truth, return_counts=True)
    ids = ids[(ids >= ID_FACTOR) & (count >= min_region)]
    objects = MaskList.from_rows((np.flatnonzero(truth == i) for i in ids.tolist()), elements=len(truth))
    ap.add(
        bounding_boxes(xyz_m, covered)[large],
        prediction.label[large],
        prediction.score[large],
        truth_box=bounding_boxes(xyz_m, objects),
        truth_label=ids // ID_FACTOR,
    )
    return ap


def _scene_semantic_iou(scene: ScenePaths, *, run: FolderRun) -> SemanticIoU:
    iou = SemanticIoU(classes=run.classes, official_quirks=run.official_quirks)
    truth = _read_labels(scene.truth)
    predicted = np.zeros_like(truth) if scene.prediction is None else _read_labels(scene.prediction)
    try:
        iou.add(predicted, truth)
    except InputError as error:
        raise InputError(f"{scene.prediction}: {error}") from error
    return iou


def _prediction(scene: ScenePaths, vertices: int, run: FolderRun, class_agnostic: bool) -> InstancePrediction:
    if scene.prediction is None:
        return nothing_predicted(vertices)
    return read_prediction(
        scene.prediction,
        vertices=vertices,
        classes=class_list(run.classes),
        class_agnostic=class_agnostic,
        official_quirks=run.official_quirks,
    )


def _read_labels(path: Path) -> Int64[np.ndarray, "n"]:
    if path.suffix != ".npz":
        return read_integers(path)
    label = read_arrays(path, ("label",))["label"]
    if label.ndim != 1 or not np.issubdtype(label.dtype, np.integer):
        raise InputError(f"{path}: label is {label.dtype} of shape {label.shape}; expected integers, one per vertex")
    return label.astype(np.int64)


def _vertices(scene: ScenePaths, points: Path | None) -> Float64[np.ndarray, "n 3"]:
    if points is None:
        if scene.truth.suffix != ".npz":
            raise InputError(f"{scene.truth}: boxes need the vertices; give their folder with --points")
        return _as_points(read_arrays(scene.truth, ("xyz_m",))["xyz_m"], scene.truth)
    for name in (f"{scene.name}.npy", f"{scene.name}.ply", f"{scene.name}_vh_clean_2.ply"):
        if (points / name).is_file():
            return _read_points(points / name)
    raise InputError(f"{points}: no {scene.name}.npy, {scene.name}.ply or {scene.name}_vh_clean_2.ply")


def _read_points(path: Path) -> Float64[np.ndarray, "n 3"]:
    from plyfile import PlyData, PlyParseError

    try:
        if path.suffix == ".npy":
            return _as_points(np.load(path, allow_pickle=False), path)
        vertex = PlyData.read(path)["vertex"]
        return np.stack([np.asarray(vertex[axis], dtype=np.float64) for axis in "xyz"], axis=1)
    except (OSError, EOFError, KeyError, PlyParseError) as error:
        raise InputError(f"{path}: cannot be read as vertices: {error}") from error


def _as_points(xyz: np.ndarray, path: Path) -> Float64[np.ndarray, "n 3"]:
    if xyz.ndim != 2 or xyz.shape[1] != 3 or not np.issubdtype(xyz.dtype, np.number):
        raise InputError(f"{path}: vertices are {xyz.dtype} of shape {xyz.shape}; expected numbers (n, 3)")
    return xyz.astype(np.float64)
