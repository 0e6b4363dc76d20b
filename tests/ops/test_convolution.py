"""The kernels of each instruction set against the torch twin, and the twin against finite differences."""

import inspect

import pytest
import torch

from scene3d_ops import Lattice, native, reference, sparse_conv, using

needs_native = pytest.mark.skipif(not native.available(), reason=f"no compiled kernels: {native.status().reason}")
CHANNELS = [(1, 1), (3, 20), (7, 6), (16, 16), (32, 96), (48, 112), (64, 64), (5, 128)]


def random_lattice(voxels: int, side: int, seed: int = 0) -> Lattice:
    generator = torch.Generator().manual_seed(seed)
    index = torch.randint(0, side, (voxels, 4), generator=generator) // torch.tensor([side // 2, 1, 1, 1])
    return Lattice.of(index)[0]


def tables(lattice: Lattice) -> list[tuple[torch.Tensor, torch.Tensor | None, int]]:
    """Table, inverse and number of input voxels of each kind of layer."""
    step = lattice.coarser()
    fine, coarse = len(lattice), len(step.lattice)
    return [
        (lattice.subm_map(3), None, fine),
        (lattice.subm_map(5), None, fine),
        (step.down, step.inverse, fine),
        (step.inverse, step.down, coarse),
    ]


def value_and_gradients(
    backend: str, feature: torch.Tensor, weight: torch.Tensor, table: torch.Tensor, inverse: torch.Tensor | None
) -> tuple[torch.Tensor, ...]:
    with using(backend):
        out = sparse_conv(feature, weight, table, inverse)
    seed = torch.randn(out.shape, generator=torch.Generator().manual_seed(5)).to(out.dtype)
    return out.detach(), *torch.autograd.grad(out, (feature, weight), seed)


@needs_native
@pytest.mark.parametrize("instruction_set", native.INSTRUCTION_SETS)
@pytest.mark.parametrize(("ci", "co"), CHANNELS)
def test_kernels_equal_the_twin_in_values_and_gradients(instruction_set: str, ci: int, co: int) -> None:
    lattice = random_lattice(500, 10)
    for table, inverse, voxels in tables(lattice):
        feature = torch.randn(voxels, ci, requires_grad=True)
        weight = torch.randn(len(table), ci, co, requires_grad=True)
        with native.at_most(instruction_set) as serving:
            if serving != instruction_set:
                pytest.skip(f"this processor has {serving} at best")
            results = value_and_gradients("native", feature, weight, table, inverse)
        wanted = value_and_gradients("reference", feature, weight, table, inverse)
        for got, want in zip(results, wanted, strict=True):
            torch.testing.assert_close(got, want, rtol=1e-5, atol=1e-5 * float(want.abs().max()))


@needs_native
@pytest.mark.parametrize("instruction_set", native.INSTRUCTION_SETS)
@pytest.mark.parametrize(("ci", "co"), [(1, 1), (3, 20), (32, 48), (64, 64)])
def test_bfloat16_is_the_exact_sum_rounded_once(instruction_set: str, ci: int, co: int) -> None:
    lattice = random_lattice(500, 10)
    feature, weight = torch.randn(len(lattice), ci).bfloat16(), torch.randn(27, ci, co).bfloat16()
    with native.at_most(instruction_set) as serving, using("native"):
        if serving != instruction_set:
            pytest.skip(f"this processor has {serving} at best")
        got = sparse_conv(feature, weight, lattice.subm_map(3))
    assert got.dtype == torch.bfloat16
    exact = reference.sparse_conv(feature.double(), weight.double(), lattice.subm_map(3))
    half_step = 2.0**-8 * exact.abs()
    assert ((got.double() - exact).abs() <= half_step + 1e-5 * exact.abs().max()).all()


@needs_native
def test_bfloat16_gradients_follow_the_twin() -> None:
    lattice = random_lattice(300, 8)
    feature = torch.randn(len(lattice), 16).bfloat16().requires_grad_()
    weight = torch.randn(27, 16, 16).bfloat16().requires_grad_()
    results = [value_and_gradients(b, feature, weight, lattice.subm_map(3), None) for b in ("native", "reference")]
    for got, want in zip(*results, strict=True):
        assert (got.float() - want.float()).abs().max() <= 0.01 * want.float().abs().max()


def test_twin_is_what_three_loops_compute() -> None:
    table = torch.tensor([[1, -1, 0], [2, 2, -1]], dtype=torch.int32)
    feature, weight = torch.randn(3, 2, dtype=torch.float64), torch.randn(2, 2, 4, dtype=torch.float64)
    want = torch.zeros(3, 4, dtype=torch.float64)
    for k in range(2):
        for j in range(3):
            if table[k, j] >= 0:
                want[j] += feature[int(table[k, j])] @ weight[k]
    torch.testing.assert_close(reference.sparse_conv(feature, weight, table), want)


