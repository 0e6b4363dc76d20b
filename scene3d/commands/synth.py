"""`scene3d synth`: simulated scans with truth, from furniture libraries."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

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
        furniture: Libraries (.sh3f) or folders of them; none: those that the system has.
    """
    from rich.console import Console

    from scene3d.errors import ConfigError
    from scene3d.synth.generate import SynthSettings, generate_scenes
    from scene3d.synth.scan import ScanSettings

    if frames and format == "compact":
        raise ConfigError(f"--frames {frames}: compact files hold no pictures; add --format both or folder")
    scan = ScanSettings(kept_frames=frames)
    settings = SynthSettings(seed=seed, split=split, format=format, furniture=furniture or None, scan=scan)
    console = Console(stderr=True)
    outcomes = generate_scenes(settings, scenes=scenes, out=out, workers=workers, first=first)
    failed = _watch(outcomes, scenes, out, console)
    for outcome in failed:
        console.print(f"[bold red]failed:[/] {outcome.name}: {outcome.error}", highlight=False)
    console.print(f"{scenes - len(failed)} of {scenes} scenes in {out}", highlight=False)


def _watch(outcomes: Any, scenes: int, out: Path, console: Any) -> list[Any]:
    """Show progress while scenes come; return the failed ones."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    failed = []
    with Progress(*columns, console=console) as progress:
        task = progress.add_task(str(out), total=None)
        for outcome in outcomes:
            progress.update(task, total=scenes, advance=1, description=f"{outcome.name} {outcome.seconds:.1f} s")
            if outcome.error:
                failed.append(outcome)
    return failed


COMMANDS: dict[str, Callable[..., None]] = {"synth": synth}
