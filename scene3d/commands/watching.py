"""Progress of work on many scenes, and what became of it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scene3d.synth import Outcome


def watch(outcomes: Iterable[Outcome], *, scenes: int, out: Path) -> None:
    """Show progress while scenes come, then a line per failed one and how many of them `out` holds."""
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True, soft_wrap=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    failed = []
    with Progress(*columns, console=console) as progress:
        task = progress.add_task(str(out), total=None)
        for outcome in outcomes:
            progress.update(task, total=scenes, advance=1, description=f"{outcome.name} {outcome.seconds:.1f} s")
            if outcome.error:
                failed.append(outcome)
    for outcome in failed:
        console.print(f"[bold red]failed:[/] {outcome.name}: {escape(str(outcome.error))}", highlight=False)
    console.print(f"{scenes - len(failed)} of {scenes} scenes in {out}", highlight=False)
