"""How well superpoints can serve as building blocks: the best mask that a perfect chooser could draw with them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Int64
from torch import Tensor

from scene3d.errors import InputError
from scene3d.types import Scene


@dataclass(frozen=True, slots=True, kw_only=True)
class SuperpointOracle:
    """Upper bound that the superpoints of a scene set to mask IoU."""

    iou: dict[int, float]
    """Best IoU of any union of superpoints, by object id; objects without points are left out."""
    superpoints: int
    points: int

    def recall(self, iou: float = 0.5) -> float:
        """Share of the objects whose best IoU exceeds `iou`; NaN without objects."""
        return sum(best > iou for best in self.iou.values()) / len(self.iou) if self.iou else float("nan")


def superpoint_oracle(scene: Scene) -> SuperpointOracle:
    """Measure the superpoints of an annotated scene.

    Raises:
        InputError: The scene has no superpoints or no truth.
    """
    if scene.superpoint is None or scene.truth is None:
        missing = "superpoints; call `over_segment` first" if scene.superpoint is None else "truth to compare with"
        raise InputError(f"{scene.name} has no {missing}")
    count = int(scene.superpoint.max()) + 1 if len(scene.superpoint) else 0
    size = torch.bincount(scene.superpoint, minlength=count)
    ids = [int(i) for i in scene.truth.instance.unique() if i >= 0]
    iou = {i: _best_iou(scene.superpoint, scene.truth.instance == i, size) for i in ids}
    return SuperpointOracle(iou=iou, superpoints=count, points=len(scene.superpoint))


def _best_iou(superpoint: Int64[Tensor, "n"], mask: Bool[Tensor, "n"], size: Int64[Tensor, "s"]) -> float:
    """A ratio of sums is greatest for the superpoints above some purity, so the prefixes by purity are all it takes."""
    inside = torch.bincount(superpoint[mask], minlength=len(size))
    purest = torch.argsort(inside / size, descending=True)
    shared = inside[purest].cumsum(0)
    outside = (size - inside)[purest].cumsum(0)
    return float((shared / (inside.sum() + outside)).max())
