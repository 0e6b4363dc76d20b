"""Published MinkowskiEngine checkpoints of Res16UNet34C to the `paper` backbone's weights."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from scene3d.errors import InputError
from scene3d.model.backbone import SparseUNet
from scene3d_ops import weight_from_minkowski

# Minkowski's Res16UNet calls its layers conv0p1s1, conv1p1s2, block1, …, convtr4p16s2, block5, …; ours lie in lists.
_LEVELS = 4


def minkowski_names() -> dict[str, str]:
    """Prefix in a Minkowski Res16UNet checkpoint → prefix in `SparseUNet`, layer by layer."""
    names = {"conv0p1s1": "stem", "bn0": "stem_norm"}
    for i in range(_LEVELS):
        names |= {
            f"conv{i + 1}p{2**i}s2": f"down.{i}.pool",
            f"bn{i + 1}": f"down.{i}.norm",
            f"block{i + 1}": f"down.{i}.blocks",
            f"convtr{_LEVELS + i}p{2 ** (_LEVELS - i)}s2": f"up.{i}.unpool",
            f"bntr{_LEVELS + i}": f"up.{i}.norm",
            f"block{_LEVELS + i + 1}": f"up.{i}.blocks",
        }
    return names


def convert_minkowski(state: dict[str, Tensor], backbone: SparseUNet) -> dict[str, Tensor]:
    """Rename and re-order a checkpoint's tensors so that `backbone.load_state_dict` takes them.

    Args:
        state: A Res16UNet state dict; prefixes before the layer names, such as `model.backbone.`, are found and cut.
            The last `final` layer, a classifier, and tensors of other modules are left out.
        backbone: Of the same planes and blocks.

    Returns:
        A state dict for `backbone`.

    Raises:
        InputError: A layer is missing or has another shape; the message names it.
    """
    prefix = _prefix(state)
    names = minkowski_names()
    converted: dict[str, Tensor] = {}
    for key, value in state.items():
        if not key.startswith(prefix):
            continue
        layer, _, rest = key.removeprefix(prefix).partition(".")
        if layer in names:
            name, tensor = _convert_tensor(f"{names[layer]}.{rest}", value)
            converted[name] = tensor
    wanted = backbone.state_dict()
    for name, value in wanted.items():
        if name.endswith("num_batches_tracked"):
            converted.setdefault(name, value)
        if name not in converted:
            raise InputError(f"the checkpoint has nothing for {name}; is it a Res16UNet of {len(wanted)} tensors?")
        if converted[name].shape != value.shape:
            found, needed = tuple(converted[name].shape), tuple(value.shape)
            raise InputError(f"{name}: the checkpoint has shape {found}, the backbone {needed}")
    return {name: converted[name] for name in wanted}


def read_checkpoint(path: Path) -> dict[str, Tensor]:
    """The tensors of a PyTorch checkpoint, read without executing anything that it contains.

    Raises:
        InputError: Not a checkpoint, or one that holds objects beside tensors.
    """
    try:
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises pickle's, zipfile's and its own kinds
        raise InputError(f"{path}: not a checkpoint of plain tensors ({type(error).__name__}: {error})") from error
    state = loaded.get("state_dict", loaded) if isinstance(loaded, dict) else {}
    tensors = {key: value for key, value in state.items() if isinstance(value, Tensor)}
    if not tensors:
        raise InputError(f"{path}: no tensors in this checkpoint")
    return tensors


def _prefix(state: dict[str, Tensor]) -> str:
    for key in state:
        if "conv0p1s1." in key:
            return key[: key.index("conv0p1s1.")]
    raise InputError("no layer conv0p1s1 in the checkpoint; only Res16UNet checkpoints of MinkowskiEngine convert")


def _convert_tensor(name: str, value: Tensor) -> tuple[str, Tensor]:
    # Batch norms are wrapped (`bn.weight`), shortcuts are `downsample.0` (a 1×1 kernel) and `downsample.1` (its norm).
    name = name.replace(".bn.", ".").replace(".downsample.", ".shortcut.")
    if not name.endswith(".kernel"):
        return name, value
    name = name.removesuffix("kernel") + "weight"
    return (name, value.T.contiguous()) if value.ndim == 2 else (name, weight_from_minkowski(value))
