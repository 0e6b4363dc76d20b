"""Writes `tiny.sh3f`: a furniture library of our own in Sweet Home 3D's format, a few boxes to each piece."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

HERE = Path(__file__).parent
_STAMP = (2024, 1, 1, 0, 0, 0)
Box = tuple[float, float, float, float, float, float, str]
"""Low corner and size, metres, x right, y to the back, z up, then the material."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TinyPiece:
    """A piece as boxes."""

    name: str
    boxes: tuple[Box, ...]

    def size_m(self) -> tuple[float, float, float]:
        """Extent along x, y, z."""
        low = np.min([box[:3] for box in self.boxes], axis=0)
        high = np.max([np.add(box[:3], box[3:6]) for box in self.boxes], axis=0)
        width, depth, height = (high - low).tolist()
        return width, depth, height


def pieces() -> Iterator[TinyPiece]:
    """Three variants of each kind that the layout cannot build itself."""
    for number, grow in enumerate((0.92, 1.0, 1.08), start=1):
        g = grow
        legs = tuple((x, y, 0.0, 0.04, 0.04, 0.42, "wood") for x in (0.0, 0.4 * g) for y in (0.0, 0.4 * g))
        seat = (0.0, 0.0, 0.42, 0.44 * g, 0.44 * g, 0.05, "cloth")
        back = (0.0, 0.40 * g, 0.47, 0.44 * g, 0.04, 0.42 * g, "cloth")
        yield TinyPiece(name=f"chair{number}", boxes=(*legs, seat, back))
        foot = ((0.2 * g, 0.2 * g, 0.0, 0.05, 0.05, 0.42, "metal"), (0.0, 0.2 * g, 0.0, 0.45 * g, 0.05, 0.05, "metal"))
        yield TinyPiece(name=f"officeChair{number}", boxes=(*foot, seat, back))
        for name, width in (("armchair", 0.85), ("sofa", 1.9)):
            yield TinyPiece(name=f"{name}{number}", boxes=_upholstered(width * g, 0.85 * g))
        mattress = (0.0, 0.0, 0.2, 1.5 * g, 2.0, 0.3, "cloth")
        head = (0.0, 2.0, 0.0, 1.5 * g, 0.06, 1.0 * g, "wood")
        yield TinyPiece(name=f"bed{number}", boxes=((0.0, 0.0, 0.0, 1.5 * g, 2.0, 0.2, "wood"), mattress, head))
        bowl = ((0.05, 0.0, 0.0, 0.28 * g, 0.5, 0.4, "white"), (0.0, 0.5, 0.0, 0.38 * g, 0.18, 0.8 * g, "white"))
        yield TinyPiece(name=f"toilet{number}", boxes=bowl)
        basin = ((0.2 * g, 0.2, 0.0, 0.15, 0.15, 0.75, "white"), (0.0, 0.0, 0.75, 0.55 * g, 0.42, 0.12, "white"))
        yield TinyPiece(name=f"washbasin{number}", boxes=basin)
        yield TinyPiece(name=f"bath{number}", boxes=_tub(1.7 * g, 0.75, 0.55))
        top = (0.0, 0.0, 0.85, 0.6 * g, 0.6, 0.04, "metal")
        yield TinyPiece(name=f"cooker{number}", boxes=((0.0, 0.02, 0.0, 0.6 * g, 0.58, 0.85, "white"), top))


def _upholstered(width: float, depth: float) -> tuple[Box, ...]:
    arms = tuple((x, 0.0, 0.0, 0.15, depth, 0.6, "cloth") for x in (0.0, width - 0.15))
    seat = (0.15, 0.0, 0.0, width - 0.3, depth - 0.2, 0.42, "cloth")
    return (*arms, seat, (0.15, depth - 0.2, 0.0, width - 0.3, 0.2, 0.8, "cloth"))


