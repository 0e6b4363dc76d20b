"""Furniture of our own making, where the catalogues lack a kind or variety: one table of kinds, sizes and builders."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from scene3d.synth.builtin import devices, on_walls, small, soft, storage
from scene3d.synth.room import TexturedMesh

Range = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnKind:
    """One kind of thing that we build, in several styles and any size within its ranges."""

    name: str
    label: str
    """ScanNet200 name."""
    build: Callable[..., TexturedMesh]
    """`build(rng, style, width=, depth=, height=)`: front to -y, standing on z = 0, centred."""
    width_m: Range
    depth_m: Range
    height_m: Range
    material: str = ""
    has_front: bool = False
    styles: int = 6

    def model_ids(self) -> tuple[str, ...]:
        """One id for each style, `own/<name>-<style>`."""
        return tuple(f"own/{self.name}-{style}" for style in range(self.styles))


def _kind(
    name: str,
    label: str,
    build: Callable[..., TexturedMesh],
    size: tuple[Range, Range, Range],
    material: str,
    *,
    front: bool = True,
    styles: int = 6,
) -> OwnKind:
    return OwnKind(
        name=name,
        label=label,
        build=build,
        width_m=size[0],
        depth_m=size[1],
        height_m=size[2],
        material=material,
        has_front=front,
        styles=styles,
    )


KINDS: tuple[OwnKind, ...] = (
    _kind("cabinet", "cabinet", storage.cabinet, ((0.5, 1.4), (0.35, 0.55), (0.7, 1.8)), "wood", styles=10),
    _kind("wardrobe", "wardrobe", storage.cabinet, ((0.8, 2.0), (0.5, 0.65), (1.8, 2.2)), "wood", styles=5),
    _kind("closet", "closet", storage.cabinet, ((1.2, 2.4), (0.5, 0.65), (2.0, 2.3)), "wood", styles=5),
    _kind("dresser", "dresser", storage.cabinet, ((0.8, 1.5), (0.4, 0.5), (0.7, 1.1)), "wood", styles=5),
    _kind("nightstand", "nightstand", storage.cabinet, ((0.38, 0.55), (0.35, 0.45), (0.42, 0.62)), "wood", styles=5),
    _kind("file-cabinet", "file cabinet", storage.cabinet, ((0.4, 0.48), (0.5, 0.62), (0.6, 1.35)), "metal", styles=5),
    _kind("tv-stand", "tv stand", storage.cabinet, ((1.0, 1.8), (0.38, 0.48), (0.4, 0.6)), "wood", styles=5),
    _kind("kitchen-cabinet", "kitchen cabinet", storage.cabinet,
          ((0.4, 0.9), (0.32, 0.36), (0.6, 0.8)), "wood", styles=5),
    _kind("bathroom-cabinet", "bathroom cabinet", storage.cabinet,
          ((0.4, 0.8), (0.15, 0.3), (0.5, 0.8)), "wood", styles=5),
    _kind("kitchen-counter", "kitchen counter", storage.counter, ((0.6, 2.2), (0.6, 0.64), (0.86, 0.92)), "stone"),
    _kind("counter", "counter", storage.counter, ((1.0, 2.2), (0.55, 0.8), (0.88, 1.05)), "stone"),
    _kind("bookshelf", "bookshelf", storage.shelf, ((0.6, 1.3), (0.26, 0.36), (1.1, 2.1)), "wood", styles=8),
    _kind("shelf", "shelf", storage.shelf, ((0.5, 1.2), (0.3, 0.45), (0.7, 1.9)), "wood", styles=8),
    _kind("wall-shelf", "shelf", storage.wall_shelf, ((0.5, 1.3), (0.18, 0.28), (0.3, 0.9)), "wood"),
    _kind("table", "table", storage.table, ((0.8, 1.8), (0.7, 0.95), (0.7, 0.78)), "wood", front=False, styles=8),
    _kind("dining-table", "dining table", storage.table,
          ((1.2, 2.0), (0.8, 1.0), (0.72, 0.78)), "wood", front=False, styles=8),
    _kind("coffee-table", "coffee table", storage.table,
          ((0.7, 1.3), (0.5, 0.75), (0.36, 0.5)), "wood", front=False, styles=8),
    _kind("end-table", "end table", storage.table,
          ((0.4, 0.6), (0.4, 0.6), (0.45, 0.62)), "wood", front=False, styles=8),
    _kind("desk", "desk", storage.desk, ((1.0, 1.8), (0.6, 0.85), (0.71, 0.77)), "wood", styles=6),
    _kind("door", "door", on_walls.door, ((0.75, 0.95), (0.045, 0.05), (1.98, 2.1)), "wood", styles=10),
    _kind("closet-door", "closet door", on_walls.door, ((0.6, 0.8), (0.045, 0.05), (1.95, 2.1)), "wood", styles=5),
    _kind("window", "window", on_walls.window, ((0.7, 2.2), (0.08, 0.14), (0.9, 1.5)), "glass", styles=10),
    _kind("picture", "picture", on_walls.picture, ((0.25, 1.1), (0.02, 0.035), (0.25, 0.9)), "paper", styles=10),
    _kind("poster", "poster", on_walls.poster, ((0.3, 0.8), (0.006, 0.01), (0.4, 1.0)), "paper"),
    _kind("mirror", "mirror", on_walls.mirror, ((0.4, 0.9), (0.02, 0.04), (0.6, 1.3)), "glass"),
    _kind("whiteboard", "whiteboard", on_walls.whiteboard, ((1.0, 2.8), (0.06, 0.10), (0.9, 1.3)), "metal"),
    _kind("blackboard", "blackboard", on_walls.blackboard, ((1.2, 2.8), (0.03, 0.05), (0.9, 1.2)), "wood", styles=5),
    _kind("bulletin-board", "bulletin board", on_walls.bulletin_board, ((0.6, 1.5), (0.03, 0.05), (0.5, 1.0)), "wood"),
    _kind("blinds", "blinds", on_walls.blinds, ((0.7, 2.2), (0.04, 0.06), (0.5, 1.5)), "plastic"),
    _kind("radiator", "radiator", on_walls.radiator, ((0.5, 1.4), (0.08, 0.14), (0.4, 0.65)), "metal"),
    _kind("clock", "clock", on_walls.clock, ((0.25, 0.38), (0.03, 0.05), (0.25, 0.38)), "plastic"),
    _kind("light-switch", "light switch", on_walls.switch_plate,
          ((0.08, 0.16), (0.012, 0.02), (0.08, 0.12)), "plastic"),
    _kind("power-outlet", "power outlet", on_walls.switch_plate,
          ((0.08, 0.16), (0.012, 0.02), (0.08, 0.12)), "plastic"),
    _kind("paper-towel-dispenser", "paper towel dispenser", on_walls.paper_towel_dispenser,
          ((0.26, 0.34), (0.12, 0.2), (0.3, 0.45)), "plastic"),
    _kind("coat-rack", "coat rack", on_walls.coat_rack, ((0.5, 1.0), (0.08, 0.12), (0.15, 0.2)), "wood"),
    _kind("pillow", "pillow", soft.pillow, ((0.4, 0.7), (0.35, 0.5), (0.10, 0.18)), "fabric", front=False, styles=10),
    _kind("cushion", "cushion", soft.pillow, ((0.35, 0.5), (0.35, 0.5), (0.10, 0.18)), "fabric", front=False, styles=8),
    _kind("blanket", "blanket", soft.blanket, ((0.5, 0.9), (0.4, 0.7), (0.08, 0.15)), "fabric", front=False),
    _kind("clothes", "clothes", soft.clothes, ((0.35, 0.7), (0.3, 0.6), (0.10, 0.25)), "fabric", front=False, styles=8),
    _kind("mat", "mat", soft.rug, ((0.6, 2.4), (0.45, 1.7), (0.008, 0.02)), "fabric", front=False, styles=10),
    _kind("curtain", "curtain", soft.curtain, ((0.4, 0.9), (0.10, 0.16), (1.4, 2.4)), "fabric", styles=8),
    _kind("shower-curtain", "shower curtain", soft.curtain, ((0.9, 1.5), (0.10, 0.16), (1.8, 1.95)), "fabric"),
    _kind("towel", "towel", soft.towel, ((0.4, 0.6), (0.08, 0.10), (0.5, 0.8)), "fabric"),
    _kind("folded-towel", "towel", soft.folded_towel, ((0.3, 0.45), (0.22, 0.3), (0.15, 0.24)), "fabric", front=False),
    _kind("backpack", "backpack", soft.backpack, ((0.28, 0.36), (0.2, 0.28), (0.4, 0.52)), "fabric"),
    _kind("bag", "bag", soft.bag, ((0.28, 0.5), (0.12, 0.28), (0.25, 0.42)), "fabric", front=False, styles=9),
    _kind("shoe", "shoe", soft.shoe, ((0.22, 0.28), (0.26, 0.32), (0.10, 0.16)), "leather"),
    _kind("monitor", "monitor", devices.monitor, ((0.42, 0.68), (0.16, 0.24), (0.36, 0.52)), "plastic", styles=10),
    _kind("tv", "tv", devices.tv, ((0.8, 1.45), (0.2, 0.28), (0.5, 0.85)), "plastic", styles=6),
    _kind("keyboard", "keyboard", devices.keyboard, ((0.36, 0.47), (0.13, 0.18), (0.02, 0.035)), "plastic"),
    _kind("mouse", "mouse", devices.mouse, ((0.06, 0.07), (0.10, 0.12), (0.03, 0.04)), "plastic"),
    _kind("laptop", "laptop", devices.laptop, ((0.3, 0.38), (0.21, 0.26), (0.2, 0.26)), "plastic"),
    _kind("computer-tower", "computer tower", devices.computer_tower,
          ((0.17, 0.22), (0.4, 0.5), (0.36, 0.48)), "metal"),
    _kind("telephone", "telephone", devices.telephone, ((0.18, 0.24), (0.18, 0.24), (0.07, 0.11)), "plastic"),
    _kind("table-lamp", "lamp", devices.lamp, ((0.18, 0.35), (0.18, 0.35), (0.32, 0.6)), "fabric", front=False),
    _kind("floor-lamp", "lamp", devices.lamp, ((0.28, 0.42), (0.28, 0.42), (1.3, 1.7)), "metal", front=False),
    _kind("ceiling-light", "ceiling light", devices.ceiling_light,
          ((0.3, 1.2), (0.25, 0.5), (0.06, 0.3)), "glass", front=False, styles=8),
    _kind("printer", "printer", devices.printer, ((0.38, 0.5), (0.35, 0.45), (0.2, 0.38)), "plastic"),
    _kind("copier", "copier", devices.copier, ((0.55, 0.7), (0.6, 0.7), (1.0, 1.2)), "plastic"),
    _kind("refrigerator", "refrigerator", devices.appliance, ((0.55, 0.8), (0.6, 0.7), (1.4, 1.9)), "metal"),
    _kind("mini-fridge", "mini fridge", devices.appliance, ((0.45, 0.55), (0.45, 0.55), (0.5, 0.85)), "metal"),
    _kind("dishwasher", "dishwasher", devices.appliance, ((0.58, 0.6), (0.58, 0.62), (0.84, 0.88)), "metal"),
    _kind("oven", "oven", devices.appliance, ((0.58, 0.62), (0.58, 0.62), (0.84, 0.9)), "metal"),
    _kind("microwave", "microwave", devices.appliance, ((0.42, 0.52), (0.32, 0.4), (0.25, 0.31)), "metal"),
    _kind("speaker", "speaker", devices.speaker, ((0.15, 0.3), (0.18, 0.3), (0.28, 0.9)), "wood"),
    _kind("book-row", "book", small.books, ((0.15, 0.5), (0.14, 0.2), (0.18, 0.26)), "paper", styles=6),
    _kind("book-pile", "book", small.book_pile,
          ((0.16, 0.22), (0.22, 0.3), (0.10, 0.16)), "paper", front=False, styles=10),
    _kind("paper", "paper", small.paper, ((0.2, 0.22), (0.28, 0.3), (0.004, 0.03)), "paper", front=False),
    _kind("cup", "cup", small.cup, ((0.08, 0.11), (0.08, 0.10), (0.08, 0.12)), "ceramic", front=False),
    _kind("bottle", "bottle", small.bottle,
          ((0.06, 0.10), (0.06, 0.10), (0.18, 0.32)), "plastic", front=False, styles=9),
    _kind("bowl", "bowl", small.bowl, ((0.14, 0.3), (0.14, 0.3), (0.06, 0.1)), "ceramic", front=False),
    _kind("plate", "plate", small.bowl, ((0.18, 0.27), (0.18, 0.27), (0.015, 0.025)), "ceramic", front=False),
    _kind("vase", "decoration", small.vase, ((0.1, 0.25), (0.1, 0.25), (0.18, 0.45)), "ceramic", front=False, styles=9),
    _kind("carton", "box", small.carton, ((0.25, 0.6), (0.22, 0.45), (0.15, 0.45)), "cardboard", front=False, styles=8),
    _kind("shoebox", "box", small.shoebox,
          ((0.2, 0.38), (0.18, 0.28), (0.10, 0.2)), "cardboard", front=False, styles=8),
    _kind("trash-can", "trash can", small.bin_,
          ((0.24, 0.42), (0.24, 0.42), (0.28, 0.7)), "plastic", front=False, styles=10),
    _kind("recycling-bin", "recycling bin", small.bin_,
          ((0.3, 0.45), (0.3, 0.45), (0.35, 0.75)), "plastic", front=False),
    _kind("laundry-basket", "laundry basket", small.bin_,
          ((0.4, 0.5), (0.4, 0.5), (0.5, 0.65)), "plastic", front=False),
    _kind("storage-bin", "storage bin", small.storage_bin,
          ((0.3, 0.6), (0.25, 0.42), (0.2, 0.38)), "plastic", front=False),
    _kind("plant", "plant", small.plant, ((0.2, 0.6), (0.2, 0.6), (0.3, 1.2)), "plant", front=False),
    _kind("ball", "ball", small.ball, ((0.18, 0.25), (0.18, 0.25), (0.18, 0.25)), "plastic", front=False),
    _kind("paper-towel-roll", "paper towel roll", small.roll,
          ((0.11, 0.13), (0.11, 0.13), (0.22, 0.26)), "paper", front=False),
    _kind("toilet-paper", "toilet paper", small.roll, ((0.10, 0.12), (0.10, 0.12), (0.09, 0.11)), "paper", front=False),
    _kind("tissue-box", "tissue box", small.tissue_box, ((0.2, 0.25), (0.11, 0.13), (0.1, 0.16)), "paper", front=False),
    _kind("suitcase", "suitcase", small.suitcase, ((0.38, 0.5), (0.22, 0.3), (0.55, 0.75)), "plastic", front=False),
    _kind("tray", "tray", small.tray, ((0.28, 0.42), (0.2, 0.3), (0.03, 0.05)), "plastic", front=False),
)  # fmt: skip


def build(kind: OwnKind, rng: np.random.Generator, style: int, size_m: tuple[float, float, float]) -> TexturedMesh:
    """One thing of a kind: front to -y, standing on z = 0, centred."""
    return kind.build(rng, style, width=size_m[0], depth=size_m[1], height=size_m[2])
