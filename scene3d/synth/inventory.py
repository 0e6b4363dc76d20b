"""What is in a scanned room, in the frame of the scan: the metadata of the truth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from scene3d.labels import class_list
from scene3d.synth.room import PlacedObject
from scene3d.synth.scan import SimulatedScan


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneObject:
    """One object of a simulated room. Lengths in metres, in the frame of the scan."""

    id: int
    label: str
    """ScanNet200 name where there is one."""
    category_id: int
    """ScanNet200 id; 0 where the label is not among the 200."""
    seen: bool
    """Whether the scan shows enough of it to count; unseen objects own no points."""
    points: int
    """Points of the scan at full resolution that lie on it."""
    centre_m: tuple[float, float, float]
    """Of the true box, seen or not."""
    size_m: tuple[float, float, float]
    """Of the true box along its own axes."""
    box_yaw_rad: float
    """Turn of the box about z."""
    yaw_rad: float | None
    """Direction of the front, 0 along +x; None for things without a front."""
    support_id: int | None
    against_wall: bool
    colour: str
    material: str
    model_id: str

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> SceneObject:
        """From the mapping that `dataclasses.asdict` gave, lists for tuples."""
        values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in record.items()}
        return cls(**values)


def inventory(scan: SimulatedScan) -> tuple[SceneObject, ...]:
    """The objects of the room, in its order."""
    turn = float(np.arctan2(scan.world_from_room[1, 0], scan.world_from_room[0, 0]))
    return tuple(_scene_object(placed, scan, turn) for placed in scan.room.objects)


def room_outline(scan: SimulatedScan) -> list[list[float]]:
    """Corners of the floor in the frame of the scan, metres, to the millimetre."""
    pose = scan.world_from_room
    return np.round(scan.room.floor_m @ pose[:2, :2].T + pose[:2, 3], 3).tolist()


def _scene_object(placed: PlacedObject, scan: SimulatedScan, turn_rad: float) -> SceneObject:
    in_room = float(np.arctan2(placed.world_from_model[1, 0], placed.world_from_model[0, 0]))
    cos, sin = np.cos(in_room), np.sin(in_room)
    room_from_box = np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])
    along = placed.mesh.xyz_m @ room_from_box
    low, high = along.min(axis=0), along.max(axis=0)
    pose = scan.world_from_room
    centre = pose[:3, :3] @ room_from_box @ ((low + high) / 2) + pose[:3, 3]
    return SceneObject(
        id=placed.id,
        label=placed.label,
        category_id=class_list("scannet200").id_of(placed.label),
        seen=placed.id in scan.labels.seen,
        points=scan.labels.point_count[placed.id],
        centre_m=_rounded(centre),
        size_m=_rounded(high - low),
        box_yaw_rad=_angle(in_room + turn_rad),
        yaw_rad=None if placed.yaw_rad is None else _angle(placed.yaw_rad + turn_rad),
        support_id=placed.support_id,
        against_wall=placed.against_wall,
        colour=placed.colour,
        material=placed.material,
        model_id=placed.model_id,
    )


def _rounded(vector: np.ndarray) -> tuple[float, float, float]:
    x, y, z = np.round(vector.astype(np.float64), 3).tolist()
    return x, y, z


def _angle(yaw_rad: float) -> float:
    """Within -π … π, to the milliradian."""
    return round(float(np.arctan2(np.sin(yaw_rad), np.cos(yaw_rad))), 3)
