"""The spconv backend and our layers against spconv's own layers, on one thread: with more, its CPU build is wrong."""

import importlib.util
from collections.abc import Iterator

import pytest
import torch

from scene3d_ops import (
    Lattice,
    SparseConv3d,
    SparseInverseConv3d,
    SparseTensor,
    SubMConv3d,
    sparse_conv,
    using,
    weight_from_spconv,
)

if not importlib.util.find_spec("spconv"):
    pytest.skip("spconv is not installed: pip install spconv", allow_module_level=True)

pytestmark = [pytest.mark.filterwarnings("ignore")]  # spconv and what it imports warn of their own age


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    from scene3d_ops import spconv_backend

    with spconv_backend.on_cpu(threads=1):
        yield


def random_lattice(seed: int) -> Lattice:
    generator = torch.Generator().manual_seed(seed)
    return Lattice.of(torch.randint(0, 12, (400, 4), generator=generator) // torch.tensor([6, 1, 1, 1]))[0]


def assert_close(got: torch.Tensor, want: torch.Tensor) -> None:
    assert (got - want).abs().max() <= 1e-4 * want.abs().max()


@pytest.mark.parametrize("other", ["native", "reference"])
def test_backends_agree_in_values_and_gradients(other: str) -> None:
    lattice = random_lattice(0)
    step = lattice.coarser()
    cases = ((lattice.subm_map(3), None, len(lattice)), (step.down, step.inverse, len(lattice)))
    for table, inverse, voxels in (*cases, (step.inverse, step.down, len(step.lattice))):
        feature = torch.randn(voxels, 12, requires_grad=True)
        weight = torch.randn(len(table), 12, 20, requires_grad=True)
        results = []
        for backend in ("spconv", other):
            with using(backend):
                out = sparse_conv(feature, weight, table, inverse)
                results.append((out, *torch.autograd.grad(out.square().sum(), (feature, weight))))
        for got, want in zip(*results, strict=True):
            assert_close(got, want)


@pytest.mark.parametrize("size", [3, 5])
def test_converted_weights_give_the_numbers_of_spconv_layers(size: int) -> None:
    import spconv.pytorch as spconv
    from spconv.core import ConvAlgo

    lattice = random_lattice(size)
    feature = torch.randn(len(lattice), 7)
    theirs = spconv.SparseConvTensor(feature, lattice.index, [12, 12, 12], 2)
    their_subm = spconv.SubMConv3d(7, 16, size, bias=False, algo=ConvAlgo.Native)
    their_down = spconv.SparseConv3d(16, 24, 2, 2, bias=False, indice_key="down", algo=ConvAlgo.Native)
    their_up = spconv.SparseInverseConv3d(24, 8, 2, bias=False, indice_key="down", algo=ConvAlgo.Native)
    subm, down, up = SubMConv3d(7, 16, size), SparseConv3d(16, 24), SparseInverseConv3d(24, 8)
    with torch.no_grad():
        for ours, other in ((subm, their_subm), (down, their_down), (up, their_up)):
            ours.weight.copy_(weight_from_spconv(other.weight))
        x = SparseTensor(feature=feature, lattice=lattice)
        middle = subm(x)
        assert_close(middle.feature, their_subm(theirs).features)
        got = up(down(middle), lattice).feature
        assert_close(got, their_up(their_down(their_subm(theirs))).features)


def test_the_backend_is_exact_whatever_the_threads() -> None:
    from scene3d_ops import spconv_backend

    lattice = random_lattice(1)
    feature, weight = torch.randn(len(lattice), 16), torch.randn(27, 16, 16)
    with using("reference"):
        want = sparse_conv(feature, weight, lattice.subm_map(3))
    with spconv_backend.on_cpu(threads=4), using("spconv"):
        for _ in range(20):
            assert_close(sparse_conv(feature, weight, lattice.subm_map(3)), want)


def test_empty_lattice() -> None:
    lattice = Lattice(torch.empty(0, 4, dtype=torch.int32))
    with using("spconv"):
        assert sparse_conv(torch.empty(0, 4), torch.randn(27, 4, 6), lattice.subm_map(3)).shape == (0, 6)
