"""Makes the pictures of the viewer in docs/ from a sample room: `make screenshots`."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
from PIL import Image

from scene3d import Grounder, Session, load_scene, resources
from scene3d_viewer.layers import layers_of
from scene3d_viewer.page import write_page
from scene3d_viewer.session import Exchange
from scene3d_viewer.stills import contact_sheet

QUESTIONS = ("Where are the chairs?", "What is on the desk?", "List all the monitors.")
DOCS = resources.root() / "docs"
CHROMIUM_FLAGS = ["--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
SIZE = (1400, 860)


def main() -> None:
    """Answer a few questions about the office and take a picture of every face of the viewer."""
    session = Grounder.from_pretrained("default").encode(load_scene(resources.sample("office")))
    exchanges = [Exchange(question=question, answer=session.ask(question)) for question in QUESTIONS]
    layers = layers_of(session.scene, session.segment())
    contact_sheet(layers, exchanges[:2]).save(DOCS / "viewer-sheet.png", optimize=True)
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "office.html"
        write_page(page, layers, exchanges)
        photograph_page(page, DOCS / "viewer-page.png")
        photograph_window(session, Path(folder), DOCS / "viewer-window.png")


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
        tab.screenshot(path=picture)
        browser.close()


def photograph_window(session: Session, folder: Path, picture: Path) -> None:
    """Open the window on a display of its own, ask, and take a picture of the whole display."""
    read, write = os.pipe()
    screen = f"{SIZE[0]}x{SIZE[1]}x24"
    display = subprocess.Popen(
        ["Xvfb", "-displayfd", str(write), "-screen", "0", screen, "-fbdir", str(folder)], pass_fds=[write]
    )
    os.environ["DISPLAY"] = ":" + os.read(read, 16).decode().strip()
    from scene3d_viewer.conversation import Conversation
    from scene3d_viewer.desktop import DesktopWindow

    talk = Conversation(session)
    window = DesktopWindow(talk, first=QUESTIONS[:1])

    def wait_and_close() -> None:
        while not talk.exchanges:
            time.sleep(0.1)
        time.sleep(20)  # software rendering
        shutil.copy(folder / "Xvfb_screen0", folder / "window.xwd")
        window.close()

    threading.Thread(target=wait_and_close, daemon=True).start()
    window.run()
    display.terminate()
    read_xwd(folder / "window.xwd").save(picture, optimize=True)


def read_xwd(path: Path) -> Image.Image:
    """The picture that Xvfb keeps of its screen: a header of big-endian words, colour entries, then B G R x."""
    content = path.read_bytes()
    header = struct.unpack(">25I", content[:100])
    start, width, height, line = header[0] + 12 * header[19], header[4], header[5], header[12]
    pixel = np.frombuffer(content, np.uint8, height * line, start).reshape(height, line // 4, 4)
    return Image.fromarray(np.ascontiguousarray(pixel[:, :width, 2::-1]))


if __name__ == "__main__":
    sys.exit(main())
