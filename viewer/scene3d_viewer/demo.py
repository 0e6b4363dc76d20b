"""`scene3d demo`: one thing of every task on a sample room, as text, as a page and as a picture."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.padding import Padding
from rich.table import Table

if TYPE_CHECKING:
    from scene3d.model.session import Session
    from scene3d.types import GroundedText, Plan, Proposals
    from scene3d_viewer.session import Exchange

_SEVERAL = ("chair", "shelf", "cabinet", "picture", "lamp", "pillow", "book")
_LANDMARKS = ("couch", "bed", "desk", "window", "dining table", "table", "door")
"""What is asked about first, where it is there."""
_REQUESTS = {
    "lamp": "It is too dark in here.",
    "window": "I would like some fresh air.",
    "tv": "I want to watch the news.",
    "monitor": "I have to work on the computer now.",
    "cup": "Please tidy up the cup.",
}
"""By what the room must have for it."""


@dataclass(frozen=True, kw_only=True)
class Task:
    """Something to ask, and how."""

    name: str
    question: str
    ask: Callable[[], GroundedText]
    select: tuple[int, ...] = ()


def demo(*, sample: str = "", out: Path = Path()) -> None:
    """Open a sample room and do one thing of every task with it; write demo.html and demo.png.

    Args:
        sample: Name of a sample room; the first there is if empty.
        out: Folder for the files.
    """
    from scene3d import resources
    from scene3d.io import load_scene
    from scene3d.model.grounder import Grounder

    console = Console(highlight=False)
    path = resources.sample(sample) if sample else resources.samples()[0]
    started = time.perf_counter()
    scene, grounder = load_scene(path), Grounder.from_pretrained("default")
    opened = time.perf_counter() - started
    session = grounder.encode(scene, cache=False)
    found = session.segment()
    started = time.perf_counter()
    session.ask("What is here?")  # opens the language model and reads the scene into it
    spoken = time.perf_counter() - started
    stages = {"open scan and detector": opened, **session.times_s, "open language model": spoken}
    console.print(_stages(session, stages))
    console.print(f"[bold]segmentation[/]  {_inventory(found)}\n")
    exchanges = [_answered(session, task, console) for task in tasks(session)]
    plan = _planned(session, console)
    _write(session, exchanges, plan, out)
    console.print(f"written: {out / 'demo.html'} (open it in a browser), {out / 'demo.png'}")


def tasks(session: Session) -> Iterator[Task]:
    """Questions that make sense in this room, one of each task but segmentation and planning."""
    from scene3d.model.markup import REF
    from scene3d.nouns import plural

    found = session.segment()
    labels = Counter(_sure(found).values())
    several = [label for label, count in labels.most_common() if count > 1] or [labels.most_common(1)[0][0]]
    many = next((label for label in _SEVERAL if label in several), several[0])
    landmark = next((label for label in _LANDMARKS if labels[label] and label != many), many)
    marked = next(i for i, label in _sure(found).items() if label == landmark)
    chat = session.chat()

    def asked(name: str, question: str, select: tuple[int, ...] = ()) -> Task:
        return Task(name=name, question=question, select=select, ask=lambda: session.ask(question, select=select))

    yield asked("detection", f"Find all {plural(many)}.")
    closest = f"the {many} closest to the {landmark}"
    yield Task(name="grounding", question=closest, ask=lambda: session.ground(closest))
    yield asked("no such object", "Where is the bicycle?")
    yield asked("caption", f"Describe {REF}.", (marked,))
    yield asked("caption of the room", "Describe the room.")
    yield asked("question", f"How many {plural(many)} are there?")
    yield Task(name="dialogue", question=f"Is there a {landmark}?", ask=lambda: chat.say(f"Is there a {landmark}?"))
    yield Task(name="… goes on", question="What is next to it?", ask=lambda: chat.say("What is next to it?"))


def _answered(session: Session, task: Task, console: Console) -> Exchange:
    from scene3d.commands.ask import coloured
    from scene3d_viewer.session import Exchange

    started = time.perf_counter()
    answer = task.ask()
    console.print(f"[bold]{task.name}[/]  {task.question}  [dim]{1000 * (time.perf_counter() - started):,.0f} ms[/]")
    console.print(Padding(coloured(session, answer), (0, 0, 1, 4)))
    return Exchange(question=task.question, answer=answer, select=task.select)


def _planned(session: Session, console: Console) -> Plan:
    from scene3d.commands.plan import print_plan
    from scene3d.planner import Planner

    here = set(_sure(session.segment()).values())
    request = next((said for label, said in _REQUESTS.items() if label in here), "Please open the door.")
    started = time.perf_counter()
    plan = Planner(session).plan(request)
    console.print(f"[bold]planning[/]  {request}  [dim]{1000 * (time.perf_counter() - started):,.0f} ms[/]")
    print_plan(plan)
    console.print()
    return plan


def _write(session: Session, exchanges: list[Exchange], plan: Plan, out: Path) -> None:
    from scene3d_viewer.layers import layers_of
    from scene3d_viewer.page import write_page
    from scene3d_viewer.stills import contact_sheet

    layers = layers_of(session.scene, session.segment())
    write_page(out / "demo.html", layers, exchanges, plan=plan)
    contact_sheet(layers, exchanges, plan=plan).save(out / "demo.png")


def _stages(session: Session, stages_s: dict[str, float]) -> Table:
    scene = session.scene
    table = Table(title=f"{scene.name}: {len(scene.xyz_m):,} points", title_justify="left")
    table.add_column("stage")
    table.add_column("ms", justify="right")
    for stage, seconds in stages_s.items():
        table.add_row(stage, f"{1000 * seconds:,.0f}")
    return table


def _inventory(found: Proposals) -> str:
    counts = Counter(_sure(found).values()).most_common()
    return f"{len(found.score)} objects: " + ", ".join(f"{count} {label}" for label, count in counts)


def _sure(found: Proposals) -> dict[int, str]:
    """Labels of the objects that are likelier there than not, by id."""
    rows = zip(found.id, found.label or (), found.score.tolist(), strict=True)
    return {i: label for i, label, score in rows if score > 0.5}
