"""What each kind of room holds: recipes that call groups and single pieces in the order of their importance."""

from __future__ import annotations

import numpy as np

from scene3d.synth.layout.groups import (
    bed_group,
    desk_group,
    fill_shelf,
    scatter,
    seats_around,
    sofa_group,
    table_group,
    tv_group,
)
from scene3d.synth.layout.placer import Placer, Spot
from scene3d.synth.stock import Piece

_KITCHEN_THINGS = ("bottle", "cup", "bowl", "plate", "coffee maker", "coffee kettle", "toaster", "microwave",
                   "paper towel roll", "toaster oven", "tray", "plant", "scale", "box")  # fmt: skip
_TOPS = ("desk", "table", "dining table", "coffee table", "cabinet", "dresser", "counter", "kitchen counter",
         "nightstand", "end table", "file cabinet", "shelf", "tv stand")  # fmt: skip
_BATH_THINGS = ("bottle", "cup", "towel", "toilet paper", "tissue box", "candle")


def bedroom(room: Placer) -> None:
    """Bed, wardrobe, dresser, perhaps a desk, an armchair, a rug."""
    rng, stock = room.rng, room.stock
    bed_group(room)
    if _roomy(room, 20.0) and rng.random() < 0.3:
        bed_group(room)
    room.against_wall(stock.piece("wardrobe", "closet", most=(2.4, 0.8, room.plan.height_m - 0.02)))
    _storage(room, "dresser", "cabinet", chance=0.8)
    _storage(room, "dresser", "cabinet", "tv stand", chance=0.4)
    if rng.random() < 0.55:
        desk_group(room)
    bookcases(room, int(rng.integers(1, 4)))
    if rng.random() < 0.4:
        room.on_floor(stock.piece("armchair", "chair", "ottoman"))
    if rng.random() < 0.3:
        tv_group(room)
    if rng.random() < 0.5:
        mirror = stock.piece("mirror")
        room.on_wall(mirror, z_m=(0.4, 1.0))
    lay_clutter(
        room, ("clothes", "shoe", "bag", "backpack", "laundry basket", "box", "suitcase", "stuffed animal"), (2, 7)
    )


def living_room(room: Placer) -> None:
    """Couch and television, shelves, perhaps a table with chairs."""
    rng, stock = room.rng, room.stock
    sofa_group(room)
    if _roomy(room, 26.0) and rng.random() < 0.4:
        room.against_wall(stock.piece("couch"))
    if _roomy(room, 18.0) and rng.random() < 0.7:
        dining(room, int(rng.integers(3, 8)))
    bookcases(room, int(rng.integers(1, 4)))
    _storage(room, "cabinet", "dresser", chance=0.6)
    if rng.random() < 0.25:
        room.against_wall(stock.piece("piano", "fireplace"))
    if rng.random() < 0.5:
        room.on_floor(stock.piece("armchair", "ottoman", "stool"))
    if rng.random() < 0.6:
        room.against_wall(stock.piece("lamp", least=(0, 0, 1.0)), along=float(rng.integers(2)))
    lay_clutter(room, ("plant", "basket", "box", "bag", "guitar", "speaker", "fan", "shoe", "ball"), (3, 8))


def office(room: Placer) -> None:
    """Several desks with chairs, shelves, file cabinets, a whiteboard, perhaps a copier."""
    rng, stock = room.rng, room.stock
    for _ in range(int(rng.integers(2, 4 + 2 * _roomy(room, 20.0) + 2 * _roomy(room, 35.0)))):
        desk_group(room)
    if _roomy(room, 16.0) and rng.random() < 0.4:
        table_group(room, "table", chairs=int(rng.integers(2, 5)))
    bookcases(room, int(rng.integers(1, 4)))
    for _ in range(int(rng.integers(0, 4))):
        _storage(room, "file cabinet", "cabinet", chance=0.9)
    if rng.random() < 0.7:
        room.on_wall(stock.piece("whiteboard", "bulletin board", "blackboard"), z_m=(0.85, 1.1))
    if rng.random() < 0.35:
        room.against_wall(stock.piece("copier", "water cooler"))
    if rng.random() < 0.4:
        room.on_wall(stock.piece("clock"), z_m=(1.7, 2.0))
    lay_clutter(
        room,
        ("trash can", "recycling bin", "box", "backpack", "computer tower", "bag", "plant", "chair", "office chair"),
        (3, 8),
    )


