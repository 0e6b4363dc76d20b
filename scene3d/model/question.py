"""A question as it is put to an encoded scene."""

from __future__ import annotations

from dataclasses import dataclass

from scene3d.model.markup import REF

THIS = "this object"
"""What is said for what the user selected."""
REMEMBERED = 3
"""Exchanges of a dialogue that the model is reminded of, in training and in use."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One exchange of a dialogue that came before."""

    user: str
    """With "this object" for what the user selected."""
    answer: str
    """As shown, without markup."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One thing asked."""

    text: str
    """The first `<ref>` in it stand for the selected objects; further selected ones are appended."""
    select: tuple[int, ...] = ()
    """Referents that the user selected."""
    before: tuple[Said, ...] = ()
    """Earlier exchanges of the dialogue, oldest first."""
    spoken_of: tuple[int, ...] = ()
    """Referents that the last answer named: what "it" may stand for."""

    def in_words(self) -> str:
        """The text, with words for what the user selected."""
        missing = len(self.select) - self.text.count(REF)
        return self.text.replace(REF, THIS, len(self.select)) + f" {THIS}" * max(0, missing)

    def spoken(self) -> str:
        """What the sentence encoder is given: the last question comes along."""
        return f"{self.before[-1].user} {self.in_words()}" if self.before else self.in_words()
