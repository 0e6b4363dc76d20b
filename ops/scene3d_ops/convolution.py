"""Sparse convolution as a function of tensors: picks the backend and supplies the gradients."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import torch
from jaxtyping import Float, Int32
from torch import Tensor
from torch.autograd.function import once_differentiable

from scene3d_ops import backend, native, reference


def sparse_conv(
    feature: Float[Tensor, "v ci"],
    weight: Float[Tensor, "k ci co"],
    table: Int32[Tensor, "k m"],
    inverse_table: Int32[Tensor, "k v"] | None = None,
) -> Float[Tensor, "m co"]:
    """`out[j] = sum over k of feature[table[k, j]] @ weight[k]`, where table[k, j] is not -1.

    Args:
        feature: One row per input voxel. float32; bfloat16 for inference (summed in float32, rounded once); on a GPU
            also float16. The `reference` backend takes any floating dtype.
        weight: One matrix per kernel offset, dtype of `feature`.
        table: Input voxel of each output voxel at each offset, -1 = none. No input voxel twice in a row.
        inverse_table: Output voxel of each input voxel at each offset, for the gradient of `feature`. None for a
            submanifold table, which is its own inverse with the offsets reversed.

    Returns:
        One row per output voxel. Equal inputs and thread counts give equal bits, gradients included.

    Raises:
        ValueError: Shapes that do not belong together.
        TypeError: A dtype that the backend in force cannot compute.
    """
    _check(feature, weight, table, inverse_table)
    name = backend.current(feature.device)
    if name == "reference":
        return reference.sparse_conv(feature, weight, table)
    return _SparseConv.apply(_kernels(name, feature.device), feature, weight, table, inverse_table)


class Kernels(ABC):
    """What a backend supplies, on contiguous operands."""

    @abstractmethod
    def forward(self, feature: Tensor, weight: Tensor, table: Tensor) -> Tensor:
        """As `sparse_conv`."""

    @abstractmethod
    def weight_gradient(self, feature: Tensor, gradient: Tensor, table: Tensor) -> Tensor:
        """`out[k] = sum over j of outer(feature[table[k, j]], gradient[j])`."""

    def feature_gradient(self, gradient: Tensor, weight: Tensor, back: Tensor, mirrored: bool) -> Tensor:
        """`out[i] = sum over k of gradient[back[k, i]] @ weight[k].T`; `mirrored`: row k is that of the k-th last."""
        transposed = weight.transpose(1, 2)
        return self.forward(gradient, (transposed.flip(0) if mirrored else transposed).contiguous(), back)


class CpuKernels(Kernels):
    """The C++ kernels."""

    def forward(self, feature: Tensor, weight: Tensor, table: Tensor) -> Tensor:
        """See `Kernels`. bfloat16 is as fast as float32 where the processor lacks AVX512-BF16, and not faster."""
        (offsets, ci, co), rows = weight.shape, table.shape[1]
        out = feature.new_empty(rows, co)
        if feature.dtype == torch.float32:
            native.call("scene3d_conv_forward_f32", feature, weight, table, out, rows, offsets, ci, co)
        elif feature.dtype == torch.bfloat16:
            v = len(feature)
            native.call("scene3d_conv_forward_bf16", feature, weight, table, out, v, rows, offsets, ci, co)
        else:
            raise TypeError(f"{feature.dtype} on the CPU; the kernels take float32 and bfloat16, `reference` any")
        return out

    def weight_gradient(self, feature: Tensor, gradient: Tensor, table: Tensor) -> Tensor:
        """See `Kernels`."""
        (offsets, rows), ci, co = table.shape, feature.shape[1], gradient.shape[1]
        out = torch.empty(offsets, ci, co)
        x, g = feature.float().contiguous(), gradient.float().contiguous()
        native.call("scene3d_conv_weight_gradient", x, g, table, out, rows, offsets, ci, co)
        return out.to(feature.dtype)

    def feature_gradient(self, gradient: Tensor, weight: Tensor, back: Tensor, mirrored: bool) -> Tensor:
        """See `Kernels`."""
        if gradient.dtype != torch.float32:
            return super().feature_gradient(gradient, weight, back, mirrored)
        (offsets, ci, co), rows = weight.shape, back.shape[1]
        out = gradient.new_empty(rows, ci)
        native.call("scene3d_conv_feature_gradient", gradient, weight, back, out, rows, offsets, ci, co, mirrored)
        return out


class _SparseConv(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, kernels: Kernels, feature: Tensor, weight: Tensor, table: Tensor, inverse_table: Tensor | None
    ) -> Tensor:
        ctx.kernels = kernels
        ctx.save_for_backward(feature, weight, table, inverse_table)
        return kernels.forward(feature.contiguous(), weight.contiguous(), table.contiguous())

    @staticmethod
    @once_differentiable
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]
        ctx: Any, *gradients: Tensor
    ) -> tuple[Tensor | None, ...]:
        feature, weight, table, inverse_table = ctx.saved_tensors
        gradient = gradients[0].contiguous()
        feature_gradient = weight_gradient = None
        if ctx.needs_input_grad[1]:
            back = table if inverse_table is None else inverse_table
            feature_gradient = ctx.kernels.feature_gradient(
                gradient, weight.contiguous(), back.contiguous(), inverse_table is None
            )
        if ctx.needs_input_grad[2]:
            weight_gradient = ctx.kernels.weight_gradient(feature.contiguous(), gradient, table.contiguous())
        return None, feature_gradient, weight_gradient, None, None


def _kernels(name: str, device: torch.device) -> Kernels:
    if name == "spconv":
        from scene3d_ops import spconv_backend  # an extra

        return spconv_backend.SpconvKernels()
    if device.type == "cpu":
        return CpuKernels()
    from scene3d_ops import triton_kernels  # Triton comes with torch's CUDA builds only

    return triton_kernels.TritonKernels()


def _check(feature: Tensor, weight: Tensor, table: Tensor, inverse_table: Tensor | None) -> None:
    offsets, ci, _ = weight.shape
    if feature.shape[1] != ci or table.shape[0] != offsets:
        raise ValueError(
            f"features {tuple(feature.shape)}, weights {tuple(weight.shape)} and table {tuple(table.shape)} do not "
            "belong together; expected (v, ci), (k, ci, co) and (k, m)"
        )
    if feature.dtype != weight.dtype:
        raise TypeError(f"features are {feature.dtype} and weights {weight.dtype}; convert one of them")
    back = (offsets, len(feature))
    if inverse_table is None and table.shape != back:
        raise ValueError(
            f"a table of shape {tuple(table.shape)} for {len(feature)} voxels needs its inverse_table {back}"
        )
    if inverse_table is not None and inverse_table.shape != back:
        raise ValueError(f"inverse_table has shape {tuple(inverse_table.shape)}, expected {back}")
