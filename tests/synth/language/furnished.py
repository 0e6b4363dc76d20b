"""Small rooms made up for the tests of language: boxes along the walls, on tables, under tables, on walls."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Any

import numpy as np

from scene3d.synth import SceneObject

_FURNITURE = {
    "bed": (1.4, 2.0, 0.6), "wardrobe": (1.0, 0.6, 2.0), "desk": (1.3, 0.7, 0.75), "table": (0.9, 0.8, 0.72),
    "chair": (0.45, 0.5, 0.9), "office chair": (0.6, 0.6, 1.0), "couch": (1.8, 0.9, 0.8),
    "nightstand": (0.45, 0.4, 0.5), "trash can": (0.3, 0.3, 0.4), "plant": (0.4, 0.4, 0.9), "shelf": (0.9, 0.35, 1.5),
    "cabinet": (0.8, 0.45, 1.0), "door": (0.9, 0.1, 2.0), "radiator": (0.6, 0.15, 0.5),
    "refrigerator": (0.6, 0.65, 1.7),
}  # fmt: skip
_SMALL = {
    "lamp": (0.2, 0.2, 0.4), "book": (0.2, 0.15, 0.1), "cup": (0.1, 0.1, 0.12), "laptop": (0.35, 0.25, 0.2),
    "bottle": (0.08, 0.08, 0.3),
}  # fmt: skip
_COLOURS = ("black", "white", "red", "green", "blue", "brown", "yellow", "orange")
_MATERIALS = ("wood", "metal", "plastic", "fabric", "")
WIDTH_M, DEPTH_M = 6.0, 5.0


@dataclass
class MadeUpRoom:
    """What `speak` needs of a room."""

    kind: str
    objects: tuple[SceneObject, ...]
    floor_m: np.ndarray
    rgb: object = True


def furnished_room(seed: int, *, coloured: bool = True) -> MadeUpRoom:
    """A room made up from a seed."""
    rng = Random(seed)
    objects: list[SceneObject] = []
    for _ in range(16):
        _on_floor(objects, rng)
    for _ in range(4):
        _on_wall(objects, rng)
    for table in [o for o in objects if o.label in ("desk", "table")]:
        x, y = (table.centre_m[i] + rng.uniform(-0.1, 0.1) for i in (0, 1))
        objects.append(thing(len(objects), "trash can", (x, y, 0.15), (0.25, 0.25, 0.3), yaw=None, **_looks(rng)))
    for _ in range(7):
        _on_top(objects, rng)
    floor = np.array([[0, 0], [WIDTH_M, 0], [WIDTH_M, DEPTH_M], [0, DEPTH_M]], np.float32)
    kind = rng.choice(("bedroom", "kitchen", "office"))
    rgb = True if coloured else None
    return MadeUpRoom(kind=kind, objects=tuple(objects), floor_m=floor, rgb=rgb)


def thing(number: int, label: str, centre: Any, size: Any, *, yaw: float | None, **known: Any) -> SceneObject:
    """An object whose box is turned like its front; what is not given is plain."""
    plain: dict[str, Any] = {"support_id": None, "against_wall": False, "in_corner": False, "seen": True}
    looks: dict[str, Any] = {"colour": "red", "material": "wood"}
    turn = 0.0 if yaw is None else yaw + np.pi / 2
    return SceneObject(
        id=number, label=label, category_id=0, points=500, centre_m=centre, size_m=size, box_yaw_rad=turn, yaw_rad=yaw,
        model_id="made up", **(plain | looks | known),
    )  # fmt: skip


def _on_floor(objects: list[SceneObject], rng: Random) -> None:
    label = rng.choice(tuple(_FURNITURE))
    size = tuple(round(s * rng.uniform(0.8, 1.3), 3) for s in _FURNITURE[label])
    for _ in range(20):
        walled = rng.random() < 0.6 or label == "door"
        side = rng.randrange(4)
        front = (np.pi / 2, np.pi, -np.pi / 2, 0.0)[side]  # away from the wall: y = 0, x = width, y = depth, x = 0
        along = rng.uniform(0.7, (WIDTH_M if side % 2 == 0 else DEPTH_M) - 0.7)
        if rng.random() < 0.25:
            along = size[0] / 2 + 0.05
        off = size[1] / 2 + 0.03
        x, y = ((along, off), (WIDTH_M - off, along), (along, DEPTH_M - off), (off, along))[side]
        if not walled:
            x, y = rng.uniform(1.2, WIDTH_M - 1.2), rng.uniform(1.2, DEPTH_M - 1.2)
            front = rng.uniform(-np.pi, np.pi)
        reach = 0.5 * float(np.hypot(size[0], size[1]))
        clear = all(
            np.hypot(x - o.centre_m[0], y - o.centre_m[1]) > 0.7 * (reach + 0.5 * float(np.hypot(*o.size_m[:2])))
            for o in objects
        )
        if clear:
            objects.append(
                thing(
                    len(objects), label, (round(x, 3), round(y, 3), size[2] / 2), size, yaw=round(front, 3),
                    against_wall=walled, in_corner=walled and along < size[0], **_looks(rng),
                )
            )  # fmt: skip
            return


def _on_wall(objects: list[SceneObject], rng: Random) -> None:
    x, height = rng.uniform(0.5, WIDTH_M - 0.5), rng.uniform(1.4, 1.8)
    label = rng.choice(("picture", "clock"))
    looks = _looks(rng)
    objects.append(
        thing(len(objects), label, (x, 0.03, height), (0.4, 0.04, 0.3), yaw=np.pi / 2, against_wall=True, **looks)
    )


def _on_top(objects: list[SceneObject], rng: Random) -> None:
    tables = [o for o in objects if o.label in ("desk", "table", "nightstand", "cabinet", "shelf")]
    if not tables:
        return
    table, label = rng.choice(tables), rng.choice(tuple(_SMALL))
    size = _SMALL[label]
    x = table.centre_m[0] + rng.uniform(-0.15, 0.15)
    y = table.centre_m[1] + rng.uniform(-0.1, 0.1)
    z = table.size_m[2] + size[2] / 2
    objects.append(thing(len(objects), label, (x, y, z), size, yaw=None, support_id=table.id, **_looks(rng)))


def _looks(rng: Random) -> dict[str, Any]:
    return {"colour": rng.choice(_COLOURS), "material": rng.choice(_MATERIALS), "seen": rng.random() < 0.92}
