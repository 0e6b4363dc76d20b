"""How far a confidence can be trusted: calibration, risk at each coverage, and silence where nothing is to be found."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from scene3d.errors import InputError
from scene3d.evaluate.json_input import as_number, as_records, entry

BINS = 15
"""Equal bins of confidence for the calibration error (Guo et al., ICML 2017)."""

COVERAGES = tuple(np.round(np.linspace(0.05, 1.0, 20), 2).tolist())
"""Coverages at which the risk is reported."""


@dataclass(slots=True)
class AbstentionMetrics:
    """Collects confidences and whether the answers were right.

    - ECE: mean gap between confidence and accuracy over `BINS` equal bins, weighted by their samples; a confidence on
      the border belongs to the lower bin.
    - Brier: mean squared difference between confidence and outcome.
    - Risk at a coverage: part of wrong answers among the most confident; answers of equal confidence share their mean
      error, so order never matters. AURC is the mean of the risks after each sample.
    - Zero-target accuracy: part of the samples without any target for which the model said so.

    Source: Guo et al., ICML 2017; Geifman and El-Yaniv, NeurIPS 2017.
    """

    probability: list[float] = field(default_factory=list)
    correct: list[bool] = field(default_factory=list)
    ids: set[str] = field(default_factory=set)
    zero_targets: int = 0
    zero_targets_seen: int = 0

    def add(
        self,
        sample: str,
        probability: float,
        correct: bool,
        *,
        zero_target: bool = False,
        said_absent: bool | None = None,
    ) -> None:
        """Add one sample.

        Args:
            sample: Its id.
            probability: Confidence that the answer, or the silence, is right, 0–1.
            correct: Whether it is right.
            zero_target: Whether the truth is that there is no such thing.
            said_absent: Whether the model said so; by default its answer to a zero-target question was right.

        Raises:
            InputError: The id came before, or the probability is not in 0–1.
        """
        if sample in self.ids:
            raise InputError(f"id {sample!r} was added twice; each sample is scored once")
        as_number(probability, where=f"id {sample!r}: probability", low=0.0, high=1.0)
        self.ids.add(sample)
        self.probability.append(float(probability))
        self.correct.append(bool(correct))
        self.zero_targets += zero_target
        self.zero_targets_seen += zero_target and (correct if said_absent is None else said_absent)

    def merge(self, other: AbstentionMetrics) -> None:
        """Take in what another process collected.

        Raises:
            InputError: An id is in both.
        """
        twice = self.ids & other.ids
        if twice:
            raise InputError(f"id {min(twice)!r} was added twice; each sample is scored once")
        self.probability += other.probability
        self.correct += other.correct
        self.ids |= other.ids
        self.zero_targets += other.zero_targets
        self.zero_targets_seen += other.zero_targets_seen

    def result(self) -> dict[str, Any]:
        """All figures; `zero_target_accuracy` is None without such samples.

        Raises:
            InputError: Nothing was added.
        """
        if not self.probability:
            raise InputError("no samples were added; nothing can be scored")
        probability, correct = np.array(self.probability), np.array(self.correct, dtype=float)
        bins = reliability(probability, correct)
        risk = selective_risk(probability, correct)
        taken = [max(1, round(coverage * len(risk))) for coverage in COVERAGES]
        return {
            "ece": sum(b["count"] * abs(b["confidence"] - b["accuracy"]) for b in bins) / len(probability),
            "brier": float(np.mean((probability - correct) ** 2)),
            "accuracy": float(correct.mean()),
            "aurc": float(risk.mean()),
            "risk_coverage": [
                {"coverage": coverage, "risk": float(risk[n - 1])} for coverage, n in zip(COVERAGES, taken, strict=True)
            ],
            "zero_target_accuracy": self.zero_targets_seen / self.zero_targets if self.zero_targets else None,
            "reliability": bins,
            "samples": len(probability),
        }


def reliability(probability: np.ndarray, correct: np.ndarray, *, bins: int = BINS) -> list[dict[str, Any]]:
    """Mean confidence and accuracy of the samples in each bin `(low, high]`; empty bins are left out."""
    number = np.clip(np.ceil(probability * bins).astype(int) - 1, 0, bins - 1)
    count = np.bincount(number, minlength=bins)
    confidence = np.bincount(number, weights=probability, minlength=bins) / np.maximum(count, 1)
    accuracy = np.bincount(number, weights=correct, minlength=bins) / np.maximum(count, 1)
    return [
        {
            "low": b / bins,
            "high": (b + 1) / bins,
            "count": int(count[b]),
            "confidence": float(confidence[b]),
            "accuracy": float(accuracy[b]),
        }
        for b in np.flatnonzero(count).tolist()
    ]


def selective_risk(probability: np.ndarray, correct: np.ndarray) -> np.ndarray:
    """Part of wrong answers among the k most confident, for k = 1 … n, (n,)."""
    order = np.argsort(-probability, kind="stable")
    _, group, size = np.unique(-probability[order], return_inverse=True, return_counts=True)
    error = np.bincount(group, weights=1 - correct[order]) / size
    return np.cumsum(error[group]) / np.arange(1, len(order) + 1)


def read_records(records: Any, *, where: str) -> AbstentionMetrics:
    """Records `{"id", "probability", "correct", "zero_target"?, "said_absent"?}`.

    Raises:
        InputError: Another shape, a probability outside 0–1, or an id that comes twice.
    """
    metrics = AbstentionMetrics()
    for i, record in enumerate(as_records(records, where=where)):
        here = f"{where}: record {i}"
        probability = as_number(
            entry(record, "probability", where=here), where=f"{here}: probability", low=0.0, high=1.0
        )
        metrics.add(
            str(entry(record, "id", where=here)),
            probability,
            _flag(entry(record, "correct", where=here), f"{here}: correct"),
            zero_target=_flag(record.get("zero_target", False), f"{here}: zero_target"),
            said_absent=None if "said_absent" not in record else _flag(record["said_absent"], f"{here}: said_absent"),
        )
    return metrics


def _flag(value: Any, where: str) -> bool:
    if isinstance(value, bool) or (isinstance(value, (int, float)) and value in (0, 1)):
        return bool(value)
    raise InputError(f"{where}: expected true or false, found {value!r:.40}")
