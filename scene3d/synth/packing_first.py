"""The arrays of training files of schema 1, which are still read and no longer written."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from jaxtyping import UInt8

from scene3d.synth.octahedron import unfold
from scene3d.synth.packing import CellPoints

_DEPTHS, _NORMAL_STEPS, _COLOUR_SHIFT = 16, 31, 2


def unpack_first(arrays: Mapping[str, np.ndarray]) -> CellPoints:
    """Points of a file of schema 1: sixteenths of a cell, 31 × 31 normals, 6 bits of each colour."""
    extent = arrays["extent"].astype(np.int64)
    key = np.cumsum(np.ascontiguousarray(arrays["step"].T).view("<u4").ravel(), dtype=np.int64)
    cell = np.stack([key // (extent[1] * extent[2]), key // extent[2] % extent[1], key % extent[2]], axis=1)
    normal = unfold(arrays["normal"].T.astype(np.float32) / (_NORMAL_STEPS - 1) * 2 - 1)
    place = cell + 0.5
    place[np.arange(len(key)), np.abs(normal).argmax(axis=1)] += (arrays["depth"] + 0.5) / _DEPTHS - 0.5
    return CellPoints(
        extent=extent,
        cell=cell,
        place=place,
        rgb=_colours(arrays["rgb"]).astype(np.float32),
        normal=normal,
        label=arrays["label"].astype(np.int64),
        superpoint=arrays["superpoint"].astype(np.int64),
    )


def _colours(planes: UInt8[np.ndarray, "3 n"]) -> UInt8[np.ndarray, "n 3"]:
    green, red_less_green, blue_less_green = planes
    levels = np.stack([green + red_less_green, green, green + blue_less_green], axis=1)  # wraps round, as when written
    return (levels << _COLOUR_SHIFT) + np.uint8(1 << (_COLOUR_SHIFT - 1))