def kitchen(room: Placer) -> None:
    """A run of counters with sink, stove and cabinets above, a refrigerator, a table with chairs."""
    rng, stock = room.rng, room.stock
    counter_run(room)
    if rng.random() < 0.5:
        counter_run(room)
    room.against_wall(stock.piece("refrigerator", least=(0, 0, 1.1)), along=float(rng.integers(2)))
    if rng.random() < 0.8:
        dining(room, int(rng.integers(2, 6)))
    if rng.random() < 0.3:
        _storage(room, "shelf", "cabinet", chance=1.0)
    if rng.random() < 0.35:
        room.against_wall(stock.piece("washing machine", "mini fridge", "clothes dryer"))
    if rng.random() < 0.5:
        room.on_wall(stock.piece("clock", "calendar", "paper towel dispenser"), z_m=(1.3, 1.8))
    lay_clutter(room, ("trash can", "recycling bin", "box", "bag", "stool", "broom", "crate", "chair"), (2, 6))


def bathroom(room: Placer) -> None:
    """Toilet, sink with mirror, bathtub or shower, towels, a bin."""
    rng, stock = room.rng, room.stock
    bath = room.against_wall(stock.piece("bathtub", "shower"), along=float(rng.integers(2)))
    if bath is not None and room.pieces[bath].label == "bathtub":
        if rng.random() < 0.6:
            size = room.pieces[bath].size_m
            curtain = stock.piece("shower curtain", most=(size[0], 0.2, 1.95))
            room.beside(bath, curtain, offset_m=(0.0, -size[1] / 2 - 0.1), z_m=0.12)
        scatter(room, bath, ("bottle",), count=int(rng.integers(1, 4)))
    sink = None
    for _ in range(4):
        piece = stock.piece("sink", "bathroom vanity")
        if piece is None:
            break
        sink = _hung_or_standing(room, piece)
        if sink is not None:
            break
    if sink is not None:
        top = room.spots[sink].at_m[2] + room.pieces[sink].size_m[2]
        if top < 1.3:
            room.above(sink, stock.piece("mirror", most=(1.0, 0.1, 0.9)), z_m=float(rng.uniform(top + 0.1, 1.35)))
        scatter(room, sink, _BATH_THINGS, count=int(rng.integers(1, 5)), between_m=(0.05, 1.1), tall_m=0.3)
    toilet = room.against_wall(stock.piece("toilet"))
    if toilet is not None and rng.random() < 0.7:
        room.on_wall(stock.piece("toilet paper dispenser"), z_m=(0.55, 0.75))
        scatter(room, toilet, ("toilet paper", "tissue box", "bottle"), count=1)
    for _ in range(int(rng.integers(2, 5))):
        room.on_wall(stock.piece("towel", own="towel"), z_m=(0.7, 1.1))
    if rng.random() < 0.6:
        room.on_wall(stock.piece("bathroom cabinet", own="bathroom-cabinet"), z_m=(1.1, 1.3))
    if rng.random() < 0.4:
        _storage(room, "shelf", "cabinet", chance=1.0, things=_BATH_THINGS)
    if rng.random() < 0.5:
        room.against_wall(stock.piece("washing machine", "clothes dryer", "laundry basket"))
    lay_mats(room, count=int(rng.integers(1, 3)), most=(1.0, 0.7))
    lay_clutter(
        room,
        ("trash can", "scale", "laundry basket", "storage bin", "stool", "toilet paper", "clothes", "shoe"),
        (3, 7),
    )


