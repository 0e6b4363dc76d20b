"""Neighbour maps against dictionaries, the twin against the kernels, and the properties that every map has."""

import itertools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from scene3d_ops import Lattice, using
from scene3d_ops.reference.neighbours import KEY_BATCHES, KEY_LIMIT

BACKENDS = ("native", "reference")
coordinate = st.integers(0, 6) | st.integers(KEY_LIMIT - 3, KEY_LIMIT - 1)
batch = st.integers(0, 2) | st.just(KEY_BATCHES - 1)
voxel = st.tuples(batch, coordinate, coordinate, coordinate)


def lattice_of(voxels: list[tuple[int, int, int, int]]) -> Lattice:
    return Lattice.of(torch.tensor(voxels, dtype=torch.int32).reshape(-1, 4))[0]


@pytest.mark.parametrize("backend", BACKENDS)
@settings(max_examples=60, deadline=None)
@given(voxels=st.lists(voxel, max_size=60), size=st.sampled_from([3, 5]))
def test_submanifold_map_is_what_a_dictionary_finds(backend: str, voxels: list, size: int) -> None:
    with using(backend):
        lattice = lattice_of(voxels)
        table = lattice.subm_map(size)
    row_of = {tuple(v): row for row, v in enumerate(lattice.index.tolist())}
    steps = range(-(size // 2), size // 2 + 1)
    for offset, (dx, dy, dz) in enumerate(itertools.product(steps, steps, steps)):
        want = [row_of.get((b, x + dx, y + dy, z + dz), -1) for b, x, y, z in lattice.index.tolist()]
        assert table[offset].tolist() == want


@pytest.mark.parametrize("backend", BACKENDS)
@settings(max_examples=60, deadline=None)
@given(voxels=st.lists(voxel, max_size=60))
def test_coarsening_groups_by_halved_coordinates(backend: str, voxels: list) -> None:
    with using(backend):
        lattice = lattice_of(voxels)
        step = lattice.coarser()
    fine = [tuple(v) for v in lattice.index.tolist()]
    coarse = [tuple(v) for v in step.lattice.index.tolist()]
    assert coarse == sorted({(b, x // 2, y // 2, z // 2) for b, x, y, z in fine})
    down = torch.full((8, len(coarse)), -1, dtype=torch.int32)
    inverse = torch.full((8, len(fine)), -1, dtype=torch.int32)
    for child, (b, x, y, z) in enumerate(fine):
        octant, parent = x % 2 * 4 + y % 2 * 2 + z % 2, coarse.index((b, x // 2, y // 2, z // 2))
        down[octant, parent], inverse[octant, child] = child, parent
    assert torch.equal(step.down, down)
    assert torch.equal(step.inverse, inverse)


@pytest.mark.parametrize("threads", [1, 2])
def test_kernels_and_twin_agree_on_a_large_lattice(threads: int) -> None:
    index = torch.randint(0, 25, (6000, 4), generator=torch.Generator().manual_seed(1)) // torch.tensor([9, 1, 1, 1])
    lattice, voxel = Lattice.of(index)
    assert torch.equal(lattice.index[voxel], index.int())
    before = torch.get_num_threads()
    maps = {}
    try:
        torch.set_num_threads(threads)
        for backend in BACKENDS:
            with using(backend):
                fresh = Lattice(lattice.index)
                step = fresh.coarser()
                maps[backend] = (fresh.subm_map(3), fresh.subm_map(5), step.down, step.inverse)
    finally:
        torch.set_num_threads(before)
    for ours, twin in zip(*maps.values(), strict=True):
        assert torch.equal(ours, twin)


def test_submanifold_map_is_its_own_inverse_with_the_offsets_reversed() -> None:
    lattice = Lattice.of(torch.randint(0, 8, (200, 4)) // torch.tensor([4, 1, 1, 1]))[0]
    table = lattice.subm_map(3)
    for offset in range(27):
        rows = (table[offset] >= 0).nonzero().squeeze(1)
        assert torch.equal(table[26 - offset][table[offset][rows].long()], rows.int())
    assert torch.equal(table[13], torch.arange(len(lattice), dtype=torch.int32))


def test_maps_are_made_once() -> None:
    lattice = lattice_of([(0, 0, 0, 0), (0, 1, 0, 0)])
    assert lattice.subm_map(3) is lattice.subm_map(3)
    assert lattice.coarser() is lattice.coarser()
    assert lattice.to("cpu") is lattice


@pytest.mark.parametrize("backend", BACKENDS)
def test_empty_lattice(backend: str) -> None:
    with using(backend):
        lattice = Lattice(torch.empty(0, 4, dtype=torch.int32))
        assert lattice.subm_map(3).shape == (27, 0)
        assert lattice.subm_map(5).shape == (125, 0)
        assert len(lattice.coarser().lattice) == 0
        assert lattice.coarser().down.shape == (8, 0)


@pytest.mark.parametrize("backend", BACKENDS)
def test_faults_name_the_voxel_and_the_way_out(backend: str) -> None:
    with using(backend):
        with pytest.raises(ValueError, match=r"voxel 1, \[0, 0, 0, 4\].*Lattice\.of"):
            Lattice(torch.tensor([[0, 0, 0, 5], [0, 0, 0, 4]]))
        with pytest.raises(ValueError, match=r"does not come after"):
            Lattice(torch.tensor([[0, 0, 0, 5], [0, 0, 0, 5]]))
        with pytest.raises(ValueError, match=r"voxel 1 is at .*\[0, 0, -1, 4\].*shift the scene"):
            Lattice(torch.tensor([[0, 0, 0, 0], [0, 0, -1, 4]]))
        with pytest.raises(ValueError, match=r"larger voxels"):
            Lattice.of(torch.tensor([[0, 0, 0, 2**40]]))
        with pytest.raises(ValueError, match=r"batches must lie in"):
            Lattice(torch.tensor([[KEY_BATCHES, 0, 0, 0]]))
        with pytest.raises(ValueError, match="kernel_size is 4"):
            lattice_of([(0, 0, 0, 0)]).subm_map(4)
