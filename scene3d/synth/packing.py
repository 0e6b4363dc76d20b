"""Thinned points to a few bits each, and back.

Points are sorted by cell, so what is stored of a cell are differences. A superpoint is a patch of one orientation and
one colour: its means are stored once, and of each point how far it lies from them, in the order of the superpoints, in
which neighbours in the file are neighbours on the surface. The superpoint itself is mostly that of a cell beside.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float32, Float64, Int, Int64, UInt8

from scene3d.synth.octahedron import fold, unfold

_DEPTHS = 8
"""Places inside a cell along the main axis of the normal, the one direction in which a surface has a place."""
_NORMAL_STEPS = 6
"""Steps from a superpoint's mean normal to what is at right angles to it."""
_COLOUR_STEPS = np.array([10.0, 12.0, 10.0], np.float32)
"""Of lightness, orange against blue, green against purple; 255 is the whole range of the first."""
_PATCH_STEPS, _PATCH_MIDDLE = np.array([1, 2, 2], np.float32), np.array([128, 0, 0], np.float32)
"""Of a superpoint's mean, and where it is counted from: the first lies in 0 … 255, the others in -255 … 255."""
_TO_OPPONENT = np.array([[0.25, 0.5, 0.25], [1.0, 0.0, -1.0], [-0.5, 1.0, -0.5]], np.float32)
_FROM_OPPONENT = np.linalg.inv(_TO_OPPONENT)
_NEW, _OTHER = 254, 255

Arrays = Mapping[str, np.ndarray]


@dataclass(frozen=True, slots=True, kw_only=True)
class CellPoints:
    """At most one point per cell, sorted by cell along x, then y, then z; lengths in cells."""

    extent: Int64[np.ndarray, "3"]
    """Cells along each axis."""
    cell: Int64[np.ndarray, "n 3"]
    place: Float[np.ndarray, "n 3"]
    """Within `cell`, or where it is no longer known in the middle of it."""
    rgb: Float[np.ndarray, "n 3"] | None
    """0–255."""
    normal: Float[np.ndarray, "n 3"]
    label: Int64[np.ndarray, "n"]
    """Not negative."""
    superpoint: Int64[np.ndarray, "n"]
    """0 … s-1 in the order of first appearance."""


def pack(points: CellPoints) -> dict[str, np.ndarray]:
    """The arrays that are stored; `data/README.md` describes them."""
    key = _key(points.cell, points.extent)
    patch = points.superpoint
    order = _by_patch(patch)
    beside, other = _superpoint_steps(key, points.extent, patch)
    direction = _of_patches(points.normal, patch)
    patch_normal = np.rint((fold(direction) + 1) * 127).astype(np.uint8)
    frame = _frames(patch_normal)[patch]
    normal = _normal_steps(points.normal, frame)
    axis = np.abs(_normals(normal, frame)).argmax(axis=1)
    row = np.arange(len(key))
    inside = points.place[row, axis] - points.cell[row, axis]
    patch_label = _most_frequent(points.label, patch)
    arrays = {
        "extent": points.extent.astype(np.int32),
        "step": np.diff(key, prepend=0).astype("<u4").view(np.uint8).reshape(-1, 4).T,  # three planes are nearly empty
        "beside": beside,
        "other": _small(other),
        "patch_normal": patch_normal.T,
        "normal": normal[order],
        "depth": np.clip(inside * _DEPTHS, 0, _DEPTHS - 1).astype(np.uint8)[order],
        "patch_label": _small(patch_label),
        "label": _small(np.where(points.label == patch_label[patch], 0, points.label + 1)),
    }
    if points.rgb is not None:
        colour = points.rgb @ _TO_OPPONENT.T
        patch_colour = np.rint((_of_patches(colour, patch) - _PATCH_MIDDLE) / _PATCH_STEPS).clip(-128, 127)
        off = np.rint((colour - (_PATCH_MIDDLE + patch_colour * _PATCH_STEPS)[patch]) / _COLOUR_STEPS)
        arrays |= {"patch_colour": _wrapped(patch_colour), "colour": _wrapped(off[order])}
    return arrays


