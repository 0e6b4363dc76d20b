"""`scene3d quality`: the figures of a model on held-out rooms, with a picture per room."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal


def quality(
    *,
    rooms: int = 48,
    model: str = "default",
    out: Path = Path("out/quality"),
    workers: int = 2,
    split: Literal["heldout", "train"] = "heldout",
    pictures: bool = True,
) -> None:
    """Measure a model on simulated rooms of furniture and seeds that no training has seen.

    Args:
        rooms: How many rooms.
        model: A shipped model, a folder or a Hugging Face id.
        out: Folder for quality.json and the pictures.
        workers: Processes that make the rooms the first time.
        split: heldout, or train: rooms of the training furniture, to choose settings by.
        pictures: Draw each room as scanned and as understood.
    """
    from rich.console import Console
    from rich.progress import track

    from scene3d.model.grounder import Grounder
    from scene3d.model.picture import draw_proposals
    from scene3d.quality.figures import DetectorFigures
    from scene3d.quality.rooms import judged_rooms

    out.mkdir(parents=True, exist_ok=True)
    grounder = Grounder.from_pretrained(model)
    figures = DetectorFigures()
    console = Console()
    for room in track(judged_rooms(rooms, workers=workers, split=split), total=rooms, console=console):
        session = grounder.encode(room.scene, cache=False)
        figures.add(room, session)
        if pictures:
            draw_proposals(session.scene, session.segment()).save(out / f"{room.scene.name}.png")
    result = figures.result()
    (out / "quality.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    _print(result, console)


def _print(result: dict[str, Any], console: Any) -> None:
    from rich.table import Table

    table = Table("figure", "AP", "AP50", "AP25", title=f"{result['rooms']} held-out rooms", title_justify="left")
    for name, value in result.items():
        if isinstance(value, dict) and "ap25" in value:
            table.add_row(name, *(f"{value[key]:.3f}" for key in ("ap", "ap50", "ap25")))
    console.print(table)
    for name in ("median objects", "median vertices", "superpoint oracle, objects with IoU above 0.5"):
        console.print(f"{name}: {result[name]:.3g}", highlight=False)
    console.print(f"score calibration error: {result['score calibration error']:.3f}", highlight=False)
    stages = ", ".join(f"{stage} {1000 * seconds:.0f}" for stage, seconds in result["seconds"].items())
    console.print(f"median milliseconds: {stages}; peak memory {result['peak memory MB']:,} MB", highlight=False)


COMMANDS: dict[str, Callable[..., None]] = {"quality": quality}
