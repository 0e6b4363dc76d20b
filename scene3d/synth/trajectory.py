"""The walk of a person who scans a room: through free floor, at chest height, looking at what was not yet seen."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float64, Int64
from scipy.ndimage import distance_transform_edt, gaussian_filter1d, label
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import dijkstra

from scene3d.errors import InputError
from scene3d.synth.camera import Camera, look
from scene3d.synth.render import RoomCaster
from scene3d.synth.room import Room

_CELL_M = 0.08
_HEAD_M = 1.9
"""Things that hang above this do not stop a person."""
_STEP_OVER_M = 0.15
"""Rugs and door sills are walked on."""
_CLEARANCES_M = (0.35, 0.25, 0.15, 0.08)
"""Tried in turn: in a narrow room one goes sideways."""
_YAW_STEPS = np.deg2rad(np.arange(-50, 51, 10))
_PITCHES = np.deg2rad(np.array([-62.0, -48.0, -34.0, -20.0, -6.0]))


def plan_walk(
    room: Room, caster: RoomCaster, camera: Camera, *, frames: int, rng: np.random.Generator
) -> Float64[np.ndarray, "k 4 4"]:
    """`world_from_camera` per frame of a hand-held walk that covers the room.

    Raises:
        InputError: `frames` is not positive, or no spot of the floor is free.
    """
    if frames < 1:
        raise InputError(f"{frames} frames; a walk has at least 1")
    free = free_floor(room, caster)
    path = _resampled(_path_through(free, room, rng), frames)
    height = np.clip(1.45 + 0.1 * _wander(frames, 10.0, rng), 1.2, 1.7)
    position = np.column_stack([path, np.minimum(height, room.height_m - 0.3)])
    yaw, pitch = _gaze(position, room, caster, camera, rng)
    shake = 0.02 * np.column_stack([_wander(frames, 1.5, rng) for _ in range(3)])
    return np.stack(
        [look(position[i], yaw[i] + shake[i, 0], pitch[i] + shake[i, 1], 2 * shake[i, 2]) for i in range(frames)]
    )


def free_floor(room: Room, caster: RoomCaster) -> Bool[np.ndarray, "x y"]:
    """Cells of the floor where a person can stand, seen from above; the grid starts at the floor's least corner.

    Raises:
        InputError: No cell is free.
    """
    low = room.floor_m.min(0)
    shape = np.ceil((room.floor_m.max(0) - low) / _CELL_M).astype(int) + 1
    x, y = np.meshgrid(*(low[a] + _CELL_M * np.arange(shape[a]) for a in (0, 1)), indexing="ij")
    top = min(_HEAD_M, room.height_m - 0.05)
    above = np.column_stack([x.ravel(), y.ravel(), np.full(x.size, top)])
    drop = caster.distances(above, np.broadcast_to([0.0, 0.0, -1.0], above.shape)).reshape(x.shape)
    empty = (drop > top - _STEP_OVER_M) & np.isfinite(drop) & _inside(room.floor_m, x, y)
    clearance = distance_transform_edt(np.pad(empty, 1))[1:-1, 1:-1] * _CELL_M  # type: ignore[index]
    for wanted in _CLEARANCES_M:
        region, count = label(clearance > wanted)  # type: ignore[misc]
        if count:
            return region == 1 + np.argmax(np.bincount(region.ravel())[1:])
    raise InputError(f"room {room.name}: no floor is free to walk on; set fewer or smaller objects into it")


def _inside(polygon: Float64[np.ndarray, "k 2"], x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Even-odd rule."""
    inside = np.zeros(x.shape, bool)
    for (ax, ay), (bx, by) in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
        if ay != by:
            inside ^= ((ay > y) != (by > y)) & (x < (bx - ax) * (y - ay) / (by - ay) + ax)
    return inside


def _path_through(free: Bool[np.ndarray, "x y"], room: Room, rng: np.random.Generator) -> Float64[np.ndarray, "p 2"]:
    """A smoothed tour through far-apart spots of the free floor, metres."""
    cells = np.argwhere(free)
    stops = [int(rng.integers(len(cells)))]
    gap = np.full(len(cells), np.inf)
    for _ in range(7):
        gap = np.minimum(gap, np.linalg.norm(cells - cells[stops[-1]], axis=1))
        if gap.max() * _CELL_M < 0.6:
            break
        stops.append(int(gap.argmax()))
    graph = _grid_graph(free)
    tour, left = [stops[0]], set(stops[1:])
    route = [tour[0]]
    while left:
        distance, before = dijkstra(graph, indices=tour[-1], return_predecessors=True)
        tour.append(min(left, key=lambda s: (distance[s], s)))
        left.remove(tour[-1])
        leg = [tour[-1]]
        while before[leg[-1]] >= 0:
            leg.append(int(before[leg[-1]]))
        route += leg[::-1][1:]
    straight = cells[route].astype(np.float64)
    smooth = gaussian_filter1d(straight, 4, axis=0, mode="nearest")
    index = np.rint(smooth).astype(int)
    kept = np.where(free[index[:, 0], index[:, 1]][:, None], smooth, straight)
    return room.floor_m.min(0) + _CELL_M * kept


