"""Files of the grounding benchmarks: prediction and truth records, and the splits of the original annotations."""

from __future__ import annotations

import ast
import csv
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int64

from scene3d.errors import InputError
from scene3d.evaluate.grounding import Benchmark, GroundingScore, benchmark_box_iou, mask_iou
from scene3d.labels import class_list

Key = tuple[str, str, str]
"""Scene, object and annotation id, as text: datasets write them now as numbers, now as strings."""

Record = Mapping[str, Any]

_VIEW_WORDS = frozenset(
    ("front", "behind", "back", "right", "left", "facing", "leftmost", "rightmost", "looking", "across")
)
_EASY_OBJECTS = 2  # of the target's class, the target included


def score_records(
    benchmark: Benchmark,
    predicted: Mapping[Key, Record],
    truth: Mapping[Key, Record],
    *,
    masks: bool = False,
    official_quirks: bool = False,
) -> GroundingScore:
    """Score each true record with the prediction of its key.

    A missing prediction scores 0. The ScanRefer script averages over the predictions instead, so that what is missing
    costs nothing and an unknown key counts as a miss under the prediction's own `eval_type`: `official_quirks` does so.

    Raises:
        InputError: A prediction for an unknown key; a record without `boxes`, `masks` or `eval_type`; a malformed box.
    """
    score = GroundingScore(benchmark)
    unknown = [key for key in predicted if key not in truth]
    leave_out = official_quirks and benchmark == "scanrefer"
    if unknown and not leave_out:
        raise InputError(f"prediction for {_named(unknown[0])}, which the ground truth does not have")
    for key, record in truth.items():
        if key in predicted:
            overlap = _overlap(benchmark, predicted[key], record, masks=masks, where=_named(key))
            score.add(overlap, eval_type=_eval_type(record, key))
        elif not leave_out:
            score.add_unanswered(eval_type=_eval_type(record, key))
    for key in unknown:
        score.add_unanswered(eval_type=_eval_type(predicted[key], key))
    return score


def read_records(path: Path, benchmark: Benchmark) -> dict[Key, Record]:
    """The records of a JSON file by key; for Multi3DRefer, `object_id` may be left out.

    Raises:
        InputError: No JSON list of objects, a record without ids, or two with the same.
    """
    try:
        records = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise InputError(f"{path}: cannot be read as JSON: {error}") from error
    if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
        raise InputError(f"{path}: expected a list of records such as {{'scene_id': …, 'object_id': …, 'ann_id': …}}")
    by_key: dict[Key, Record] = {}
    for number, record in enumerate(records):
        needed = ("scene_id", "ann_id") if benchmark == "multi3drefer" else ("scene_id", "object_id", "ann_id")
        missing = [name for name in needed if name not in record]
        if missing:
            raise InputError(f"{path}: record {number} has no {missing[0]!r}; there are: {', '.join(record) or 'none'}")
        key = (str(record["scene_id"]), str(record.get("object_id", "")), str(record["ann_id"]))
        if key in by_key:
            raise InputError(f"{path}: record {number} repeats {_named(key)}; each query is answered once")
        by_key[key] = record
    return by_key


def drop_object_ids(records: Mapping[Key, Record]) -> dict[Key, Record]:
    """The records by scene and annotation alone, for Multi3DRefer where only one of two files gives `object_id`.

    Raises:
        InputError: Annotation ids repeat within a scene.
    """
    short = {(scene, "", annotation): record for (scene, _, annotation), record in records.items()}
    if len(short) < len(records):
        raise InputError("annotation ids repeat within a scene; give `object_id` in predictions and ground truth")
    return short


def scanrefer_eval_types(annotations: Path, labels: Path) -> dict[Key, str]:
    """`unique` or `multiple` for each annotation of ScanRefer, by its own rule.

    Args:
        annotations: `ScanRefer_filtered_val.json` or another of its files.
        labels: `scannetv2-labels.combined.tsv`, which maps raw names to the 17 named benchmark classes; all other names
            make the eighteenth. A query is unique where the file annotates one object of that class in the scene.

    Raises:
        InputError: A file cannot be read.
    """
    records = read_records(annotations, "scanrefer")
    benchmark_names = {name for _, name in class_list("scannet20").things()} - {"otherfurniture"}
    classes = _benchmark_classes(labels, benchmark_names)
    class_of_object = {
        key[:2]: classes.get(str(record.get("object_name", "")).replace("_", " "), "others")
        for key, record in records.items()
    }
    count = Counter((scene, name) for (scene, _), name in class_of_object.items())
    return {key: "unique" if count[key[0], class_of_object[key[:2]]] == 1 else "multiple" for key in records}


