"""spconv as its users run it on a CPU: its layers, all threads. For the check it is held to one, where it is exact."""

from __future__ import annotations

from dataclasses import dataclass

import spconv.pytorch as spconv  # pyright: ignore[reportMissingImports]
import torch
from spconv.core import ConvAlgo  # pyright: ignore[reportMissingImports]
from torch import Tensor, nn

from bench.library import Library
from scene3d_ops import Lattice, weight_to_spconv
from scene3d_ops.spconv_backend import on_cpu


def tensor(lattice: Lattice, feature: Tensor) -> spconv.SparseConvTensor:
    """Features on a lattice as spconv takes them, without its indices yet."""
    shape = [(int(edge) // 16 + 1) * 16 for edge in lattice.index[:, 1:].amax(dim=0)]
    return spconv.SparseConvTensor(feature, lattice.index, shape, int(lattice.index[-1, 0]) + 1)


def neighbour_map(lattice: Lattice) -> object:
    """spconv's hash table and pair lists of a 3³ submanifold layer."""
    x = tensor(lattice, torch.zeros(len(lattice), 1))
    ones, zeros = [1] * 3, [0] * 3
    with on_cpu(threads=torch.get_num_threads()):
        return spconv.ops.get_indice_pairs(
            x.indices, x.batch_size, x.spatial_shape, ConvAlgo.Native, [3] * 3, ones, ones, ones, zeros, subm=True
        )


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer on a tensor whose neighbour map is made already."""

    module: nn.Module
    x: spconv.SparseConvTensor

    def timed(self) -> Tensor:
        """With all threads: fast, and wrong now and then."""
        with torch.no_grad(), on_cpu(threads=torch.get_num_threads()):
            return self.module(self.x).features

    def exact(self) -> Tensor:
        """With one thread."""
        with torch.no_grad(), on_cpu(threads=1):
            return self.module(self.x).features


def subm(lattice: Lattice, feature: Tensor, weight: Tensor) -> Layer:
    """A 3³ submanifold layer with our weights."""
    _, ci, co = weight.shape
    module = spconv.SubMConv3d(ci, co, 3, bias=False, indice_key="subm", algo=ConvAlgo.Native)
    with torch.no_grad():
        module.weight.copy_(weight_to_spconv(weight))
    layer = Layer(module, tensor(lattice, feature))
    layer.exact()  # makes the neighbour map, which later runs find by its key
    return layer


_OPTIONS = {"bias": False, "algo": ConvAlgo.Native}

SPCONV = Library(
    subm=lambda ci, co, level: spconv.SubMConv3d(ci, co, 3, indice_key=f"subm{level}", **_OPTIONS),
    down=lambda ci, co, level: spconv.SparseConv3d(ci, co, 2, 2, indice_key=f"down{level}", **_OPTIONS),
    up=lambda ci, co, level: spconv.SparseInverseConv3d(ci, co, 2, indice_key=f"down{level}", **_OPTIONS),
    start=tensor,
    feature=lambda x: x.features,
    replace=lambda x, feature: x.replace_feature(feature),
    raised=lambda layer, x, skip: layer(x),
)
