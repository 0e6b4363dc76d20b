"""Relations of a room, checked on rooms whose answers are known by hand."""

from __future__ import annotations

import json

import numpy as np

from scene3d.synth.builtin.shapes import box
from scene3d.synth.colours import solid
from scene3d.synth.room import PlacedObject, Room
from scene3d.synth.scene_graph import scene_graph
from scene3d.synth.textured_mesh import moved


def _object(key: int, at: tuple[float, float, float], yaw: float | None, support: int | None = None) -> PlacedObject:
    pose = np.eye(4)
    if yaw is not None:
        turn = yaw + np.pi / 2
        pose[:2, :2] = [[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]
    pose[:3, 3] = at
    return PlacedObject(
        id=key,
        label="box",
        model_id="own/carton-0",
        mesh=moved(box((0.6, 0.4, 0.5), solid((10, 20, 30))), pose),
        world_from_model=pose,
        yaw_rad=yaw,
        support_id=support,
        against_wall=False,
        colour="black",
        material="cardboard",
    )


def _room(*objects: PlacedObject) -> Room:
    floor = np.array([[0.0, 0], [5, 0], [5, 4], [0, 4]])
    return Room(name="r", kind="office", seed=0, floor_m=floor, height_m=2.5, structures=(), objects=objects)


def test_supports_nearest_corner_and_facing() -> None:
    room = _room(
        _object(0, (0.4, 0.3, 0), None),
        _object(1, (0.4, 0.3, 0.5), None, support=0),
        _object(2, (2.0, 2.0, 0), 0.0),
        _object(3, (4.0, 2.2, 0), None),
    )
    graph = scene_graph(room)
    assert graph["supports"] == [(1, 0)]
    assert graph["nearest"][0] == [(1, 0.0)]
    assert graph["facing"] == [(2, 3)]
    assert [record["in_corner"] for record in graph["objects"]] == [True, True, False, False]


def test_size_is_in_the_object_s_own_axes() -> None:
    record = scene_graph(_room(_object(0, (2, 2, 0), 0.7)))["objects"][0]
    assert np.allclose(record["size_m"], [0.6, 0.4, 0.5], atol=2e-3)
    assert np.allclose(record["centre_m"], [2, 2, 0.25], atol=2e-3)
    assert record["yaw_rad"] == 0.7


def test_gaps_are_between_the_boxes() -> None:
    graph = scene_graph(
        _room(_object(0, (1, 1, 0), None), _object(1, (2.0, 1, 0), None), _object(2, (4.4, 1, 0), None))
    )
    assert graph["nearest"] == {0: [(1, 0.4)], 1: [(0, 0.4)], 2: []}


def test_an_empty_room() -> None:
    assert scene_graph(_room())["objects"] == []


def test_a_furnished_room_becomes_json(tiny_rooms: tuple[Room, ...]) -> None:
    graph = json.loads(json.dumps(scene_graph(tiny_rooms[0])))
    assert len(graph["objects"]) == len(tiny_rooms[0].objects)
