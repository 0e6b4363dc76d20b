"""COCO run-length masks: column by column, runs of 0 and 1 in turn, as numbers or as COCO's compressed text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from scene3d.errors import InputError


@dataclass(frozen=True, slots=True, eq=False)
class Mask:
    """A binary mask as the sorted positions, in column order, where its value changes; it starts with 0."""

    size: tuple[int, int]
    """Height, width."""
    edges: np.ndarray
    """(2k,) Start and end of each run of ones; ends are exclusive."""

    @property
    def area(self) -> int:
        """Pixels that are set."""
        return int((self.edges[1::2] - self.edges[::2]).sum())

    def dense(self) -> np.ndarray:
        """The mask as a boolean picture, (h, w)."""
        height, width = self.size
        change = np.zeros(height * width + 1, dtype=np.int8)
        change[self.edges[::2]] += 1
        change[self.edges[1::2]] -= 1
        return np.cumsum(change[:-1], dtype=np.int8).astype(bool).reshape(width, height).T


def intersection(a: Mask, b: Mask) -> int:
    """Pixels set in both, counted from the runs alone.

    Raises:
        InputError: The pictures differ in size.
    """
    if a.size != b.size:
        raise InputError(f"masks of {a.size} and {b.size} (height, width) cannot be compared; resize the prediction")
    if not len(a.edges) or not len(b.edges):
        return 0
    return int((_covered(b, a.edges[1::2]) - _covered(b, a.edges[::2])).sum())


def iou(a: Mask, b: Mask) -> float:
    """Intersection over union; 0 where both are empty."""
    common = intersection(a, b)
    union = a.area + b.area - common
    return common / union if union else 0.0


def iou_matrix(rows: list[Mask], columns: list[Mask]) -> np.ndarray:
    """IoU of every pair, (rows, columns)."""
    pairs = [[iou(row, column) for column in columns] for row in rows]
    return np.array(pairs, dtype=float).reshape(len(rows), len(columns))


def read_mask(rle: Any, *, where: str) -> Mask:
    """Read `{"size": [h, w], "counts": …}`, counts being COCO's compressed text or a list of run lengths.

    Args:
        rle: The record.
        where: What to call it in an error, such as its id.

    Raises:
        InputError: Not such a record, or runs that do not add up to h × w.
    """
    try:
        height, width = (int(edge) for edge in rle["size"])
        counts = rle["counts"]
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f'{where}: expected a COCO RLE {{"size": [h, w], "counts": …}}, found {rle!r:.80}') from error
    if isinstance(counts, (str, bytes)):
        runs = _decompressed(counts.encode("ascii", "replace") if isinstance(counts, str) else counts, where)
    else:
        runs = np.asarray(counts)
        if runs.ndim != 1 or (len(runs) and runs.dtype.kind not in "iu"):
            raise InputError(f"{where}: RLE counts must be whole numbers, found {counts!r:.80}")
    if (runs < 0).any() or runs.sum() != height * width:
        raise InputError(
            f"{where}: RLE runs sum to {runs.sum()}, the size {height}×{width} has {height * width} pixels"
        )
    ends = np.cumsum(runs, dtype=np.int64)
    edges = ends if len(ends) % 2 == 0 else ends[:-1]
    return Mask((height, width), edges)


def encode(mask: np.ndarray) -> dict[str, Any]:
    """A boolean picture (h, w) as an uncompressed COCO RLE."""
    flat = np.asarray(mask, dtype=bool).T.reshape(-1)
    edges = np.flatnonzero(np.diff(np.concatenate(([False], flat))))
    runs = np.diff(np.concatenate(([0], edges, [flat.size])))
    return {"size": [int(edge) for edge in mask.shape], "counts": runs.tolist()}


def _covered(mask: Mask, position: np.ndarray) -> np.ndarray:
    """Set pixels before each position."""
    before = np.concatenate(([0], np.cumsum(mask.edges[1::2] - mask.edges[::2])))
    run = np.searchsorted(mask.edges[::2], position, side="right")  # runs that start at or before it
    over = np.where(run > 0, np.maximum(mask.edges[1::2][run - 1] - position, 0), 0)
    return before[run] - over


def _decompressed(text: bytes, where: str) -> np.ndarray:
    """Runs from COCO's text: five bits a character, low first, and from the third run on the step from two runs ago."""
    code = np.frombuffer(text, dtype=np.uint8).astype(np.int64) - 48
    if len(code) and (code.min() < 0 or code.max() > 63 or code[-1] & 32):
        raise InputError(f"{where}: {text!r:.60} is no compressed COCO RLE")
    last = np.flatnonzero((code & 32) == 0)  # characters that end a number
    first = np.concatenate(([0], last[:-1] + 1)) if len(last) else last
    place = np.arange(len(code)) - np.repeat(first, last - first + 1)
    if (place > 7).any():
        raise InputError(f"{where}: {text!r:.60} is no compressed COCO RLE: a run of {8 * 5} bits or more")
    value = np.add.reduceat((code & 31) << (5 * place), first) if len(last) else last
    value -= np.where(code[last] & 16, 1 << (5 * (last - first + 1)), 0)  # the sign bit reaches to the top
    runs = value.copy()
    for parity in (1, 2):  # counts[i] += counts[i - 2] for i > 2: two running sums, the first count stands alone
        runs[parity::2] = np.cumsum(value[parity::2])
    return runs
