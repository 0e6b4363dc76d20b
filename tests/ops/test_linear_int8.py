"""The twin is held against plain float arithmetic, the kernels against the twin."""

import pytest
import torch
from torch.nn import functional

from scene3d_ops import Int8Weight, linear_int8, native, using

SHAPES = [(1, 576, 960), (3, 32, 16), (5, 33, 17), (7, 1, 1), (9, 100, 50), (2, 64, 47), (0, 40, 20)]
needs_kernels = pytest.mark.skipif(not native.available(), reason="kernels are not compiled")


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def options(kind: str, n: int, i: int, o: int) -> tuple[torch.Tensor, dict[str, object]]:
    """States and arguments of each kind of layer in a language model."""
    if kind == "norm":
        return random(n, i) * 3, {"norm": random(i, seed=2), "epsilon": 1e-3}
    if kind == "gate":
        return random(n, 2 * i), {"gated": True, "residual": random(n, o, seed=3)}
    return random(n, i), {"bias": random(o, seed=4)}


def test_packing_loses_nothing_of_the_rounded_matrix():
    for _, inputs, outputs in SHAPES:
        matrix = random(outputs, inputs)
        weight = Int8Weight.of(matrix)
        near = weight.rounded() * weight.scale[:, None]
        assert (weight.outputs, weight.inputs) == (outputs, inputs)
        assert bool(((near - matrix).abs() <= matrix.abs().amax(1, keepdim=True) / 254 + 1e-6).all())


@pytest.mark.parametrize("kind", ["norm", "gate", "bias"])
def test_the_twin_is_near_the_float_layer(kind: str):
    x, arguments = options(kind, 6, 96, 40)
    matrix = random(40, 96, seed=1)
    with using("reference"):
        found = linear_int8(x, Int8Weight.of(matrix), **arguments)  # type: ignore[arg-type]
    if kind == "norm":
        x = functional.rms_norm(x, (96,), arguments["norm"], 1e-3)  # type: ignore[arg-type]
    if kind == "gate":
        x = functional.silu(x[:, :96]) * x[:, 96:]
    want = x @ matrix.T + arguments.get("residual", arguments.get("bias", 0.0))  # type: ignore[operator]
    assert (found - want).norm() < 0.015 * want.norm()


def test_a_large_state_spoils_only_its_own_block():
    x, matrix = random(1, 64), random(8, 64, seed=1)
    matrix[:, 0] = 0
    x[0, 0] = 1e4  # rounds the other 31 states of its block to nothing
    matrix[:, 1:32] = 0
    with using("reference"):
        found = linear_int8(x, Int8Weight.of(matrix))
    assert (found - x @ matrix.T).norm() < 0.02 * (x @ matrix.T).norm()


@needs_kernels
@pytest.mark.parametrize("instruction_set", native.INSTRUCTION_SETS)
@pytest.mark.parametrize("kind", ["norm", "gate", "bias"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_kernels_equal_the_twin(shape: tuple[int, int, int], kind: str, instruction_set: str):
    n, i, o = shape
    weight, (x, arguments) = Int8Weight.of(random(o, i, seed=1)), options(kind, n, i, o)
    with using("reference"):
        want = linear_int8(x, weight, **arguments)  # type: ignore[arg-type]
    with using("native"), native.at_most(instruction_set):
        found = linear_int8(x, weight, **arguments)  # type: ignore[arg-type]
    # A state near a half may round to the other side, which moves a sum by one step of its block.
    torch.testing.assert_close(found, want, atol=2e-2 * i**0.5, rtol=0)
    assert n == 0 or (found - want).abs().median() < 1e-4 * i**0.5


@needs_kernels
def test_integers_within_a_block_are_summed_exactly():
    x = torch.randint(-127, 128, (5, 32), generator=torch.Generator().manual_seed(0)).float()
    matrix = torch.randint(-127, 128, (20, 32), generator=torch.Generator().manual_seed(1)).float()
    x[:, 0], matrix[:, 0] = 127.0, -127.0  # so that every scale is 1
    for instruction_set in native.INSTRUCTION_SETS:
        with using("native"), native.at_most(instruction_set):
            assert torch.equal(linear_int8(x, Int8Weight.of(matrix)), x @ matrix.T)


@needs_kernels
@pytest.mark.parametrize("instruction_set", native.INSTRUCTION_SETS)
def test_a_row_depends_neither_on_its_batch_nor_on_threads(instruction_set: str):
    x, weight = random(11, 100), Int8Weight.of(random(70, 100, seed=1))
    with using("native"), native.at_most(instruction_set):
        together = linear_int8(x, weight)
        threads = torch.get_num_threads()
        torch.set_num_threads(2)
        try:
            assert torch.equal(linear_int8(x, weight), together)
        finally:
            torch.set_num_threads(threads)
        for row in range(11):
            assert torch.equal(linear_int8(x[row : row + 1], weight), together[row : row + 1])


@needs_kernels
def test_the_gate_holds_at_its_ends():
    gate = torch.tensor([[-1e4, -90.0, -20.0, 0.0, 20.0, 90.0, 1e4]])
    for column in range(gate.shape[1]):
        x = torch.tensor([[float(gate[0, column]), 2.0]])
        for instruction_set in native.INSTRUCTION_SETS:
            with using("native"), native.at_most(instruction_set):
                found = linear_int8(x, Int8Weight.of(torch.ones(1, 1)), gated=True)
            torch.testing.assert_close(found, functional.silu(x[:, :1]) * 2, atol=1e-6, rtol=1e-5)


def test_wrong_widths_are_named():
    weight = Int8Weight.of(random(3, 8))
    with pytest.raises(ValueError, match="width 9 meet 8 inputs; expected width 8"):
        linear_int8(random(2, 9), weight)
    with pytest.raises(ValueError, match="expected width 16"):
        linear_int8(random(2, 8), weight, gated=True)
    with pytest.raises(ValueError, match="either normed or gated"):
        linear_int8(random(2, 16), weight, gated=True, norm=random(8))
