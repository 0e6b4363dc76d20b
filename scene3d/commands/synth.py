"""`scene3d synth`: simulated scans with truth, from furniture libraries."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal

import tyro


def synth(
    *,
    out: Annotated[Path, tyro.conf.arg(aliases=["-o"])],
    scenes: Annotated[int, tyro.conf.arg(aliases=["-n"])] = 400,
    seed: int = 0,
    split: Literal["train", "heldout"] = "train",
    format: Literal["compact", "folder", "both"] = "compact",
    workers: int = 2,
    frames: int = 0,
    first: int = 0,
    point: float = 0.04,
    furniture: tuple[Path, ...] = (),
) -> None:
    """Furnish rooms, scan them with a simulated RGB-D camera and write the scans with their truth.

    Run it again to go on after an interruption or to add scenes; what is there stays.

    Args:
        out: Folder for the scenes.
        scenes: How many scenes the folder shall hold.
        seed: Another seed gives other rooms.
        split: Furniture that training may see, or the fifth that it never sees.
        format: One compact file per scene for training, a folder in ScanNet's layout, or both.
        workers: Processes.
        frames: Posed RGB-D pictures with instance masks to keep per scene, in the folders.
        first: Number of the first scene.
        point: Lattice of the compact files, metres; recognition, and all that is trained after it, takes 0.02.
        furniture: Libraries (.sh3f) or folders of them; none: those that the system has.
    """
    from scene3d.commands.watching import watch
    from scene3d.errors import ConfigError
    from scene3d.synth.generate import SynthSettings, generate_scenes
    from scene3d.synth.scan import ScanSettings

    if frames and format == "compact":
        raise ConfigError(f"--frames {frames}: compact files hold no pictures; add --format both or folder")
    scan = ScanSettings(kept_frames=frames)
    settings = SynthSettings(
        seed=seed, split=split, format=format, furniture=furniture or None, point_m=point, scan=scan
    )
    outcomes = generate_scenes(settings, scenes=scenes, out=out, workers=workers, first=first)
    watch(outcomes, scenes=scenes, out=out)


COMMANDS: dict[str, Callable[..., None]] = {"synth": synth}
