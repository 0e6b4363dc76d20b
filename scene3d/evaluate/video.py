"""Video object segmentation: region similarity J and boundary accuracy F as the DAVIS challenge measures them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from scipy.spatial import KDTree

from scene3d.errors import InputError

BOUNDARY_TOLERANCE = 0.008
"""Part of the picture's diagonal that a boundary may be off; rounded up to whole pixels."""

VOID = 255
"""Label of unannotated pixels; DAVIS counts them as background."""


@dataclass(slots=True)
class VideoMetrics:
    """Scores of objects over frames; the mean over objects of all videos is the benchmark's number.

    An object that is in neither map of a frame scores 1 there. Predicted objects that the ground truth of the video
    lacks count as background; with `official_quirks` they are refused, and the objects are 1 … the highest label of
    the first frame, also those that never appear, as in the DAVIS script.

    Source: Perazzi et al., CVPR 2016; Pont-Tuset et al., "DAVIS 2017" (arXiv:1704.00675).
    """

    skip_ends: bool = False
    """Leave out the first and the last frame, as the semi-supervised challenge does."""
    official_quirks: bool = False
    videos: dict[str, dict[str, dict[str, float]]] = field(default_factory=dict)

    def add(self, name: str, predicted: Iterable[np.ndarray], truth: Iterable[np.ndarray]) -> None:
        """Add a video.

        Args:
            name: Of the video.
            predicted: Label maps (h, w), 0 background, k object k, frame by frame.
            truth: The same for the ground truth.

        Raises:
            InputError: The video came before, has no frame to score, or frames differ in number or size.
        """
        if name in self.videos:
            raise InputError(f"video {name!r} was added twice")
        ours, theirs = list(predicted), [np.where(frame == VOID, 0, frame) for frame in truth]
        if len(ours) != len(theirs):
            raise InputError(f"video {name!r}: {len(ours)} predicted frames for {len(theirs)} of the ground truth")
        objects = self._objects(name, ours, theirs)
        frames = list(zip(ours, theirs, strict=True))[1:-1] if self.skip_ends else list(zip(ours, theirs, strict=True))
        if not frames:
            raise InputError(f"video {name!r} has no frame to score" + (" between its ends" if self.skip_ends else ""))
        scores = np.zeros((len(frames), len(objects), 2))
        for i, (a, b) in enumerate(frames):
            if a.shape != b.shape or a.ndim != 2:
                raise InputError(f"video {name!r}, frame {i}: predicted {a.shape}, ground truth {b.shape} pixels")
            scores[i, :, 0] = region_similarity(a, b, objects)
            scores[i, :, 1] = [boundary_accuracy(a == k, b == k) for k in objects]
        means = scores.mean(axis=0)
        self.videos[name] = {str(k): {"J": float(j), "F": float(f)} for k, (j, f) in zip(objects, means, strict=True)}

    def merge(self, other: VideoMetrics) -> None:
        """Take in the videos of another process.

        Raises:
            InputError: A video is in both.
        """
        twice = [name for name in other.videos if name in self.videos]
        if twice:
            raise InputError(f"video {twice[0]!r} was added twice")
        self.videos.update(other.videos)

    def result(self) -> dict[str, Any]:
        """J and F per object, their means over all objects, and the mean of both.

        Raises:
            InputError: No object at all.
        """
        every = [scores for objects in self.videos.values() for scores in objects.values()]
        if not every:
            raise InputError("no annotated object in any video; nothing can be scored")
        j, f = (float(np.mean([scores[key] for scores in every])) for key in ("J", "F"))
        return {"videos": self.videos, "J": j, "F": f, "J&F": (j + f) / 2}

    def _objects(self, name: str, ours: list[np.ndarray], theirs: list[np.ndarray]) -> list[int]:
        if not self.official_quirks:
            return sorted({int(k) for frame in theirs for k in np.unique(frame)} - {0})
        objects = list(range(1, int(theirs[0].max(initial=0)) + 1)) if theirs else []
        highest = max((int(frame.max(initial=0)) for frame in ours), default=0)
        if highest != len(objects):
            raise InputError(f"video {name!r}: the highest predicted label is {highest}, of {len(objects)} objects")
        return objects


