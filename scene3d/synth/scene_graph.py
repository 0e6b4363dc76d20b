"""The truth about a room beyond its objects: what stands on what, what is near, which way things face."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float64

from scene3d.synth.room import PlacedObject, Room

_NEAR_M = 1.0
_NEAREST = 3
_CORNER_M = 0.35
_FACING_RAD = np.pi / 6
_SEEN_M = 4.0


def scene_graph(room: Room) -> dict[str, Any]:
    """Objects and their relations, exact, as JSON-ready values in the room's frame.

    Returns:
        `objects`: id, label, centre_m, size_m (width, depth, height in the object's own axes), box_yaw_rad (turn of
        that box), yaw_rad (front, or None), colour, material, in_corner, against_wall. `supports`: pairs (upper,
        lower). `nearest`: for each object the ids of up to three others within a metre, with the gap between the
        axis-aligned boxes. `facing`: pairs (a, b) where b is the first thing within 30 degrees of a's front, at most
        4 m away.
    """
    boxes = [object_box(placed) for placed in room.objects]
    gaps = _gaps_m(boxes)
    objects = [_record(placed, box, room) for placed, box in zip(room.objects, boxes, strict=True)]
    ids = [placed.id for placed in room.objects]
    facing = [(ids[a], ids[b]) for a, b in enumerate(_faced(room, boxes, gaps)) if b >= 0]
    return {
        "kind": room.kind,
        "floor_m": np.round(room.floor_m, 3).tolist(),
        "height_m": round(room.height_m, 3),
        "objects": objects,
        "supports": [(placed.id, placed.support_id) for placed in room.objects if placed.support_id is not None],
        "nearest": {ids[i]: _nearest(i, ids, gaps) for i in range(len(ids))},
        "facing": facing,
    }


def object_box(placed: PlacedObject) -> tuple[Float64[np.ndarray, "3"], Float64[np.ndarray, "3"], float]:
    """Centre, size along its own axes, and turn about z of an object's tight upright box."""
    turn = float(np.arctan2(placed.world_from_model[1, 0], placed.world_from_model[0, 0]))
    c, s = np.cos(turn), np.sin(turn)
    own_from_world = np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]])
    used = placed.mesh.xyz_m[placed.mesh.faces].reshape(-1, 3).astype(np.float64) @ own_from_world.T
    low, high = used.min(0), used.max(0)
    return own_from_world.T @ ((low + high) / 2), high - low, turn


def _record(placed: PlacedObject, box: tuple[np.ndarray, np.ndarray, float], room: Room) -> dict[str, Any]:
    centre, size, turn = box
    return {
        "id": placed.id,
        "label": placed.label,
        "model_id": placed.model_id,
        "centre_m": np.round(centre, 3).tolist(),
        "size_m": np.round(size, 3).tolist(),
        "box_yaw_rad": round(turn, 4),
        "yaw_rad": None if placed.yaw_rad is None else round(placed.yaw_rad, 4),
        "support_id": placed.support_id,
        "against_wall": placed.against_wall,
        "in_corner": _in_corner(box, room.floor_m),
        "colour": placed.colour,
        "material": placed.material,
    }


def _corners_m(box: tuple[np.ndarray, np.ndarray, float]) -> Float64[np.ndarray, "4 2"]:
    centre, size, turn = box
    c, s = np.cos(turn), np.sin(turn)
    return centre[:2] + np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * size[:2] / 2 @ np.array([[c, s], [-s, c]])


def _in_corner(box: tuple[np.ndarray, np.ndarray, float], floor_m: Float64[np.ndarray, "k 2"]) -> bool:
    """Whether two walls that meet are both close, at a corner that points outward."""
    corners = _corners_m(box)
    for index in range(len(floor_m)):
        before, here, after = floor_m[index - 1], floor_m[index], floor_m[(index + 1) % len(floor_m)]
        convex = _turns_left(before, here, after)
        if convex and np.linalg.norm(corners - here, axis=1).min() < _CORNER_M:
            return True
    return False


def _turns_left(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> bool:
    (ux, uy), (vx, vy) = b - a, c - b
    return bool(ux * vy - uy * vx > 0)


def _gaps_m(boxes: list[tuple[np.ndarray, np.ndarray, float]]) -> Float64[np.ndarray, "n n"]:
    """Gap between the axis-aligned boxes of each two objects; 0 where they touch or overlap."""
    if not boxes:
        return np.zeros((0, 0))
    flat = np.stack([_corners_m(box) for box in boxes])
    z = np.stack([box[0][2] + np.array([-1, 1]) * box[1][2] / 2 for box in boxes])
    low = np.concatenate([flat.min(1), z[:, :1]], 1)
    high = np.concatenate([flat.max(1), z[:, 1:]], 1)
    apart = np.maximum(low[:, None] - high[None], low[None] - high[:, None]).clip(0)
    return np.linalg.norm(apart, axis=2)


def _nearest(index: int, ids: list[int], gaps: Float64[np.ndarray, "n n"]) -> list[tuple[int, float]]:
    order = [j for j in np.argsort(gaps[index], kind="stable") if j != index and gaps[index, j] <= _NEAR_M]
    return [(ids[j], round(float(gaps[index, j]), 3)) for j in order[:_NEAREST]]


def _faced(
    room: Room, boxes: list[tuple[np.ndarray, np.ndarray, float]], gaps: Float64[np.ndarray, "n n"]
) -> list[int]:
    """For each object the index of what its front points at, -1 for nothing."""
    centres = np.array([box[0] for box in boxes]).reshape(-1, 3)
    found = []
    for index, placed in enumerate(room.objects):
        if placed.yaw_rad is None or placed.support_id is not None:
            found.append(-1)
            continue
        to = centres - centres[index]
        distance = np.linalg.norm(to[:, :2], axis=1)
        angle = np.arctan2(to[:, 1], to[:, 0]) - placed.yaw_rad
        angle = np.abs((angle + np.pi) % (2 * np.pi) - np.pi)
        bulky = np.array([box[1][:2].max() > 0.35 and box[0][2] - box[1][2] / 2 < 1.0 for box in boxes])
        ahead = (angle < _FACING_RAD) & (distance > 0.1) & (distance < _SEEN_M) & bulky
        ahead[index] = False
        candidates = np.flatnonzero(ahead)
        found.append(int(candidates[gaps[index, candidates].argmin()]) if len(candidates) else -1)
    return found
