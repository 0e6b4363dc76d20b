import dataclasses

import numpy as np
import pytest
import torch

from scene3d.types import Scene


def test_scene_is_frozen_and_its_shapes_are_checked() -> None:
    scene = Scene(name="a", xyz_m=torch.zeros(4, 3), file_from_scene=torch.eye(4, dtype=torch.float64))
    with pytest.raises(dataclasses.FrozenInstanceError):
        scene.name = "b"  # type: ignore[misc]
    with pytest.raises(Exception, match="xyz_m"):
        Scene(name="a", xyz_m=torch.zeros(4, 2), file_from_scene=torch.eye(4, dtype=torch.float64))
    assert np.asarray(scene.xyz_m).shape == (4, 3)
