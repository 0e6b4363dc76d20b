"""A furnished room as data: what the layout writes and the scanner reads."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Float64, Int32, UInt8


@dataclass(frozen=True, slots=True, kw_only=True)
class TexturedMesh:
    """Triangles with a picture on each; a plain colour is a picture of one pixel."""

    xyz_m: Float32[np.ndarray, "v 3"]
    faces: Int32[np.ndarray, "f 3"]
    uv: Float32[np.ndarray, "f 3 2"]
    """Texture coordinates per corner, origin at the lower left, repeating outside 0–1."""
    material: Int32[np.ndarray, "f"]
    """Index into `textures`, per face."""
    textures: tuple[UInt8[np.ndarray, "_ _ 3"], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedObject:
    """One object of the room, in the room's frame: metres, z up, floor at z = 0."""

    id: int
    """Unique in the room, from 0, in the order of placing."""
    label: str
    """ScanNet200 name."""
    model_id: str
    """Catalogue id of the furniture model, or `own/<name>` for what the layout builds itself."""
    mesh: TexturedMesh
    world_from_model: Float64[np.ndarray, "4 4"]
    """Where the model was put; the mesh is already there."""
    yaw_rad: float | None
    """Direction of the object's front about z, 0 along +x; None for things without a front."""
    support_id: int | None
    """The object it stands on; None for the floor, a wall or the ceiling."""
    against_wall: bool
    colour: str
    """Plain name of the dominant colour."""
    material: str
    """Plain name such as wood, metal, fabric, glass, ceramic, plastic, plant; "" when unknown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Structure:
    """Walls, floor, ceiling, door frames: surfaces that are not objects."""

    label: str
    """ScanNet200 name: wall, floor, ceiling, doorframe, windowsill, …"""
    mesh: TexturedMesh


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """A room before it is scanned."""

    name: str
    kind: str
    """bedroom, living room, office, kitchen, bathroom, meeting room or studio flat."""
    seed: int
    floor_m: Float64[np.ndarray, "k 2"]
    """Corners of the floor polygon, counter-clockwise."""
    height_m: float
    structures: tuple[Structure, ...]
    objects: tuple[PlacedObject, ...]