def nr3d_eval_types(annotations: Path) -> dict[Key, str]:
    """`easy_dep`, `easy_indep`, `hard_dep` or `hard_indep` for each utterance of Nr3D, by ReferIt3D's rule.

    Easy: at most two objects of the class are in the scene, as `stimulus_id` tells. View-dependent: one of ten words,
    such as "left" or "facing", is among the tokens. The annotation id counts the utterances about one object.

    Args:
        annotations: `nr3d.csv` or a part of it.

    Raises:
        InputError: The file cannot be read, or a row is not as Nr3D writes it.
    """
    rows = _table(annotations, ("stimulus_id", "tokens", "scan_id", "target_id"), delimiter=",")
    seen: Counter[tuple[str, str]] = Counter()
    types: dict[Key, str] = {}
    for number, row in enumerate(rows, start=2):
        try:
            same_class = int(row["stimulus_id"].split("-")[2])
            tokens = ast.literal_eval(row["tokens"])
        except (ValueError, SyntaxError, IndexError) as error:
            raise InputError(f"{annotations}: line {number} is not a row of Nr3D: {error}") from error
        target = (row["scan_id"], row["target_id"])
        view = "dep" if _VIEW_WORDS & set(tokens) else "indep"
        types[(*target, str(seen[target]))] = f"{'easy' if same_class <= _EASY_OBJECTS else 'hard'}_{view}"
        seen[target] += 1
    return types


def with_eval_types(records: Mapping[Key, Record], types: Mapping[Key, str]) -> dict[Key, Record]:
    """The records with `eval_type` from the annotations.

    Raises:
        InputError: The annotations do not have a record.
    """
    missing = [key for key in records if key not in types]
    if missing:
        raise InputError(f"the annotations do not have {_named(missing[0])}")
    return {key: {**record, "eval_type": types[key]} for key, record in records.items()}


def _overlap(
    benchmark: Benchmark, predicted: Record, truth: Record, *, masks: bool, where: str
) -> Float[np.ndarray, "p k"]:
    if masks:
        return mask_iou(_masks(predicted, f"prediction for {where}"), _masks(truth, f"ground truth of {where}"))
    a, b = _boxes(predicted, f"prediction for {where}"), _boxes(truth, f"ground truth of {where}")
    return benchmark_box_iou(benchmark, a, b)


def _boxes(record: Record, where: str) -> Float[np.ndarray, "k 6"]:
    if "boxes" not in record:
        raise InputError(f"{where}: no 'boxes'; for a query without target give an empty list")
    try:
        boxes = np.array(record["boxes"], dtype=np.float64)
        boxes = boxes.reshape(len(boxes), 6 if len(boxes) == 0 else -1)
    except (TypeError, ValueError) as error:
        raise InputError(f"{where}: 'boxes' must be a list of [xmin, ymin, zmin, xmax, ymax, zmax]: {error}") from error
    bad = [row.tolist() for row in boxes if len(row) != 6 or not np.isfinite(row).all() or (row[3:] < row[:3]).any()]
    if bad:
        raise InputError(f"{where}: {bad[0]} is no box; expected finite [xmin, ymin, zmin, xmax, ymax, zmax]")
    return boxes


def _masks(record: Record, where: str) -> list[Int64[np.ndarray, "_"]]:
    if "masks" not in record:
        raise InputError(f"{where}: no 'masks'; for a query without target give an empty list")
    return [_covered(mask, where) for mask in record["masks"]]


def _covered(mask: Any, where: str) -> Int64[np.ndarray, "m"]:
    """The vertices of a mask: a list of them, or run lengths `{"counts": [zeros, ones, zeros, …]}`."""
    try:
        if isinstance(mask, Mapping):
            runs = np.array(mask["counts"], dtype=np.int64)
            return np.flatnonzero(np.repeat(np.arange(len(runs)) % 2, runs))
        return np.array(mask, dtype=np.int64).reshape(len(mask))
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{where}: a mask is a list of vertices or {{'counts': [zeros, ones, …]}}; found {str(mask)[:60]}"
        ) from error


def _eval_type(record: Record, key: Key) -> str:
    if "eval_type" not in record:
        raise InputError(f"{_named(key)}: no 'eval_type'; add it, or derive it with --annotations")
    return str(record["eval_type"])


def _benchmark_classes(labels: Path, names: set[str]) -> dict[str, str]:
    """Raw category → benchmark class, `others` where it is none of `names`."""
    rows = _table(labels, ("raw_category", "nyu40class"), delimiter="\t")
    return {row["raw_category"]: row["nyu40class"] if row["nyu40class"] in names else "others" for row in rows}


def _table(path: Path, columns: Sequence[str], *, delimiter: str) -> list[dict[str, str]]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file, delimiter=delimiter))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: cannot be read as a table: {error}") from error
    missing = [name for name in columns if rows and name not in rows[0]]
    if missing or not rows:
        raise InputError(f"{path}: no rows with the columns {', '.join(columns)}")
    return rows


def _named(key: Key) -> str:
    scene, of, annotation = key
    return f"{scene}, annotation {annotation}" + (f" of object {of}" if of else "")
