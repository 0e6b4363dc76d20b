"""The oracle is a dictionary of voxels and MinkowskiEngine's rule for kernel offsets, written out voxel by voxel."""

import itertools
from pathlib import Path

import pytest
import torch
from torch import Tensor

from scene3d.errors import InputError
from scene3d.model.backbone import SparseUNet
from scene3d.model.convert import convert_minkowski, read_checkpoint
from scene3d_ops import Lattice, SparseTensor

Features = dict[tuple[int, int, int], Tensor]
PLANES, BLOCKS = (4, 4, 5, 6, 7, 7, 6, 5, 4), (1,) * 8
LEVELS = 4


def offsets(kernel: int) -> list[tuple[int, int, int]]:
    """First axis fastest; centred for odd kernels, from zero for even ones."""
    axis = range(-(kernel // 2), kernel // 2 + 1) if kernel % 2 else range(kernel)
    return [(x, y, z) for z, y, x in itertools.product(axis, axis, axis)]


def convolve(x: Features, kernel: Tensor, size: int, at: list[tuple[int, int, int]], step: int) -> Features:
    """Output at `at`, of inputs at distances that are multiples of `step`."""
    out = {}
    for c in at:
        total = torch.zeros(kernel.shape[2])
        for k, (dx, dy, dz) in enumerate(offsets(size)):
            near = (c[0] + dx * step, c[1] + dy * step, c[2] + dz * step)
            if near in x:
                total = total + x[near] @ kernel[k]
        out[c] = total
    return out


def transpose(x: Features, kernel: Tensor, at: list[tuple[int, int, int]], step: int) -> Features:
    """Each fine voxel from its parent at twice the step."""
    out = {}
    for c in at:
        parent = tuple(v // (2 * step) * 2 * step for v in c)
        place = tuple((v - p) // step for v, p in zip(c, parent, strict=True))
        out[c] = x[parent] @ kernel[offsets(2).index(place)]  # type: ignore[index, arg-type]
    return out


def norm(x: Features, state: dict[str, Tensor], name: str) -> Features:
    mean, var = state[f"{name}.running_mean"], state[f"{name}.running_var"]
    weight, bias = state[f"{name}.weight"], state[f"{name}.bias"]
    return {c: (v - mean) / (var + 1e-5).sqrt() * weight + bias for c, v in x.items()}


def block(x: Features, state: dict[str, Tensor], name: str, step: int) -> Features:
    at = list(x)
    hidden = norm(convolve(x, state[f"{name}.conv1.kernel"], 3, at, step), state, f"{name}.norm1.bn")
    hidden = {c: v.relu() for c, v in hidden.items()}
    hidden = norm(convolve(hidden, state[f"{name}.conv2.kernel"], 3, at, step), state, f"{name}.norm2.bn")
    shortcut = x
    if f"{name}.downsample.0.kernel" in state:
        kernel = state[f"{name}.downsample.0.kernel"]
        shortcut = norm({c: v @ kernel for c, v in x.items()}, state, f"{name}.downsample.1.bn")
    return {c: (v + shortcut[c]).relu() for c, v in hidden.items()}


def minkowski_unet(x: Features, state: dict[str, Tensor]) -> Features:
    x = norm(convolve(x, state["conv0p1s1.kernel"], 5, list(x), 1), state, "bn0.bn")
    x = {c: v.relu() for c, v in x.items()}
    skips = []
    for i in range(LEVELS):
        skips.append(x)
        step = 2**i
        parents = sorted({tuple(v // (2 * step) * 2 * step for v in c) for c in x})
        pooled = convolve(x, state[f"conv{i + 1}p{step}s2.kernel"], 2, parents, step)  # type: ignore[arg-type]
        x = {c: v.relu() for c, v in norm(pooled, state, f"bn{i + 1}.bn").items()}
        x = block(x, state, f"block{i + 1}.0", 2 * step)
    for i in range(LEVELS):
        step, skip = 2 ** (LEVELS - 1 - i), skips[LEVELS - 1 - i]
        raised = transpose(x, state[f"convtr{LEVELS + i}p{2 * step}s2.kernel"], list(skip), step)
        raised = {c: v.relu() for c, v in norm(raised, state, f"bntr{LEVELS + i}.bn").items()}
        x = block({c: torch.cat([v, skip[c]]) for c, v in raised.items()}, state, f"block{LEVELS + i + 1}.0", step)
    return x


def make_checkpoint() -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(0)
    state: dict[str, Tensor] = {"final.kernel": torch.zeros(4, 20), "mask_head.weight": torch.zeros(3)}

    def add_norm(name: str, channels: int) -> None:
        state[f"{name}.weight"] = 1 + 0.1 * torch.randn(channels, generator=generator)
        state[f"{name}.bias"] = 0.1 * torch.randn(channels, generator=generator)
        state[f"{name}.running_mean"] = 0.1 * torch.randn(channels, generator=generator)
        state[f"{name}.running_var"] = 1 + torch.rand(channels, generator=generator)

    def add(name: str, *shape: int) -> None:
        state[f"{name}.kernel"] = torch.randn(*shape, generator=generator) / (shape[-2] * 3) ** 0.5

    def add_block(name: str, channels: int, out: int) -> None:
        add(f"{name}.conv1", 27, channels, out)
        add(f"{name}.conv2", 27, out, out)
        add_norm(f"{name}.norm1.bn", out)
        add_norm(f"{name}.norm2.bn", out)
        if channels != out:
            add(f"{name}.downsample.0", channels, out)
            add_norm(f"{name}.downsample.1.bn", out)

    add("conv0p1s1", 125, 3, PLANES[0])
    add_norm("bn0.bn", PLANES[0])
    for i in range(LEVELS):
        add(f"conv{i + 1}p{2**i}s2", 8, PLANES[i], PLANES[i])
        add_norm(f"bn{i + 1}.bn", PLANES[i])
        add_block(f"block{i + 1}.0", PLANES[i], PLANES[i + 1])
        out, skip = PLANES[LEVELS + i + 1], PLANES[LEVELS - 1 - i]
        add(f"convtr{LEVELS + i}p{2 ** (LEVELS - i)}s2", 8, PLANES[LEVELS + i], out)
        add_norm(f"bntr{LEVELS + i}.bn", out)
        add_block(f"block{LEVELS + i + 1}.0", out + skip, out)
    return state


def make_unet() -> SparseUNet:
    return SparseUNet(3, planes=PLANES, blocks=BLOCKS, stem_kernel=5).eval()


@pytest.mark.parametrize("prefix", ["", "model.backbone."])
def test_a_converted_network_computes_what_minkowski_computes(prefix: str) -> None:
    state, unet = make_checkpoint(), make_unet()
    unet.load_state_dict(convert_minkowski({prefix + k: v for k, v in state.items()}, unet))
    generator = torch.Generator().manual_seed(1)
    index = torch.unique(torch.randint(0, 9, (60, 3), generator=generator, dtype=torch.int32), dim=0)
    feature = torch.randn(len(index), 3, generator=generator)
    lattice = Lattice(torch.cat([torch.zeros_like(index[:, :1]), index], dim=1))
    with torch.no_grad():
        found = unet(SparseTensor(feature=feature, lattice=lattice))
    expected = minkowski_unet({tuple(c): f for c, f in zip(index.tolist(), feature, strict=True)}, state)
    torch.testing.assert_close(found, torch.stack([expected[tuple(c)] for c in index.tolist()]), atol=1e-4, rtol=1e-4)


def test_a_missing_layer_is_named() -> None:
    state = make_checkpoint()
    del state["bn2.bn.weight"]
    with pytest.raises(InputError, match=r"nothing for down\.1\.norm\.weight"):
        convert_minkowski(state, make_unet())


def test_another_shape_is_named() -> None:
    state = make_checkpoint()
    state["conv1p1s2.kernel"] = torch.zeros(8, 9, 9)
    with pytest.raises(InputError, match=r"down\.0\.pool\.weight: the checkpoint has shape \(8, 9, 9\)"):
        convert_minkowski(state, make_unet())


def test_other_checkpoints_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no layer conv0p1s1"):
        convert_minkowski({"conv.weight": torch.zeros(1)}, make_unet())
    (tmp_path / "no.pth").write_bytes(b"not a checkpoint")
    with pytest.raises(InputError, match="not a checkpoint of plain tensors"):
        read_checkpoint(tmp_path / "no.pth")
