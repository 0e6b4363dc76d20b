"""One picture of what was found: the scan from above and from a corner, objects coloured and named."""

from __future__ import annotations

import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from scene3d.geometry.splat import View, oblique_view, project_view, spacing, splat, top_view
from scene3d.model.outputs import owners
from scene3d.model.palette import colour_of, object_colours
from scene3d.types import Proposals, Scene

_SIZE = 720
_CUT_M = 2.0
"""Above this height over the floor, points hide a room rather than show it."""


def draw_proposals(scene: Scene, found: Proposals, *, least_score: float = 0.3) -> Image.Image:
    """Draw the objects with at least `least_score`, as scanned and as found, from above and from a corner."""
    keep = [i for i, score in enumerate(found.score.tolist()) if score >= least_score]
    xyz_m = scene.xyz_m
    floor = float(xyz_m[:, 2].kthvalue(max(1, len(xyz_m) // 100)).values)
    shown = xyz_m[:, 2] < floor + _CUT_M
    shown = shown if int(shown.sum()) > len(shown) // 2 else torch.ones_like(shown)
    scanned = torch.full((len(xyz_m), 3), 160, dtype=torch.uint8) if scene.rgb is None else scene.rgb
    owner = owners(found)
    chosen = torch.isin(owner, torch.tensor([found.id[i] for i in keep], dtype=torch.int64))
    tinted = object_colours(torch.where(chosen, owner, -1), scene.rgb)
    sheet = Image.new("RGB", (2 * _SIZE, 2 * _SIZE), "white")
    point_m = 1.5 * spacing(xyz_m)
    for column, view in enumerate((top_view(xyz_m[shown]), oblique_view(xyz_m[shown]))):
        facing = shown & _faces_eye(scene, view)
        for row, colours in enumerate((scanned, tinted)):
            pixels = splat(xyz_m[facing], colours[facing], view, width=_SIZE, height=_SIZE, point_m=point_m)
            tile = Image.fromarray(pixels.numpy())
            if row:
                _name(tile, found, keep, view)
            sheet.paste(tile, (column * _SIZE, row * _SIZE))
    return sheet


def _faces_eye(scene: Scene, view: View) -> Tensor:
    """Points whose surface looks at the eye: walls between the eye and the room have their backs to it."""
    if scene.normal is None:
        return torch.ones(len(scene.xyz_m), dtype=torch.bool)
    towards = torch.tensor(view.eye_m) - scene.xyz_m
    return (scene.normal * towards).sum(1) > -0.05 * towards.norm(dim=1)


def _name(tile: Image.Image, found: Proposals, keep: list[int], view: View) -> None:
    """Write labels at the objects' centres, best first; a label that would cover another is moved down or left out."""
    draw = ImageDraw.Draw(tile)
    font = ImageFont.load_default(size=13)
    centre_m = (found.box[:, :3] + found.box[:, 3:]) / 2
    column, row, _, _ = project_view(centre_m, view, *tile.size)
    taken: list[tuple[float, float, float, float]] = []
    for i in keep:
        text = f"{found.id[i]} {found.label[i]}" if found.label else str(found.id[i])
        for shift in (0, 14, -14, 28):
            box = draw.textbbox((float(column[i]), float(row[i]) + shift), text, font=font, anchor="mm")
            if not any(box[0] < b[2] and b[0] < box[2] and box[1] < b[3] and b[1] < box[3] for b in taken):
                colour = colour_of(torch.tensor([found.id[i]]))[0].tolist()
                draw.rectangle((box[0] - 2, box[1] - 1, box[2] + 2, box[3] + 1), fill="white", outline=tuple(colour))
                draw.text((float(column[i]), float(row[i]) + shift), text, font=font, anchor="mm", fill="black")
                taken.append(box)
                break
