"""The `scene3d` command: composes the commands that the rooms below it offer."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping

from rich.console import Console
from rich.markup import escape
from tyro.extras import SubcommandApp

from scene3d.commands import (
    ask,
    doctor,
    evaluate,
    evaluate_text,
    plan,
    prepare,
    quality,
    segment,
    serve,
    setup,
    synth,
    train,
)
from scene3d.errors import Scene3DError

Commands = Mapping[str, Callable[..., None]]


def build_app(more: Commands | None = None) -> SubcommandApp:
    """All commands; each imports what it needs when it runs, so that `--help` is quick.

    Args:
        more: Commands of packages above this one.
    """
    reading = setup.COMMANDS | doctor.COMMANDS | segment.COMMANDS | ask.COMMANDS
    acting = plan.COMMANDS | serve.COMMANDS
    app = _group(reading | acting | synth.COMMANDS | quality.COMMANDS | dict(more or {}))
    app.command(_group(prepare.COMMANDS), name="prepare")
    app.command(_group(train.COMMANDS), name="train")
    app.command(_group(evaluate.COMMANDS | evaluate_text.COMMANDS), name="evaluate")
    return app


def main(arguments: list[str] | None = None, *, more: Commands | None = None) -> None:
    """Entry point. Errors that scene3d raises on purpose are printed as one message, exit status 2.

    Args:
        arguments: Of the command line; those of the process if not given.
        more: Commands of packages above this one.
    """
    try:
        build_app(more).cli(prog="scene3d", args=arguments)
    except Scene3DError as error:
        Console(stderr=True, soft_wrap=True).print(f"[bold red]scene3d:[/] {escape(str(error))}", highlight=False)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)


def _group(commands: Commands) -> SubcommandApp:
    app = SubcommandApp()
    for name, function in commands.items():
        app.command(function, name=name)  # type: ignore[call-overload]
    return app
