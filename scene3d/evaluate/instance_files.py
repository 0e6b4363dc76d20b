"""Files of the ScanNet instance benchmark, official text and compact `.npz`, to predictions and ground truth."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float64, Int64

from scene3d.errors import InputError
from scene3d.evaluate.instance import InstancePrediction
from scene3d.evaluate.integer_lines import read_integers, read_mask
from scene3d.evaluate.masks import MaskList
from scene3d.labels import ClassList

_RESULT_FILE = "semantic_instance_evaluation"  # the official script leaves its result among the predictions


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenePaths:
    """Where the files of one scene are."""

    name: str
    prediction: Path | None
    """None where nothing was predicted for this scene."""
    truth: Path


def pair_scenes(predictions: Path, truths: Path, *, official_quirks: bool = False) -> list[ScenePaths]:
    """The scenes of a ground truth folder with their predictions, by name.

    A scene without a prediction file counts as one in which nothing was found. The official script takes its scenes
    from the prediction files, so what was left out costs nothing: `official_quirks` does the same.

    Raises:
        InputError: No files, a prediction without ground truth, or a scene that is there as `.txt` and as `.npz`.
    """
    predicted, true = _scene_files(predictions), _scene_files(truths)
    if not true:
        raise InputError(f"{truths}: no ground truth; expected SCENE.txt or SCENE.npz")
    if not predicted:
        raise InputError(f"{predictions}: no predictions; expected SCENE.txt or SCENE.npz")
    unknown = sorted(set(predicted) - set(true))
    if unknown:
        raise InputError(f"{predicted[unknown[0]]}: no ground truth of that name in {truths}")
    names = sorted(predicted if official_quirks else true)
    return [ScenePaths(name=name, prediction=predicted.get(name), truth=true[name]) for name in names]


def read_truth(path: Path) -> Int64[np.ndarray, "n"]:
    """`label * 1000 + instance + 1` per vertex, from text or from the array `ids` of an `.npz`.

    Raises:
        InputError: The file cannot be read or holds something else.
    """
    if path.suffix != ".npz":
        return read_integers(path)
    ids = read_arrays(path, ("ids",))["ids"]
    if ids.ndim != 1 or not np.issubdtype(ids.dtype, np.integer):
        raise InputError(f"{path}: ids is {ids.dtype} of shape {ids.shape}; expected integers, one per vertex")
    return ids.astype(np.int64)


def read_prediction(
    path: Path, *, vertices: int, classes: ClassList, class_agnostic: bool = False, official_quirks: bool = False
) -> InstancePrediction:
    """One scene's predictions, from the official text or from an `.npz` as `scene3d segment` writes it.

    The `.npz` holds `mask (q n)`, `score (q)` and `label (q)`, class ids or names; with `superpoint (n)`, masks are
    over superpoints. In text, masks of classes that are not scored are not read.

    Args:
        path: `SCENE.txt` with lines `relative_mask_path label_id confidence`, or `SCENE.npz`.
        vertices: Number of vertices of the scene.
        classes: Gives the ids of label names.
        class_agnostic: Read all masks, whatever their labels.
        official_quirks: Where a mask file is listed twice, the last line wins, as in the official script.

    Raises:
        InputError: Anything that is not as described; a mask outside the folder, of the wrong length or listed twice;
            a score that is not a number.
    """
    if path.suffix == ".npz":
        return _npz_prediction(path, vertices, classes)
    scored = None if class_agnostic else {label for label, _ in classes.things()}
    lines = _listed_masks(path, scored, last_wins=official_quirks)

    def covered(mask: Path) -> Int64[np.ndarray, "m"]:
        element, length = read_mask(mask)
        if length != vertices:
            raise InputError(f"{mask}: {length:,} lines, but the scene has {vertices:,} vertices")
        return element

    return InstancePrediction(
        mask=MaskList.from_rows((covered(line.mask) for line in lines), elements=vertices),
        label=np.array([line.label for line in lines], dtype=np.int64),
        score=np.array([line.score for line in lines], dtype=np.float64),
    )


def nothing_predicted(vertices: int) -> InstancePrediction:
    """The prediction for a scene that a model left out."""
    return InstancePrediction(
        mask=MaskList.from_rows((), elements=vertices), label=np.zeros(0, dtype=np.int64), score=np.zeros(0)
    )


def read_arrays(path: Path, names: tuple[str, ...], *, optional: tuple[str, ...] = ()) -> dict[str, np.ndarray]:
    """Named arrays of an `.npz`; pickled objects are refused.

    Raises:
        InputError: No such file, no `.npz`, or an array is missing.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            missing = [name for name in names if name not in file]
            if missing:
                raise InputError(f"{path}: no array {missing[0]!r}; there are: {', '.join(file) or 'none'}")
            return {name: file[name] for name in (*names, *optional) if name in file}
    except (OSError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(f"{path}: cannot be read as .npz: {error}") from error
    except ValueError as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path}: holds pickled objects or damaged arrays ({error}); save plain arrays") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    mask: Path
    label: int
    score: float


