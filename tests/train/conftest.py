from pathlib import Path

import pytest

from scene3d.synth import ScanSettings, scan_room, write_training_scene
from tests.synth.box_room import box_room


@pytest.fixture(scope="session")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two compact training files of a hand-made room."""
    folder = tmp_path_factory.mktemp("scenes")
    settings = ScanSettings(frames=16, width=160, height=120, voxel_m=0.03, unfused_share=0.0, colourless_share=0.0)
    for seed in range(2):
        write_training_scene(
            folder / f"{seed}.npz", scan_room(box_room(), seed=seed, settings=settings), name=f"{seed}"
        )
    return folder