def unpack(arrays: Arrays) -> CellPoints:
    """What `pack` was given, to within its steps."""
    extent = arrays["extent"].astype(np.int64)
    key = np.cumsum(np.ascontiguousarray(arrays["step"].T).view("<u4").ravel(), dtype=np.int64)
    cell = _cells(key, extent)
    patch = _superpoints(key, extent, arrays["beside"], arrays["other"].astype(np.int64))
    order = _by_patch(patch)
    normal = _normals(_back(arrays["normal"], order), _frames(arrays["patch_normal"].T)[patch])
    place, row = cell + 0.5, np.arange(len(key))
    axis = np.abs(normal).argmax(axis=1)
    place[row, axis] = cell[row, axis] + (_back(arrays["depth"], order) + 0.5) / _DEPTHS
    label = arrays["label"].astype(np.int64)
    rgb = None
    if "colour" in arrays:
        mean = (_PATCH_MIDDLE + _unwrapped(arrays["patch_colour"]) * _PATCH_STEPS) @ _FROM_OPPONENT.T
        off = _back(_unwrapped(arrays["colour"]), order) @ (_COLOUR_STEPS[:, None] * _FROM_OPPONENT.T)
        rgb = np.clip(mean[patch] + off, 0, 255)
    return CellPoints(
        extent=extent,
        cell=cell,
        place=place,
        rgb=rgb,
        normal=normal,
        label=np.where(label == 0, arrays["patch_label"].astype(np.int64)[patch], label - 1),
        superpoint=patch,
    )


def _key(cell: Int64[np.ndarray, "n 3"], extent: Int64[np.ndarray, "3"]) -> Int64[np.ndarray, "n"]:
    return (cell[:, 0] * extent[1] + cell[:, 1]) * extent[2] + cell[:, 2]


def _cells(key: Int64[np.ndarray, "n"], extent: Int64[np.ndarray, "3"]) -> Int64[np.ndarray, "n 3"]:
    column = key // extent[2]  # by one number this is far faster than divmod
    x = column // extent[1]
    return np.stack([x, column - x * extent[1], key - column * extent[2]], axis=1)


def _cells_before(
    key: Int64[np.ndarray, "n"], extent: Int64[np.ndarray, "3"]
) -> list[tuple[Bool[np.ndarray, "n"], Int64[np.ndarray, "n"]]]:
    """Five neighbouring cells of lower number: whether each holds a point, and which."""
    row = np.arange(len(key))
    beside, behind = (np.searchsorted(key, key - way) for way in (extent[2], extent[1] * extent[2]))
    above = beside + (key[beside] == key - extent[2])
    places = (
        (np.maximum(row - 1, 0), 1),
        (beside, extent[2]),
        (behind, extent[1] * extent[2]),
        (np.maximum(beside - 1, 0), extent[2] + 1),
        (above, extent[2] - 1),
    )
    return [(key[at] == key - way, at) for at, way in places]


def _superpoint_steps(
    key: Int64[np.ndarray, "n"], extent: Int64[np.ndarray, "3"], patch: Int64[np.ndarray, "n"]
) -> tuple[UInt8[np.ndarray, "n"], Int64[np.ndarray, "m"]]:
    """Which of the neighbours before is of the same superpoint; the superpoints of those for which none is."""
    beside = np.full(len(key), _OTHER, np.uint8)
    passed = np.zeros(len(key), np.uint8)
    for there, at in _cells_before(key, extent):
        same = there & (patch[at] == patch) & (beside == _OTHER)
        beside[same] = passed[same]
        passed += there
    beside[np.unique(patch, return_index=True)[1]] = _NEW
    return beside, patch[beside == _OTHER]


def _superpoints(
    key: Int64[np.ndarray, "n"],
    extent: Int64[np.ndarray, "3"],
    beside: UInt8[np.ndarray, "n"],
    other: Int64[np.ndarray, "m"],
) -> Int64[np.ndarray, "n"]:
    source = np.arange(len(key))
    passed = np.zeros(len(key), np.uint8)
    for there, at in _cells_before(key, extent):
        chosen = there & (beside == passed)
        source[chosen] = at[chosen]
        passed += there
    while not np.array_equal(source, further := source[source]):  # each round doubles how far a point sees
        source = further
    patch = np.zeros(len(key), np.int64)
    new = beside == _NEW
    patch[new] = np.arange(np.count_nonzero(new))
    patch[beside == _OTHER] = other
    return patch[source]


