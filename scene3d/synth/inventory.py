"""What is in a scanned room, in the frame of the scan: the metadata of the truth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from scene3d.labels import class_list
from scene3d.synth.scan import SimulatedScan
from scene3d.synth.scene_graph import scene_graph


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneObject:
    """One object of a room. Lengths in metres, in the frame of the scan; what is not known of it is None or ""."""

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
    """Of the true box, seen or not; in a real room of the box around its points."""
    size_m: tuple[float, float, float]
    """Of the true box along its own axes."""
    box_yaw_rad: float
    """Turn of the box about z."""
    yaw_rad: float | None
    """Direction of the front, 0 along +x; None for things without a front."""
    support_id: int | None
    against_wall: bool | None
    in_corner: bool | None
    colour: str
    material: str
    model_id: str
    front_known: bool = True
    """False where nobody told whether it has a front."""

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> SceneObject:
        """From the mapping that `dataclasses.asdict` gave, lists for tuples."""
        values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in record.items()}
        return cls(**values)


def inventory(scan: SimulatedScan) -> tuple[SceneObject, ...]:
    """The objects of the room, in its order."""
    return tuple(_scene_object(record, scan) for record in scene_graph(scan.room)["objects"])


def relations(scan: SimulatedScan) -> dict[str, Any]:
    """`supports`, `nearest` and `facing` as `scene_graph` gives them: object ids, so true in every frame."""
    graph = scene_graph(scan.room)
    return {key: graph[key] for key in ("supports", "nearest", "facing")}


def relations_from_json(record: dict[str, Any]) -> dict[str, Any]:
    """`relations` again from its JSON, whose keys are strings."""
    return record | {"nearest": {int(key): value for key, value in record["nearest"].items()}}


def room_outline(scan: SimulatedScan) -> list[list[float]]:
    """Corners of the floor in the frame of the scan, metres, to the millimetre."""
    pose = scan.world_from_room
    return np.round(scan.room.floor_m @ pose[:2, :2].T + pose[:2, 3], 3).tolist()


def _scene_object(record: dict[str, Any], scan: SimulatedScan) -> SceneObject:
    pose = scan.world_from_room
    turn = float(np.arctan2(pose[1, 0], pose[0, 0]))
    in_scan_frame = {
        "category_id": class_list("scannet200").id_of(record["label"]),
        "seen": record["id"] in scan.labels.seen,
        "points": scan.labels.point_count[record["id"]],
        "centre_m": np.round(pose[:3, :3] @ np.array(record["centre_m"]) + pose[:3, 3], 3).tolist(),
        "box_yaw_rad": _angle(record["box_yaw_rad"] + turn),
        "yaw_rad": None if record["yaw_rad"] is None else _angle(record["yaw_rad"] + turn),
    }
    return SceneObject.from_json(record | in_scan_frame)


def _angle(yaw_rad: float) -> float:
    """Within -π … π, to the milliradian."""
    return round(float(np.arctan2(np.sin(yaw_rad), np.cos(yaw_rad))), 3)
