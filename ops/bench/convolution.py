"""Neighbour maps and single convolutions at 90k voxels, against spconv's CPU build and the torch twin."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable

import torch
from torch import Tensor

from bench.measure import Case
from bench.surfaces import room
from scene3d_ops import Lattice, native, sparse_conv, using


def suite() -> list[Case]:
    """Neighbour map; forward with 64 and 128 channels in float32 and bfloat16; weight gradient."""
    lattice = room(90_000)
    forward = [case(lattice, channels) for channels in (64, 128) for case in (_forward, _forward_bfloat16)]
    return [_neighbour_map(lattice), *forward, _backward(lattice, 64)]


def _neighbour_map(lattice: Lattice) -> Case:
    def ours() -> Tensor:
        return Lattice(lattice.index).subm_map(3)

    def twin() -> Tensor:
        with using("reference"):
            return Lattice(lattice.index).subm_map(3)

    def check() -> None:
        assert torch.equal(ours(), twin())

    case: Case = {
        "name": f"neighbour map 3³, {len(lattice):,} voxels",
        "check": check,
        "runs": {"ours": ours, "twin": twin},
    }
    if importlib.util.find_spec("spconv"):
        from bench import spconv_layers

        case["runs"]["spconv"] = lambda: spconv_layers.neighbour_map(lattice)
        case["at_least"] = {"spconv": 10.0}
    return case


def _forward(lattice: Lattice, channels: int) -> Case:
    feature, weight = _operands(lattice, channels)
    table = lattice.subm_map(3)

    def on(backend: str) -> Tensor:
        with using(backend), torch.no_grad():
            return sparse_conv(feature, weight, table)

    def avx2() -> Tensor:
        with native.at_most("avx2"):
            return on("native")

    runs: dict[str, Callable[[], object]] = {"ours": lambda: on("native"), "ours avx2": avx2}
    runs["twin"] = lambda: on("reference")
    case: Case = {"name": f"convolution 3³, {channels} channels", "check": lambda: check(), "runs": runs}
    exact = [lambda: on("native"), avx2]
    if importlib.util.find_spec("spconv"):
        from bench import spconv_layers

        layer = spconv_layers.subm(lattice, feature, weight)
        exact.append(layer.exact)
        runs["spconv"] = layer.timed
        case["at_least"] = {"spconv": 4.0 if channels == 64 else 2.0}

    def check() -> None:
        want = on("reference")
        for run in exact:
            assert (run() - want).abs().max() <= 1e-4 * want.abs().max()

    return case


def _forward_bfloat16(lattice: Lattice, channels: int) -> Case:
    """Operands of half the size, sums in float32; spconv's build for the CPU has float32 only."""
    feature, weight = _operands(lattice, channels)
    low_feature, low_weight = feature.bfloat16(), weight.bfloat16()
    table = lattice.subm_map(3)

    def ours() -> Tensor:
        with using("native"), torch.no_grad():
            return sparse_conv(low_feature, low_weight, table)

    def twin() -> Tensor:
        with using("reference"), torch.no_grad():
            return sparse_conv(feature, weight, table)

    def check() -> None:
        want = twin()
        assert (ours().float() - want).abs().max() <= 2e-2 * want.abs().max()

    runs: dict[str, Callable[[], object]] = {"ours": ours, "twin float32": twin}
    case: Case = {"name": f"convolution 3³, {channels} channels, bfloat16", "check": check, "runs": runs}
    if importlib.util.find_spec("spconv"):
        from bench import spconv_layers

        runs["spconv float32"] = spconv_layers.subm(lattice, feature, weight).timed
        if channels == 64 and native.status().instruction_set == "avx512bf16":
            case["at_least"] = {"spconv float32": 8.0}
    return case


def _backward(lattice: Lattice, channels: int) -> Case:
    feature, weight = (t.requires_grad_() for t in _operands(lattice, channels))
    table = lattice.subm_map(3)
    gradient = torch.randn(len(lattice), channels)

    def on(backend: str) -> tuple[Tensor, ...]:
        with using(backend):
            return torch.autograd.grad(sparse_conv(feature, weight, table), (feature, weight), gradient)

    def check() -> None:
        for got, want in zip(on("native"), on("reference"), strict=True):
            assert (got - want).abs().max() <= 1e-4 * want.abs().max()

    runs: dict[str, Callable[[], object]] = {"ours": lambda: on("native"), "twin": lambda: on("reference")}
    return {"name": f"convolution 3³, {channels} channels, forward and backward", "check": check, "runs": runs}


def _operands(lattice: Lattice, channels: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(channels)
    feature = torch.randn(len(lattice), channels, generator=generator)
    return feature, torch.randn(27, channels, channels, generator=generator) / channels
