"""Sparse convolution layers, and the conversion of their weights from and to the layouts of other libraries.

Weights are stored as the kernels read them: (kernel offsets, in, out), offsets in lexicographic order of (x, y, z) with
the last axis fastest, cross-correlation as everywhere in deep learning.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from scene3d_ops.convolution import sparse_conv
from scene3d_ops.lattice import Lattice, SparseTensor


class SubMConv3d(nn.Module):
    """Convolution that computes at the voxels there are and nowhere else: the lattice stays.

    Source: Graham et al., CVPR 2018 (arXiv:1711.10275).
    """

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int = 3, bias: bool = False) -> None:
        """Create the layer.

        Args:
            in_channels: Channels of the input.
            out_channels: Channels of the output.
            kernel_size: 3 or 5; 1 makes the layer a linear map.
            bias: Whether to add a learnt vector.

        Raises:
            ValueError: Another kernel size.
        """
        super().__init__()
        if kernel_size not in (1, 3, 5):
            raise ValueError(f"kernel_size is {kernel_size}; a submanifold layer takes 1, 3 or 5")
        self.kernel_size = kernel_size
        self.weight = _new_weight(kernel_size**3, in_channels, out_channels)
        self.bias = nn.Parameter(torch.zeros(out_channels)) if bias else None

    def forward(self, x: SparseTensor) -> SparseTensor:
        """Features of `out_channels` on the lattice of `x`."""
        weight = self.weight.to(x.feature.dtype)
        if self.kernel_size == 1:
            out = x.feature @ weight[0]
        else:
            out = sparse_conv(x.feature, weight, x.lattice.subm_map(self.kernel_size))
        return x.replace(_biased(out, self.bias))

    def extra_repr(self) -> str:
        """Channels and kernel size, for `print`."""
        return f"{self.weight.shape[1]}, {self.weight.shape[2]}, kernel_size={self.kernel_size}"


class SparseConv3d(nn.Module):
    """Convolution of kernel 2 and stride 2, onto the lattice of twice the step."""

    def __init__(self, in_channels: int, out_channels: int, bias: bool = False) -> None:
        """Create the layer; see `SubMConv3d` for the arguments."""
        super().__init__()
        self.weight = _new_weight(8, in_channels, out_channels)
        self.bias = nn.Parameter(torch.zeros(out_channels)) if bias else None

    def forward(self, x: SparseTensor) -> SparseTensor:
        """Features of `out_channels` on `x.lattice.coarser().lattice`."""
        step = x.lattice.coarser()
        out = sparse_conv(x.feature, self.weight.to(x.feature.dtype), step.down, step.inverse)
        return SparseTensor(feature=_biased(out, self.bias), lattice=step.lattice)

    def extra_repr(self) -> str:
        """Channels, for `print`."""
        return f"{self.weight.shape[1]}, {self.weight.shape[2]}"


class SparseInverseConv3d(nn.Module):
    """The way back from `SparseConv3d`: onto the finer lattice, each voxel from its parent."""

    def __init__(self, in_channels: int, out_channels: int, bias: bool = False) -> None:
        """Create the layer; see `SubMConv3d` for the arguments."""
        super().__init__()
        self.weight = _new_weight(8, in_channels, out_channels)
        self.bias = nn.Parameter(torch.zeros(out_channels)) if bias else None

    def forward(self, x: SparseTensor, finer: Lattice) -> SparseTensor:
        """Features of `out_channels` on `finer`.

        Raises:
            ValueError: `x` does not lie on `finer.coarser().lattice`.
        """
        step = finer.coarser()
        if step.lattice is not x.lattice:
            raise ValueError(f"{x.lattice} was not made by coarsening {finer}; pass the lattice that it came from")
        out = sparse_conv(x.feature, self.weight.to(x.feature.dtype), step.inverse, step.down)
        return SparseTensor(feature=_biased(out, self.bias), lattice=finer)

    def extra_repr(self) -> str:
        """Channels, for `print`."""
        return f"{self.weight.shape[1]}, {self.weight.shape[2]}"


def weight_from_spconv(weight: Float[Tensor, "co a b c ci"]) -> Float[Tensor, "k ci co"]:
    """Our weights from spconv's, for every kind of layer here. Both order offsets with the last axis fastest."""
    return weight.flatten(1, 3).permute(1, 2, 0).contiguous()


def weight_to_spconv(weight: Float[Tensor, "k ci co"]) -> Float[Tensor, "co a b c ci"]:
    """spconv's weights from ours: the inverse of `weight_from_spconv`."""
    size = _edge(weight)
    return weight.permute(2, 0, 1).unflatten(1, (size, size, size)).contiguous()


def weight_from_minkowski(kernel: Tensor) -> Float[Tensor, "k ci co"]:
    """Our weights from MinkowskiEngine's, for every kind of layer here.

    Args:
        kernel: (offsets, ci, co), the *first* axis fastest; kernels of one offset are stored as (ci, co).
    """
    if kernel.ndim == 2:
        return kernel[None].contiguous()
    size = _edge(kernel)
    return kernel.unflatten(0, (size, size, size)).transpose(0, 2).flatten(0, 2).contiguous()


def weight_to_minkowski(weight: Float[Tensor, "k ci co"]) -> Tensor:
    """MinkowskiEngine's weights from ours: the inverse of `weight_from_minkowski`."""
    if len(weight) == 1:
        return weight[0].contiguous()
    return weight_from_minkowski(weight)  # swapping the first axis with the last undoes itself


def _new_weight(offsets: int, in_channels: int, out_channels: int) -> nn.Parameter:
    """Uniform with the bound of torch's dense layers, 1 / sqrt(fan in)."""
    bound = 1 / math.sqrt(offsets * in_channels)
    return nn.Parameter(torch.empty(offsets, in_channels, out_channels).uniform_(-bound, bound))


def _biased(out: Tensor, bias: Tensor | None) -> Tensor:
    return out if bias is None else out + bias.to(out.dtype)


def _edge(weight: Tensor) -> int:
    size = round(len(weight) ** (1 / 3))
    if size**3 != len(weight):
        raise ValueError(f"weights have {len(weight)} offsets, which is no cube; shape {tuple(weight.shape)}")
    return size
