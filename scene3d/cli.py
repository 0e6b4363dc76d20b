"""The `scene3d` command: composes the commands that the rooms below it offer."""

from __future__ import annotations

import sys

from rich.console import Console
from tyro.extras import SubcommandApp

from scene3d.errors import Scene3DError


def build_app() -> SubcommandApp:
    """All commands; each imports what it needs when it runs, so that `--help` is quick."""
    app = SubcommandApp()
    return app


def main(arguments: list[str] | None = None) -> None:
    """Entry point. Errors that scene3d raises on purpose are printed as one message, exit status 2."""
    try:
        build_app().cli(prog="scene3d", args=arguments)
    except Scene3DError as error:
        Console(stderr=True, soft_wrap=True).print(f"[bold red]scene3d:[/] {error}", highlight=False)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