def meeting_room(room: Placer) -> None:
    """A large table with many chairs, a whiteboard, a screen, chairs along the wall."""
    rng, stock = room.rng, room.stock
    table = table_group(room, "table", "dining table", "desk", chairs=0, least_m=1.5)
    if table is not None:
        seats_around(room, table, count=int(rng.integers(4, 13)))
        scatter(
            room,
            table,
            ("laptop", "paper", "cup", "bottle", "telephone", "projector", "book"),
            count=int(rng.integers(2, 8)),
            between_m=(0.6, 0.9),
            tall_m=0.35,
        )
    if table is not None and _roomy(room, 30.0) and rng.random() < 0.5:
        table_group(room, "table", chairs=int(rng.integers(3, 7)))
    for _ in range(int(rng.integers(1, 3))):
        room.on_wall(stock.piece("whiteboard", "blackboard", "bulletin board", "tv"), z_m=(0.9, 1.15))
    if rng.random() < 0.5:
        tv_group(room)
    chair = stock.piece("chair", "office chair")
    for _ in range(int(rng.integers(0, 6))):
        room.against_wall(chair, gap_m=0.06)
    _storage(room, "cabinet", "file cabinet", "counter", chance=0.7)
    bookcases(room, int(rng.integers(0, 2)))
    lay_clutter(room, ("trash can", "recycling bin", "backpack", "bag", "plant", "chair", "box"), (3, 7))


def studio_flat(room: Placer) -> None:
    """Bed, couch, desk and a small kitchen in one."""
    rng, stock = room.rng, room.stock
    counter_run(room)
    room.against_wall(stock.piece("refrigerator", "mini fridge"))
    bed_group(room)
    room.against_wall(stock.piece("wardrobe", "closet", most=(2.0, 0.8, room.plan.height_m - 0.02)))
    if rng.random() < 0.7:
        sofa_group(room)
    if rng.random() < 0.6:
        desk_group(room)
    if rng.random() < 0.7:
        dining(room, int(rng.integers(2, 5)))
    bookcases(room, int(rng.integers(0, 3)))
    lay_clutter(room, ("shoe", "clothes", "bag", "box", "trash can", "backpack", "plant", "suitcase"), (2, 7))


def crowd(room: Placer, *, objects: int) -> None:
    """Add what people gather over the years until the room holds so many objects, or twenty ideas did not fit."""
    rng, stock = room.rng, room.stock
    for _ in range(20):
        if len(room.objects) >= objects:
            return
        choice = int(rng.integers(6))
        if choice == 0:
            bookcases(room, 1)
        elif choice == 1:
            _storage(room, "cabinet", "dresser", "shelf", "file cabinet", chance=1.0)
        elif choice == 2:
            room.against_wall(stock.piece("chair", "stool", "armchair", "bench", most=(1.6, 1.0, 1.4)), gap_m=0.05)
        elif choice == 3:
            room.on_wall(stock.piece("picture", "poster"), z_m=(1.1, 1.6))
        elif choice == 4:
            anchors = [o.id for o in room.objects if o.label in _TOPS]
            if anchors:
                things = ("book", "cup", "bottle", "box", "plant", "lamp", "decoration", "paper", "bowl")
                scatter(room, int(rng.choice(anchors)), things, count=2)
        else:
            lay_clutter(room, ("box", "bag", "plant", "trash can", "shoe", "backpack", "storage bin", "lamp"), (1, 3))


def dining(room: Placer, chairs: int) -> int | None:
    """A dining table with chairs and what is left from the last meal."""
    table = table_group(room, "dining table" if room.rng.random() < 0.6 else "table", chairs=chairs)
    if table is not None:
        things = ("cup", "plate", "bowl", "bottle", "plant", "candle", "book", "laptop", "paper")
        scatter(room, table, things, count=int(room.rng.integers(1, 7)), between_m=(0.6, 0.95), tall_m=0.5)
    return table


def counter_run(room: Placer) -> None:
    """Counters, stove, dishwasher and cabinets in a row along one wall, wall cabinets and a hood above."""
    rng, stock = room.rng, room.stock
    order = sorted(range(len(room.plan.walls)), key=lambda i: -room.plan.walls[i].length_m * rng.uniform(0.6, 1))
    for index in order[:3]:
        wall = room.plan.walls[index]
        along, base = 0.03, None
        stop = wall.length_m * float(rng.uniform(0.6, 1.0))
        while along < stop - 0.4:
            left = stop - along
            labels = _run_unit(rng)
            most = (min(left, 1.6), 0.75, 0.99)
            unit = stock.piece(*labels, most=most, least=(0.3, 0.4, 0.8)) or stock.piece("kitchen counter", most=most)
            if unit is None:
                break
            spot = room.wall_spot(wall, unit, along + unit.size_m[0] / 2, away_m=0.015)
            placed = room.try_put(unit, spot, wall=True)
            along += unit.size_m[0] + 0.008 if placed is not None else 0.25
            if placed is not None:
                base = placed
                _above_unit(room, placed)
        if base is not None:
            return


