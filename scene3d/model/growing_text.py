"""The shown text of an answer while it is written, and the spans of its phrases."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from scene3d.model.language import LanguageModel, Links
from scene3d.model.writing import Step
from scene3d.types import GroundedText, Phrase


@dataclass(slots=True)
class GrowingText:
    """Collects the steps of one answer."""

    model: LanguageModel
    token: list[int] = field(default_factory=list)
    """Of the text, without marks."""
    shown: str = ""
    opened: int = 0
    """Tokens before the phrase that is open."""
    phrases: list[Phrase] = field(default_factory=list)
    first_s: float | None = None
    """When the first piece of text came."""
    finished: bool = False

    def open_phrase(self) -> str:
        """The words of the phrase that is open or closes now."""
        return self._decoded(len(self.token))[len(self._decoded(self.opened)) :].strip()

    def take(self, step: Step, link: Callable[[Links, str, str], Phrase]) -> Iterator[str | Phrase]:
        """Add a step; gives what became visible by it.

        Args:
            step: Of this answer.
            link: Makes a phrase of its links, the text before it and its words.
        """
        if step.opened:
            self.opened = len(self.token)
        elif step.links is not None:
            words, text = self.open_phrase(), self._decoded(len(self.token)).rstrip()
            if not words:  # a phrase of blanks names nothing
                return
            phrase = link(step.links, text.removesuffix(words), words)
            self.phrases.append(phrase)
            yield phrase
        elif step.token is not None:
            self.token.append(step.token)
            text = self._decoded(len(self.token))
            if not text.endswith("\ufffd") and len(text) > len(self.shown):  # else half of a character is missing
                piece, self.shown = text[len(self.shown) :], text
                self.first_s = self.first_s or time.perf_counter()
                yield piece

    def finish(self, started_s: float) -> GroundedText:
        """The whole answer, with the times since `started_s`."""
        self.finished = True
        now = time.perf_counter()
        times = {"first token": 1000 * ((self.first_s or now) - started_s), "all": 1000 * (now - started_s)}
        return GroundedText(text=self._decoded(len(self.token)).rstrip(), phrases=tuple(self.phrases), timings_ms=times)

    def _decoded(self, count: int) -> str:
        """The first `count` tokens as text; an answer does not begin with a blank."""
        text = self.model.tokenizer.decode(
            self.token[:count], skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
        return text.lstrip()
