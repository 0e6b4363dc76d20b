"""A question as it is put to an encoded scene."""

from __future__ import annotations

from dataclasses import dataclass

from scene3d.model.markup import REF, slots


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One exchange of a dialogue that came before."""

    user: str
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

    def spoken(self) -> str:
        """What the sentence encoder is given: selected objects are spoken of as such, the last question comes along."""
        parts = slots(self.text, len(self.select))
        text = "this object".join(parts) if self.text.count(REF) >= len(self.select) else " this object".join(parts)
        return f"{self.before[-1].user.replace(REF, 'this object')} {text}" if self.before else text