def region_similarity(predicted: np.ndarray, truth: np.ndarray, objects: list[int]) -> np.ndarray:
    """J: intersection over union of each object, (k,); 1 where it is in neither map."""
    top = int(max(predicted.max(initial=0), truth.max(initial=0), *objects, 0)) + 1
    shared = np.bincount(truth[predicted == truth].ravel(), minlength=top)
    either = np.bincount(predicted.ravel(), minlength=top) + np.bincount(truth.ravel(), minlength=top) - shared
    return np.where(either > 0, shared / np.maximum(either, 1), 1.0)[objects]


def boundary_accuracy(predicted: np.ndarray, truth: np.ndarray, *, tolerance: float = BOUNDARY_TOLERANCE) -> float:
    """F: harmonic mean of the parts of each boundary that lie near the other.

    Args:
        predicted: One object, (h, w), boolean.
        truth: The same for the ground truth.
        tolerance: Part of the diagonal below 1, else pixels.

    Returns:
        1 where neither has a boundary, 0 where one of them has none.
    """
    radius = tolerance if tolerance >= 1 else np.ceil(tolerance * np.hypot(*truth.shape))
    ours, theirs = _boundary(predicted), _boundary(truth)
    if not len(ours) or not len(theirs):
        return float(len(ours) == len(theirs))
    precision = _near(ours, theirs, radius)
    recall = _near(theirs, ours, radius)
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def _boundary(mask: np.ndarray) -> np.ndarray:
    """Pixels whose right, lower or lower right neighbour differs, (b, 2); the picture goes on as at its edge."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return np.zeros((0, 2), dtype=np.int64)
    corner = np.array([max(rows[0] - 1, 0), max(columns[0] - 1, 0)])
    part = mask[corner[0] : rows[-1] + 2, corner[1] : columns[-1] + 2]
    wide = np.pad(part, ((0, 1), (0, 1)), mode="edge")
    edge = (part ^ wide[:-1, 1:]) | (part ^ wide[1:, :-1]) | (part ^ wide[1:, 1:])
    return np.argwhere(edge) + corner


def _near(points: np.ndarray, others: np.ndarray, radius: float) -> float:
    """Part of `points` with one of `others` within `radius`; squared distances are whole, so half a unit is slack."""
    distance, _ = KDTree(others).query(points, distance_upper_bound=float(np.sqrt(radius**2 + 0.5)))
    return float(np.isfinite(distance).mean())


def score_video(name: str, *, pred: Path, gt: Path, skip_ends: bool, official_quirks: bool) -> VideoMetrics:
    """Score the folder `name` of label maps `FRAME.png` below `pred` and `gt`.

    A frame, or a whole video, that was not predicted counts as one where nothing was segmented.

    Raises:
        InputError: The ground truth has no frames; see also `read_labels` and `VideoMetrics.add`.
    """
    paths = sorted((gt / name).glob("*.png"))
    if not paths:
        raise InputError(f"{gt / name}: holds no FRAME.png")
    truth = [read_labels(path) for path in paths]
    predicted = []
    for path, labels in zip(paths, truth, strict=True):
        own = pred / name / path.name
        predicted.append(read_labels(own) if own.is_file() else np.zeros_like(labels))
    metrics = VideoMetrics(skip_ends, official_quirks)
    metrics.add(name, predicted, truth)
    return metrics


def video_names(pred: Path, gt: Path) -> list[str]:
    """Videos of the ground truth, the folders with PNG frames.

    Raises:
        InputError: There are none, or none of their frames was predicted.
    """
    names = sorted(folder.name for folder in gt.glob("*") if any(folder.glob("*.png")))
    if not names:
        raise InputError(f"{gt}: expected VIDEO/FRAME.png below it, found no such file")
    if not any((pred / path.relative_to(gt)).is_file() for name in names for path in (gt / name).glob("*.png")):
        raise InputError(f"{pred}: none of the frames of {gt} is here, such as {names[0]}/FRAME.png")
    return names


def read_labels(path: Path) -> np.ndarray:
    """A label map, (h, w), whole numbers; a palette picture gives its indices.

    Raises:
        InputError: The picture has more than one channel or cannot be read.
    """
    from PIL import Image

    try:
        with Image.open(path) as picture:
            labels = np.asarray(picture)
    except OSError as error:
        raise InputError(f"{path}: cannot be read as a picture: {error}") from error
    if labels.ndim != 2:
        raise InputError(f"{path}: a label map has one channel, this has shape {labels.shape}; save palette or grey")
    return labels.astype(np.uint8) if labels.dtype == bool else labels
