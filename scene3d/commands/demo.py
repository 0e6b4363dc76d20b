"""`scene3d demo`: the main job on a sample room, with the time of each stage."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.table import Table


def demo(*, sample: str = "", out: Path = Path()) -> None:
    """Read a sample room and find its objects; write demo.ply and demo.png.

    Args:
        sample: Name of a sample room; the first there is if empty.
        out: Folder for the two files.
    """
    from scene3d import resources
    from scene3d.geometry import over_segment
    from scene3d.io import load_scene
    from scene3d.model.grounder import Grounder
    from scene3d.model.outputs import write_proposals
    from scene3d.model.picture import draw_proposals

    console = Console()
    stages: dict[str, float] = {}
    path = resources.sample(sample) if sample else resources.samples()[0]
    with _stage(stages, "read the scan"):
        scene = load_scene(path)
    with _stage(stages, "superpoints"):
        scene = over_segment(scene)
    with _stage(stages, "open the model"):
        grounder = Grounder.from_pretrained("default")
    session = grounder.encode(scene, cache=False)
    stages |= session.times_s
    found = session.segment()
    with _stage(stages, "write demo.ply and demo.png"):
        write_proposals(out / "demo.ply", session.scene, found)
        draw_proposals(session.scene, found).save(out / "demo.png")
    table = Table(title=f"{scene.name}: {len(scene.xyz_m):,} points, {len(found.score)} objects", title_justify="left")
    table.add_column("stage")
    table.add_column("ms", justify="right")
    for stage, seconds in stages.items():
        table.add_row(stage, f"{1000 * seconds:,.0f}")
    console.print(table)
    labels = found.label or ()
    sure = [
        f"{label} {i}" for i, label, score in zip(found.id, labels, found.score.tolist(), strict=True) if score > 0.5
    ]
    console.print("found: " + ", ".join(sure), highlight=False)
    console.print(f"written: {out / 'demo.ply'}, {out / 'demo.png'}", highlight=False)


@contextmanager
def _stage(stages: dict[str, float], name: str) -> Iterator[None]:
    started = time.perf_counter()
    yield
    stages[name] = time.perf_counter() - started


COMMANDS: dict[str, Callable[..., None]] = {"demo": demo}
