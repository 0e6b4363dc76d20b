"""What is measured can be printed."""

from rich.console import Console

from scene3d.commands.quality import _PRINTERS
from scene3d.quality.answers import AnswerFigures


def test_answer_figures_are_printed_even_where_nothing_was_asked() -> None:
    console = Console(record=True, width=100)
    _PRINTERS["answers"](AnswerFigures(milliseconds=[100.0]).result(), console)
    assert "plan goals right" in console.export_text()
