"""The side of the desktop window: chat with chips, list of objects, plan and view."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from open3d.visualization import gui

from scene3d.types import GroundedText, Phrase
from scene3d_viewer.conversation import Conversation
from scene3d_viewer.layers import Colour
from scene3d_viewer.session import Exchange
from scene3d_viewer.theme import ink_on

if TYPE_CHECKING:
    from scene3d_viewer.desktop import DesktopWindow

_LINE = 40
"""Characters per line of the chat; the toolkit does not break lines."""


class Panel:
    """Widgets that show a conversation and call its window."""

    def __init__(self, window: Any, conversation: Conversation, owner: DesktopWindow) -> None:
        self._window, self._talk, self._owner = window, conversation, owner
        self._em = window.theme.font_size
        self._waiting: list[Any] = []
        self._written = ""
        self.widget: Any = gui.TabControl()
        self.widget.add_tab("Ask", self._ask_tab())
        self.widget.add_tab("Objects", self._objects_tab())
        self.widget.add_tab("Plan", self._plan_tab())
        self.widget.add_tab("View", self._view_tab())

    # Chat.

    def _ask_tab(self) -> Any:
        tab = self._column()
        self._chat = gui.ScrollableVert(0.4 * self._em, gui.Margins(0, 0, 0, 0))
        self._selection = gui.Label("")
        self._question = gui.TextEdit()
        self._question.placeholder_text = "Ask about the scene"
        send, clear = gui.Button("Ask"), gui.Button("Clear")
        send.set_on_clicked(self._send)
        clear.set_on_clicked(lambda: self._owner.act(lambda: self._talk.clear()))
        row = gui.Horiz(0.5 * self._em)
        row.add_child(send)
        row.add_child(clear)
        hint = gui.Label("Click objects: <ref>. Twice: describe.\nCtrl-click two corners: a box.")
        for child in (hint, self._selection, self._question, row, self._chat):
            tab.add_child(child)
        return tab

    def _send(self) -> None:
        text, self._question.text_value = self._question.text_value, ""
        self._owner.ask(text)

    def begin_answer(self, question: str) -> None:
        """Show a question, and an empty answer beneath it."""
        names = iter([o.name for i in self._talk.selected if (o := self._talk.layers.by_id(i))])
        for line in _wrapped(" ".join(next(names, w) if w == "<ref>" else w for w in question.split())):
            label = gui.Label(line)
            label.text_color = gui.Color(0.65, 0.68, 0.72)
            self._chat.add_child(label)
        proxy = gui.WidgetProxy()
        proxy.set_widget(gui.Label("..."))
        self._chat.add_child(proxy)
        self._waiting.append(proxy)
        self._window.set_needs_layout()

    def grow_answer(self, piece: str | Phrase) -> None:
        """Show more of the answer that is being written."""
        if isinstance(piece, str):
            self._written += piece
            self._waiting[0].set_widget(gui.Label("\n".join(_wrapped(self._written))))
            self._window.set_needs_layout()

    def end_answer(self, exchange: Exchange | None = None, *, problem: str = "") -> None:
        """Show the answer with its chips, or what went wrong."""
        proxy, self._written = self._waiting.pop(0), ""
        if exchange is None:
            label = gui.Label("\n".join(_wrapped(problem)))
            label.text_color = gui.Color(1.0, 0.5, 0.3)
            proxy.set_widget(label)
        else:
            proxy.set_widget(self._chips(exchange.answer))
        self._window.set_needs_layout()

    def _chips(self, answer: GroundedText) -> Any:
        """Text and chips in lines, as they stand in the answer."""
        block, row, length = gui.Vert(0.1 * self._em), gui.Horiz(0.15 * self._em), 0
        for words, phrase in _parts(answer):
            if length and length + len(words) > _LINE:
                block.add_child(row)
                row, length = gui.Horiz(0.15 * self._em), 0
            row.add_child(self._chip(words, phrase) if phrase else gui.Label(words))
            length += len(words) + 1
        block.add_child(row)
        return block

    def _chip(self, words: str, phrase: Phrase) -> Any:
        ids = tuple(link.id for link in phrase.objects)
        first = self._talk.layers.by_id(ids[0]) if ids else None
        if first is None:
            label = gui.Label(words)
            label.text_color = gui.Color(0.6, 0.6, 0.6)
            label.tooltip = f"nothing here fits ({phrase.absent_probability:.0%})"
            return label
        chip = gui.Button(words)
        chip.background_color = gui.Color(*_under_white(first.colour))
        chip.horizontal_padding_em, chip.vertical_padding_em = 0.3, 0.0
        chip.tooltip = ", ".join(o.name for i in ids if (o := self._talk.layers.by_id(i)))
        chip.set_on_clicked(lambda: self._owner.act(lambda: self._talk.light(ids)))
        return chip

    # Objects.

    def _objects_tab(self) -> Any:
        tab = self._column()
        self._search = gui.TextEdit()
        self._search.placeholder_text = "Search objects"
        self._search.set_on_text_changed(lambda _: self._list_objects())
        self._tree = gui.TreeView()
        tab.add_child(self._search)
        tab.add_child(self._tree)
        self._cells: dict[int, Any] = {}
        self._list_objects()
        return tab

    def _list_objects(self) -> None:
        self._tree.clear()
        self._cells = {}
        wanted = self._search.text_value.strip().lower()
        for item in self._talk.layers.objects:
            if wanted in item.name.lower():

                def pin(on: bool, i: int = item.id) -> None:
                    self._talk.pin(i, on)
                    self._owner.refresh()

                text = f"{item.name}  {item.score:.0%}"
                cell = gui.CheckableTextTreeCell(text, item.id in self._talk.lit, pin)
                cell.label.text_color = gui.Color(*_on_dark(item.colour))
                self._tree.add_item(self._tree.get_root_item(), cell)
                self._cells[item.id] = cell

    # Plan.

    def _plan_tab(self) -> Any:
        tab = self._column()
        self._request = gui.TextEdit()
        self._request.placeholder_text = "I want the room brighter."
        go, back, forth = gui.Button("Plan"), gui.Button("Back"), gui.Button("Next")
        go.set_on_clicked(lambda: self._owner.plan(self._request.text_value))
        back.set_on_clicked(lambda: self._owner.act(lambda: self._talk.go(-1)))
        forth.set_on_clicked(lambda: self._owner.act(lambda: self._talk.go(1)))
        row = gui.Horiz(0.5 * self._em)
        for button in (go, back, forth):
            row.add_child(button)
        self._steps = gui.WidgetProxy()
        for child in (self._request, row, self._steps):
            tab.add_child(child)
        return tab

    def show_plan(self, *, problem: str = "") -> None:
        """Show the conversation's plan and where it stands, or what went wrong."""
        plan, column = self._talk.plan, gui.Vert(0.2 * self._em)
        remarks = [problem] if problem else []
        if plan is not None and not problem:
            verdict = "checked: every step can be carried out" if plan.valid else "not valid"
            for line in _wrapped(f"{plan.text} ({verdict})"):
                column.add_child(gui.Label(line))
            for step in plan.steps:
                button = gui.Button("\n".join(_wrapped(f"{step.i}. {step.text}")))
                button.vertical_padding_em = 0.1
                if step.i == self._talk.step:
                    button.background_color = gui.Color(0.0, 0.45, 0.7)
                button.set_on_clicked(lambda i=step.i: self._owner.act(lambda: self._talk.go_to(i)))
                column.add_child(button)
            remarks = [f"step {v.step}: {v.reason}" for v in plan.violations] + list(plan.unresolved)
        for line in (line for remark in remarks for line in _wrapped(remark)):
            label = gui.Label(line)
            label.text_color = gui.Color(1.0, 0.5, 0.3)
            column.add_child(label)
        self._steps.set_widget(column)
        self._window.set_needs_layout()

    # View.

    def _view_tab(self) -> Any:
        tab, layers = self._column(), self._talk.layers
        ceiling = gui.Slider(gui.Slider.DOUBLE)
        top = max(layers.top_m, layers.ceiling_cut_m) + 0.05
        ceiling.set_limits(layers.floor_m, top)
        ceiling.double_value = min(layers.ceiling_cut_m, top)
        ceiling.set_on_value_changed(lambda height: self._owner.set_ceiling(float(height)))
        truth, cameras = gui.Checkbox("Ground truth"), gui.Checkbox("Cameras")
        truth.enabled, cameras.enabled = layers.truth is not None, bool(len(layers.cameras))
        truth.set_on_checked(self._owner.set_truth)
        cameras.set_on_checked(self._owner.set_cameras)
        corner, above, save = gui.Button("From the corner"), gui.Button("From above"), gui.Button("Save picture")
        corner.set_on_clicked(self._owner.look_from_corner)
        above.set_on_clicked(self._owner.look_from_above)
        save.set_on_clicked(self._choose_file)
        for child in (gui.Label("Ceiling"), ceiling, truth, cameras, corner, above, save):
            tab.add_child(child)
        return tab

    def _choose_file(self) -> None:
        dialog = gui.FileDialog(gui.FileDialog.SAVE, "Save picture", self._window.theme)
        dialog.add_filter(".png", "PNG pictures (.png)")
        dialog.set_on_cancel(self._window.close_dialog)

        def save(path: str) -> None:
            self._window.close_dialog()
            self._owner.save_picture(path)

        dialog.set_on_done(save)
        self._window.show_dialog(dialog)

    def mark(self) -> None:
        """Show what is lit, selected and stepped to."""
        names = ", ".join(o.name for i in self._talk.selected if (o := self._talk.layers.by_id(i)))
        self._selection.text = "\n".join(_wrapped(f"<ref>: {names}")) if names else "<ref>: nothing selected"
        for i, cell in self._cells.items():
            cell.checkbox.checked = i in self._talk.lit
        if self._talk.plan is not None:
            self.show_plan()
        self._window.set_needs_layout()

    def _column(self) -> Any:
        return gui.Vert(0.5 * self._em, gui.Margins(0.6 * self._em, 0.6 * self._em, 0.6 * self._em, 0.6 * self._em))


def _parts(answer: GroundedText) -> Iterable[tuple[str, Phrase | None]]:
    """Single words between phrases, and whole phrases."""
    at = 0
    for phrase in answer.phrases:
        yield from ((word, None) for word in answer.text[at : phrase.start].split())
        yield answer.text[phrase.start : phrase.end], phrase
        at = phrase.end
    yield from ((word, None) for word in answer.text[at:].split())


def _wrapped(text: str) -> list[str]:
    lines = [""]
    for word in text.split():
        if lines[-1] and len(lines[-1]) + len(word) > _LINE:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines


def _under_white(colour: Colour) -> tuple[float, float, float]:
    """The colour, darkened where white letters would not read on it; the toolkit's buttons have white letters."""
    share = 1.0 if ink_on(colour) == (255, 255, 255) else 0.62
    red, green, blue = (share * c / 255 for c in colour)
    return red, green, blue


def _on_dark(colour: Colour) -> tuple[float, float, float]:
    """The colour, lightened where it would not read on the toolkit's dark panel."""
    share = 1.0 if ink_on(colour) == (0, 0, 0) else 0.55
    red, green, blue = (1 - share * (1 - c / 255) for c in colour)
    return red, green, blue
