"""Furnished rooms: nothing inside another thing, supports touch, doors stay free, the same seed the same room."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial import KDTree

from scene3d.errors import InputError
from scene3d.labels import class_list
from scene3d.synth.furniture import Catalogue
from scene3d.synth.layout import KINDS, furnish
from scene3d.synth.room import PlacedObject, Room
from scene3d.synth.scene_graph import object_box
from scene3d.synth.textured_mesh import face_colours, sampled


def _in_box(points_m: np.ndarray, placed: PlacedObject, *, shrink_m: float) -> np.ndarray:
    centre, size, turn = object_box(placed)
    c, s = np.cos(turn), np.sin(turn)
    local = (points_m - centre) @ np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]]).T
    return np.asarray((np.abs(local) < size / 2 - shrink_m).all(1))


def _overlapping(room: Room) -> list[str]:
    """Pairs where surface points of one thing lie well inside the box of another that does not carry it."""
    points = [sampled(placed.mesh, 400)[2] for placed in room.objects]
    found = []
    for a in room.objects:
        for b in room.objects:
            related = a.id == b.id or a.support_id == b.id or b.support_id == a.id
            if not related and _in_box(points[a.id], b, shrink_m=0.02).any():
                found.append(f"{a.label} {a.id} in {b.label} {b.id}")
    return found


def test_nothing_is_inside_another_thing(tiny_rooms: tuple[Room, ...]) -> None:
    assert [_overlapping(room) for room in tiny_rooms] == [[]] * len(tiny_rooms)


def test_everything_lies_between_floor_and_ceiling(tiny_rooms: tuple[Room, ...]) -> None:
    for room in tiny_rooms:
        for placed in room.objects:
            z = placed.mesh.xyz_m[placed.mesh.faces][..., 2]
            assert z.min() > -0.01
            assert z.max() < room.height_m + 0.01


def test_what_stands_on_something_touches_it(tiny_rooms: tuple[Room, ...]) -> None:
    pairs = [(p, room.objects[p.support_id]) for room in tiny_rooms for p in room.objects if p.support_id is not None]
    assert len(pairs) > 20
    for upper, lower in pairs:
        foot = upper.mesh.xyz_m[:, 2].min()
        centre = object_box(upper)[0]
        ground = sampled(lower.mesh, 6000)[2]
        distance, _ = KDTree(ground).query(np.array([*centre[:2], foot]))
        assert distance < 0.12, (upper.label, lower.label)
        near = ground[np.linalg.norm(ground[:, :2] - centre[:2], axis=1) < 0.1]
        assert np.abs(near[:, 2] - foot).min() < 0.05


def test_what_stands_on_nothing_stands_on_the_floor_or_hangs(tiny_rooms: tuple[Room, ...]) -> None:
    for room in tiny_rooms:
        for placed in room.objects:
            if placed.support_id is None and not placed.against_wall:
                z = placed.mesh.xyz_m[placed.mesh.faces][..., 2]
                hangs = z.max() > room.height_m - 0.02 or placed.label == "shower curtain"
                assert z.min() < 0.01 or hangs, placed.label


def test_the_floor_before_doors_is_free(tiny_rooms: tuple[Room, ...]) -> None:
    for room in tiny_rooms:
        doors = [placed for placed in room.objects if placed.label == "door" and placed.against_wall]
        for door in doors:
            assert door.yaw_rad is not None
            ahead = object_box(door)[0][:2] + 0.55 * np.array([np.cos(door.yaw_rad), np.sin(door.yaw_rad)])
            x, y = np.meshgrid(np.linspace(-0.2, 0.2, 5), np.linspace(-0.2, 0.2, 5))
            spot = np.stack([x.ravel() + ahead[0], y.ravel() + ahead[1], np.full(25, 0.4)], 1)
            others = [p for p in room.objects if p.label not in ("door", "mat")]
            assert not [p.label for p in others if _in_box(spot, p, shrink_m=0).any()]


def test_the_same_seed_gives_the_same_bits(tiny_catalogue: Catalogue) -> None:
    a, b = (furnish("office", seed=3, catalogue=tiny_catalogue) for _ in range(2))
    assert len(a.objects) == len(b.objects)
    for x, y in zip(a.objects, b.objects, strict=True):
        assert (x.label, x.model_id, x.colour, x.support_id) == (y.label, y.model_id, y.colour, y.support_id)
        assert x.mesh.xyz_m.tobytes() == y.mesh.xyz_m.tobytes()
        assert all(p.tobytes() == q.tobytes() for p, q in zip(x.mesh.textures, y.mesh.textures, strict=True))
    assert furnish("office", seed=4, catalogue=tiny_catalogue).floor_m.tolist() != a.floor_m.tolist()


def test_rooms_are_full_and_labelled(tiny_rooms: tuple[Room, ...]) -> None:
    counts = [len(room.objects) for room in tiny_rooms]
    assert np.median(counts) >= 28
    assert min(counts) >= 10
    assert max(counts) <= 75
    names = set(class_list("scannet200").names)
    assert all(placed.label in names for room in tiny_rooms for placed in room.objects)
    assert all(structure.label in names for room in tiny_rooms for structure in room.structures)


def test_held_out_rooms_hold_no_trained_model(tiny_catalogue: Catalogue) -> None:
    ids = {p: set[str]() for p in ("train", "heldout")}
    for part, seen in ids.items():
        for seed in range(2):
            room = furnish("bedroom", seed=seed, catalogue=tiny_catalogue, part=part)
            seen |= {placed.model_id for placed in room.objects}
    assert ids["heldout"]
    assert not ids["train"] & ids["heldout"]


def test_fronts_point_away_from_the_wall(tiny_rooms: tuple[Room, ...]) -> None:
    for room in tiny_rooms:
        middle = room.floor_m.mean(0)
        for placed in room.objects:
            if (
                placed.label in ("couch", "bed", "cabinet", "bookshelf")
                and placed.against_wall
                and len(room.floor_m) == 4
            ):
                assert placed.yaw_rad is not None
                ahead = np.array([np.cos(placed.yaw_rad), np.sin(placed.yaw_rad)])
                at = object_box(placed)[0][:2]
                edges = np.concatenate([at - room.floor_m.min(0), room.floor_m.max(0) - at])
                nearest = np.array([[1, 0], [0, 1], [-1, 0], [0, -1]])[np.argsort(edges)[:2]]
                assert (nearest @ ahead).max() > 0.99, (placed.label, middle)


def test_walls_face_the_room(tiny_rooms: tuple[Room, ...]) -> None:
    for room in tiny_rooms:
        for structure in room.structures:
            if structure.label in ("floor", "ceiling"):
                corner = structure.mesh.xyz_m[structure.mesh.faces]
                up = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])[:, 2]
                assert ((up > 0) == (structure.label == "floor")).all()
        walls = [s.mesh for s in room.structures if s.label == "wall"][: len(room.floor_m)]
        for mesh, first, second in zip(walls, room.floor_m, np.roll(room.floor_m, -1, 0), strict=True):
            corner = mesh.xyz_m[mesh.faces].astype(np.float64)
            normal = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])[:, :2]
            inward = np.array([first[1] - second[1], second[0] - first[0]])
            assert (normal @ inward > 0).all()


def test_white_things_are_lighter_than_dark_and_black_things_darker_than_light(tiny_rooms: tuple[Room, ...]) -> None:
    named = [placed for room in tiny_rooms for placed in room.objects if placed.colour in ("black", "white")]
    assert len(named) > 10
    for placed in named:
        face, barycentric, _ = sampled(placed.mesh, 700)
        level = face_colours(placed.mesh, face, barycentric).mean(1)
        light, dark = (level > 170).mean(), (level < 70).mean()
        assert (light > dark) == (placed.colour == "white"), (placed.label, placed.colour, light, dark)


def test_unknown_kind(tiny_catalogue: Catalogue) -> None:
    with pytest.raises(InputError, match="no kind of room named 'castle'"):
        furnish("castle", seed=0, catalogue=tiny_catalogue)


@pytest.mark.parametrize("kind", KINDS[::3])
def test_rooms_of_real_furniture(kind: str, system_catalogue: Catalogue) -> None:
    room = furnish(kind, seed=1, catalogue=system_catalogue, part="heldout")
    assert not _overlapping(room)
    assert len(room.objects) >= 10
