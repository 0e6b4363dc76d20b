"""The layers against dense convolutions, and weight conversion against a slow rendering of Minkowski's indexing."""

import itertools

import pytest
import torch
from torch import nn

from scene3d_ops import (
    Lattice,
    SparseConv3d,
    SparseInverseConv3d,
    SparseTensor,
    SubMConv3d,
    using,
    weight_from_minkowski,
    weight_from_spconv,
    weight_to_minkowski,
    weight_to_spconv,
)

BACKENDS = ("native", "reference")
SIDE = 8


def random_input(channels: int, seed: int = 0) -> SparseTensor:
    generator = torch.Generator().manual_seed(seed)
    index = torch.randint(0, SIDE, (150, 4), generator=generator) // torch.tensor([SIDE // 2, 1, 1, 1])
    lattice = Lattice.of(index)[0]
    return SparseTensor(feature=torch.randn(len(lattice), channels, generator=generator), lattice=lattice)


def dense(x: SparseTensor, side: int) -> torch.Tensor:
    """(2, c, side, side, side), zero where there is no voxel."""
    volume = torch.zeros(2, side, side, side, x.feature.shape[1])
    volume[tuple(x.lattice.index.long().T)] = x.feature
    return volume.movedim(-1, 1)


def at_voxels(volume: torch.Tensor, lattice: Lattice) -> torch.Tensor:
    return volume.movedim(1, -1)[tuple(lattice.index.long().T)]


def as_dense_weight(weight: torch.Tensor) -> torch.Tensor:
    """(co, ci, k, k, k), as torch's own convolution wants it."""
    return weight_to_spconv(weight).movedim(-1, 1)


