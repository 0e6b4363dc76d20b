"""`scene3d view`: a scan and answers about it in a window, a browser, a page or a picture; and `scene3d demo`."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from rich.console import Console
from tyro.conf import OmitArgPrefixes, Positional, UseAppendAction

from scene3d.commands.opening import Opening
from scene3d.errors import InputError
from scene3d_viewer.demo import demo

if TYPE_CHECKING:
    from scene3d.model.session import Session
    from scene3d.types import Plan
    from scene3d_viewer.session import Exchange


def view(
    scan: Positional[Path],
    /,
    *,
    ask: Annotated[tuple[str, ...], UseAppendAction] = (),
    select: tuple[int, ...] = (),
    plan: str = "",
    web: bool = False,
    host: str = "127.0.0.1",
    port: int = 8080,
    html: Path | None = None,
    png: Path | None = None,
    rrd: Path | None = None,
    theme: Literal["light", "dark"] = "light",
    opening: OmitArgPrefixes[Opening] = Opening(),
) -> None:
    """Look at a scan and talk about it: in a window, or as --web, --html, --png or --rrd say.

    Args:
        scan: A scan in any format that scene3d reads.
        ask: A question to begin with; may be given several times.
        select: Ids of the objects that `<ref>` in the questions stands for.
        plan: A request to plan for.
        web: Serve the window to a browser, for a computer without a display.
        host: Address that --web listens on; 0.0.0.0 for all of the network.
        port: Port of --web.
        html: Write one page that opens anywhere, offline.
        png: Draw the scan and the answers into this picture.
        rrd: Write a recording for rerun.
        theme: light or dark.
        opening: How the scan is opened.
    """
    for path, ending in ((html, ".html"), (png, ".png"), (rrd, ".rrd")):
        if path is not None and (path.suffix.lower() != ending or not path.parent.is_dir()):
            raise InputError(f"{path}: needs the ending {ending} and a folder that exists")
    written = [path for path in (html, png, rrd) if path is not None]
    if not web and not written:
        from scene3d_viewer.display import require_display

        require_display(scan)
    session = opening.session(scan)
    if not written:
        _open_window(session, ask=ask, select=select, plan=plan, web=(host, port) if web else None, theme=theme)
        return
    exchanges, steps = _answered(session, ask, select, plan)
    from scene3d_viewer.layers import layers_of

    layers = layers_of(session.scene, session.segment())
    if html is not None:
        from scene3d_viewer.page import write_page

        write_page(html, layers, exchanges, plan=steps, theme=theme)
    if png is not None:
        from scene3d_viewer.stills import contact_sheet

        contact_sheet(layers, exchanges, plan=steps, theme=theme).save(png)
    if rrd is not None:
        from scene3d_viewer.recording import write_recording

        write_recording(rrd, layers, exchanges, plan=steps)
    Console().print("written: " + ", ".join(map(str, written)), highlight=False)


def _answered(
    session: Session, ask: tuple[str, ...], select: tuple[int, ...], plan: str
) -> tuple[list[Exchange], Plan | None]:
    from scene3d.planner import Planner
    from scene3d_viewer.session import Exchange

    exchanges = [Exchange(question=q, answer=session.ask(q, select=select), select=select) for q in ask]
    return exchanges, Planner(session).plan(plan) if plan else None


def _open_window(
    session: Session,
    *,
    ask: tuple[str, ...],
    select: tuple[int, ...],
    plan: str,
    web: tuple[str, int] | None,
    theme: Literal["light", "dark"],
) -> None:
    from scene3d.planner import Planner
    from scene3d_viewer.conversation import Conversation

    conversation = Conversation(session, make_plan=lambda request: Planner(session).plan(request))
    conversation.select(select)
    if web is None:
        from scene3d_viewer.desktop import DesktopWindow

        DesktopWindow(conversation, theme=theme, first=ask, plan=plan).run()
        return
    from scene3d_viewer.web import WebWindow

    window = WebWindow(conversation, host=web[0], port=web[1], theme=theme)
    Console().print(f"open {window.address} in a browser; Ctrl-C ends it", highlight=False)
    for question in ask:
        window.ask(question)
    window.plan(plan)
    try:
        while True:
            time.sleep(3600)
    finally:
        window.close()


COMMANDS: dict[str, Callable[..., None]] = {"view": view, "demo": demo}
