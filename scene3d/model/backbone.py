"""The sparse U-Net: voxels with a few input channels in, one feature per voxel out."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import batch_norm

from scene3d_ops import SparseConv3d, SparseInverseConv3d, SparseTensor, SubMConv3d


class SparseUNet(nn.Module):
    """Residual blocks on a pyramid of lattices, each half as fine as the one before, and back up with skips.

    Args:
        in_channels: Channels of the input feature.
        planes: Channels of the finest level, of each coarser level on the way down, and of each level on the way up.
            Res16UNet34C is `(32, 32, 64, 128, 256, 256, 128, 96, 96)`.
        blocks: Residual blocks of each level on the way down, then up: one number fewer than `planes`.
        stem_kernel: Kernel edge of the first convolution, in voxels: 3 or 5.
        norm_momentum: Momentum of the batch norms' running figures.

    Raises:
        ValueError: The numbers of planes and blocks do not belong together.

    Source: the layout is that of Res16UNet (Choy et al., CVPR 2019, arXiv:1904.08755).
    """

    def __init__(
        self,
        in_channels: int,
        *,
        planes: tuple[int, ...],
        blocks: tuple[int, ...],
        stem_kernel: int = 3,
        norm_momentum: float = 0.02,
    ) -> None:
        super().__init__()
        levels = len(blocks) // 2
        if len(planes) != 2 * levels + 1 or len(blocks) != 2 * levels:
            raise ValueError(f"{len(planes)} planes and {len(blocks)} blocks: n levels need 2n + 1 and 2n")
        self.out_channels = planes[-1]
        self.stem = SubMConv3d(in_channels, planes[0], kernel_size=stem_kernel)
        self.stem_norm = _Norm(planes[0], momentum=norm_momentum)
        self.down = nn.ModuleList(
            _Down(planes[i], planes[i + 1], blocks[i], norm_momentum=norm_momentum) for i in range(levels)
        )
        skips = [planes[i] for i in reversed(range(levels))]  # what each level on the way up is joined with
        self.up = nn.ModuleList(
            _Up(planes[levels + i], planes[levels + i + 1], skip, blocks[levels + i], norm_momentum=norm_momentum)
            for i, skip in enumerate(skips)
        )

    def forward(self, x: SparseTensor) -> Float[Tensor, "v c"]:
        """Features of the input's voxels, in their order."""
        x = x.replace(self.stem_norm(self.stem(x).feature).relu())
        skips = []
        for down in self.down:
            skips.append(x)
            x = down(x)
        for up, skip in zip(self.up, reversed(skips), strict=True):
            x = up(x, skip)
        return x.feature


class _Down(nn.Module):
    """Halve the resolution, then refine.

    Args:
        channels: Of the input.
        out_channels: Of the output.
        blocks: Residual blocks.
        norm_momentum: Momentum of the batch norms' running figures.
    """

    def __init__(self, channels: int, out_channels: int, blocks: int, *, norm_momentum: float) -> None:
        super().__init__()
        self.pool = SparseConv3d(channels, channels)
        self.norm = _Norm(channels, momentum=norm_momentum)
        self.blocks = _stage(channels, out_channels, blocks, norm_momentum)

    def forward(self, x: SparseTensor) -> SparseTensor:
        """Features on the lattice of twice the step."""
        x = self.pool(x)
        return self.blocks(x.replace(self.norm(x.feature).relu()))


class _Up(nn.Module):
    """Double the resolution, join the skip, then refine."""

    def __init__(
        self, channels: int, out_channels: int, skip_channels: int, blocks: int, *, norm_momentum: float
    ) -> None:
        super().__init__()
        self.unpool = SparseInverseConv3d(channels, out_channels)
        self.norm = _Norm(out_channels, momentum=norm_momentum)
        self.blocks = _stage(out_channels + skip_channels, out_channels, blocks, norm_momentum)

    def forward(self, x: SparseTensor, skip: SparseTensor) -> SparseTensor:
        raised = self.norm(self.unpool(x, skip.lattice).feature).relu()
        return self.blocks(skip.replace(torch.cat([raised, skip.feature], dim=1)))


class _Block(nn.Module):
    """Two convolutions around a shortcut."""

    def __init__(self, channels: int, out_channels: int, *, norm_momentum: float) -> None:
        super().__init__()
        self.conv1 = SubMConv3d(channels, out_channels)
        self.norm1 = _Norm(out_channels, momentum=norm_momentum)
        self.conv2 = SubMConv3d(out_channels, out_channels)
        self.norm2 = _Norm(out_channels, momentum=norm_momentum)
        self.shortcut = (
            nn.Identity()
            if channels == out_channels
            else nn.Sequential(
                nn.Linear(channels, out_channels, bias=False), _Norm(out_channels, momentum=norm_momentum)
            )
        )

    def forward(self, x: SparseTensor) -> SparseTensor:
        hidden = x.replace(self.norm1(self.conv1(x).feature).relu())
        hidden = self.norm2(self.conv2(hidden).feature)
        return x.replace((hidden + self.shortcut(x.feature)).relu())


class _Norm(nn.BatchNorm1d):
    """Batch norm that takes a single voxel, which has no spread of its own, by the running figures in training too."""

    def forward(self, input: Tensor) -> Tensor:
        if len(input) != 1:
            return super().forward(input)
        return batch_norm(input, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps)


def _stage(channels: int, out_channels: int, blocks: int, norm_momentum: float) -> nn.Sequential:
    widths = [channels] + [out_channels] * blocks
    return nn.Sequential(*(_Block(widths[i], out_channels, norm_momentum=norm_momentum) for i in range(blocks)))
