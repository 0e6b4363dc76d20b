"""A room of plain boxes, whose geometry tests can work out by hand."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from scene3d.synth.room import PlacedObject, Room, Structure, TexturedMesh

Corners = tuple[tuple[float, float, float], tuple[float, float, float]]

SIZE_M = (4.0, 3.2, 2.5)
OBJECTS: Mapping[str, Corners] = {
    "bed": ((0.0, 0.0, 0.0), (1.8, 1.3, 0.5)),
    "table": ((2.6, 2.2, 0.0), (3.6, 3.0, 0.75)),
    "lamp": ((2.9, 2.4, 0.75), (3.1, 2.6, 1.1)),
    "mirror": ((3.97, 0.6, 0.6), (4.0, 1.6, 1.9)),
}
COLOURS = {"bed": (60, 60, 180), "table": (160, 110, 60), "lamp": (230, 220, 90), "mirror": (200, 220, 220)}


def box(corners: Corners, rgb: tuple[int, int, int]) -> TexturedMesh:
    """A closed box of one colour."""
    low, high = np.array(corners)
    unit = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)])
    quads = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    faces = [triangle for a, b, c, d in quads for triangle in ((a, b, c), (a, c, d))]
    return TexturedMesh(
        xyz_m=(low + unit * (high - low)).astype(np.float32),
        faces=np.array(faces, np.int32),
        uv=np.zeros((12, 3, 2), np.float32),
        material=np.zeros(12, np.int32),
        textures=(np.array([[rgb]], np.uint8),),
    )


def box_room(objects: Mapping[str, Corners] = OBJECTS) -> Room:
    """Boxes within walls of 10 cm."""
    x, y, z = SIZE_M
    structures: dict[str, tuple[str, Corners]] = {
        "south": ("wall", ((0, -0.1, 0), (x, 0, z))),
        "north": ("wall", ((0, y, 0), (x, y + 0.1, z))),
        "west": ("wall", ((-0.1, 0, 0), (0, y, z))),
        "east": ("wall", ((x, 0, 0), (x + 0.1, y, z))),
        "floor": ("floor", ((0, 0, -0.1), (x, y, 0))),
        "ceiling": ("ceiling", ((0, 0, z), (x, y, z + 0.1))),
    }
    return Room(
        name="boxes",
        kind="bedroom",
        seed=0,
        floor_m=np.array([[0, 0], [x, 0], [x, y], [0, y]], np.float64),
        height_m=z,
        structures=tuple(Structure(label=k, mesh=box(c, (190, 180, 170))) for k, c in structures.values()),
        objects=tuple(
            PlacedObject(
                id=i,
                label=label,
                model_id=f"own/{label}",
                mesh=box(corners, COLOURS.get(label, (120, 120, 120))),
                world_from_model=np.eye(4),
                yaw_rad=0.0 if label == "bed" else None,
                support_id=1 if label == "lamp" else None,
                against_wall=label in ("bed", "mirror"),
                colour="brown",
                material="wood",
            )
            for i, (label, corners) in enumerate(objects.items())
        ),
    )
