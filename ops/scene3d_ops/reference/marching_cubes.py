"""Specification of marching cubes: the table by a rule, and the surface of a dense grid."""

from __future__ import annotations

import functools
from itertools import pairwise

import torch
from jaxtyping import Bool, Float32, Int32, Int64
from torch import Tensor

BLOCK = 8
"""Voxels along the edge of a block."""

_STEP = (4, 2, 1)
"""What a step along x, y or z adds to the number of a cell's corner."""


def edge_number(low: int, axis: int) -> int:
    """Of a cell's edge from corner `low` along `axis`: 4 × axis + the corner's other two coordinates."""
    others = [low // step % 2 for i, step in enumerate(_STEP) if i != axis]
    return 4 * axis + 2 * others[0] + others[1]


@functools.cache
def case_triangles() -> tuple[tuple[tuple[int, int, int], ...], ...]:
    """Triangles of each of the 256 cases, as three edges, counter-clockwise seen from the positive side.

    Bit c of a case says that corner c = 4x + 2y + z is negative. On a face of the cell, each run of negative corners is
    cut off by itself: the choice depends on the face's corners alone, so cells that share it agree.
    """
    return tuple(tuple(triangle for loop in _loops(case) for triangle in _triangulated(loop)) for case in range(256))


@functools.cache
def case_table() -> tuple[Int32[Tensor, "256"], Int32[Tensor, "256 m 3"]]:
    """`case_triangles` as tensors: how many each case has, and their edges, padded with -1."""
    cases = case_triangles()
    count = torch.tensor([len(triangles) for triangles in cases], dtype=torch.int32)
    table = torch.full((256, int(count.max()), 3), -1, dtype=torch.int32)
    for case, triangles in enumerate(cases):
        for i, triangle in enumerate(triangles):
            table[case, i] = torch.tensor(triangle, dtype=torch.int32)
    return count, table


def _cell_faces() -> list[list[int]]:
    """The four corners of each face of a cell, counter-clockwise seen from outside."""
    faces = []
    for axis in range(3):
        u, v = _STEP[(axis + 1) % 3], _STEP[(axis + 2) % 3]
        faces.append([_STEP[axis] + corner for corner in (0, u, u + v, v)])
        faces.append([0, v, u + v, u])
    return faces


def _edge_between(a: int, b: int) -> int:
    return edge_number(min(a, b), _STEP.index(abs(a - b)))


def _loops(case: int) -> list[list[int]]:
    """The polygons in which the surface meets the cell's faces, each a round trip over crossed edges.

    Going round a face, the surface is entered at an edge from positive to negative and left at the next one back. The
    faces at an edge run along it in opposite directions, so each crossed edge is left once and entered once.
    """
    follower = {}
    for face in _cell_faces():
        negative = [bool(case >> corner & 1) for corner in face]
        enters = [i for i in range(4) if not negative[i - 1] and negative[i]]
        for i in enters:
            leaves = next(j for j in range(i + 1, i + 5) if not negative[j % 4])
            follower[_edge_between(face[i - 1], face[i])] = _edge_between(face[(leaves - 1) % 4], face[leaves % 4])
    loops = []
    while follower:
        loop = [min(follower)]
        while (following := follower.pop(loop[-1])) != loop[0]:
            loop.append(following)
        loops.append(loop)
    return loops


def _triangulated(loop: list[int]) -> list[tuple[int, int, int]]:
    """A fan over a polygon, from the first vertex none of whose diagonals lies in a face of the cell.

    There the diagonal could coincide with one of the next cell, and an edge would have four triangles.
    """
    for start in range(len(loop)):
        apex, *rest = loop[start:] + loop[:start]
        if not any(_share_a_face(apex, other) for other in rest[1:-1]):
            return [(apex, a, b) for a, b in pairwise(rest)]
    raise AssertionError(f"no fan over {loop} keeps inside the cell")


def _share_a_face(a: int, b: int) -> bool:
    return any({a, b} <= edges for edges in _edges_of_faces())


@functools.cache
def _edges_of_faces() -> list[set[int]]:
    return [{_edge_between(face[i - 1], face[i]) for i in range(4)} for face in _cell_faces()]


def zero_surface(
    block: Int32[Tensor, "b 3"], sums: Float32[Tensor, "b 5 512"], *, voxel_m: float, least_views: int
) -> tuple[Float32[Tensor, "n 3"], Float32[Tensor, "n 3"], Int32[Tensor, "f 3"]]:
    """See `scene3d_ops.fusion.zero_surface`; on a dense grid of all voxels between the outermost blocks."""
    if len(block) == 0:
        return sums.new_empty(0, 3), sums.new_empty(0, 3), block.new_empty(0, 3)
    first = block.amin(dim=0).long()
    place = block - first
    size = [n + 1 for n in place.amax(dim=0).tolist()]
    grid = sums.new_zeros(*size, 5, BLOCK, BLOCK, BLOCK)
    grid[tuple(place.T)] = sums.reshape(-1, 5, BLOCK, BLOCK, BLOCK)
    grid = grid.permute(3, 0, 4, 1, 5, 2, 6).reshape(5, *[n * BLOCK for n in size])
    count, table = (part.to(block.device) for part in case_table())

    case = _cases(grid[0] < 0, grid[1] >= least_views)
    cell = (count[case] > 0).nonzero()
    cell = cell[_keys(cell, torch.zeros_like(cell[:, 0]), size).argsort()]
    edge = table[case[tuple(cell.T)]].long()  # (m, most, 3)
    owner, axis = _edge_ends(cell[:, None, None], edge)
    key, face = torch.unique(_keys(owner, axis, size)[edge[..., 0] >= 0], return_inverse=True)
    low, axis = _from_keys(key, size)
    high = low + torch.nn.functional.one_hot(axis, 3)

    mean = grid / grid[1]
    at_low, at_high = (mean[(slice(None), *corner.T)] for corner in (low, high))  # (5, n)
    share = -at_low[0] / (at_high[0] - at_low[0])
    xyz_m = ((low + first * BLOCK).float() + torch.where(high > low, share[:, None], 0.0)) * voxel_m
    return xyz_m, ((1 - share) * at_low[2:] + share * at_high[2:]).T.contiguous(), face.reshape(-1, 3).int()


def _cases(negative: Bool[Tensor, "x y z"], seen: Bool[Tensor, "x y z"]) -> Int64[Tensor, "x-1 y-1 z-1"]:
    """Which corners of each cell are negative, as a number; 0 where a corner is unseen."""
    case, real = 0, True
    for corner in range(8):
        part = tuple(slice(corner // s % 2, n - 1 + corner // s % 2) for s, n in zip(_STEP, seen.shape, strict=True))
        case = case + (negative[part].long() << corner)
        real = real & seen[part]
    return torch.where(torch.as_tensor(real), case, 0)


def _edge_ends(cell: Int64[Tensor, "*m 3"], edge: Int64[Tensor, "*n"]) -> tuple[Int64[Tensor, "*n 3"], Tensor]:
    """The lower end and the axis of edges of cells."""
    axis = edge.clamp(min=0) // 4
    first, second, none = edge // 2 % 2, edge % 2, torch.zeros_like(edge)
    of_axis = [(none, first, second), (first, none, second), (first, second, none)]
    offset = torch.stack([torch.stack(parts, dim=-1) for parts in of_axis])  # (3, *n, 3)
    return cell + offset.gather(0, axis[None, ..., None].expand(1, *axis.shape, 3))[0], axis


def _keys(voxel: Int64[Tensor, "*n 3"], axis: Int64[Tensor, "*n"], size: list[int]) -> Int64[Tensor, "*n"]:
    """Numbers whose order is that of vertices: by block, x and y within it, axis, z."""
    (bx, by, bz), (x, y, z) = (voxel // BLOCK).unbind(-1), (voxel % BLOCK).unbind(-1)
    key = (bx * size[1] + by) * size[2] + bz
    return (((key * BLOCK + x) * BLOCK + y) * 3 + axis) * BLOCK + z


def _from_keys(key: Int64[Tensor, "n"], size: list[int]) -> tuple[Int64[Tensor, "n 3"], Int64[Tensor, "n"]]:
    fields = []
    for radix in (BLOCK, 3, BLOCK, BLOCK, size[2], size[1]):
        fields.append(key % radix)
        key = key // radix
    z, axis, y, x, bz, by = fields
    return torch.stack([key * BLOCK + x, by * BLOCK + y, bz * BLOCK + z], dim=1), axis
