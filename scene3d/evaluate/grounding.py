"""Grounding scores: ScanRefer accuracy, Multi3DRefer F1, Nr3D accuracy, from the overlaps of each query."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np
from jaxtyping import Float, Int64

from scene3d.errors import InputError
from scene3d.evaluate.boxes import box_iou

Benchmark = Literal["scanrefer", "multi3drefer", "nr3d"]

ZERO_TARGET = ("zt_w_d", "zt_wo_d")

SPLITS: dict[Benchmark, dict[str, tuple[str, ...]]] = {
    "scanrefer": {"unique": ("unique",), "multiple": ("multiple",)},
    "multi3drefer": {name: (name,) for name in (*ZERO_TARGET, "st_w_d", "st_wo_d", "mt")},
    "nr3d": {
        "easy": ("easy_dep", "easy_indep"),
        "hard": ("hard_dep", "hard_indep"),
        "view_dep": ("easy_dep", "hard_dep"),
        "view_indep": ("easy_indep", "hard_indep"),
    },
}
"""Reported splits of each benchmark and the `eval_type`s that they gather."""

_THRESHOLDS: dict[Benchmark, dict[str, float]] = {
    "scanrefer": {"acc@0.25": 0.25, "acc@0.5": 0.5},
    "multi3drefer": {"f1@0.25": 0.25, "f1@0.5": 0.5},
    "nr3d": {"acc": 0.9, "acc@0.25": 0.25, "acc@0.5": 0.5},
}


class GroundingScore:
    """Streaming score of one benchmark.

    ScanRefer: the first predicted box is right where its IoU is at least the threshold. Multi3DRefer: boxes are
    assigned so that the sum of IoU is largest, those at or above the threshold are true, and the score of a query is
    its F1; a query without target scores 1 where nothing is predicted. Nr3D: `acc` asks for IoU 0.9, which decides
    whether the right one of the given boxes was picked; `acc@0.25` and `acc@0.5` judge boxes that were detected.

    A query that was not answered scores 0, also one without target: silence is not the answer "nothing".

    Source: Chen et al., ECCV 2020 (arXiv:1912.08830); Zhang et al., ICCV 2023 (arXiv:2309.05251) with the evaluator of
        M3DRef-CLIP; Achlioptas et al., ECCV 2020 (ReferIt3D).
    """

    def __init__(self, benchmark: Benchmark):
        if benchmark not in SPLITS:
            raise InputError(f"no benchmark {benchmark!r}; there are: {', '.join(SPLITS)}")
        self.benchmark: Benchmark = benchmark
        self._thresholds = np.array(list(_THRESHOLDS[benchmark].values()))
        self._scores: dict[str, list[Float[np.ndarray, "t"]]] = {
            kind: [] for kinds in SPLITS[benchmark].values() for kind in kinds
        }

    def add(self, iou: Float[np.ndarray, "p k"], *, eval_type: str) -> None:
        """Score one query.

        Args:
            iou: Overlap of each predicted with each true object, the latter k = 0 for a query without target.
            eval_type: The benchmark's kind of query, such as `unique`, `zt_w_d` or `easy_indep`.

        Raises:
            InputError: An unknown `eval_type`, or no true object where there must be one.
        """
        scores = self._kind(eval_type)
        if iou.shape[1] == 0 and eval_type not in ZERO_TARGET:
            raise InputError(f"a query of eval_type {eval_type!r} has no true object")
        if eval_type in ZERO_TARGET:
            scores.append(np.full(len(self._thresholds), float(len(iou) == 0)))
        elif self.benchmark == "multi3drefer":
            scores.append(_f1(iou, self._thresholds))
        else:
            first = iou[0, 0] if len(iou) else -1.0
            scores.append((first >= self._thresholds).astype(np.float64))

    def add_unanswered(self, *, eval_type: str) -> None:
        """Count a query for which there is no prediction."""
        self._kind(eval_type).append(np.zeros(len(self._thresholds)))

    def merge(self, other: GroundingScore) -> None:
        """Take in the queries of another instance of the same benchmark.

        Raises:
            InputError: The benchmarks differ.
        """
        if self.benchmark != other.benchmark:
            raise InputError(f"cannot merge scores of {other.benchmark} into those of {self.benchmark}")
        for kind, scores in other._scores.items():
            self._scores[kind] += scores

    def result(self) -> dict[str, dict[str, float]]:
        """Means by measure and split, fractions 0–1; nan for a split without queries."""
        groups: Mapping[str, tuple[str, ...]] = {**SPLITS[self.benchmark], "overall": tuple(self._scores)}
        means = {split: self._mean(kinds) for split, kinds in groups.items()}
        return {
            measure: {split: float(mean[t]) for split, mean in means.items()}
            for t, measure in enumerate(_THRESHOLDS[self.benchmark])
        }

    def _kind(self, eval_type: str) -> list[Float[np.ndarray, "t"]]:
        if eval_type not in self._scores:
            raise InputError(f"{self.benchmark} has no eval_type {eval_type!r}; there are: {', '.join(self._scores)}")
        return self._scores[eval_type]

    def _mean(self, kinds: tuple[str, ...]) -> Float[np.ndarray, "t"]:
        scores = [score for kind in kinds for score in self._scores[kind]]
        return np.mean(scores, axis=0) if scores else np.full(len(self._thresholds), np.nan)


def benchmark_box_iou(
    benchmark: Benchmark, predicted: Float[np.ndarray, "p 6"], truth: Float[np.ndarray, "k 6"]
) -> Float[np.ndarray, "p k"]:
    """IoU as the benchmark rounds it.

    ScanRefer adds 1e-8 to the union, in double precision, so an exact half misses 0.5; Multi3DRefer works in single
    precision and adds the smallest step above 1. Nr3D has no boxes of its own and follows ScanRefer.
    """
    if benchmark == "multi3drefer":
        step = float(np.finfo(np.float32).eps)
        return box_iou(predicted.astype(np.float32), truth.astype(np.float32), epsilon=step)
    return box_iou(predicted.astype(np.float64), truth.astype(np.float64), epsilon=1e-8)


def mask_iou(predicted: list[Int64[np.ndarray, "_"]], truth: list[Int64[np.ndarray, "_"]]) -> Float[np.ndarray, "p k"]:
    """IoU of masks given as the vertices that they cover; 0 where both are empty."""
    iou = np.zeros((len(predicted), len(truth)))
    for row, a in zip(iou, map(np.unique, predicted), strict=True):
        for k, b in enumerate(map(np.unique, truth)):
            shared = len(np.intersect1d(a, b, assume_unique=True))
            row[k] = shared / max(len(a) + len(b) - shared, 1)
    return iou


def _f1(iou: Float[np.ndarray, "p k"], thresholds: Float[np.ndarray, "t"]) -> Float[np.ndarray, "t"]:
    """F1 of one query by the best one-to-one assignment."""
    from scipy.optimize import linear_sum_assignment

    # The evaluator pads to a square, which settles ties; so do we.
    square = np.zeros((max(iou.shape),) * 2, dtype=np.float32)
    square[: iou.shape[0], : iou.shape[1]] = iou
    rows, columns = linear_sum_assignment(-square)
    matched = square[rows, columns][: iou.shape[0]]
    true_positive = (matched[:, None] >= thresholds).sum(axis=0)
    return 2 * true_positive / sum(iou.shape)
