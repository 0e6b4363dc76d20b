"""A U-Net of five levels at 46k voxels, maps included: ours, spconv's and the twin's, with the same weights.

Convolutions and skips only. Normalisation and rectifiers cost every library the same and would bring the ratios closer
to one; and at a rectifier's kink a rounding error flips a gradient, which would hide whether the libraries agree.
spconv's backward pass fails on a CPU as shipped, because it asks for a CUDA stream; `spconv_backend.on_cpu` hands it a
null one, which its CPU code never looks at, so forward and backward can be timed.
"""

from __future__ import annotations

import importlib.util
import itertools
from collections.abc import Callable

import torch
from torch import Tensor, nn

from bench.library import Library
from bench.measure import Case
from bench.surfaces import room
from scene3d_ops import (
    Lattice,
    SparseConv3d,
    SparseInverseConv3d,
    SparseTensor,
    SubMConv3d,
    native,
    using,
    weight_from_spconv,
    weight_to_spconv,
)

PLANES = (32, 64, 96, 128, 128)


OURS = Library(
    subm=lambda ci, co, level: SubMConv3d(ci, co),
    down=lambda ci, co, level: SparseConv3d(ci, co),
    up=lambda ci, co, level: SparseInverseConv3d(ci, co),
    start=lambda lattice, feature: SparseTensor(feature=feature, lattice=Lattice(lattice.index)),
    feature=lambda x: x.feature,
    replace=lambda x, feature: x.replace(feature),
    raised=lambda layer, x, skip: layer(x, skip.lattice),
)


class UNet(nn.Module):
    """Two convolutions per level on the way down, one step down between levels; the mirror image on the way up."""

    def __init__(self, library: Library, in_channels: int = 3) -> None:
        super().__init__()
        self.library = library
        self.encode, self.encode_again, self.pool = nn.ModuleList(), nn.ModuleList(), nn.ModuleList()
        self.unpool, self.decode, self.decode_again = nn.ModuleList(), nn.ModuleList(), nn.ModuleList()
        for level, width in enumerate(PLANES):
            self.encode.append(library.subm(in_channels if level == 0 else width, width, level))
            self.encode_again.append(library.subm(width, width, level))
        for level, (width, coarse) in enumerate(itertools.pairwise(PLANES)):
            self.pool.append(library.down(width, coarse, level))
            self.unpool.append(library.up(coarse, width, level))
            self.decode.append(library.subm(2 * width, width, level))
            self.decode_again.append(library.subm(width, width, level))

    def forward(self, lattice: Lattice, feature: Tensor) -> Tensor:
        """Features of the first width, neighbour maps made anew."""
        x, skips = self.library.start(lattice, feature), []
        for level in range(len(PLANES)):
            x = self.encode_again[level](self.encode[level](x))
            if level < len(self.pool):
                skips.append(x)
                x = self.pool[level](x)
        for level in reversed(range(len(self.pool))):
            skip = skips[level]
            x = self.library.raised(self.unpool[level], x, skip)
            both = torch.cat([self.library.feature(x), self.library.feature(skip)], dim=1)
            x = self.decode_again[level](self.decode[level](self.library.replace(skip, both)))
        return self.library.feature(x)


def suite() -> list[Case]:
    """Forward alone, in float32 and bfloat16, then forward and backward."""
    lattice = room(46_000)
    feature = torch.rand(len(lattice), 3, generator=torch.Generator().manual_seed(0))
    torch.manual_seed(0)
    ours, theirs = UNet(OURS), None
    with torch.no_grad():
        for weight in ours.parameters():
            weight.mul_(3.0)  # a third of the neighbours are there: keeps the size of the signal
    if importlib.util.find_spec("spconv"):
        from bench.spconv_layers import SPCONV

        theirs = UNet(SPCONV)
        with torch.no_grad():
            for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
                other.copy_(weight_to_spconv(mine))
    exact = [_case(ours, theirs, lattice, feature, train) for train in (False, True)]
    return [exact[0], _bfloat16(ours, theirs, lattice, feature), exact[1]]


def _case(ours: UNet, theirs: UNet | None, lattice: Lattice, feature: Tensor, train: bool) -> Case:
    def run(net: UNet) -> list[Tensor]:
        if not train:
            with torch.no_grad():
                return [net(lattice, feature)]
        out = net(lattice, feature)
        gradients = torch.autograd.grad(out.square().mean(), list(net.parameters()))
        return [out.detach(), *gradients]

    def on(backend: str) -> list[Tensor]:
        with using(backend):
            return run(ours)

    def spconv(threads: int) -> list[Tensor]:
        from scene3d_ops.spconv_backend import on_cpu

        assert theirs is not None
        with on_cpu(threads=threads):
            return run(theirs)

    def exact_spconv() -> list[Tensor]:
        return [g if g.ndim < 5 else weight_from_spconv(g) for g in spconv(1)]

    def check() -> None:
        answers = [on("reference"), *([exact_spconv()] if theirs is not None else [])]
        for answer in answers:
            for got, want in zip(on("native"), answer, strict=True):
                assert (got - want).abs().max() <= 1e-4 * want.abs().max()

    runs: dict[str, Callable[[], object]] = {"ours": lambda: on("native"), "twin": lambda: on("reference")}
    what = "forward and backward" if train else "forward"
    case: Case = {"name": f"U-Net of 5 levels, {len(lattice):,} voxels, {what}", "check": check, "runs": runs}
    if theirs is not None:
        runs["spconv"] = lambda: spconv(torch.get_num_threads())
        case["at_least"] = {"spconv": 2.5 if train else 3.0}
    return case


def _bfloat16(ours: UNet, theirs: UNet | None, lattice: Lattice, feature: Tensor) -> Case:
    """Forward with operands of half the size; spconv's build for the CPU has float32 only."""
    low = feature.bfloat16()

    def run(net: UNet, feature: Tensor) -> Tensor:
        with torch.no_grad():
            return net(lattice, feature)

    def on_native() -> Tensor:
        with using("native"):
            return run(ours, low)

    def twin() -> Tensor:
        with using("reference"):
            return run(ours, feature)

    def check() -> None:
        want = twin()
        assert (on_native().float() - want).abs().max() <= 5e-2 * want.abs().max()

    def spconv() -> Tensor:
        from scene3d_ops.spconv_backend import on_cpu

        assert theirs is not None
        with on_cpu(threads=torch.get_num_threads()):
            return run(theirs, feature)

    runs: dict[str, Callable[[], object]] = {"ours": on_native, "twin float32": twin}
    case: Case = {
        "name": f"U-Net of 5 levels, {len(lattice):,} voxels, bfloat16",
        "check": check,
        "runs": runs,
    }
    if theirs is not None:
        runs["spconv float32"] = spconv
        if native.status().instruction_set == "avx512bf16":
            case["at_least"] = {"spconv float32": 3.0}
    return case