def _normal_steps(normal: Float[np.ndarray, "n 3"], frame: Float32[np.ndarray, "n 3 3"]) -> UInt8[np.ndarray, "n"]:
    """A number for each normal, by its octahedron with the mean on top."""
    turned = np.einsum("nij,nj->ni", frame, normal)
    steps = np.rint(fold(turned) * _NORMAL_STEPS).astype(np.int64) + _NORMAL_STEPS
    return (steps[:, 0] * (2 * _NORMAL_STEPS + 1) + steps[:, 1]).astype(np.uint8)


def _normals(steps: UInt8[np.ndarray, "n"], frame: Float32[np.ndarray, "n 3 3"]) -> Float32[np.ndarray, "n 3"]:
    known = np.stack(np.divmod(np.arange((2 * _NORMAL_STEPS + 1) ** 2), 2 * _NORMAL_STEPS + 1), axis=1)
    turned = unfold((known / _NORMAL_STEPS - 1).astype(np.float32))[steps]
    return np.einsum("nij,ni->nj", frame, turned)


def _frames(patch_normal: UInt8[np.ndarray, "s 2"]) -> Float32[np.ndarray, "s 3 3"]:
    """Right-handed axes with the mean normal as the third row. Source: Duff et al., JCGT 2017."""
    z = unfold(patch_normal / 127 - 1)
    sign = np.where(z[:, 2] < 0, -1.0, 1.0)
    a = -1 / (sign + z[:, 2])
    b = z[:, 0] * z[:, 1] * a
    x = np.stack([1 + sign * z[:, 0] ** 2 * a, sign * b, -sign * z[:, 0]], axis=1)
    y = np.stack([b, sign + z[:, 1] ** 2 * a, -z[:, 1]], axis=1)
    return np.stack([x, y, z], axis=1).astype(np.float32)


def _of_patches(value: Float[np.ndarray, "n c"], patch: Int64[np.ndarray, "n"]) -> Float64[np.ndarray, "s c"]:
    """Mean per superpoint."""
    count = np.bincount(patch)
    return np.stack([np.bincount(patch, column) / count for column in value.T.astype(np.float64)], axis=1)


def _most_frequent(label: Int64[np.ndarray, "n"], patch: Int64[np.ndarray, "n"]) -> Int64[np.ndarray, "s"]:
    span = int(label.max()) + 1
    pair, count = np.unique(patch * span + label, return_counts=True)
    best = np.lexsort((count, pair // span))  # the most frequent of each comes last
    last = np.append(np.diff(pair[best] // span) > 0, True)
    return pair[best][last] % span


def _by_patch(patch: Int64[np.ndarray, "n"]) -> Int64[np.ndarray, "n"]:
    """Rows in the order of their superpoints, then of the cells."""
    return np.argsort(_small(patch), kind="stable")  # of 16 bits in linear time


def _back(value: np.ndarray, order: Int64[np.ndarray, "n"]) -> np.ndarray:
    """From the order of the superpoints to that of the cells."""
    result = np.empty_like(value)
    result[order] = value
    return result


def _wrapped(value: Float64[np.ndarray, "n c"]) -> UInt8[np.ndarray, "c n"]:
    """Whole numbers from -128 to 127, modulo 256."""
    return (value.astype(np.int64) & 255).astype(np.uint8).T


def _unwrapped(value: UInt8[np.ndarray, "c n"]) -> Float32[np.ndarray, "n c"]:
    return np.ascontiguousarray(value.T).view(np.int8).astype(np.float32)


def _small(value: Int[np.ndarray, "n"]) -> np.ndarray:
    """In the fewest bytes."""
    return value.astype(np.min_scalar_type(int(value.max(initial=0))))