def _grid_graph(free: Bool[np.ndarray, "x y"]) -> coo_matrix:
    """Steps between free cells and their eight neighbours, in cells."""
    number = np.full(free.shape, -1)
    number[free] = np.arange(free.sum())
    padded = np.pad(number, 1, constant_values=-1)
    rows, columns, lengths = [], [], []
    for dx, dy in ((1, 0), (0, 1), (1, 1), (1, -1)):
        there = padded[1 + dx : 1 + dx + free.shape[0], 1 + dy : 1 + dy + free.shape[1]]
        both = free & (there >= 0)
        rows.append(number[both])
        columns.append(there[both])
        lengths.append(np.full(int(both.sum()), np.hypot(dx, dy)))
    a, b, length = np.concatenate(rows), np.concatenate(columns), np.concatenate(lengths)
    both_ways = (np.concatenate([length, length]), (np.concatenate([a, b]), np.concatenate([b, a])))
    return coo_matrix(both_ways, shape=(free.sum(),) * 2)


def _resampled(path: Float64[np.ndarray, "p 2"], count: int) -> Float64[np.ndarray, "k 2"]:
    """Evenly spaced along the path."""
    along = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(path, axis=0), axis=1))])
    at = np.linspace(0, along[-1], count)
    return np.column_stack([np.interp(at, along, path[:, axis]) for axis in (0, 1)])


def _gaze(
    position: Float64[np.ndarray, "k 3"], room: Room, caster: RoomCaster, camera: Camera, rng: np.random.Generator
) -> tuple[Float64[np.ndarray, "k"], Float64[np.ndarray, "k"]]:
    """Yaw and pitch per frame: within the turn a wrist makes, the view that shows most of what was seen least."""
    target, worth = _targets(room, rng)
    seen = np.zeros(len(target))
    yaw, pitch = np.empty(len(position)), np.empty(len(position))
    turn = float(rng.uniform(-np.pi, np.pi))
    tangent = 0.85 * np.array([camera.width, camera.height]) / (2 * camera.focal_px)
    for i, eye in enumerate(position):
        offset = target - eye
        reach = np.linalg.norm(offset, axis=1)
        hit = caster.distances(np.broadcast_to(eye, offset.shape), offset)
        visible = (hit > 0.97) & (reach > 0.5) & (reach < 3.8)
        steps = np.arange(-180, 180, 15) * np.pi / 180 if i == 0 else _YAW_STEPS
        yaws, pitches = (a.ravel() for a in np.meshgrid(turn + steps, _PITCHES, indexing="ij"))
        inside = _in_view(offset[visible], yaws, pitches, tangent)  # (candidates, visible)
        gain = inside @ (worth[visible] / (1 + seen[visible]) ** 2)
        best = int(np.argmax(gain * (1 - 0.15 * np.abs(yaws - turn)) + 1e-3 * rng.random(len(gain))))
        seen[np.flatnonzero(visible)[inside[best]]] += 1
        turn = yaws[best]
        yaw[i], pitch[i] = turn, pitches[best]
    return gaussian_filter1d(yaw, 0.7), gaussian_filter1d(pitch, 0.7)


def _in_view(
    offset: Float64[np.ndarray, "n 3"], yaw: np.ndarray, pitch: np.ndarray, tangent: np.ndarray
) -> Bool[np.ndarray, "c n"]:
    """Which offsets from the eye fall into the picture of each candidate gaze."""
    cy, sy, cp, sp = np.cos(yaw), np.sin(yaw), np.cos(pitch), np.sin(pitch)
    zero = np.zeros_like(yaw)
    ahead = np.stack([cy * cp, sy * cp, sp], 1) @ offset.T
    across = np.stack([sy, -cy, zero], 1) @ offset.T
    upward = np.stack([-cy * sp, -sy * sp, cp], 1) @ offset.T
    return (ahead > 0.3) & (np.abs(across) < tangent[0] * ahead) & (np.abs(upward) < tangent[1] * ahead)


def _targets(room: Room, rng: np.random.Generator, count: int = 1500) -> tuple[np.ndarray, np.ndarray]:
    """Points (n, 3) on surfaces and how much a person wants each (n,): things most, ceilings hardly."""
    surfaces = [(s.mesh, 0.05 if s.label == "ceiling" else 0.5) for s in room.structures]
    surfaces += [(o.mesh, 1.5) for o in room.objects]
    corners = np.concatenate([mesh.xyz_m[mesh.faces] for mesh, _ in surfaces]).astype(np.float64)
    weight = np.repeat([w for _, w in surfaces], [len(mesh.faces) for mesh, _ in surfaces])
    area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    chosen: Int64[np.ndarray, "n"] = rng.choice(len(area), count, p=area / area.sum())
    b, c = rng.random((2, count, 1))
    b, c = np.where(b + c > 1, 1 - b, b), np.where(b + c > 1, 1 - c, c)
    first, second, third = corners[chosen].transpose(1, 0, 2)
    return first * (1 - b - c) + second * b + third * c, weight[chosen]


def _wander(count: int, smooth: float, rng: np.random.Generator) -> Float64[np.ndarray, "k"]:
    """A smooth random series of about unit spread."""
    pad = int(4 * smooth) + 1
    return gaussian_filter1d(rng.normal(0, 1, count + 2 * pad), smooth)[pad : pad + count] * np.sqrt(3.5 * smooth)
