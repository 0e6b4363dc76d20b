"""Draws a reliability diagram and the risk–coverage curve into one picture."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image, ImageDraw, ImageFont

from scene3d.errors import InputError

_SIDE, _LEFT, _TOP, _GAP = 420, 80, 70, 110
_INK, _GREY, _BLUE, _ORANGE = "#222222", "#c8c8c8", "#4c78a8", "#d9663b"


def save_reliability_plot(result: Mapping[str, Any], path: Path) -> None:
    """Draw what `AbstentionMetrics.result` returned.

    Left: accuracy per bin of confidence as bars, the bar's width its bin, with perfect calibration as the diagonal.
    Right: the risk at each coverage.

    Raises:
        InputError: The file cannot be written, or its ending is of no picture format.
    """
    picture = Image.new("RGB", (2 * _SIDE + _LEFT + _GAP + 40, _SIDE + _TOP + 80), "white")
    draw = ImageDraw.Draw(picture)
    bars = _Axes(draw, _LEFT, f"Reliability: ECE {result['ece']:.3f}, Brier {result['brier']:.3f}", 1.0)
    for bin_ in result["reliability"]:
        corner = [*bars.at(bin_["low"], bin_["accuracy"]), *bars.at(bin_["high"], 0.0)]
        draw.rectangle(corner, fill=_BLUE, outline="white")
    bars.line([(0.0, 0.0), (1.0, 1.0)], _GREY)
    bars.label("confidence", "accuracy")
    risks = [(point["coverage"], point["risk"]) for point in result["risk_coverage"]]
    highest = max(0.1, max(risk for _, risk in risks))
    curve = _Axes(draw, _LEFT + _SIDE + _GAP, f"Risk and coverage: AURC {result['aurc']:.3f}", highest)
    curve.line(risks, _ORANGE)
    curve.label("coverage", "risk")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        picture.save(path)
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: the plot cannot be written: {error}; give a name such as plot.png") from error


class _Axes(NamedTuple):
    """A square plot of x in 0–1 and y in 0–`top`."""

    draw: ImageDraw.ImageDraw
    left: int
    title: str
    top: float

    def at(self, x: float, y: float) -> tuple[float, float]:
        return self.left + x * _SIDE, _TOP + _SIDE * (1 - y / self.top)

    def line(self, points: list[tuple[float, float]], colour: str) -> None:
        self.draw.line([self.at(x, y) for x, y in points], fill=colour, width=3, joint="curve")

    def label(self, x_name: str, y_name: str) -> None:
        draw, font = self.draw, ImageFont.load_default(15)
        draw.text((self.left, _TOP - 45), self.title, fill=_INK, font=ImageFont.load_default(18))
        draw.rectangle([*self.at(0.0, self.top), *self.at(1.0, 0.0)], outline=_INK)
        for i in range(6):
            x, y = i / 5, self.top * i / 5
            draw.text(self.at(x, 0.0), f"{x:.1f}", fill=_INK, font=font, anchor="ma")
            draw.text((self.left - 6, self.at(0.0, y)[1]), f"{y:.2g}", fill=_INK, font=font, anchor="rm")
        draw.text((self.left + _SIDE / 2, _TOP + _SIDE + 26), x_name, fill=_INK, font=font, anchor="ma")
        draw.text((self.left - 6, _TOP - 18), y_name, fill=_INK, font=font, anchor="rm")