def test_twin_has_the_gradients_of_finite_differences() -> None:
    lattice = random_lattice(6, 3)
    for table, inverse, voxels in tables(lattice):
        if len(table) > 27:
            continue
        feature = torch.randn(voxels, 2, dtype=torch.float64, requires_grad=True)
        weight = torch.randn(len(table), 2, 3, dtype=torch.float64, requires_grad=True)
        with using("reference"):
            assert torch.autograd.gradcheck(lambda f, w: sparse_conv(f, w, table, inverse), (feature, weight))  # noqa: B023


@needs_native
@pytest.mark.parametrize("threads", [1, 2, 3])
def test_repeats_are_equal_to_the_last_bit(threads: int) -> None:
    lattice = random_lattice(4000, 24)
    feature = torch.randn(len(lattice), 24, requires_grad=True)
    weight = torch.randn(27, 24, 32, requires_grad=True)
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(threads)
        runs = [value_and_gradients("native", feature, weight, lattice.subm_map(3), None) for _ in range(4)]
    finally:
        torch.set_num_threads(before)
    for other in runs[1:]:
        assert all(torch.equal(a, b) for a, b in zip(runs[0], other, strict=True))


@pytest.mark.parametrize("backend", ["native", "reference"])
def test_batches_do_not_mix(backend: str) -> None:
    one = random_lattice(200, 8).index
    one = one[one[:, 0] == 0]
    both = Lattice(torch.cat([one, one + torch.tensor([1, 0, 0, 0], dtype=torch.int32)]))
    feature, weight = torch.randn(len(one), 8), torch.randn(27, 8, 16)
    with using(backend):
        alone = sparse_conv(feature, weight, Lattice(one).subm_map(3))
        beside = sparse_conv(torch.cat([feature, 100 * feature]), weight, both.subm_map(3))
    torch.testing.assert_close(beside[: len(one)], alone)


@pytest.mark.parametrize("backend", ["native", "reference"])
@pytest.mark.parametrize("voxels", [0, 1])
def test_no_voxel_and_one_voxel(backend: str, voxels: int) -> None:
    lattice = Lattice(torch.tensor([[0, 4, 5, 6]])[:voxels])
    feature = torch.randn(voxels, 5, requires_grad=True)
    weight = torch.randn(27, 5, 9, requires_grad=True)
    out, feature_gradient, weight_gradient = value_and_gradients(backend, feature, weight, lattice.subm_map(3), None)
    torch.testing.assert_close(out, (feature @ weight[13]).detach())
    assert feature_gradient.shape == (voxels, 5)
    others = torch.arange(27) != 13
    assert weight_gradient[others].abs().max() == 0


@needs_native
def test_infinities_and_nans_stay_where_they_belong() -> None:
    lattice = Lattice(torch.tensor([[0, 0, 0, 0], [0, 0, 0, 1], [0, 9, 9, 9]]))
    feature = torch.tensor([[1.0], [float("nan")], [2.0]])
    for dtype in (torch.float32, torch.bfloat16):
        with using("native"):
            out = sparse_conv(feature.to(dtype), torch.ones(27, 1, 1, dtype=dtype), lattice.subm_map(3))
        assert out.isnan().squeeze(1).tolist() == [True, True, False]


def test_operands_that_do_not_belong_together() -> None:
    lattice = random_lattice(50, 6)
    v, table = len(lattice), lattice.subm_map(3)
    unchecked = inspect.unwrap(sparse_conv)  # as users call it: without the shape checks that the tests add
    with pytest.raises(ValueError, match=r"do not belong together"):
        unchecked(torch.randn(v, 4), torch.randn(27, 5, 4), table)
    with pytest.raises(ValueError, match=r"needs its inverse_table"):
        unchecked(torch.randn(v, 4), torch.randn(8, 4, 4), lattice.coarser().down)
    with pytest.raises(ValueError, match=r"inverse_table has shape"):
        unchecked(torch.randn(v, 4), torch.randn(8, 4, 4), lattice.coarser().down, lattice.coarser().inverse[:, 1:])
    with pytest.raises(TypeError, match=r"float32 and weights .*bfloat16"):
        unchecked(torch.randn(v, 4), torch.randn(27, 4, 4).bfloat16(), table)


@needs_native
def test_dtypes_without_a_kernel_are_refused() -> None:
    lattice = random_lattice(50, 6)
    with using("native"), pytest.raises(TypeError, match=r"float64.*`reference` any"):
        sparse_conv(torch.randn(len(lattice), 4).double(), torch.randn(27, 4, 4).double(), lattice.subm_map(3))


@needs_native
def test_unknown_instruction_sets_are_refused() -> None:
    with pytest.raises(ValueError, match="one of plain, avx2"), native.at_most("sse9"):
        pass
