"""Overlapping masks as a partition: points that belong to the same objects share one region."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Int64
from torch import Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class Regions:
    """Which objects claim what, told once per region instead of once per point."""

    of_point: Int64[Tensor, "n"]
    """Region of each point, 0 … r-1."""
    member: Bool[Tensor, "r q"]
    """Whether a region lies in an object's mask."""

    def point_count(self) -> Int64[Tensor, "r"]:
        """Points per region."""
        return torch.bincount(self.of_point, minlength=len(self.member))

    def owner(self, candidates: list[int]) -> Int64[Tensor, "r"]:
        """The smallest of the candidate rows that claims each region, -1 for none.

        The smallest wins, or a book would vanish in the shelf it stands on.
        """
        size = self.point_count() @ self.member.long()
        owner = torch.full((len(self.member),), -1)
        for row in sorted(candidates, key=lambda row: -int(size[row])):
            owner[self.member[:, row]] = row
        return owner

    def parts(self, rows: list[int]) -> dict[int, Bool[Tensor, "n"]]:
        """The points to draw of each of these rows, so that none is drawn for two of them."""
        owner = self.owner(rows)[self.of_point]
        return {row: owner == row for row in rows}


def regions_of(mask: Bool[Tensor, "q n"]) -> Regions:
    """Partition points by the set of masks that hold them; a region for every set that occurs."""
    count = mask.shape[1]
    region = np.zeros(count, np.int64)
    for start in range(0, len(mask), 32):  # 32 masks make one number per point; regions so far make the rest of the key
        word = np.zeros(count, np.int64)
        for bit, row in enumerate(mask[start : start + 32].numpy()):
            word |= row.astype(np.int64) << bit
        _, word = np.unique(word, return_inverse=True)
        _, region = np.unique(region * (int(word.max(initial=0)) + 1) + word, return_inverse=True)
    _, example = np.unique(region, return_index=True)
    return Regions(of_point=torch.from_numpy(region), member=mask[:, torch.from_numpy(example)].T.contiguous())
