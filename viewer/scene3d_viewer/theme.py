"""Dark and light: the few colours that are not an object's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from scene3d_viewer.layers import Colour

ThemeName = Literal["light", "dark"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Theme:
    """Colours of everything around the scan."""

    background: Colour
    panel: Colour
    text: Colour
    faint: Colour


THEMES: dict[ThemeName, Theme] = {
    "light": Theme(background=(255, 255, 255), panel=(244, 245, 247), text=(24, 27, 32), faint=(110, 116, 126)),
    "dark": Theme(background=(22, 24, 29), panel=(32, 35, 42), text=(232, 234, 238), faint=(150, 156, 166)),
}


def ink_on(colour: Colour) -> Colour:
    """Black or white, whichever reads better on a colour."""
    red, green, blue = ((c / 255) ** 2.2 for c in colour)
    return (0, 0, 0) if 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.18 else (255, 255, 255)