def _listed_masks(path: Path, scored: Container[int] | None, *, last_wins: bool) -> list[_Line]:
    """The lines of a prediction file whose labels are scored, in order."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read as text: {error}") from error
    lines: dict[Path, _Line] = {}
    root = path.parent.resolve()
    for number, row in enumerate(text.splitlines(), start=1):
        if not row.strip():
            continue
        line = _parsed_line(row, root, where=f"{path}: line {number}")
        if line.mask in lines and not last_wins:
            raise InputError(
                f"{path}: line {number} lists {line.mask} again; write one mask file per prediction, or let the last "
                "line win with --official-quirks"
            )
        lines[line.mask] = line
    return [line for line in lines.values() if scored is None or line.label in scored]


def _parsed_line(row: str, root: Path, *, where: str) -> _Line:
    parts = row.split()
    if len(parts) != 3:
        raise InputError(f"{where}: {row!r} has {len(parts)} fields; expected `relative_mask_path label_id confidence`")
    mask = (root / parts[0]).resolve()
    if Path(parts[0]).is_absolute() or not mask.is_relative_to(root):
        raise InputError(f"{where}: the mask {parts[0]!r} is not inside {root}; give a path relative to that folder")
    try:
        label, score = int(float(parts[1])), float(parts[2])
    except (ValueError, OverflowError):
        raise InputError(f"{where}: label {parts[1]!r} and confidence {parts[2]!r} must be numbers") from None
    if np.isnan(score):
        raise InputError(f"{where}: the confidence is not a number; scores order the predictions")
    return _Line(mask=mask, label=label, score=score)


def _npz_prediction(path: Path, vertices: int, classes: ClassList) -> InstancePrediction:
    arrays = read_arrays(path, ("mask", "score", "label"), optional=("superpoint",))
    mask, superpoint = arrays["mask"], arrays.get("superpoint")
    if mask.ndim != 2 or arrays["score"].shape != mask.shape[:1] or arrays["label"].shape != mask.shape[:1]:
        shapes = ", ".join(f"{name} {array.shape}" for name, array in arrays.items())
        raise InputError(f"{path}: expected mask (q, n), score (q,) and label (q,); found {shapes}")
    covered = mask.shape[1] if superpoint is None else len(superpoint)
    if covered != vertices:
        raise InputError(f"{path}: masks over {covered:,} vertices, but the scene has {vertices:,}")
    if superpoint is not None and superpoint.size and not 0 <= superpoint.min() <= superpoint.max() < mask.shape[1]:
        raise InputError(
            f"{path}: superpoints run from {superpoint.min()} to {superpoint.max()}; masks have {mask.shape[1]}"
        )
    try:
        return InstancePrediction(
            mask=mask.astype(bool, copy=False),
            label=_label_ids(arrays["label"], classes),
            score=_as_scores(arrays["score"]),
            superpoint=superpoint,
        )
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def _label_ids(label: np.ndarray, classes: ClassList) -> Int64[np.ndarray, "q"]:
    """Class ids of ids or names; 0, which no benchmark scores, for names that it does not have."""
    if np.issubdtype(label.dtype, np.str_):
        return np.array([classes.id_of(name) for name in label.tolist()], dtype=np.int64)
    if not np.issubdtype(label.dtype, np.number):
        raise InputError(f"label is {label.dtype}; expected class ids or names")
    return label.astype(np.int64)


def _as_scores(score: np.ndarray) -> Float64[np.ndarray, "q"]:
    if not np.issubdtype(score.dtype, np.number):
        raise InputError(f"score is {score.dtype}; expected numbers")
    return score.astype(np.float64)


def _scene_files(folder: Path) -> Mapping[str, Path]:
    """Scene name → file, of the `.txt` and `.npz` files directly in a folder."""
    if not folder.is_dir():
        raise InputError(f"{folder}: not a folder; expected one with SCENE.txt or SCENE.npz files")
    found: dict[str, Path] = {}
    usable: Callable[[Path], bool] = lambda p: p.suffix in (".txt", ".npz") and p.stem != _RESULT_FILE  # noqa: E731
    for path in sorted(filter(usable, folder.iterdir())):
        if path.stem in found:
            raise InputError(f"{path}: {found[path.stem].name} is there too; keep one of them")
        found[path.stem] = path
    return found