def _run_unit(rng: np.random.Generator) -> tuple[str, ...]:
    choices = (("kitchen counter",), ("kitchen cabinet",), ("stove", "oven"), ("dishwasher",), ("sink",), ("counter",))
    return choices[int(rng.choice(len(choices), p=[0.38, 0.27, 0.15, 0.08, 0.06, 0.06]))]


def _above_unit(room: Placer, unit: int) -> None:
    rng, stock = room.rng, room.stock
    piece = room.pieces[unit]
    if piece.label in ("stove", "oven"):
        if rng.random() < 0.6:
            room.above(unit, stock.piece("range hood"), z_m=float(rng.uniform(1.5, 1.6)))
        return
    if piece.label in ("kitchen counter", "counter", "kitchen cabinet"):
        scatter(room, unit, _KITCHEN_THINGS, count=int(rng.integers(0, 4)), between_m=(0.8, 1.05), tall_m=0.45)
    if rng.random() < 0.6:
        width = piece.size_m[0]
        upper = stock.piece("kitchen cabinet", most=(width, 0.45, 0.85), least=(min(0.3, width * 0.6), 0, 0.5))
        room.above(unit, upper, z_m=float(rng.uniform(1.42, 1.46)))


def bookcases(room: Placer, count: int) -> None:
    """Bookshelves and shelves against the walls, partly filled."""
    rng, stock = room.rng, room.stock
    for _ in range(count):
        if rng.random() < 0.25:
            placed = room.on_wall(stock.piece("shelf", own="wall-shelf"), z_m=(1.1, 1.5))
        else:
            placed = room.against_wall(stock.piece("bookshelf", "shelf", least=(0.3, 0.2, 0.6), most=(2.6, 0.6, 2.3)))
        if placed is not None:
            fill_shelf(room, placed, count=int(rng.integers(2, 9)))


def _storage(room: Placer, *labels: str, chance: float, things: tuple[str, ...] = ()) -> None:
    if room.rng.random() >= chance:
        return
    placed = room.against_wall(room.stock.piece(*labels, most=(2.7, 0.7, 2.2)))
    if placed is not None:
        height = room.pieces[placed].size_m[2]
        things = things or (
            "plant",
            "book",
            "lamp",
            "decoration",
            "box",
            "picture",
            "clock",
            "bowl",
            "speaker",
            "printer",
            "paper",
        )
        scatter(room, placed, things, count=int(room.rng.integers(1, 5)), between_m=(0.3, min(height + 0.02, 1.6)))


def _hung_or_standing(room: Placer, piece: Piece) -> int | None:
    """Against a wall; a wash-basin without a foot hangs at its catalogue height."""
    if piece.elevation_m < 0.2:
        return room.against_wall(piece, gap_m=0.005)
    return room.on_wall(piece, z_m=(piece.elevation_m, piece.elevation_m + 0.05))


def lay_mats(room: Placer, *, count: int, most: tuple[float, float]) -> None:
    """Rugs: they lie under furniture and take up no room."""
    rng = room.rng
    low, high = room.plan.floor_m.min(0), room.plan.floor_m.max(0)
    for _ in range(count):
        mat = room.stock.piece("mat", most=(*most, 0.04))
        for _ in range(8):
            if mat is None:
                break
            turn = float(rng.choice([0, np.pi / 2]) + rng.normal(0, 0.08))
            at = rng.uniform(low, high)
            if room.try_put(mat, Spot(at_m=np.array([*at, 0.0005]), turn_rad=turn), zones=False) is not None:
                break


def lay_clutter(room: Placer, labels: tuple[str, ...], span: tuple[int, int]) -> None:
    """Clutter: along the walls, or lying about."""
    rng = room.rng
    for _ in range(int(rng.integers(*span))):
        piece = room.stock.piece(str(rng.choice(labels)), most=(0.9, 0.9, 1.6))
        if piece is None:
            continue
        if rng.random() < 0.6:
            room.against_wall(piece, gap_m=0.03)
        else:
            room.on_floor(piece)


def _roomy(room: Placer, area_m2: float) -> bool:
    x, y = room.plan.floor_m.T
    return bool(abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2 > area_m2)
