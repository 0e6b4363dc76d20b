"""`scene3d evaluate …` for scans: instances, semantics, grounding."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import tyro

from scene3d.errors import InputError
from scene3d.evaluate.folders import FolderRun, box_ap_of_folders, instance_ap_of_folders, semantic_iou_of_folders
from scene3d.evaluate.grounding import Benchmark
from scene3d.evaluate.grounding_files import (
    Key,
    drop_object_ids,
    nr3d_eval_types,
    read_records,
    scanrefer_eval_types,
    score_records,
    with_eval_types,
)
from scene3d.evaluate.parallel import Engine
from scene3d.evaluate.tables import print_table, write_json

Classes = Literal["scannet20", "scannet200"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """How a benchmark is computed, and where its result goes."""

    json: Path | None = None
    """Write the result here as JSON; numbers that are not defined are null."""
    workers: int | None = None
    """Processes; as many as there are processors unless given."""
    engine: Engine = "local"
    """Processes of this machine, or a Ray cluster (`RAY_ADDRESS`; needs the extra `ray`)."""
    official_quirks: bool = False
    """Do as the official script even where we hold that it errs; docs/evaluate.md lists the differences."""

    def on(self, pred: Path, gt: Path, classes: Classes) -> FolderRun:
        """The same settings for two folders."""
        return FolderRun(
            pred=pred,
            gt=gt,
            classes=classes,
            workers=self.workers,
            engine=self.engine,
            official_quirks=self.official_quirks,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceOptions:
    """What counts as an object."""

    classes: Classes = "scannet20"
    """Class list of the benchmark."""
    min_region: int = 100
    """Vertices that a prediction or an object needs to count."""
    class_agnostic: bool = False
    """Score all objects as one class, whatever the labels of the predictions."""
    boxes: bool = False
    """Score the boxes around the masks, by VoteNet's rule, instead of the masks."""
    points: Path | None = None
    """For --boxes: folder with the vertices in metres, SCENE.npy (n, 3), SCENE.ply or SCENE_vh_clean_2.ply; not needed
    where the ground truth is .npz with `xyz_m`."""


_INSTANCE_DEFAULTS, _RUN_DEFAULTS = InstanceOptions(), RunOptions()


def scannet_instance(
    *,
    pred: Path,
    gt: Path,
    what: tyro.conf.OmitArgPrefixes[InstanceOptions] = _INSTANCE_DEFAULTS,
    run: tyro.conf.OmitArgPrefixes[RunOptions] = _RUN_DEFAULTS,
) -> None:
    """ScanNet instance AP of masks, or of the boxes around them.

    Args:
        pred: Folder with SCENE.txt (lines `relative_mask_path label_id confidence`, masks as 0/1 text per vertex) or
            SCENE.npz (`mask`, `label`, `score`, as `scene3d segment` writes them).
        gt: Folder with SCENE.txt (`label * 1000 + instance + 1` per vertex) or SCENE.npz (`ids`).
        what: What counts as an object.
        run: How the benchmark is computed, and where its result goes.
    """
    folders = run.on(pred, gt, what.classes)
    if what.boxes:
        score = box_ap_of_folders(
            folders, points=what.points, min_region=what.min_region, class_agnostic=what.class_agnostic
        )
    else:
        score = instance_ap_of_folders(folders, min_region=what.min_region, class_agnostic=what.class_agnostic)
    result = score.result()
    measures = ("ap", "ap50", "ap25")
    rows: dict[str, Mapping[str, float]] = dict(result["per_class"])
    rows |= {split: result[split] for split in ("head", "common", "tail") if split in result}
    rows["mean"] = {name: result[name] for name in measures}
    print_table(f"{what.classes} {'box' if what.boxes else 'instance'} AP, %", rows)
    write_json(result, run.json)


def scannet_semantic(
    *,
    pred: Path,
    gt: Path,
    classes: Classes = "scannet20",
    run: tyro.conf.OmitArgPrefixes[RunOptions] = _RUN_DEFAULTS,
) -> None:
    """ScanNet semantic IoU.

    Args:
        pred: Folder with SCENE.txt, one label id per vertex, or SCENE.npz (`label`).
        gt: Folder with the true labels in the same formats.
        classes: Class list of the benchmark.
        run: How the benchmark is computed, and where its result goes.
    """
    result = semantic_iou_of_folders(run.on(pred, gt, classes)).result()
    rows = {name: {"IoU": value} for name, value in result["per_class"].items()}
    print_table(f"{classes} semantic IoU, %", {**rows, "mean": {"IoU": result["miou"]}})
    write_json(result, run.json)


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitOptions:
    """Where the kind of each query comes from, if the ground truth has no `eval_type`."""

    annotations: Path | None = None
    """Original annotations, ScanRefer_filtered_val.json or nr3d.csv: derive `eval_type` by the benchmark's rule."""
    labels: Path | None = None
    """For ScanRefer's annotations: scannetv2-labels.combined.tsv."""


_SPLIT_DEFAULTS = SplitOptions()


def grounding(
    *,
    benchmark: Benchmark,
    pred: Path,
    gt: Path,
    splits: tyro.conf.OmitArgPrefixes[SplitOptions] = _SPLIT_DEFAULTS,
    masks: bool = False,
    json: Path | None = None,
    official_quirks: bool = False,
) -> None:
    """ScanRefer and Nr3D accuracy, Multi3DRefer F1.

    Args:
        benchmark: Whose rule to follow.
        pred: JSON list of {"scene_id", "object_id", "ann_id", "boxes": [[xmin, ymin, zmin, xmax, ymax, zmax], ...]}.
        gt: The same for the true objects, with "eval_type" such as "unique", "zt_w_d" or "easy_indep".
        splits: Where the kind of each query comes from, if the ground truth has no `eval_type`.
        masks: Score "masks" instead of "boxes": lists of vertices, or {"counts": [zeros, ones, zeros, ...]}.
        json: Write the result here as JSON; numbers that are not defined are null.
        official_quirks: Do as the official script even where we hold that it errs.
    """
    predicted, truth = read_records(pred, benchmark), read_records(gt, benchmark)
    if benchmark == "multi3drefer" and any(key[1] == "" for key in (*predicted, *truth)):
        predicted, truth = drop_object_ids(predicted), drop_object_ids(truth)
    if splits.annotations is not None:
        truth = with_eval_types(truth, _eval_types(benchmark, splits.annotations, splits.labels))
    score = score_records(benchmark, predicted, truth, masks=masks, official_quirks=official_quirks)
    result = score.result()
    print_table(f"{benchmark}, {'mask' if masks else 'box'} IoU, %", result)
    write_json(result, json)


def _eval_types(benchmark: Benchmark, annotations: Path, labels: Path | None) -> Mapping[Key, str]:
    if benchmark == "nr3d":
        return nr3d_eval_types(annotations)
    if benchmark == "multi3drefer":
        raise InputError("Multi3DRefer's own annotations hold `eval_type`; copy it into the ground truth")
    if labels is None:
        raise InputError("--annotations of ScanRefer needs --labels scannetv2-labels.combined.tsv for the classes")
    return scanrefer_eval_types(annotations, labels)


COMMANDS: dict[str, Callable[..., None]] = {
    "scannet-instance": scannet_instance,
    "scannet-semantic": scannet_semantic,
    "grounding": grounding,
}
"""Name on the command line, below `scene3d evaluate`, → function."""
