"""Where the voxels are, apart from what they carry: a lattice caches the neighbour maps that all layers on it share."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int, Int32, Int64
from torch import Tensor

from scene3d_ops import neighbours
from scene3d_ops.reference.neighbours import KEY_BATCHES, KEY_LIMIT, in_range, pack_keys, unpack_keys


class Lattice:
    """Occupied voxels of a batch of scenes, once each, in lexicographic order.

    Coordinates are not negative, and a scene's origin should be a multiple of the coarsest stride it will meet: only
    then do the strided layers group the same voxels whatever part of the scene is present.
    """

    index: Int32[Tensor, "v 4"]
    """Batch, x, y, z."""

    def __init__(self, index: Int[Tensor, "v 4"]) -> None:
        """Take voxels that are sorted and unique already, as `scene3d_ops.unique_cells` leaves them.

        Args:
            index: Batch, x, y, z of each voxel.

        Raises:
            ValueError: Rows out of order or repeated (use `Lattice.of`), or a coordinate out of range.
        """
        self.index = index.int().contiguous()
        self._key, fault = neighbours.sorted_keys(self.index)
        if fault >= 0:
            _check_range(index)
            raise ValueError(
                f"voxel {fault}, {index[fault].tolist()}, does not come after {index[fault - 1].tolist()}; a lattice "
                "takes sorted unique voxels: use `Lattice.of`, which sorts them"
            )
        self._subm: dict[int, Int32[Tensor, "k v"]] = {}
        self._coarser: Coarsening | None = None

    @classmethod
    def of(cls, coordinates: Int[Tensor, "n 4"]) -> tuple[Lattice, Int64[Tensor, "n"]]:
        """Sort any coordinates, repeated ones included.

        Args:
            coordinates: Batch, x, y, z per row, in any order.

        Returns:
            The lattice, and for each row of `coordinates` its voxel.

        Raises:
            ValueError: A coordinate out of range.
        """
        _check_range(coordinates)
        key, voxel = torch.unique(pack_keys(coordinates.int()), return_inverse=True)
        return cls(unpack_keys(key)), voxel

    def __len__(self) -> int:
        """Number of voxels."""
        return len(self.index)

    def __repr__(self) -> str:
        """Size and device, without the coordinates."""
        return f"Lattice({len(self):,} voxels on {self.index.device})"

    def to(self, device: torch.device | str) -> Lattice:
        """The same voxels on another device, without the cached maps; itself where it is there already."""
        moved = self.index.to(device)
        return self if moved is self.index else Lattice(moved)

    def subm_map(self, kernel_size: int) -> Int32[Tensor, "k v"]:
        """Neighbours within a cube of `kernel_size`³; made once. See `scene3d_ops.neighbours.subm_table`."""
        if kernel_size not in self._subm:
            self._subm[kernel_size] = neighbours.subm_table(self._key, kernel_size)
        return self._subm[kernel_size]

    def coarser(self) -> Coarsening:
        """The lattice of twice the step and the maps to it; made once."""
        if self._coarser is None:
            key, down, inverse = neighbours.coarsen(self._key)
            self._coarser = Coarsening(lattice=Lattice(unpack_keys(key)), down=down, inverse=inverse)
        return self._coarser


@dataclass(frozen=True, slots=True, kw_only=True)
class Coarsening:
    """A lattice of twice the step, m voxels, and the maps between it and the one of v voxels that it came from."""

    lattice: Lattice
    down: Int32[Tensor, "8 m"]
    """Child of each coarse voxel by octant, -1 = none; octants with the last axis fastest."""
    inverse: Int32[Tensor, "8 v"]
    """Parent of each fine voxel, in the row of the octant where the voxel lies; -1 in the other rows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SparseTensor:
    """Features on a lattice."""

    feature: Float[Tensor, "v c"]
    lattice: Lattice

    def __post_init__(self) -> None:
        """Refuse features of another number of voxels."""
        if len(self.feature) != len(self.lattice):
            raise ValueError(f"{len(self.feature)} features for a lattice of {len(self.lattice)} voxels")

    def replace(self, feature: Float[Tensor, "v c"]) -> SparseTensor:
        """Other features on the same lattice."""
        return SparseTensor(feature=feature, lattice=self.lattice)


def _check_range(index: Tensor) -> None:
    outside = (~in_range(index)).nonzero()
    if len(outside):
        row = int(outside[0])
        raise ValueError(
            f"voxel {row} is at (batch, x, y, z) = {index[row].tolist()}; batches must lie in 0 … {KEY_BATCHES - 1} "
            f"and coordinates in 0 … {KEY_LIMIT - 1}: shift the scene to its corner, or use larger voxels"
        )
