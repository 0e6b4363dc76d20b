"""A display that nobody sees, for pictures, timings and tests of the window: Xvfb, and what it shows."""

from __future__ import annotations

import os
import struct
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Self

import numpy as np
from PIL import Image


class HiddenDisplay:
    """An X server without a screen, while the context lasts.

    Args:
        width: Of its screen, pixels.
        height: Of its screen, pixels.
    """

    def __init__(self, width: int, height: int) -> None:
        self._size = (width, height)

    def __enter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory()
        read, write = os.pipe()
        screen = "{}x{}x24".format(*self._size)
        command = ["Xvfb", "-displayfd", str(write), "-screen", "0", screen, "-fbdir", self._folder.name]
        self._server = subprocess.Popen(command, pass_fds=[write], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(write)
        with os.fdopen(read) as told:
            self.name = f":{told.readline().strip()}"
        return self

    def __exit__(self, *_: object) -> None:
        self._server.terminate()
        self._server.wait()
        self._folder.cleanup()

    def picture(self) -> Image.Image:
        """What its screen shows now."""
        return _read_xwd((Path(self._folder.name) / "Xvfb_screen0").read_bytes())

    def still_picture(self, *, still_s: float = 5.0, at_most_s: float = 120.0) -> Image.Image:
        """What its screen shows once that has not changed for a while.

        Raises:
            TimeoutError: It goes on changing.
        """
        end, since, last = time.monotonic() + at_most_s, time.monotonic(), self.picture()
        while time.monotonic() - since < still_s:
            if time.monotonic() > end:
                raise TimeoutError(f"the screen still changes after {at_most_s:g} s")
            time.sleep(0.2)
            now = self.picture()
            if now.tobytes() != last.tobytes():
                since, last = time.monotonic(), now
        return last


def _read_xwd(content: bytes) -> Image.Image:
    """Xvfb's picture of its screen: a header of big-endian words, colour entries, then B G R x."""
    header = struct.unpack(">25I", content[:100])
    start, width, height, line = header[0] + 12 * header[19], header[4], header[5], header[12]
    pixel = np.frombuffer(content, np.uint8, height * line, start).reshape(height, line // 4, 4)
    return Image.fromarray(np.ascontiguousarray(pixel[:, :width, 2::-1]))
