"""Groups of furniture: desk and chair, table and chairs, bed and nightstands, sofa and television."""

from __future__ import annotations

import numpy as np

from scene3d.synth.layout.placer import Placer

_DESK_THINGS = ("book", "paper", "cup", "telephone", "bottle", "printer", "tissue box", "plant", "tray", "speaker",
                "picture", "calendar")  # fmt: skip


def desk_group(room: Placer, *, walls: list[int] | None = None, at: tuple[float, float] | None = None) -> int | None:
    """A desk with its chair, a screen, and what lies about; against a wall unless `at` gives a place."""
    rng, stock = room.rng, room.stock
    desk = room.against_wall(stock.piece("desk"), walls=walls)
    if desk is None:
        return None
    seat(room, desk, "office chair" if rng.random() < 0.7 else "chair")
    if rng.random() < 0.45:
        seat(room, desk, "office chair", "chair", side=0.3)
    dress_desk(room, desk)
    if rng.random() < 0.5:
        under = stock.piece("computer tower", "file cabinet", "trash can", most=(0.45, 0.6, 0.62))
        side = float(rng.choice([-1, 1]))
        width = room.pieces[desk].size_m[0]
        if under is not None:
            room.beside(desk, under, offset_m=(side * (width / 2 + under.size_m[0] / 2 + 0.04), 0.05))
    return desk


def seat(room: Placer, table: int, *labels: str, side: float = 0.0) -> int | None:
    """A chair at the front of a desk, turned a little, further out where it does not fit."""
    chair = room.stock.piece(*labels, most=(0.8, 0.9, 1.35))
    if chair is None:
        return None
    size = room.pieces[table].size_m
    for out in (0.02, 0.12, 0.3, 0.5):
        x = side * size[0] + room.rng.normal(0, 0.06)
        offset = (x, -size[1] / 2 - chair.size_m[1] / 2 - out - abs(room.rng.normal(0, 0.05)))
        turn = np.pi + room.rng.normal(0, 0.25 if out < 0.1 else 0.5)
        found = room.beside(table, chair, offset_m=offset, turn_rad=float(turn))
        if found is not None:
            return found
    return None


def dress_desk(room: Placer, desk: int) -> None:
    """Screens, keyboard and mouse before them, then lamp, phone, papers, cups."""
    rng, stock = room.rng, room.stock
    top = (0.6, 0.85)
    if rng.random() < 0.75:
        for part in ((-0.7, 0.7, 0.1, 1),) if rng.random() < 0.65 else ((-1, -0.1, 0.1, 1), (0.1, 1, 0.1, 1)):
            room.on_top(
                desk,
                stock.piece("monitor", most=(0.7, 0.45, 0.6)),
                between_m=top,
                turn_rad=rng.normal(0, 0.12),
                part=part,
                tries=24,
            )
        room.on_top(
            desk,
            stock.piece("keyboard"),
            between_m=top,
            turn_rad=rng.normal(0, 0.08),
            part=(-0.5, 0.5, -1, 0),
            tries=24,
        )
        room.on_top(desk, stock.piece("mouse"), between_m=top, turn_rad=rng.normal(0, 0.2), part=(0, 0.9, -1, 0.1))
    elif rng.random() < 0.8:
        room.on_top(
            desk,
            stock.piece("laptop"),
            between_m=top,
            turn_rad=rng.normal(0, 0.15),
            part=(-0.5, 0.5, -1, 0.4),
            tries=24,
        )
    if rng.random() < 0.5:
        room.on_top(desk, stock.piece("lamp", most=(0.4, 0.4, 0.65)), between_m=top, part=(-1, 1, 0, 1))
    scatter(room, desk, _DESK_THINGS, count=int(rng.integers(1, 5)), between_m=top)


def scatter(
    room: Placer,
    anchor: int,
    labels: tuple[str, ...],
    *,
    count: int,
    between_m: tuple[float, float] = (0.3, 1.6),
    tall_m: float = 0.5,
) -> int:
    """Small things of these classes on a piece; returns how many found a place."""
    placed = 0
    for _ in range(count):
        small = room.stock.piece(str(room.rng.choice(labels)), most=(0.5, 0.45, tall_m))
        turn = room.rng.normal(0, 0.25) if small is not None and small.has_front else None
        placed += room.on_top(anchor, small, between_m=between_m, turn_rad=turn) is not None
    return placed


