"""Commands that ask about a scan in words: ask, ground, caption, chat."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from rich.console import Console
from rich.text import Text
from tyro.conf import OmitArgPrefixes, Positional, arg

from scene3d.commands.opening import Opening
from scene3d.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from scene3d.model.session import Session
    from scene3d.types import GroundedText, Phrase


@dataclass(frozen=True, kw_only=True)
class Selecting:
    """The objects that `<ref>` in the question stands for, in this order."""

    select: tuple[int, ...] = ()
    """Ids of objects, as `segment` lists them."""
    point: tuple[tuple[float, float, float], ...] = ()
    """Points on objects, in the frame of the file."""
    box: tuple[tuple[float, float, float, float, float, float], ...] = ()
    """Boxes around objects, minimum and maximum, in the frame of the file."""

    def ids(self, session: Session) -> tuple[int, ...]:
        """The objects selected."""
        from scene3d.model.answers import selection

        return selection(session, ids=self.select, points=self.point, boxes=self.box)


@dataclass(frozen=True, kw_only=True)
class Showing:
    """What is done with an answer."""

    json: Path | None = None
    """Write the answer here, as schema scene3d/answer/1."""
    png: Path | None = None
    """Draw the objects that the answer names into this picture."""
    stream: bool = False
    """Print the answer as it is written."""


def ask(
    scan: Positional[Path],
    question: Positional[str] = "",
    /,
    *,
    questions: Path | None = None,
    out: Annotated[Path | None, arg(aliases=["-o"])] = None,
    selecting: OmitArgPrefixes[Selecting] = Selecting(),
    showing: OmitArgPrefixes[Showing] = Showing(),
    opening: OmitArgPrefixes[Opening] = Opening(),
) -> None:
    """Ask anything about a scan; the phrases of the answer are linked to its objects.

    Args:
        scan: A scan in any format that scene3d reads.
        question: "Where is the lamp?", "List the chairs.", "Describe <ref>.", "I want the room brighter."
        questions: A file of many, one JSON record a line: question, and select, point or box where it has a `<ref>`.
        out: Where the answers to a file of questions go, one JSON record a line.
        selecting: The objects that the question is about.
        showing: What is done with the answer.
        opening: How the scan is opened.
    """
    if bool(question) == bool(questions) or bool(questions) != bool(out):
        raise InputError("ask one question, or a file of them: scene3d ask SCAN --questions Q.jsonl -o A.jsonl")
    session = opening.session(scan)
    if questions is not None and out is not None:
        _ask_file(session, questions, out)
        return
    chosen = selecting.ids(session)
    _show(session, session.stream(question, select=chosen), showing)


def ground(
    scan: Positional[Path],
    text: Positional[str],
    /,
    *,
    always: bool = False,
    selecting: OmitArgPrefixes[Selecting] = Selecting(),
    showing: OmitArgPrefixes[Showing] = Showing(),
    opening: OmitArgPrefixes[Opening] = Opening(),
) -> None:
    """Find the objects that a description names: one, several, or none with its probability.

    Args:
        scan: A scan in any format that scene3d reads.
        text: "the chair closest to the window", "all boxes under the desk".
        always: Name the likeliest object even where it is likelier that there is none.
        selecting: The objects that the description refers to.
        showing: What is done with the answer.
        opening: How the scan is opened.
    """
    session = opening.session(scan)
    answer = session.ground(text, select=selecting.ids(session), always=always)
    _show(session, iter([answer]), showing)
    Console().print(f"no such object here: {answer.phrases[0].absent_probability:.0%}", highlight=False)


def caption(
    scan: Positional[Path],
    /,
    *,
    selecting: OmitArgPrefixes[Selecting] = Selecting(),
    showing: OmitArgPrefixes[Showing] = Showing(),
    opening: OmitArgPrefixes[Opening] = Opening(),
) -> None:
    """Describe selected objects, or the whole room where none is selected.

    Args:
        scan: A scan in any format that scene3d reads.
        selecting: The objects to describe.
        showing: What is done with the answer.
        opening: How the scan is opened.
    """
    session = opening.session(scan)
    chosen = selecting.ids(session)
    for answer in [session.caption(i) for i in chosen] or [session.describe()]:
        _show(session, iter([answer]), showing)


def chat(scan: Positional[Path], /, *, opening: OmitArgPrefixes[Opening] = Opening()) -> None:
    """Talk about a scan; `#4` in what you say selects object 4, an empty line ends it.

    Args:
        scan: A scan in any format that scene3d reads.
        opening: How the scan is opened.
    """
    session = opening.session(scan)
    dialogue, console = session.chat(), Console()
    while said := console.input("[bold]you:[/] ").strip():
        chosen = tuple(int(i) for i in re.findall(r"#(\d+)", said))
        try:
            pieces = dialogue.stream(re.sub(r"#\d+", "<ref>", said), select=chosen)
            _show(session, pieces, Showing(stream=True))
        except InputError as error:
            console.print(f"[red]{error}[/]", highlight=False)


def _ask_file(session: Session, questions: Path, out: Path) -> None:
    from rich.progress import track

    from scene3d.model.answers import answer_json, read_questions

    asked = list(read_questions(questions, session))
    with out.open("w", encoding="utf-8") as file:
        for start in track(range(0, len(asked), 8), description=f"{len(asked)} questions"):
            group = asked[start : start + 8]
            answers = session.ask_many([question for _, question in group])
            for (record, _), answer in zip(group, answers, strict=True):
                file.write(json.dumps(record | answer_json(session, answer)) + "\n")


def _show(session: Session, pieces: Iterator[str | Phrase | GroundedText], showing: Showing) -> None:
    from scene3d.model.answers import answer_json
    from scene3d.model.session import take
    from scene3d.types import GroundedText

    console = Console()
    answer = None
    for piece in pieces:
        if isinstance(piece, str) and showing.stream:
            console.print(piece, end="", highlight=False, markup=False)
        if isinstance(piece, GroundedText):
            answer = piece
    assert answer is not None
    if showing.stream:
        console.print("\n")
    console.print(coloured(session, answer), highlight=False)
    if showing.json is not None:
        showing.json.write_text(json.dumps(answer_json(session, answer), indent=1) + "\n", encoding="utf-8")
    if showing.png is not None:
        import torch

        from scene3d.model.picture import draw_proposals

        named = sorted({link.id for phrase in answer.phrases for link in phrase.objects})
        chosen = take(session.segment(), torch.tensor(named, dtype=torch.int64))
        draw_proposals(session.scene, chosen, least_score=0.0).save(showing.png)


def coloured(session: Session, answer: GroundedText) -> Text:
    """An answer for the terminal: each phrase in its object's colour, with the objects' ids."""
    import torch

    from scene3d.model.palette import colour_of

    labels = session.segment().label or ()
    text, at = Text(), 0
    for phrase in answer.phrases:
        text.append(answer.text[at : phrase.start])
        style = "dim"
        if phrase.objects:
            red, green, blue = colour_of(torch.tensor([phrase.objects[0].id]))[0].tolist()
            style = f"bold rgb({red},{green},{blue})"
        text.append(answer.text[phrase.start : phrase.end], style=style)
        ids = ", ".join(f"{labels[link.id]} #{link.id} {link.probability:.0%}" for link in phrase.objects)
        text.append(f" [{ids or 'nothing here'}]", style="dim")
        at = phrase.end
    text.append(answer.text[at:])
    return text


COMMANDS: dict[str, Callable[..., None]] = {"ask": ask, "ground": ground, "caption": caption, "chat": chat}
