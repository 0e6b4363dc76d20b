"""Pictures of a scene and of answers about it: views side by side, one row per answer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from PIL import Image, ImageDraw, ImageFont

from scene3d.geometry.splat import View, project_view
from scene3d.types import Plan
from scene3d_viewer.labels import place_labels
from scene3d_viewer.layers import Colour, Layers, Marker, markers_of, scale_bar, tint
from scene3d_viewer.session import Exchange
from scene3d_viewer.sight import Sight
from scene3d_viewer.theme import THEMES, Theme, ThemeName, ink_on
from scene3d_viewer.views import first_person, from_above, from_corner

_TILE = (640, 560)
_TEXT_WIDTH = 420
_GAP = 14
_FINER = 2
"""Views are drawn this much larger and reduced, which smooths their edges."""
_MOST_LABELS = 24


def picture(
    layers: Layers,
    view: View,
    *,
    lit: Sequence[int] = (),
    markers: Sequence[Marker] = (),
    size: tuple[int, int] = _TILE,
    theme: ThemeName = "light",
) -> Image.Image:
    """One view: the scan, its lit objects in their colours and named, a plan's markers, a scale bar on parallel views.

    Args:
        layers: The scene.
        view: Where from; what lies above the ceiling cut is left out of views from above it.
        lit: Ids of objects; the rest is pale then.
        markers: Of a plan.
        size: Width and height, pixels.
        theme: light or dark.
    """
    look = THEMES[theme]
    outside = view.eye_m[2] > layers.ceiling_cut_m
    cut_m = layers.ceiling_cut_m if outside else float("inf")
    sight = Sight(layers.surface, below_m=cut_m, eye_m=view.eye_m if outside else None)
    seen = sight.look(view, width=size[0] * _FINER, height=size[1] * _FINER)
    image = Image.fromarray(seen.paint(tint(layers, lit), look.background).numpy()).reduce(_FINER)
    draw = ImageDraw.Draw(image)
    _draw_path(draw, markers, view, image.size, look)
    _draw_labels(draw, layers, lit, view, image.size)
    if view.span_m is not None:
        _draw_scale(draw, view.span_m / min(image.size), image.size, look)
    return image


def overview(layers: Layers, *, theme: ThemeName = "light") -> Image.Image:
    """The scene from above and as a person sees it, as scanned, and from a corner with its objects."""
    everything = tuple(o.id for o in layers.objects if o.score >= 0.3)
    tiles = [
        picture(layers, from_above(layers), theme=theme),
        picture(layers, first_person(layers), theme=theme),
        picture(layers, from_corner(layers), lit=everything, theme=theme),
    ]
    return _row(tiles, THEMES[theme])


def answer_sheet(layers: Layers, exchange: Exchange, *, theme: ThemeName = "light") -> Image.Image:
    """One answer: its text with coloured phrases, and its objects from above and as a person sees them."""
    lit = exchange.objects() + tuple(i for i in exchange.select if i not in exchange.objects())
    tiles = [
        _text_tile(layers, exchange, THEMES[theme]),
        picture(layers, from_above(layers), lit=lit, theme=theme),
        picture(layers, first_person(layers, lit), lit=lit, theme=theme),
    ]
    return _row(tiles, THEMES[theme])


def plan_sheet(layers: Layers, plan: Plan, *, theme: ThemeName = "light") -> Image.Image:
    """A plan: its steps or what is in their way, where they lead, and their objects."""
    lit = tuple(dict.fromkeys(i for step in plan.steps for i in step.args.values()))
    markers = markers_of(layers, plan)
    tiles = [
        _plan_tile(layers, plan, lit, THEMES[theme]),
        picture(layers, from_above(layers), lit=lit, markers=markers, theme=theme),
        picture(layers, first_person(layers, lit), lit=lit, theme=theme),
    ]
    return _row(tiles, THEMES[theme])


def contact_sheet(
    layers: Layers, exchanges: Sequence[Exchange] = (), *, plan: Plan | None = None, theme: ThemeName = "light"
) -> Image.Image:
    """All answers beneath each other, then the plan; the overview where there is neither."""
    rows = [answer_sheet(layers, exchange, theme=theme) for exchange in exchanges]
    rows += [] if plan is None else [plan_sheet(layers, plan, theme=theme)]
    rows = rows or [overview(layers, theme=theme)]
    sheet = Image.new("RGB", (max(r.width for r in rows), sum(r.height for r in rows)), THEMES[theme].background)
    top = 0
    for row in rows:
        sheet.paste(row, (0, top))
        top += row.height
    return sheet


def _row(tiles: list[Image.Image], look: Theme) -> Image.Image:
    width = sum(tile.width for tile in tiles) + _GAP * (len(tiles) + 1)
    row = Image.new("RGB", (width, max(tile.height for tile in tiles) + 2 * _GAP), look.background)
    left = _GAP
    for tile in tiles:
        row.paste(tile, (left, _GAP))
        left += tile.width + _GAP
    return row


def _draw_labels(
    draw: ImageDraw.ImageDraw, layers: Layers, lit: Sequence[int], view: View, size: tuple[int, int]
) -> None:
    objects = sorted((o for o in layers.objects if o.id in set(lit)), key=lambda o: -o.score)[:_MOST_LABELS]
    if not objects:
        return
    font = ImageFont.load_default(size=14)
    middle = torch.tensor([o.box_m for o in objects]).view(-1, 2, 3).mean(1)
    column, row, depth, _ = project_view(middle, view, *size)
    anchors = [
        (x, y) if d > 0.05 else (-1.0, -1.0)
        for x, y, d in zip(column.tolist(), row.tolist(), depth.tolist(), strict=True)
    ]
    sizes = [(draw.textlength(o.name, font=font) + 12, 20.0) for o in objects]
    places = place_labels(anchors, sizes, width=size[0], height=size[1])
    for item, anchor, place in zip(objects, anchors, places, strict=True):
        if place is None:
            continue
        middle_px = ((place[0] + place[2]) / 2, (place[1] + place[3]) / 2)
        if abs(middle_px[0] - anchor[0]) + abs(middle_px[1] - anchor[1]) > 12:
            draw.line((anchor, middle_px), fill=(0, 0, 0), width=1)
        draw.rounded_rectangle(place, 5, fill=(255, 255, 255), outline=item.colour, width=2)
        draw.text(middle_px, item.name, font=font, anchor="mm", fill=(0, 0, 0))


def _draw_path(
    draw: ImageDraw.ImageDraw, markers: Sequence[Marker], view: View, size: tuple[int, int], look: Theme
) -> None:
    if not markers:
        return
    column, row, depth, _ = project_view(torch.tensor([m.at_m for m in markers]), view, *size)
    places = [(x, y) for x, y in zip(column.tolist(), row.tolist(), strict=True)]
    for i in range(1, len(places)):
        if depth[i - 1] > 0.05 and depth[i] > 0.05:
            draw.line((places[i - 1], places[i]), fill=look.text, width=3)
    for marker, (x, y), d in zip(markers, places, depth.tolist(), strict=True):
        if d > 0.05:
            draw.ellipse((x - 12, y - 12, x + 12, y + 12), fill=look.text, outline=look.background, width=2)
            font = ImageFont.load_default(size=15)
            draw.text((x, y), str(marker.number), font=font, anchor="mm", fill=look.background)


def _draw_scale(draw: ImageDraw.ImageDraw, metres_per_pixel: float, size: tuple[int, int], look: Theme) -> None:
    bar = scale_bar(metres_per_pixel * size[0])
    left, bottom = 16, size[1] - 18
    right = left + bar.length_m / metres_per_pixel
    draw.line((left, bottom, right, bottom), fill=look.text, width=3)
    for x in (left, right):
        draw.line((x, bottom - 6, x, bottom + 6), fill=look.text, width=3)
    font = ImageFont.load_default(size=14)
    draw.text(((left + right) / 2, bottom - 8), bar.text, font=font, anchor="mb", fill=look.text)


@dataclass(frozen=True, slots=True)
class _Word:
    text: str
    colour: Colour | None
    """Of the phrase it belongs to."""
    struck: bool = False
    """Part of a phrase that names nothing here."""


def _text_tile(layers: Layers, exchange: Exchange, look: Theme) -> Image.Image:
    tile = Image.new("RGB", (_TEXT_WIDTH, _TILE[1]), look.panel)
    draw = ImageDraw.Draw(tile)
    names = iter([layers.by_id(i) for i in exchange.select])
    asked = []
    for part in exchange.question.replace("<ref>", " <ref> ").split():
        chosen = next(names, None) if part == "<ref>" else None
        asked.append(_Word(chosen.name, chosen.colour) if chosen else _Word(part, None))
    y = _write(draw, asked, 20, ImageFont.load_default(size=18), look.faint)
    y = _write(draw, list(_answer_words(layers, exchange)), y + 12, ImageFont.load_default(size=20), look.text)
    _draw_legend(draw, layers, exchange.objects(), y + 16, look)
    return tile


def _plan_tile(layers: Layers, plan: Plan, lit: Sequence[int], look: Theme) -> Image.Image:
    tile = Image.new("RGB", (_TEXT_WIDTH, _TILE[1]), look.panel)
    draw, font, y = ImageDraw.Draw(tile), ImageFont.load_default(size=18), 20.0
    y = _write(draw, [_Word("Plan" if plan.valid else "No plan", None)], y, font, look.faint) + 12
    remarks = [violation.reason for violation in plan.violations] + list(plan.unresolved)
    for line in [f"{step.i}. {step.text}" for step in plan.steps] + remarks:
        y = _write(draw, [_Word(word, None) for word in line.split()], y, font, look.text)
    _draw_legend(draw, layers, lit, y + 16, look)
    return tile


def _draw_legend(draw: ImageDraw.ImageDraw, layers: Layers, objects: Sequence[int], y: float, look: Theme) -> None:
    small = ImageFont.load_default(size=14)
    for object_id in objects:
        item = layers.by_id(object_id)
        if item is not None and y < _TILE[1] - 24:
            draw.rounded_rectangle((20, y, 36, y + 16), 4, fill=item.colour)
            draw.text((44, y + 8), item.name, font=small, anchor="lm", fill=look.faint)
            y += 22


def _answer_words(layers: Layers, exchange: Exchange) -> Iterator[_Word]:
    answer, at = exchange.answer, 0
    for phrase in answer.phrases:
        yield from (_Word(word, None) for word in answer.text[at : phrase.start].split())
        first = layers.by_id(phrase.objects[0].id) if phrase.objects else None
        yield _Word(answer.text[phrase.start : phrase.end], first.colour if first else None, struck=first is None)
        at = phrase.end
    yield from (_Word(word, None) for word in answer.text[at:].split())


def _write(
    draw: ImageDraw.ImageDraw,
    words: list[_Word],
    y: float,
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
    ink: Colour,
) -> float:
    """Write words with line breaks, those of phrases on their colour; gives the lower end."""
    x, line = 20.0, float(font.size) * 1.65 if isinstance(font, ImageFont.FreeTypeFont) else 20.0
    for word in words:
        wide = draw.textlength(word.text, font=font) + (10 if word.colour else 0)
        ends = word.text[:1] in ".,;:!?"  # stays beside the word before it
        if x + wide > _TEXT_WIDTH - 16 and x > 20 and not (ends and len(word.text) == 1):
            x, y = 20.0, y + line
        if ends and x > 20:
            x -= 4
        if word.colour:
            draw.rounded_rectangle((x, y, x + wide, y + line - 5), 6, fill=word.colour)
            draw.text((x + 5, y + 2), word.text, font=font, fill=ink_on(word.colour))
        else:
            draw.text((x, y + 2), word.text, font=font, fill=ink)
        if word.struck:
            draw.line((x, y + line - 6, x + wide, y + line - 6), fill=ink, width=1)
        x += wide + 6
    return y + line
