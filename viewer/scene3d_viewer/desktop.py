"""`scene3d view`: the scene and the conversation in a window, by Open3D's GUI."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from open3d.visualization import gui

from scene3d.errors import Scene3DError
from scene3d.types import Phrase
from scene3d_viewer.conversation import Conversation
from scene3d_viewer.desktop_chat import Turn
from scene3d_viewer.desktop_panel import Panel
from scene3d_viewer.desktop_scene import DesktopScene
from scene3d_viewer.session import Exchange
from scene3d_viewer.theme import THEMES, ThemeName

_PANEL_EM = 26
_LATE_FRAMES = frozenset((4, 8, 12, 16, 20, 24, 30, 40, 60, 100, 200, 400, 800))
"""Ticks after the last change, about 10 ms each, at which to draw again.

The toolkit draws on demand, a swap chain shows a frame up to five frames late (seen with Mesa's llvmpipe), and a frame
is left out while the renderer is behind: without these, the end of an answer would wait for the next move of the mouse.
"""


class DesktopWindow:
    """One window on one conversation. There is one per process, as Open3D has one application per process.

    Args:
        conversation: What is shown.
        theme: light or dark background.
        first: Questions asked when the window opens.
        plan: A request planned for when the window opens.
    """

    def __init__(
        self, conversation: Conversation, *, theme: ThemeName = "light", first: Sequence[str] = (), plan: str = ""
    ) -> None:
        self.conversation = conversation
        self._first, self._plan = tuple(first), plan
        self._pressed: tuple[int, int] | None = None
        self._corner: np.ndarray | None = None
        self._quiet_ticks = 0
        gui.Application.instance.initialize()
        self.window: Any = gui.Application.instance.create_window(f"scene3d – {conversation.layers.name}", 1400, 860)
        self.scene = DesktopScene(self.window, conversation, THEMES[theme])
        self.panel = Panel(self.window, conversation, self)
        self.window.add_child(self.scene.widget)
        self.window.add_child(self.panel.widget)
        self.window.set_on_layout(self._lay_out)
        self.window.set_on_key(self._on_key)
        self.window.set_on_tick_event(self._on_tick)
        self.scene.widget.set_on_mouse(self._on_mouse)
        self.refresh()

    def run(self) -> None:
        """Show the window until it is closed."""
        for question in self._first:
            self.ask(question)
        if self._plan:
            self.plan(self._plan)
        gui.Application.instance.run()

    def close(self) -> None:
        """Close the window, from any thread."""
        self.on_main(self.window.close)

    def on_main(self, action: Callable[[], None]) -> None:
        """Do something in the window's own thread, once what it does now is done; from any thread."""
        gui.Application.instance.post_to_main_thread(self.window, action)

    # What people do; the panel calls these.

    def act(self, change: Callable[[], None]) -> None:
        """Change what is lit, selected or stepped to, and show it.

        Not at once: a widget must not be replaced while it calls.
        """

        def work() -> None:
            change()
            self.refresh()

        self.on_main(work)

    def ask(self, text: str) -> None:
        """Send a question; answers come one after the other, in the order of the questions."""
        if text.strip():
            self._later(self.panel.chat.begin(text, self.conversation.selected), lambda: self.conversation.ask(text))

    def describe(self, object_id: int) -> None:
        """Ask for the caption of an object."""
        turn = self.panel.chat.begin("Describe <ref>.", (object_id,))
        self._later(turn, lambda: iter([self.conversation.describe(object_id)]))

    def plan(self, request: str) -> None:
        """Ask for a plan."""

        def work() -> None:
            try:
                self.conversation.ask_plan(request)
            except Scene3DError as error:
                message = str(error)
                self.on_main(lambda: self.panel.show_plan(problem=message))
                return
            self.on_main(self.refresh)

        if request.strip():
            threading.Thread(target=work, daemon=True).start()

    def refresh(self) -> None:
        """Draw what is lit, selected and stepped to, and mark it in the panel."""
        self.scene.refresh()
        self.panel.mark()

    def click(self, x: float, y: float, *, corner: bool = False) -> None:
        """Take a click at a place of the window.

        Args:
            x: Pixels from the left of the window.
            y: Pixels from its top.
            corner: The point under it is a corner of a box; two of them select the objects in the box.
        """
        point = self.scene.point_at(x, y)
        if corner and point is not None:
            self._take_corner(self.conversation.layers.surface.xyz_m[point].double().numpy())
        elif not corner:
            item = self.conversation.picker.object_of(point)
            if self.conversation.click(item) and item is not None:
                self.describe(item.id)
        self.refresh()

    def _take_corner(self, at_m: np.ndarray) -> None:
        if self._corner is None:
            self._corner = at_m
            return
        low, high = np.minimum(self._corner, at_m), np.maximum(self._corner, at_m)
        self._corner = None
        layers = self.conversation.layers
        low[2], high[2] = layers.floor_m, max(high[2] + 1.0, layers.ceiling_cut_m)
        x0, y0, z0, x1, y1, z1 = [*(low - 0.05).tolist(), *high.tolist()]
        self.conversation.select(self.conversation.session.objects_in((x0, y0, z0, x1 + 0.05, y1 + 0.05, z1)))

    # How the toolkit calls.

    def _lay_out(self, context: Any) -> None:
        all_of_it = self.window.content_rect
        panel = int(_PANEL_EM * context.theme.font_size)
        self.scene.widget.frame = gui.Rect(all_of_it.x, all_of_it.y, all_of_it.width - panel, all_of_it.height)
        left = self.scene.widget.frame.get_right()
        self.panel.widget.frame = gui.Rect(left, all_of_it.y, panel, all_of_it.height)
        self._draw_on()

    def _draw_on(self) -> None:
        """Something changed: draw until it is seen."""
        self._quiet_ticks = 0

    def _on_tick(self) -> bool:
        self._quiet_ticks += 1
        if self._quiet_ticks in _LATE_FRAMES:
            self.window.post_redraw()
        return False  # True would not draw

    def _on_key(self, event: Any) -> bool:
        """Typed letters are to be seen; the widget that has the focus takes them, Enter sends."""
        self._draw_on()
        if event.type == gui.KeyEvent.Type.DOWN:
            self.panel.entered = event.key == gui.KeyName.ENTER
        return False

    def _on_mouse(self, event: Any) -> Any:
        """A press and release at one place is a click; Ctrl makes it a corner of a box; a drag turns the scene."""
        self._draw_on()
        if event.type == gui.MouseEvent.Type.BUTTON_DOWN:
            self._pressed = (event.x, event.y)
        elif event.type == gui.MouseEvent.Type.BUTTON_UP and self._pressed is not None:
            still = abs(event.x - self._pressed[0]) + abs(event.y - self._pressed[1]) <= 4
            self._pressed = None
            if still:
                self.click(event.x, event.y, corner=event.is_modifier_down(gui.KeyModifier.CTRL))
        return gui.Widget.EventCallbackResult.IGNORED

    def _later(self, turn: Turn, begin: Callable[[], Iterator[str | Phrase | Exchange]]) -> None:
        """Work through an answer beside the window, and show each piece in it."""

        def work() -> None:
            try:
                for piece in begin():
                    self.on_main(lambda piece=piece: self._take_piece(turn, piece))
            except Scene3DError as error:
                message = str(error)
                self.on_main(lambda: self.panel.chat.fail(turn, message))

        threading.Thread(target=work, daemon=True).start()

    def _take_piece(self, turn: Turn, piece: str | Phrase | Exchange) -> None:
        self.panel.chat.grow(turn, piece)
        if isinstance(piece, Exchange):
            self.refresh()
