"""What is asked, lit, selected and planned in a window: its whole state, without any toolkit."""

from __future__ import annotations

import html
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property

from scene3d.errors import InputError
from scene3d.types import GroundedText, Phrase, Plan
from scene3d_viewer.layers import Layers, Marker, ObjectLayer, layers_of, markers_of
from scene3d_viewer.picking import Picker
from scene3d_viewer.session import Exchange, ViewedSession
from scene3d_viewer.theme import ink_on

_DOUBLE_CLICK_S = 0.45
PlanMaker = Callable[[str], Plan]


class Conversation:
    """A scene that is looked at and talked about.

    Args:
        session: Answers.
        make_plan: Plans; None where there is no planner.
    """

    def __init__(self, session: ViewedSession, *, make_plan: PlanMaker | None = None) -> None:
        self.session = session
        self.make_plan = make_plan
        self.layers: Layers = layers_of(session.scene, session.segment())
        self.exchanges: list[Exchange] = []
        self.lit: tuple[int, ...] = ()
        self.selected: tuple[int, ...] = ()
        """What `<ref>` in the next question stands for, in the order of selection."""
        self.plan: Plan | None = None
        self.step: int | None = None
        """Number of the step shown."""
        self._busy = threading.Lock()
        self._last_click = (-1, 0.0)

    @cached_property
    def picker(self) -> Picker:
        """Made at the first click."""
        return Picker(self.layers)

    def shown(self) -> tuple[int, ...]:
        """Ids to draw in colour."""
        return tuple(dict.fromkeys(self.lit + self.selected))

    def light(self, ids: Iterable[int]) -> None:
        """Light up objects instead of those lit; the same again puts them out."""
        wanted = tuple(i for i in dict.fromkeys(ids) if self.layers.by_id(i))
        self.lit = () if wanted == self.lit else wanted

    def pin(self, object_id: int, on: bool) -> None:
        """Light one object up or put it out, beside the others."""
        self.lit = tuple(i for i in self.lit if i != object_id) + ((object_id,) if on else ())

    def select(self, ids: Iterable[int]) -> None:
        """Add objects to what the next question is about; one that is there already is taken out."""
        for i in ids:
            there = i in self.selected
            self.selected = tuple(j for j in self.selected if j != i) if there else (*self.selected, i)

    def clear(self) -> None:
        """Nothing lit, nothing selected, no step."""
        self.lit, self.selected, self.step = (), (), None

    def click(self, item: ObjectLayer | None, *, now_s: float | None = None) -> bool:
        """Take a click on an object, or beside all; whether it was the second of a double click.

        A double click leaves the object selected, and asks for its caption.
        """
        now_s = time.monotonic() if now_s is None else now_s
        if item is None:
            self.clear()
            return False
        before, then_s = self._last_click
        double = before == item.id and now_s - then_s < _DOUBLE_CLICK_S
        self._last_click = (-1, 0.0) if double else (item.id, now_s)
        if not double or item.id not in self.selected:
            self.select([item.id])
        return double

    def ask(self, text: str) -> Iterator[str | Phrase | Exchange]:
        """Pieces of the answer and phrases as they come, then the exchange, whose objects are lit.

        The selected objects stand for the `<ref>` of the question, and are used up by it.

        Raises:
            InputError: The session cannot answer.
        """
        select, question = self.selected, _with_refs(text, len(self.selected))
        with self._busy:
            answer: GroundedText | None = None
            for piece in self.session.stream(question, select=select):
                if isinstance(piece, GroundedText):
                    answer = piece
                else:
                    yield piece
        if answer is None:
            raise InputError(f"{question!r}: the session gave no answer")
        exchange = Exchange(question=question, answer=answer, select=select)
        self.exchanges.append(exchange)
        self.lit = exchange.objects()
        self.selected = tuple(i for i in self.selected if i not in select)
        yield exchange

    def describe(self, object_id: int) -> Exchange:
        """The caption of one object, which is lit."""
        with self._busy:
            answer = self.session.caption(object_id)
        exchange = Exchange(question="Describe <ref>.", answer=answer, select=(object_id,))
        self.exchanges.append(exchange)
        self.lit, self.selected = tuple(dict.fromkeys((object_id, *exchange.objects()))), ()
        return exchange

    def ask_plan(self, request: str) -> Plan:
        """Make a plan and show its first step.

        Raises:
            InputError: There is no planner, or the request cannot be planned.
        """
        if self.make_plan is None:
            raise InputError("this window was opened without a planner; `scene3d view SCAN` opens one with it")
        with self._busy:
            self.plan = self.make_plan(request)
        self.step = None
        self.go(1)
        return self.plan

    def go(self, by: int) -> None:
        """Show the step that many further on; nothing before the first, the last stays."""
        numbers = [step.i for step in self.plan.steps] if self.plan else []
        at = (numbers.index(self.step) if self.step in numbers else -1) + by
        self.go_to(numbers[min(at, len(numbers) - 1)] if numbers and at >= 0 else None)

    def go_to(self, number: int | None) -> None:
        """Show a step by its number, and light its objects."""
        self.step = number
        step = next((s for s in self.plan.steps if s.i == number), None) if self.plan else None
        self.lit = () if step is None else tuple(i for i in dict.fromkeys(step.args.values()) if self.layers.by_id(i))

    def markers(self) -> tuple[Marker, ...]:
        """Of the plan's steps."""
        return markers_of(self.layers, self.plan)


def coloured_html(layers: Layers, text: str, phrases: Iterable[Phrase]) -> str:
    """An answer as HTML: each phrase on the colour of its first object, struck through where it names none."""
    parts, at = [], 0
    for phrase in phrases:
        parts.append(html.escape(text[at : phrase.start]))
        words = html.escape(text[phrase.start : phrase.end])
        first = layers.by_id(phrase.objects[0].id) if phrase.objects else None
        if first is None:
            parts.append(f"<s>{words}</s>")
        else:
            style = f"background:rgb{first.colour};color:rgb{ink_on(first.colour)};padding:0 5px;border-radius:5px"
            parts.append(f'<span style="{style}">{words}</span>')
        at = phrase.end
    return "".join(parts) + html.escape(text[at:])


def _with_refs(text: str, count: int) -> str:
    """A question with at least as many `<ref>` as there are selected objects."""
    missing = count - len(re.findall("<ref>", text))
    return text.strip() + " <ref>" * max(0, missing)