@torch.no_grad()
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("size", [1, 3, 5])
def test_submanifold_layer_is_a_dense_convolution_read_at_the_voxels(backend: str, size: int) -> None:
    x = random_input(6)
    layer = SubMConv3d(6, 10, size, bias=True)
    assert layer.bias is not None
    layer.bias.normal_()
    with using(backend):
        got = layer(x)
    assert got.lattice is x.lattice
    volume = nn.functional.conv3d(dense(x, SIDE), as_dense_weight(layer.weight), layer.bias, padding=size // 2)
    torch.testing.assert_close(got.feature, at_voxels(volume, x.lattice), rtol=1e-4, atol=1e-5)


@torch.no_grad()
@pytest.mark.parametrize("backend", BACKENDS)
def test_strided_layers_are_dense_ones_down_and_up(backend: str) -> None:
    x = random_input(6)
    down, up = SparseConv3d(6, 12, bias=True), SparseInverseConv3d(12, 5)
    assert down.bias is not None
    down.bias.normal_()
    with using(backend):
        coarse = down(x)
        fine = up(coarse, x.lattice)
    volume = nn.functional.conv3d(dense(x, SIDE), as_dense_weight(down.weight), down.bias, stride=2)
    torch.testing.assert_close(coarse.feature, at_voxels(volume, coarse.lattice), rtol=1e-4, atol=1e-5)
    kernel = weight_to_spconv(up.weight).movedim(0, -1).movedim(3, 0).movedim(-1, 1)  # (ci, co, k, k, k)
    raised = nn.functional.conv_transpose3d(dense(coarse, SIDE // 2), kernel, stride=2)
    assert fine.lattice is x.lattice
    torch.testing.assert_close(fine.feature, at_voxels(raised, x.lattice), rtol=1e-4, atol=1e-5)


def test_inverse_layer_refuses_another_lattice() -> None:
    x, other = random_input(4), random_input(4, seed=1)
    with pytest.raises(ValueError, match="was not made by coarsening"):
        SparseInverseConv3d(4, 4)(SparseConv3d(4, 4)(x), other.lattice)


def test_bad_kernel_size_and_bad_feature_count() -> None:
    with pytest.raises(ValueError, match="takes 1, 3 or 5"):
        SubMConv3d(4, 4, kernel_size=2)
    x = random_input(4)
    with pytest.raises(ValueError, match="3 features for a lattice of"):
        SparseTensor(feature=torch.zeros(3, 4), lattice=x.lattice)


def test_layers_train_and_the_backends_take_the_same_step() -> None:
    steps = []
    for backend in BACKENDS:
        torch.manual_seed(0)
        x = random_input(6)
        stem, down, up = SubMConv3d(6, 16), SparseConv3d(16, 32), SparseInverseConv3d(32, 16)
        with using(backend):
            loss = up(down(stem(x)), x.lattice).feature.square().mean()
            loss.backward()
        steps.append([loss.detach(), *(layer.weight.grad for layer in (stem, down, up))])
    for ours, twin in zip(*steps, strict=True):
        torch.testing.assert_close(ours, twin, rtol=1e-4, atol=1e-7)


@torch.no_grad()
def test_bfloat16_features_run_through_float32_weights() -> None:
    x = random_input(16)
    layer = SubMConv3d(16, 16)
    low = layer(x.replace(x.feature.bfloat16())).feature
    assert low.dtype == torch.bfloat16
    assert (low.float() - layer(x).feature).abs().max() < 0.02


@pytest.mark.parametrize("offsets", [1, 8, 27, 125])
def test_conversions_undo_each_other(offsets: int) -> None:
    weight = torch.randn(offsets, 3, 5)
    assert torch.equal(weight_from_spconv(weight_to_spconv(weight)), weight)
    assert torch.equal(weight_from_minkowski(weight_to_minkowski(weight)), weight)
    assert weight_to_minkowski(weight).ndim == (2 if offsets == 1 else 3)


def test_weights_that_are_no_cube() -> None:
    with pytest.raises(ValueError, match="9 offsets, which is no cube"):
        weight_to_spconv(torch.randn(9, 2, 2))


def minkowski_conv(kernel: torch.Tensor, feature: dict, size: int, out: list, stride: int) -> torch.Tensor:
    """MinkowskiEngine's sum: kernel[i] acts at offsets counted with the first axis fastest."""
    first = -(size // 2) if size % 2 else 0
    rows = []
    for b, *place in out:
        total = torch.zeros(kernel.shape[2])
        for i, (z, y, x) in enumerate(itertools.product(range(size), repeat=3)):
            at = (b, *(stride * p + o + first for p, o in zip(place, (x, y, z), strict=True)))
            if at in feature:
                total = total + feature[at] @ kernel[i]
        rows.append(total)
    return torch.stack(rows)


@torch.no_grad()
@pytest.mark.parametrize("size", [2, 3, 5])
def test_minkowski_kernels_keep_their_meaning(size: int) -> None:
    x = random_input(3)
    voxels = [tuple(v) for v in x.lattice.index.tolist()]
    feature = dict(zip(voxels, x.feature, strict=True))
    kernel = torch.randn(size**3, 3, 4)
    layer = SparseConv3d(3, 4) if size == 2 else SubMConv3d(3, 4, size)
    layer.weight.copy_(weight_from_minkowski(kernel))
    got = layer(x)
    out = [tuple(v) for v in got.lattice.index.tolist()]
    want = minkowski_conv(kernel, feature, size, out, stride=2 if size == 2 else 1)
    torch.testing.assert_close(got.feature, want, rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_minkowski_transposed_kernels_keep_their_meaning() -> None:
    x = random_input(3)
    coarse = SparseConv3d(3, 6)(x)
    kernel = torch.randn(8, 6, 4)
    layer = SparseInverseConv3d(6, 4)
    layer.weight.copy_(weight_from_minkowski(kernel))
    parents = {tuple(v): f for v, f in zip(coarse.lattice.index.tolist(), coarse.feature, strict=True)}
    # Minkowski's transposed convolution adds parent @ kernel[i] at 2 * parent + offset i, the first axis fastest.
    want = [
        parents[(b, i // 2, j // 2, k // 2)] @ kernel[i % 2 + 2 * (j % 2) + 4 * (k % 2)]
        for b, i, j, k in x.lattice.index.tolist()
    ]
    torch.testing.assert_close(layer(coarse, x.lattice).feature, torch.stack(want), rtol=1e-4, atol=1e-5)
