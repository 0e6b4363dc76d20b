"""Masks as lists of the elements they cover: an object covers a few per cent of a scan, so lists are quick to score."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int, Int64


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskList:
    """The elements (vertices, points or superpoints) of q masks, one mask after the other."""

    element: Int64[np.ndarray, "m"]
    start: Int64[np.ndarray, "starts"]
    """Mask i is `element[start[i] : start[i + 1]]`."""
    elements: int
    """Number of elements that a mask may cover."""

    def __len__(self) -> int:
        """Number of masks."""
        return len(self.start) - 1

    @classmethod
    def of(cls, masks: Bool[np.ndarray, "q e"]) -> MaskList:
        """The lists of dense masks."""
        return cls.from_rows((np.flatnonzero(mask) for mask in masks), elements=masks.shape[1])

    @classmethod
    def from_rows(cls, rows: Iterable[Int64[np.ndarray, "_"]], *, elements: int) -> MaskList:
        """Chain lists of elements, one per mask."""
        kept = list(rows)
        start = np.concatenate(([0], np.cumsum([len(row) for row in kept], dtype=np.int64)))
        return cls(
            element=np.concatenate([np.zeros(0, dtype=np.int64), *kept]),
            start=start.astype(np.int64),
            elements=elements,
        )

    def dense(self) -> Bool[np.ndarray, "q e"]:
        """The masks as booleans."""
        masks = np.zeros((len(self), self.elements), dtype=bool)
        masks[np.repeat(np.arange(len(self)), np.diff(self.start)), self.element] = True
        return masks

    def counts_by(self, column: Int[np.ndarray, "e"], columns: int) -> Int64[np.ndarray, "q k"]:
        """How many elements of each mask fall into each column, for a column index per element."""
        of_element = column.take(
            self.element, mode="clip"
        )  # unlike indexing it looks at each element once; all are valid
        # A mask tends to lie on one object, so runs of equal columns are few and long: count runs, not elements.
        opens = run_starts(of_element)
        opens[self.start[self.start < len(of_element)]] = True
        run = np.flatnonzero(opens)
        row = np.searchsorted(self.start, run, side="right") - 1
        length = np.diff(run, append=len(of_element))
        count = np.bincount(row * columns + of_element[run], weights=length, minlength=len(self) * columns)
        return count.astype(np.int64).reshape(len(self), columns)


def run_starts(value: Int[np.ndarray, "n"]) -> Bool[np.ndarray, "n"]:
    """Where a value differs from the one before it; the first always does."""
    starts = np.empty(len(value), dtype=bool)
    starts[:1] = True
    np.not_equal(value[1:], value[:-1], out=starts[1:])
    return starts
