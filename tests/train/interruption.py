"""A training, once through and once in two parts."""

from collections.abc import Callable
from pathlib import Path

import pytest

from scene3d.train import checkpoint


def whole_and_parts(train: Callable[[Path], Path], out: Path) -> tuple[Path, Path]:
    """What `train` gives when nothing stops it, and when it is stopped after its first checkpoint and begun again.

    Args:
        train: Trains in a folder, with a checkpoint before its end.
        out: Both folders are made here.
    """
    whole, save = train(out / "whole"), checkpoint.save

    def save_and_stop(folder: Path, state: dict[str, object]) -> None:
        save(folder, state)
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checkpoint, "save", save_and_stop)
        with pytest.raises(KeyboardInterrupt):
            train(out / "parts")
    return whole, train(out / "parts")
