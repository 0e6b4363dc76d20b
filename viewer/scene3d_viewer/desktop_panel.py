"""The side of the desktop window: chat with chips, list of objects, plan and view."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from open3d.visualization import gui

from scene3d_viewer.conversation import Conversation
from scene3d_viewer.desktop_chat import WARNING, Chat, coloured_label, wrapped
from scene3d_viewer.layers import Colour
from scene3d_viewer.theme import ink_on

if TYPE_CHECKING:
    from scene3d_viewer.desktop import DesktopWindow


class Panel:
    """Widgets that show a conversation and call its window."""

    def __init__(self, window: Any, conversation: Conversation, owner: DesktopWindow) -> None:
        self._window, self._talk, self._owner = window, conversation, owner
        self._em = window.theme.font_size
        self.chat = Chat(window, conversation.layers, lambda ids: owner.act(lambda: conversation.light(ids)))
        self.entered = False
        """Whether the last key was Enter: what ends the typing may be a click elsewhere as well."""
        self.widget: Any = gui.TabControl()
        self.widget.add_tab("Ask", self._ask_tab())
        self.widget.add_tab("Objects", self._objects_tab())
        self.widget.add_tab("Plan", self._plan_tab())
        self.widget.add_tab("View", self._view_tab())
        self.widget.set_on_selected_tab_changed(lambda _: window.set_needs_layout())

    # Questions and answers.

    def _ask_tab(self) -> Any:
        tab = self._column()
        self._selection = gui.Label("")
        self._question = gui.TextEdit()
        self._question.placeholder_text = "Ask about the scene"
        self._question.set_on_value_changed(lambda _: self._send() if self.entered else None)
        send, clear = gui.Button("Ask"), gui.Button("Clear")
        send.set_on_clicked(self._send)
        clear.set_on_clicked(lambda: self._owner.act(lambda: self._talk.clear()))
        row = gui.Horiz(0.5 * self._em)
        row.add_child(send)
        row.add_child(clear)
        hint = gui.Label(
            "Click an object to ask about it, twice to have it\ndescribed; Ctrl-click two corners for a box."
        )
        for child in (hint, self._selection, self._question, row, self.chat.widget):
            tab.add_child(child)
        return tab

    def _send(self) -> None:
        text, self._question.text_value = self._question.text_value, ""
        self._owner.ask(text)

    # Objects.

    def _objects_tab(self) -> Any:
        tab = gui.Vert(0.5 * self._em, self._margins())
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
        self._request.set_on_value_changed(lambda text: self._owner.plan(text) if self.entered else None)
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
            for line in wrapped(f"{plan.text} ({verdict})"):
                column.add_child(gui.Label(line))
            for step in plan.steps:
                button = gui.Button("\n".join(wrapped(f"{step.i}. {step.text}")))
                button.vertical_padding_em = 0.1
                if step.i == self._talk.step:
                    button.background_color = gui.Color(0.0, 0.45, 0.7)
                button.set_on_clicked(lambda i=step.i: self._owner.act(lambda: self._talk.go_to(i)))
                column.add_child(button)
            remarks = [f"step {v.step}: {v.reason}" for v in plan.violations] + list(plan.unresolved)
        for line in (line for remark in remarks for line in wrapped(remark)):
            column.add_child(coloured_label(line, WARNING))
        self._steps.set_widget(column)
        self._window.set_needs_layout()

    # View.

    def _view_tab(self) -> Any:
        tab, layers = self._column(), self._talk.layers
        ceiling = gui.Slider(gui.Slider.DOUBLE)
        top = max(layers.top_m, layers.ceiling_cut_m) + 0.05
        ceiling.set_limits(layers.floor_m, top)
        ceiling.double_value = min(layers.ceiling_cut_m, top)
        ceiling.set_on_value_changed(lambda height: self._owner.scene.set_ceiling(float(height)))
        truth, cameras = gui.Checkbox("Ground truth"), gui.Checkbox("Cameras")
        truth.enabled, cameras.enabled = layers.truth is not None, bool(len(layers.cameras))
        truth.set_on_checked(self._owner.scene.set_truth)
        cameras.set_on_checked(self._owner.scene.set_cameras)
        self._whole, self._drawn = gui.Checkbox("All points"), gui.Label("")
        self._whole.set_on_checked(self._set_whole)
        self._say_drawn()
        corner, above, save = gui.Button("From the corner"), gui.Button("From above"), gui.Button("Save picture")
        corner.set_on_clicked(self._owner.scene.look_from_corner)
        above.set_on_clicked(self._owner.scene.look_from_above)
        save.set_on_clicked(self._choose_file)
        for child in (gui.Label("Ceiling"), ceiling, truth, cameras, self._whole, self._drawn, corner, above, save):
            tab.add_child(child)
        return tab

    def _set_whole(self, on: bool) -> None:
        self._owner.scene.set_whole(on)
        self._say_drawn()

    def _say_drawn(self) -> None:
        drawn, count = self._owner.scene.points_drawn, len(self._talk.layers.surface.xyz_m)
        self._whole.enabled = drawn < count or self._whole.checked
        self._drawn.text = f"{drawn:,} of {count:,} points are drawn."

    def _choose_file(self) -> None:
        dialog = gui.FileDialog(gui.FileDialog.SAVE, "Save picture", self._window.theme)
        dialog.add_filter(".png", "PNG pictures (.png)")
        dialog.set_on_cancel(self._window.close_dialog)

        def save(path: str) -> None:
            self._window.close_dialog()
            self._owner.scene.save_picture(path)

        dialog.set_on_done(save)
        self._window.show_dialog(dialog)

    def mark(self) -> None:
        """Show what is lit, selected and stepped to."""
        names = ", ".join(o.name for i in self._talk.selected if (o := self._talk.layers.by_id(i)))
        self._selection.text = "\n".join(wrapped(f"<ref>: {names}")) if names else "<ref>: nothing selected"
        for i, cell in self._cells.items():
            cell.checkbox.checked = i in self._talk.lit
        if self._talk.plan is not None:
            self.show_plan()
        self._window.set_needs_layout()

    def _column(self) -> Any:
        """A tab that scrolls once it is full."""
        return gui.ScrollableVert(0.5 * self._em, self._margins())

    def _margins(self) -> Any:
        return gui.Margins(*[round(0.6 * self._em)] * 4)


def _on_dark(colour: Colour) -> tuple[float, float, float]:
    """The colour, lightened where it would not read on the toolkit's dark panel."""
    share = 1.0 if ink_on(colour) == (0, 0, 0) else 0.55
    red, green, blue = (1 - share * (1 - c / 255) for c in colour)
    return red, green, blue
