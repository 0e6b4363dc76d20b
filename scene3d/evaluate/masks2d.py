"""Referring segmentation in pictures (RES and GRES): gIoU, cIoU, no-target and target accuracy, precision."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from scene3d.errors import InputError
from scene3d.evaluate.rle import Mask, intersection, read_mask

THRESHOLDS = (0.7, 0.8, 0.9)


@dataclass(slots=True)
class ReferringMasks:
    """Sums over samples; every sample counts, a missing prediction as an empty one.

    Without `official_quirks` an empty ground-truth mask is a no-target sample whether flagged or not, and a figure
    without samples is None. With it only the flag counts (an unflagged empty mask then scores 0 even when nothing is
    predicted), and `N_acc` and `T_acc` are 0 where there are no no-target samples, as in the GRES script.

    Source: Liu et al., "GRES", CVPR 2023 (arXiv:2306.00968).
    """

    official_quirks: bool = False
    iou_sum: float = 0.0
    intersection_sum: int = 0
    union_sum: int = 0
    targets: int = 0
    targets_found: int = 0
    no_targets: int = 0
    no_targets_found: int = 0
    precise: dict[float, int] = field(default_factory=lambda: dict.fromkeys(THRESHOLDS, 0))

    def add(self, predicted: Mask | None, truth: Mask | None, *, no_target: bool = False) -> None:
        """Add one sample.

        Args:
            predicted: None or an empty mask says that there is no such thing.
            truth: None only where `no_target`.
            no_target: Nothing in the picture is meant.

        Raises:
            InputError: The sizes differ, or a no-target sample has pixels.
        """
        area = 0 if predicted is None else predicted.area
        if no_target and truth is not None and truth.area:
            raise InputError(
                f"a sample is marked no_target and yet its mask has {truth.area} pixels; drop one of the two"
            )
        if truth is None and not no_target:
            raise InputError("a sample has neither a mask nor no_target")
        common = 0 if predicted is None or truth is None else intersection(predicted, truth)
        if no_target or (truth is not None and not truth.area and not self.official_quirks):
            self.no_targets += 1
            self.no_targets_found += not area
            self.iou_sum += not area
            self.union_sum += area
            return
        union = area + (0 if truth is None else truth.area) - common
        overlap = common / union if union else 0.0
        self.targets += 1
        self.targets_found += area > 0
        self.iou_sum += overlap
        self.intersection_sum += common
        self.union_sum += union
        for threshold in THRESHOLDS:
            self.precise[threshold] += overlap >= threshold

    def merge(self, other: ReferringMasks) -> None:
        """Take in what another process summed."""
        for name in ("iou_sum", "intersection_sum", "union_sum", "targets", "targets_found", "no_targets"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.no_targets_found += other.no_targets_found
        for threshold in THRESHOLDS:
            self.precise[threshold] += other.precise[threshold]

    def result(self) -> dict[str, float | None]:
        """All figures, 0–1; None where no sample speaks for one.

        Raises:
            InputError: Nothing was added.
        """
        samples = self.targets + self.no_targets
        if not samples:
            raise InputError("no samples were added; nothing can be scored")
        quirk = self.official_quirks and not self.no_targets
        return {
            "gIoU": self.iou_sum / samples,
            "cIoU": _ratio(self.intersection_sum, self.union_sum),
            "N_acc": 0.0 if quirk else _ratio(self.no_targets_found, self.no_targets),
            "T_acc": 0.0 if quirk else _ratio(self.targets_found, self.targets),
            **{f"Pr@{t}": _ratio(self.precise[t], self.targets) for t in THRESHOLDS},
        }


def referring_masks(
    predictions: Mapping[str, Any], truths: Mapping[str, Any], *, official_quirks: bool = False
) -> dict[str, float | None]:
    """Score records of COCO run-length masks.

    Args:
        predictions: Mask per id; None, or no entry, predicts nothing.
        truths: Mask per id; a record may say `"no_target": true` and then needs no mask.
        official_quirks: See `ReferringMasks`.

    Raises:
        InputError: A broken mask, another size than the truth's, or an id that the ground truth lacks.
    """
    unknown = [sample for sample in predictions if sample not in truths]
    if unknown:
        raise InputError(f"{len(unknown)} predicted ids are not in the ground truth, such as {unknown[0]!r}")
    total = ReferringMasks(official_quirks=official_quirks)
    for sample, truth in truths.items():
        no_target = isinstance(truth, Mapping) and truth.get("no_target", False) is True
        bare = no_target and "counts" not in truth
        expected = None if bare else read_mask(truth, where=f"ground truth {sample!r}")
        record = predictions.get(sample)
        predicted = None if record is None else read_mask(record, where=f"prediction {sample!r}")
        try:
            total.add(predicted, expected, no_target=no_target)
        except InputError as error:
            raise InputError(f"{sample!r}: {error}") from error
    return total.result()


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None
