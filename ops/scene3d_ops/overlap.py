"""Overlap of masks and of boxes, each of one set with each of another. Plain torch on every backend and device."""

from __future__ import annotations

from jaxtyping import Bool, Float, Int64
from torch import Tensor

from scene3d_ops import reference


def mask_iou(
    mask_a: Bool[Tensor, "a s"], mask_b: Bool[Tensor, "b s"], size: Int64[Tensor, "s"] | Float[Tensor, "s"]
) -> Float[Tensor, "a b"]:
    """Intersection over union of masks over superpoints, counted in points.

    The same number as over points, since masks are constant on a superpoint, at a fraction of the work. Exact below
    2²⁴ points. Two empty masks have IoU 0.

    Args:
        mask_a: Chosen superpoints.
        mask_b: Chosen superpoints.
        size: Points of each superpoint.

    Raises:
        ValueError: A size is negative.
    """
    if bool((size < 0).any()):
        raise ValueError(f"superpoint sizes must not be negative; the smallest is {float(size.min()):g}")
    return reference.mask_iou(mask_a, mask_b, size)


def box_iou_aligned(a: Float[Tensor, "n 6"], b: Float[Tensor, "m 6"]) -> Float[Tensor, "n m"]:
    """Volume IoU of boxes (minimum, maximum); 0 where both have no volume.

    Raises:
        ValueError: A maximum lies below its minimum.
    """
    for box in (a, b):
        if bool((box[:, 3:] < box[:, :3]).any()):
            raise ValueError("a box has a maximum below its minimum; expected (min x y z, max x y z)")
    return reference.box_iou_aligned(a, b)


def box_iou_yawed(a: Float[Tensor, "n 7"], b: Float[Tensor, "m 7"]) -> Float[Tensor, "n m"]:
    """Volume IoU of upright boxes (centre, size, yaw about z in radians); 0 where both have no volume.

    Raises:
        ValueError: A size is negative.
    """
    for box in (a, b):
        if bool((box[:, 3:6] < 0).any()):
            raise ValueError(f"a box has the size {float(box[:, 3:6].min()):g}; expected (centre, size, yaw)")
    return reference.box_iou_yawed(a, b)