def _tub(width: float, depth: float, height: float) -> tuple[Box, ...]:
    sides = tuple((0.0, y, 0.0, width, 0.08, height, "white") for y in (0.0, depth - 0.08))
    ends = tuple((x, 0.08, 0.0, 0.08, depth - 0.16, height, "white") for x in (0.0, width - 0.08))
    return (*sides, *ends, (0.08, 0.08, 0.0, width - 0.16, depth - 0.16, 0.1, "white"))


def obj_text(piece: TinyPiece) -> str:
    """The piece as OBJ, centimetres, y up, front to +z."""
    lines = [f"mtllib {piece.name}.mtl", "vt 0 0", "vt 1 0", "vt 1 1", "vt 0 1"]
    faces = []
    for index, (x, y, z, width, depth, height, material) in enumerate(piece.boxes):
        lines += [
            f"v {100 * (x + i * width):.2f} {100 * (z + k * height):.2f} {-100 * (y + j * depth):.2f}"
            for k in (0, 1)
            for j in (0, 1)
            for i in (0, 1)
        ]
        faces.append(f"usemtl {material}")
        sides = ((1, 2, 6, 5), (2, 4, 8, 6), (4, 3, 7, 8), (3, 1, 5, 7), (5, 6, 8, 7), (3, 4, 2, 1))
        corners = (enumerate(side, start=1) for side in sides)
        faces += ["f " + " ".join(f"{8 * index + corner}/{turn}" for turn, corner in side) for side in corners]
    return "\n".join([*lines, *faces, ""])


def mtl_text(number: int) -> str:
    """Materials; the cloth carries a picture."""
    plain = {"wood": "0.55 0.36 0.2", "metal": "0.6 0.6 0.62", "white": "0.95 0.95 0.93"}
    text = "".join(f"newmtl {name}\nKd {rgb}\n" for name, rgb in plain.items())
    return text + f"newmtl cloth\nKd 1 1 1\nmap_Kd cloth{number}.png\n"


def cloth_png(number: int) -> bytes:
    """A small striped picture."""
    colours = ((160, 40, 40), (40, 80, 150), (60, 120, 70))
    pixels = np.full((8, 8, 3), colours[number % 3], np.uint8)
    pixels[::4] = 230
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="PNG")
    return buffer.getvalue()


def properties_text(all_pieces: list[TinyPiece]) -> str:
    """The catalogue file."""
    lines = ["id=scene3d#tiny", "name=scene3d tiny", "license=Apache-2.0"]
    for number, piece in enumerate(all_pieces, start=1):
        width, depth, height = piece.size_m()
        values = {"id": f"scene3d#{piece.name}", "name": piece.name.rstrip("123"), "category": "Tiny"}
        values |= {"icon": f"/{piece.name}/icon.png", "model": f"/{piece.name}/{piece.name}.obj"}
        values |= {"width": f"{100 * width:.1f}", "depth": f"{100 * depth:.1f}", "height": f"{100 * height:.1f}"}
        values |= {"movable": "true", "doorOrWindow": "false", "creator": "scene3d"}
        lines += [f"{key}#{number}={value}" for key, value in values.items()]
    return "\n".join([*lines, ""])


def write(path: Path) -> Path:
    """Write the library; the same bytes every time."""
    all_pieces = list(pieces())
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:

        def add(name: str, data: str | bytes) -> None:
            info = zipfile.ZipInfo(name, _STAMP)
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, data)

        add("PluginFurnitureCatalog.properties", properties_text(all_pieces).encode("latin-1"))
        for piece in all_pieces:
            number = int(piece.name[-1])
            add(f"{piece.name}/{piece.name}.obj", obj_text(piece))
            add(f"{piece.name}/{piece.name}.mtl", mtl_text(number))
            add(f"{piece.name}/cloth{number}.png", cloth_png(number))
    return path


if __name__ == "__main__":
    print(write(HERE / "tiny.sh3f"))
