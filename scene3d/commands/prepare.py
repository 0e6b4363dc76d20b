"""`scene3d prepare`: annotated datasets to training files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg


def scannet(
    source: Positional[Path],
    out: Positional[Path],
    /,
    *,
    scenes: Annotated[Path | None, arg(aliases=["-s"])] = None,
    point_m: float = 0.04,
    workers: int = 2,
) -> None:
    """Turn ScanNet v2 scene folders into the compact files that `scene3d train` reads.

    Run it again to go on after an interruption or to add scenes; what is there stays.

    Args:
        source: Folder of scene folders, each with *_vh_clean_2.ply, *.segs.json, *.aggregation.json and *.txt.
        out: Folder for the training files.
        scenes: Text file that names the scenes to take, one on each line, such as scannetv2_train.txt; without it all.
        point_m: Lattice of the files, metres: `point_m` of the detector to be trained (paper: 0.02).
        workers: Processes.
    """
    from rich.console import Console

    from scene3d.commands.watching import watch
    from scene3d.io.scannet import find_label_table
    from scene3d.train.prepare import PrepareSettings, prepare_scannet, scannet_scenes

    found = scannet_scenes(source, scenes)
    if find_label_table(next(iter(found.values()))) is None:
        Console(stderr=True, soft_wrap=True).print(
            f"[bold yellow]note:[/] no scannetv2-labels.combined.tsv in or above {source}: only labels that are "
            "ScanNet200 names get a class",
            highlight=False,
        )
    outcomes = prepare_scannet(found, out, settings=PrepareSettings(point_m=point_m), workers=workers)
    watch(outcomes, scenes=len(found), out=out)


COMMANDS: dict[str, Callable[..., None]] = {"scannet": scannet}
