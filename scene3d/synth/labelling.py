"""Truth for scanned points: which surface of the room each one belongs to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32, Int32

from scene3d.labels import class_list
from scene3d.synth.raycasting import Raycaster
from scene3d.synth.room import Room, TexturedMesh

_REACH_M = 0.06
"""Points farther than this from every surface are nobody's: noise between things."""
_PREFERENCE_M = 0.01
"""A point this much closer to a wall than to an object still is the object's: rugs and pictures are thin."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Labels:
    """Truth per point."""

    instance: Int32[np.ndarray, "n"]
    """`PlacedObject.id`, -1 for structure, noise and objects that were hardly seen."""
    category_id: Int32[np.ndarray, "n"]
    """ScanNet200 id, structures included; 0 for noise, hardly seen objects and labels outside the 200."""
    point_count: dict[int, int]
    """Points per object id, hardly seen ones included; 0 for objects that were never seen."""
    seen: frozenset[int]
    """Ids of the objects with enough points to count."""


def label_points(room: Room, xyz_m: Float32[np.ndarray, "n 3"], *, least_points: int) -> Labels:
    """Give each point to the nearest surface of the noise-free room.

    Args:
        room: The truth.
        xyz_m: Points in the room's frame, metres.
        least_points: An object with fewer points than this counts as unseen, and its points as unlabelled.
    """
    objects, structures = [o.mesh for o in room.objects], [s.mesh for s in room.structures]
    surface_of_object, to_object = _nearest(objects, xyz_m, _in_reach(objects, xyz_m))
    # A point this close to an object is the object's, whatever else is near.
    surface_of_structure, to_structure = _nearest(structures, xyz_m, to_object >= _PREFERENCE_M)
    structure_id = _category_ids([s.label for s in room.structures])
    object_id = np.array([o.id for o in room.objects], np.int32)
    thing = to_object < np.minimum(to_structure + _PREFERENCE_M, _REACH_M)
    solid = ~thing & (to_structure < _REACH_M)
    instance = np.full(len(xyz_m), -1, np.int32)
    instance[thing] = object_id[surface_of_object[thing]]
    category = np.zeros(len(xyz_m), np.int32)
    category[solid] = structure_id[surface_of_structure[solid]]
    category[thing] = _category_ids([o.label for o in room.objects])[surface_of_object[thing]]
    ids, counts = np.unique(instance[thing], return_counts=True)
    point_count = {o.id: 0 for o in room.objects} | dict(zip(ids.tolist(), counts.tolist(), strict=True))
    seen = frozenset(i for i, count in point_count.items() if count >= least_points)
    hardly = thing & ~np.isin(instance, list(seen))
    instance[hardly], category[hardly] = -1, 0
    return Labels(instance=instance, category_id=category, point_count=point_count, seen=seen)


def _nearest(
    meshes: list[TexturedMesh], xyz_m: Float32[np.ndarray, "n 3"], asked: Bool[np.ndarray, "n"]
) -> tuple[Int32[np.ndarray, "n"], Float32[np.ndarray, "n"]]:
    """Nearest mesh and its distance of the points asked for; -1 and infinity elsewhere."""
    mesh, distance = np.full(len(xyz_m), -1, np.int32), np.full(len(xyz_m), np.inf, np.float32)
    mesh[asked], distance[asked] = Raycaster(meshes).nearest(xyz_m[asked])
    return mesh, distance


def _in_reach(meshes: list[TexturedMesh], xyz_m: Float32[np.ndarray, "n 3"]) -> Bool[np.ndarray, "n"]:
    """Points in a cell that a box within reach touches: only these can be a mesh's, and cells are quicker to ask."""
    cell_m, margin_m = 0.1, _REACH_M + 1e-3
    corner = xyz_m.min(axis=0, initial=0)
    cells = np.floor((xyz_m - corner) / cell_m).astype(np.int32)
    touched = np.zeros(cells.max(axis=0, initial=0) + 1, bool)
    for mesh in (mesh for mesh in meshes if len(mesh.faces)):
        low, high = mesh.xyz_m.min(axis=0) - margin_m, mesh.xyz_m.max(axis=0) + margin_m
        first, last = (np.floor((end - corner) / cell_m).astype(int).clip(-1) for end in (low, high))
        touched[tuple(slice(max(i, 0), j + 1) for i, j in zip(first, last, strict=True))] = True
    return touched[tuple(cells.T)]


def _category_ids(labels: list[str]) -> Int32[np.ndarray, "g"]:
    classes = class_list("scannet200")
    return np.array([classes.id_of(label) for label in labels], np.int32)
