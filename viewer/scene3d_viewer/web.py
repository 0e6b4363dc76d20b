"""`scene3d view --web`: the scene and the conversation in a browser, by viser, for computers without a display."""

from __future__ import annotations

import html
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

import viser

from scene3d.errors import Scene3DError
from scene3d.types import Phrase
from scene3d_viewer.conversation import Conversation, coloured_html
from scene3d_viewer.layers import ObjectLayer
from scene3d_viewer.session import Exchange
from scene3d_viewer.theme import ThemeName
from scene3d_viewer.web_scene import WebScene

_FRAME_S = 3.0
"""A browser that needs longer for a frame is not waited for."""


class WebWindow:
    """Serves one conversation.

    Args:
        conversation: What is shown.
        host: Address to listen on; this machine alone unless told otherwise.
        port: Where; another free one is taken if it is in use.
        theme: light or dark.
    """

    def __init__(
        self, conversation: Conversation, *, host: str = "127.0.0.1", port: int = 8080, theme: ThemeName = "light"
    ) -> None:
        self.conversation = conversation
        self.server = viser.ViserServer(host=host, port=port, label=conversation.layers.name, verbose=False)
        self.server.gui.configure_theme(dark_mode=theme == "dark", control_width="large", show_logo=False)
        self.server.gui.main_panel.dock_right()
        self.scene = WebScene(self.server, conversation)
        self._boxes: dict[int, Any] = {}
        self._build_panel()
        self.server.scene.on_click()(self._clicked)
        self.refresh()

    @property
    def address(self) -> str:
        """What to open in a browser."""
        return f"http://{self.server.get_host()}:{self.server.get_port()}"

    def close(self) -> None:
        """Stop serving."""
        self.server.stop()

    def refresh(self) -> None:
        """Draw what is lit, selected and stepped to, and mark it in the panel."""
        self.scene.refresh()
        talk = self.conversation
        for i, box in self._boxes.items():
            if box.value != (lit := i in talk.lit):
                box.value = lit
        names = ", ".join(o.name for i in talk.selected if (o := talk.layers.by_id(i)))
        self._selection.content = f"**&lt;ref&gt;** {names}" if names else "*Click objects to ask about them.*"
        self._show_step()

    # The panel.

    def _build_panel(self) -> None:
        gui = self.server.gui
        tabs = gui.add_tab_group()
        with tabs.add_tab("Ask"):
            self._chat = gui.add_folder("Answers")
            self._selection = gui.add_markdown("")
            with gui.add_form(None) as question:
                self._question = gui.add_text("Question", "", hint="Enter sends it; <ref> is what you selected")
                self._send = gui.add_button("Ask")
            self._clear = gui.add_button("Clear", color="gray")
        with tabs.add_tab("Objects"):
            self._build_objects()
        with tabs.add_tab("Plan"):
            with gui.add_form(None) as request:
                self._request = gui.add_text("Request", "", hint="such as: I want the room brighter.")
                plan = gui.add_button("Plan")
            self._steps = gui.add_html("")
            self._walk = gui.add_button_group("Step", ("back", "next"))
        with tabs.add_tab("View"):
            self._build_view()
        self._send.on_click(lambda event: self.ask(_typed(self._question, event)))
        question.on_submit(lambda event: self.ask(_typed(self._question, event)))
        self._clear.on_click(lambda _: self._act(self.conversation.clear))
        plan.on_click(lambda event: self.plan(_typed(self._request, event)))
        request.on_submit(lambda event: self.plan(_typed(self._request, event)))
        self._walk.on_click(
            lambda event: self._act(lambda: self.conversation.go(1 if event.target.value == "next" else -1))
        )

    def _build_objects(self) -> None:
        gui = self.server.gui
        search = gui.add_text("Search", "")
        for item in self.conversation.layers.objects:
            box = gui.add_checkbox(f"{item.name} ({item.score:.0%})", False)
            box.on_update(lambda event, i=item.id: self._pinned(i, event))
            self._boxes[item.id] = box

        @search.on_update
        def _(_: object) -> None:
            for item in self.conversation.layers.objects:
                self._boxes[item.id].visible = search.value.lower() in item.name.lower()

    def _build_view(self) -> None:
        layers, gui = self.conversation.layers, self.server.gui
        top = max(layers.top_m, layers.ceiling_cut_m) + 0.05
        ceiling = gui.add_slider("Ceiling", layers.floor_m, top, 0.05, min(layers.ceiling_cut_m, top))
        truth = gui.add_checkbox("Ground truth", False, disabled=layers.truth is None)
        cameras = gui.add_checkbox("Cameras", False, disabled=not len(layers.cameras))
        rectangle = gui.add_button("Select by rectangle", hint="then drag over the picture")

        @ceiling.on_update
        def _(_: object) -> None:
            self.scene.set_ceiling(ceiling.value)

        truth.on_update(lambda _: self.scene.set_truth(truth.value))
        cameras.on_update(lambda _: self.scene.set_cameras(cameras.value))

        @rectangle.on_click
        def _(_: object) -> None:
            rectangle.disabled = True

            @self.server.scene.on_rect_select()
            def once(event: viser.SceneRectSelectEvent) -> None:
                self.server.scene.remove_rect_select_callback(once)
                rectangle.disabled = False
                self.conversation.select(self.scene.objects_in(event))
                self.refresh()

    # What people do.

    def ask(self, text: str) -> None:
        """Send a question; the answer is written as it comes, then its phrases become chips."""
        if not text.strip():
            return
        self._question.value, self._send.disabled = "", True
        with self._chat:
            line = self.server.gui.add_html("")
        said, phrases = "", []
        try:
            for piece in self.conversation.ask(text):
                if isinstance(piece, Exchange):
                    line.remove()
                    self._add_exchange(piece)
                elif isinstance(piece, Phrase):
                    phrases.append(piece)
                else:
                    said += piece
                    line.content = f"<p>{coloured_html(self.conversation.layers, said, phrases)} …</p>"
        except Scene3DError as error:
            line.content = f"<p><b>{html.escape(str(error))}</b></p>"
        self._send.disabled = False
        self.refresh()

    def plan(self, request: str) -> None:
        """Ask for a plan and show it."""
        if not request.strip():
            return
        try:
            self.conversation.ask_plan(request)
        except Scene3DError as error:
            self._steps.content = f"<p><b>{html.escape(str(error))}</b></p>"
            return
        self.refresh()

    def _add_exchange(self, exchange: Exchange) -> None:
        layers, answer = self.conversation.layers, exchange.answer
        said = coloured_html(layers, answer.text, answer.phrases)
        with self._chat:
            self.server.gui.add_html(
                f'<div style="padding:4px 10px"><i>{html.escape(exchange.question)}</i><br>{said}</div>'
            )
            for phrase in answer.phrases:
                ids = tuple(link.id for link in phrase.objects)
                first = layers.by_id(ids[0]) if ids else None
                if first is not None:
                    words = answer.text[phrase.start : phrase.end]
                    chip = self.server.gui.add_button(
                        words, color=first.colour, hint=_names(layers.by_id(i) for i in ids)
                    )
                    chip.on_click(lambda _, ids=ids: self._act(lambda: self.conversation.light(ids)))

    def _act(self, change: Callable[[], None]) -> None:
        change()
        self.refresh()

    def _clicked(self, event: viser.SceneClickEvent) -> None:
        item = self.scene.object_under(event)
        double = self.conversation.click(item)
        self.refresh()
        if double and item is not None:
            try:
                self._add_exchange(self.conversation.describe(item.id))
            except Scene3DError as error:
                event.client.add_notification("No caption", str(error), color="red")
            self.refresh()

    def _pinned(self, object_id: int, event: viser.GuiEvent[Any]) -> None:
        if event.client is not None:  # a person, not what is drawn
            self.conversation.pin(object_id, event.target.value)
            self.refresh()

    def _show_step(self) -> None:
        plan = self.conversation.plan
        if plan is None:
            return
        rows = [
            f"<li>{'<b>' if s.i == self.conversation.step else ''}{html.escape(s.text)}</b></li>" for s in plan.steps
        ]
        verdict = "checked: every step can be carried out" if plan.valid else "not valid"
        remarks = [f"step {v.step}: {v.reason}" for v in plan.violations] + list(plan.unresolved)
        notes = "".join(f"<p>{html.escape(remark)}</p>" for remark in remarks)
        self._steps.content = f"<p>{html.escape(plan.text)} ({verdict})</p><ol>{''.join(rows)}</ol>{notes}"


def _typed(text: viser.GuiInputHandle[str], event: viser.GuiEvent[Any]) -> str:
    """What was typed.

    The browser sends the last letters after the Enter that follows them, 50 ms later or, while it draws, some frames
    later. So it is asked for a frame, and no letter must come for as long as this takes.
    """
    start = time.monotonic()
    if event.client is not None:
        with suppress(TimeoutError):  # it draws nothing while its tab is hidden
            event.client.get_render(16, 16, timeout=_FRAME_S)
    quiet_s, since, value = max(0.3, time.monotonic() - start), time.monotonic(), text.value
    while time.monotonic() - since < quiet_s:
        time.sleep(0.02)
        if text.value != value:
            since, value = time.monotonic(), text.value
    return value


def _names(items: Iterable[ObjectLayer | None]) -> str:
    return ", ".join(item.name for item in items if item is not None)
