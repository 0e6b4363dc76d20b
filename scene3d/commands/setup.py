"""`scene3d setup`: make ready what would otherwise be made when it is first needed."""

from __future__ import annotations

from collections.abc import Callable


def setup() -> None:
    """Convert the language model's file once, so that the first question need not wait for it."""
    from rich.console import Console

    from scene3d.model.smollm import language_folder
    from scene3d.model.text import text_encoder

    console = Console()
    console.print(f"language model: {language_folder()}", highlight=False)
    console.print(f"sentence encoder: {text_encoder().name}", highlight=False)


COMMANDS: dict[str, Callable[..., None]] = {"setup": setup}
