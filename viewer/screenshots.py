"""Makes the pictures of the viewer in docs/ from a sample room: `make screenshots`."""

from __future__ import annotations

import io
import os
import shutil
import sys
import tempfile
import threading
import time
from pathlib import Path

from PIL import Image

from hidden_display import HiddenDisplay
from scene3d import Grounder, Session, load_scene, resources
from scene3d_viewer.layers import layers_of
from scene3d_viewer.page import write_page
from scene3d_viewer.session import Exchange
from scene3d_viewer.stills import contact_sheet

QUESTIONS = ("Where are the chairs?", "What is on the desk?", "List all the monitors.")
DOCS = resources.root() / "docs"
CHROMIUM_FLAGS = ["--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
SIZE = (1400, 860)
WINDOW_QUESTIONS = ("What is on the desk?", "Where are the chairs?")


def main() -> None:
    """Answer a few questions about the office and take a picture of every face of the viewer."""
    session = Grounder.from_pretrained("default").encode(load_scene(resources.sample("office")))
    exchanges = [Exchange(question=question, answer=session.ask(question)) for question in QUESTIONS]
    layers = layers_of(session.scene, session.segment())
    keep(contact_sheet(layers, exchanges[:2]), DOCS / "viewer-sheet.webp")
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "office.html"
        write_page(page, layers, exchanges)
        photograph_page(page, DOCS / "viewer-page.webp")
    photograph_window(session, DOCS / "viewer-window.webp")


def photograph_page(page: Path, picture: Path) -> None:
    """Open the page in Chromium, click its first chip and take a picture."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=CHROMIUM_FLAGS)
        tab = browser.new_page(viewport={"width": SIZE[0], "height": SIZE[1]})
        tab.goto(page.as_uri())
        tab.wait_for_selector("body[data-ready=yes]")
        chip = tab.locator(".answer .chip:not(.absent)").first
        if chip.count():
            chip.click()
        tab.mouse.move(400, SIZE[1] - 5)
        shown = Image.open(io.BytesIO(tab.screenshot()))
        browser.close()
    keep(shown, picture)


def photograph_window(session: Session, picture: Path) -> None:
    """Open the window on a display of its own, ask, and take a picture of what is to be seen after the answers."""
    with HiddenDisplay(*SIZE) as display:
        os.environ["DISPLAY"] = display.name
        from scene3d_viewer.conversation import Conversation
        from scene3d_viewer.desktop import DesktopWindow

        talk = Conversation(session)
        window = DesktopWindow(talk, first=WINDOW_QUESTIONS)
        shown: list[Image.Image] = []

        def wait_and_close() -> None:
            while len(talk.exchanges) < len(WINDOW_QUESTIONS):
                time.sleep(0.1)
            shown.append(display.still_picture())
            window.close()

        threading.Thread(target=wait_and_close, daemon=True).start()
        window.run()
    keep(shown[0], picture)


def keep(picture: Image.Image, path: Path) -> None:
    """Write a picture as WebP, a third of what a PNG in 256 colours takes: the tree is small."""
    picture.convert("RGB").save(path, quality=85, method=6)


if __name__ == "__main__":
    main()
    sys.stdout.flush()
    os._exit(0)  # the toolkit would speak to the display once more, which is gone
