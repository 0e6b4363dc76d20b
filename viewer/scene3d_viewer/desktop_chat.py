"""The chat of the desktop window: answers whose phrases are coloured chips, the newest on top."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from open3d.visualization import gui

from scene3d.types import Phrase
from scene3d_viewer.layers import Colour, Layers
from scene3d_viewer.session import Exchange
from scene3d_viewer.theme import ink_on

LINE = 44
"""Characters per line of the panel; the toolkit does not break lines."""
FAINT, WARNING = gui.Color(0.65, 0.68, 0.72), gui.Color(1.0, 0.5, 0.3)


@dataclass(slots=True, kw_only=True)
class Turn:
    """A question, and as much of its answer as there is."""

    question: str
    said: str = ""
    phrases: list[Phrase] = field(default_factory=list)
    problem: str = ""
    place: Any = None
    """The widget that holds the answer."""


class Chat:
    """Widgets of questions and answers.

    Args:
        window: Open3D's window.
        layers: Names and colours of the objects.
        light: Called with the objects of a chip that was clicked.
    """

    def __init__(self, window: Any, layers: Layers, light: Callable[[tuple[int, ...]], None]) -> None:
        self._window, self._layers, self._light = window, layers, light
        self._em = window.theme.font_size
        self.turns: list[Turn] = []
        """Newest first."""
        self.widget: Any = gui.WidgetProxy()

    def begin(self, question: str, select: Sequence[int] = ()) -> Turn:
        """Show a question over those before it, and that its answer is awaited.

        Args:
            question: `<ref>` is shown as the name of the next selected object.
            select: Those objects.
        """
        names = iter([o.name for i in select if (o := self._layers.by_id(i))])
        words = " ".join(next(names, word) if word == "<ref>" else word for word in question.split())
        turn = Turn(question=words)
        self.turns.insert(0, turn)
        column = gui.Vert(0.3 * self._em)
        for shown in self.turns:
            for line in wrapped(shown.question):
                column.add_child(coloured_label(line, FAINT))
            shown.place = gui.WidgetProxy()
            column.add_child(shown.place)
            column.add_fixed(0.5 * self._em)
            self._show(shown)
        self.widget.set_widget(column)
        return turn

    def grow(self, turn: Turn, piece: str | Phrase | Exchange) -> None:
        """Show more of an answer: words, a phrase that closed, or all of it at last."""
        if isinstance(piece, Exchange):
            turn.said, turn.phrases = piece.answer.text, list(piece.answer.phrases)
        elif isinstance(piece, Phrase):
            turn.phrases.append(piece)
        else:
            turn.said += piece
        self._show(turn)

    def fail(self, turn: Turn, problem: str) -> None:
        """Show why there is no answer."""
        turn.problem = problem
        self._show(turn)

    def _show(self, turn: Turn) -> None:
        if turn.problem:
            turn.place.set_widget(coloured_label("\n".join(wrapped(turn.problem)), WARNING))
        else:
            turn.place.set_widget(self._answer(turn) if turn.said else gui.Label("..."))
        self._window.set_needs_layout()

    def _answer(self, turn: Turn) -> Any:
        """Text and chips in lines, as they stand in the answer."""
        block = gui.Vert(0.1 * self._em)
        for line in answer_lines(turn.said, turn.phrases):
            row = gui.Horiz()
            for words, phrase in line:
                row.add_child(self._chip(words, phrase) if phrase else self._beside_chips(gui.Label(words)))
            block.add_child(row)
        return block

    def _chip(self, words: str, phrase: Phrase) -> Any:
        ids = tuple(link.id for link in phrase.objects)
        first = self._layers.by_id(ids[0]) if ids else None
        if first is None:
            label = coloured_label(words, FAINT)
            label.tooltip = f"nothing here fits ({phrase.absent_probability:.0%})"
            return self._beside_chips(label)
        chip = gui.Button(words)
        chip.background_color = gui.Color(*_under_white(first.colour))
        chip.horizontal_padding_em, chip.vertical_padding_em = 0.3, 0.0
        chip.tooltip = ", ".join(o.name for i in ids if (o := self._layers.by_id(i)))
        chip.set_on_clicked(lambda: self._light(ids))
        return chip

    def _beside_chips(self, label: Any) -> Any:
        """A label whose letters stand as high as those of the chips beside it, a blank before its words."""
        blank = 0.25 * self._em if label.text[:1].isalnum() else 0
        column = gui.Vert(0, gui.Margins(round(blank), round(0.19 * self._em), 0, 0))
        column.add_child(label)
        return column


def answer_lines(text: str, phrases: Iterable[Phrase]) -> list[list[tuple[str, Phrase | None]]]:
    """An answer in lines of the panel's width: runs of words, and whole phrases.

    Args:
        text: As much of the answer as there is.
        phrases: Those within it, in their order.
    """
    lines: list[list[tuple[str, Phrase | None]]] = [[]]
    length = 0
    for words, phrase in _parts(text, phrases):
        if length and length + len(words) > LINE:
            lines.append([])
            length = 0
        length += len(words) + 1
        if phrase is None and lines[-1] and lines[-1][-1][1] is None:
            lines[-1][-1] = (f"{lines[-1][-1][0]} {words}", None)
        else:
            lines[-1].append((words, phrase))
    return lines


def _parts(text: str, phrases: Iterable[Phrase]) -> Iterable[tuple[str, Phrase | None]]:
    """Single words between phrases, and whole phrases."""
    at = 0
    for phrase in phrases:
        yield from ((word, None) for word in text[at : phrase.start].split())
        yield text[phrase.start : phrase.end], phrase
        at = phrase.end
    yield from ((word, None) for word in text[at:].split())


def wrapped(text: str) -> list[str]:
    """Lines of the panel's width."""
    lines = [""]
    for word in text.split():
        if lines[-1] and len(lines[-1]) + len(word) > LINE:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines


def coloured_label(text: str, colour: Any) -> Any:
    """A label in a colour."""
    label = gui.Label(text)
    label.text_color = colour
    return label


def _under_white(colour: Colour) -> tuple[float, float, float]:
    """The colour, darkened where white letters would not read on it; the toolkit's buttons have white letters."""
    share = 1.0 if ink_on(colour) == (255, 255, 255) else 0.62
    red, green, blue = (share * c / 255 for c in colour)
    return red, green, blue
