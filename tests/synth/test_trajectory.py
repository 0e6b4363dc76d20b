import numpy as np
import pytest

from scene3d.errors import InputError
from scene3d.synth.camera import Camera, look
from scene3d.synth.render import Light, RoomCaster
from scene3d.synth.room import Room
from scene3d.synth.trajectory import plan_walk
from tests.synth.box_room import OBJECTS, SIZE_M, box_room


def caster_of(room: Room) -> RoomCaster:
    return RoomCaster(room, light=Light.random(room, np.random.default_rng(0)))


def walk_of(room: Room, seed: int = 0, frames: int = 60) -> np.ndarray:
    return plan_walk(room, caster_of(room), Camera(), frames=frames, rng=np.random.default_rng(seed))


def test_look_turns_the_camera_to_a_hand_worked_pose():
    pose = look(np.array([1.0, 2.0, 3.0]), np.pi / 2, 0.0)
    assert np.allclose(pose[:3, 2], [0, 1, 0])  # ahead is +y
    assert np.allclose(pose[:3, 0], [1, 0, 0])  # so right is +x
    assert np.allclose(pose[:3, 1], [0, 0, -1])  # and image rows run down
    assert np.allclose(pose[:3, 3], [1, 2, 3])


@pytest.mark.parametrize("seed", range(4))
def test_walk_stays_in_the_room_and_out_of_its_objects(seed: int):
    position = walk_of(box_room(), seed)[:, :3, 3]
    assert (position[:, :2] > 0.1).all()
    assert (position[:, :2] < np.array(SIZE_M[:2]) - 0.1).all()
    assert ((position[:, 2] >= 1.2) & (position[:, 2] <= 1.7)).all()
    for low, high in OBJECTS.values():
        within = (position[:, :2] > np.array(low[:2])) & (position[:, :2] < np.array(high[:2]))
        assert not within.all(axis=1).any()


def test_poses_are_rotations_and_the_hand_is_steady():
    walk = walk_of(box_room())
    rotation = walk[:, :3, :3]
    assert np.allclose(rotation @ rotation.transpose(0, 2, 1), np.eye(3), atol=1e-9)
    assert np.allclose(np.linalg.det(rotation), 1)
    assert np.linalg.norm(np.diff(walk[:, :3, 3], axis=0), axis=1).max() < 0.5
    turn = np.arccos(np.clip((rotation[1:, :, 2] * rotation[:-1, :, 2]).sum(axis=1), -1, 1))
    assert turn.max() < np.deg2rad(75)


def test_walk_shows_every_object_and_most_of_the_walls():
    room = box_room()
    caster, camera = caster_of(room), Camera(width=64, height=48)
    pictures = [caster.picture(camera, pose) for pose in walk_of(room)]
    shown, counts = np.unique(np.concatenate([p.surface.ravel() for p in pictures]), return_counts=True)
    seen = dict(zip(shown.tolist(), counts.tolist(), strict=True))
    assert all(seen.get(len(room.structures) + i, 0) > 20 for i in range(len(OBJECTS)))
    assert all(seen.get(wall, 0) > 500 for wall in range(4))


def test_same_seed_same_walk():
    assert np.array_equal(walk_of(box_room(), 3), walk_of(box_room(), 3))
    assert not np.array_equal(walk_of(box_room(), 3), walk_of(box_room(), 4))


def test_one_frame_is_a_walk():
    assert walk_of(box_room(), frames=1).shape == (1, 4, 4)


def test_full_room_and_no_frames_are_refused():
    full = box_room({"cabinet": ((0.0, 0.0, 0.0), (SIZE_M[0], SIZE_M[1], 1.5))})
    with pytest.raises(InputError, match="no floor is free"):
        walk_of(full)
    with pytest.raises(InputError, match="0 frames"):
        walk_of(box_room(), frames=0)
