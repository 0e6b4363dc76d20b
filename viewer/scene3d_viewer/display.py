"""What there is to draw with here. Asked first, since toolkits end the process where there is no display."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from scene3d.errors import InputError


def require_display(scan: Path) -> None:
    """Raise unless there is a display.

    Raises:
        InputError: There is none; the message names the other ways to look at the scan.
    """
    if sys.platform.startswith("linux") and not os.environ.get("DISPLAY") and not os.environ.get("WAYLAND_DISPLAY"):
        raise InputError(
            f"there is no display here (DISPLAY is not set); `scene3d view {scan} --web` shows the same in a browser, "
            "--html writes a page, --png a picture"
        )


def has_graphics_device() -> bool:
    """Whether windows are drawn by a graphics device; on Linux they may be drawn by the processor alone, slowly."""
    devices = ("dri/renderD*", "nvidia[0-9]*", "dxg")  # of the kernel, of Nvidia's driver, of Windows' Linux
    return not sys.platform.startswith("linux") or any(any(Path("/dev").glob(device)) for device in devices)
