"""The `scene3d` command in full: what the toolkit offers, and the viewer's `view` and `demo`."""

from __future__ import annotations

from scene3d import cli
from scene3d_viewer.commands import COMMANDS


def main(arguments: list[str] | None = None) -> None:
    """Entry point; see `scene3d.cli.main`."""
    cli.main(arguments, more=COMMANDS)