def table_group(room: Placer, *labels: str, chairs: int, least_m: float = 0.8) -> int | None:
    """A table in the open with equal chairs around it, at times one of another kind."""
    rng, stock = room.rng, room.stock
    table = None
    for _ in range(6):
        turn = float(rng.choice([0, np.pi / 2]) + rng.normal(0, 0.04))
        table = room.on_floor(stock.piece(*labels, least=(least_m, 0.55, 0.6), most=(9, 9, 0.95)), turn_rad=turn)
        if table is not None:
            break
    if table is None:
        return None
    seats_around(room, table, count=chairs)
    return table


def seats_around(room: Placer, table: int, *, count: int) -> None:
    """Chairs along the sides of a table, facing it."""
    rng = room.rng
    chair = room.stock.piece("office chair" if rng.random() < 0.15 else "chair", most=(0.75, 0.8, 1.3))
    other = room.stock.piece("chair", most=(0.75, 0.8, 1.3))
    width, depth = room.pieces[table].size_m[:2]
    places: list[tuple[float, float, float]] = []
    along = max(1, int(width // 0.62))
    for index in range(along):
        x = (index + 0.5) / along * width - width / 2
        places += [(x, -1.0, np.pi), (x, 1.0, 0.0)]
    if depth > 0.6:
        places += [(-1.0, 0.0, np.pi / 2), (1.0, 0.0, -np.pi / 2)]
    for index in rng.permutation(len(places))[:count]:
        x, y, turn = places[index]
        piece = chair if rng.random() < 0.88 or other is None else other
        if piece is None:
            return
        out = piece.size_m[1] / 2 + abs(rng.normal(0.02, 0.05))
        end = abs(turn) == np.pi / 2
        offset = (x * (width / 2 + out), 0.0) if end else (x, y * (depth / 2 + out))
        room.beside(table, piece, offset_m=offset, turn_rad=float(turn + rng.normal(0, 0.14)))


def bed_group(room: Placer, *, walls: list[int] | None = None) -> int | None:
    """A bed with its head to the wall, nightstands with lamps beside it, pillows and a blanket on it."""
    rng, stock = room.rng, room.stock
    bed, middle = None, 0.5 + float(rng.normal(0, 0.12))
    for attempt in range(6):
        piece = stock.piece("bed", least=(0.8, 1.7, 0), most=(2.3, 2.4, 2.0))
        bed = room.against_wall(piece, walls=walls, along=middle if attempt < 4 else None)
        if bed is not None:
            break
    if bed is None:
        return None
    width, depth, _ = room.pieces[bed].size_m
    stand = stock.piece("nightstand" if rng.random() < 0.75 else "end table")
    for side in (-1, 1):
        if stand is not None and rng.random() < 0.9:
            x = side * (width / 2 + stand.size_m[0] / 2 + float(rng.uniform(0.03, 0.12)))
            placed = room.beside(bed, stand, offset_m=(x, depth / 2 - stand.size_m[1] / 2), wall=True)
            if placed is not None:
                if rng.random() < 0.7:
                    room.on_top(placed, stock.piece("lamp", most=(0.45, 0.45, 0.75)), between_m=(0.3, 0.8))
                scatter(
                    room,
                    placed,
                    ("book", "cup", "alarm clock", "tissue box", "bottle", "telephone"),
                    count=int(rng.integers(0, 3)),
                    tall_m=0.3,
                )
    for _ in range(int(rng.integers(1, 4))):
        room.on_top(
            bed,
            stock.piece("pillow"),
            between_m=(0.2, 0.9),
            turn_rad=rng.normal(0, 0.15),
            part=(-1, 1, 0.35, 1),
            tries=24,
        )
    if rng.random() < 0.5:
        room.on_top(bed, stock.piece("blanket"), between_m=(0.2, 0.9), part=(-1, 1, -1, 0.4), tries=24)
    scatter(
        room,
        bed,
        ("clothes", "bag", "stuffed animal", "book", "laptop"),
        count=int(rng.integers(0, 3)),
        between_m=(0.2, 0.9),
    )
    if rng.random() < 0.4:
        room.above(bed, stock.piece("picture", "poster"), z_m=float(rng.uniform(1.25, 1.6)))
    return bed


def sofa_group(room: Placer, *, walls: list[int] | None = None) -> int | None:
    """A couch with a coffee table before it, armchairs, cushions, and a television across."""
    rng, stock = room.rng, room.stock
    couch = None
    for _ in range(5):
        couch = room.against_wall(stock.piece("couch"), walls=walls)
        if couch is not None:
            break
    if couch is None:
        return None
    width, depth, _ = room.pieces[couch].size_m
    table = stock.piece("coffee table", most=(1.4, 0.8, 0.6))
    if table is not None and rng.random() < 0.85:
        placed = room.beside(
            couch,
            table,
            offset_m=(rng.normal(0, 0.1), -depth / 2 - table.size_m[1] / 2 - rng.uniform(0.3, 0.5)),
            turn_rad=rng.normal(0, 0.05),
        )
        if placed is not None:
            scatter(
                room,
                placed,
                ("book", "cup", "bottle", "bowl", "plant", "decoration", "paper", "tray", "candle"),
                count=int(rng.integers(1, 5)),
                between_m=(0.25, 0.7),
                tall_m=0.4,
            )
    for side in (-1, 1):
        if rng.random() < 0.45:
            chair = stock.piece("armchair")
            if chair is not None:
                x = side * (width / 2 + chair.size_m[1] / 2 + 0.15)
                room.beside(
                    couch,
                    chair,
                    offset_m=(x, -depth / 2 - rng.uniform(0.3, 0.8)),
                    turn_rad=-side * np.pi / 2 + rng.normal(0, 0.25),
                )
        if rng.random() < 0.35:
            end = stock.piece("end table", "lamp", least=(0.2, 0.2, 0.4), most=(0.65, 0.65, 1.8))
            if end is not None:
                placed = room.beside(
                    couch, end, offset_m=(side * (width / 2 + end.size_m[0] / 2 + 0.05), 0.1), wall=True
                )
                if placed is not None and end.label == "end table":
                    scatter(room, placed, ("lamp", "book", "plant", "cup"), count=1)
    for _ in range(int(rng.integers(0, 5))):
        room.on_top(couch, stock.piece("cushion", "pillow", most=(0.5, 0.5, 0.2)), between_m=(0.25, 0.6), tries=24)
    if rng.random() < 0.55:
        room.above(couch, stock.piece("picture", "mirror"), z_m=float(rng.uniform(1.2, 1.5)))
    tv_group(room)
    return couch


def tv_group(room: Placer) -> int | None:
    """A television on its stand, or on the wall."""
    rng, stock = room.rng, room.stock
    stand = room.against_wall(stock.piece("tv stand", "cabinet", "dresser", most=(2.2, 0.6, 1.05)))
    if stand is None:
        return None
    height = room.pieces[stand].size_m[2]
    if rng.random() < 0.3:
        room.above(stand, stock.piece("tv", most=(1.5, 0.3, 1.0), own="tv"), z_m=height + 0.3)
    else:
        room.on_top(
            stand,
            stock.piece("tv", most=(room.pieces[stand].size_m[0], 0.4, 1.0)),
            between_m=(height - 0.03, height + 0.03),
            turn_rad=rng.normal(0, 0.05),
            tries=24,
        )
    scatter(
        room,
        stand,
        ("speaker", "decoration", "book", "plant", "picture"),
        count=int(rng.integers(0, 3)),
        between_m=(height - 0.03, height + 0.03),
    )
    return stand


def fill_shelf(room: Placer, shelf: int, *, count: int) -> None:
    """Rows of books and small things on the boards of a shelf."""
    rng, stock = room.rng, room.stock
    depth = room.pieces[shelf].size_m[1]
    for _ in range(count):
        label = str(rng.choice(["book", "book", "book", "box", "decoration", "plant", "storage bin", "picture"]))
        own = "book-row" if label == "book" and rng.random() < 0.7 else ""
        small = stock.piece(label, most=(0.5, depth - 0.01, 0.34), own=own)
        room.on_top(shelf, small, between_m=(0.05, 2.0), turn_rad=rng.normal(0, 0.03), tries=20)
