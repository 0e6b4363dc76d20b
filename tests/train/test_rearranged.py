"""Furniture that is put elsewhere: truth and referents agree as before, and nothing stands in another."""

from dataclasses import replace
from pathlib import Path
from random import Random

import numpy as np
import pytest
import torch

from scene3d.synth.language import RoomFacts
from scene3d.synth.language.boxes import box_corners_m
from scene3d.train.proposed import NOBODY, ProposedRoom
from scene3d.train.rearranged import rearranged
from tests.model.language_parts import some_referents
from tests.synth.language.furnished import MadeUpRoom, furnished_room

YAW = np.pi / 2
TURN = np.array([[np.cos(YAW), -np.sin(YAW)], [np.sin(YAW), np.cos(YAW)]])
OFFSET = np.array([-3.0, 1.0])


def proposed(room: MadeUpRoom) -> ProposedRoom:
    """Every object as it is, in a frame that is turned and moved, and one proposal that is nothing."""
    place = torch.zeros(len(room.objects) + 1, 11)
    facts = RoomFacts(room)
    corners = box_corners_m(facts.centre_m, facts.size_m, np.array([o.box_yaw_rad for o in room.objects])) @ TURN.T
    place[:-1, :2] = torch.from_numpy(facts.centre_m[:, :2] @ TURN.T + OFFSET)
    place[:-1, 2] = torch.from_numpy(facts.centre_m[:, 2])
    place[:-1, 3:5] = torch.from_numpy(corners.max(1) - corners.min(1))
    place[:-1, 5] = torch.from_numpy(facts.size_m[:, 2])
    front = np.nan_to_num(facts.front_rad) + YAW
    place[:-1, 6], place[:-1, 7] = torch.from_numpy(np.cos(front)), torch.from_numpy(np.sin(front))
    seen = replace(some_referents(len(place)), place=place)
    return ProposedRoom(path=Path("room"), seen=seen, owner=torch.tensor([*facts.id, NOBODY]))


@pytest.mark.parametrize("seed", range(4))
def test_what_is_proposed_moves_as_what_is_true(seed: int) -> None:
    room = furnished_room(seed)
    before, facts = proposed(room), RoomFacts(room)
    moved = rearranged(before, room, Random(seed))
    assert moved is not None
    assert moved.facts is not None
    told, place = moved.facts, moved.seen.place.double().numpy()[:-1]
    other = np.abs(told.centre_m - facts.centre_m).max(1) > 1e-6
    assert 0.2 < other[facts.movable & facts.seen].mean() < 1
    assert np.allclose(place[:, :2], told.centre_m[:, :2] @ TURN.T + OFFSET, atol=1e-4)
    front = np.arctan2(place[:, 7], place[:, 6]) - told.front_rad - YAW
    assert np.allclose(np.cos(front[~np.isnan(front)]), 1)
    corners = box_corners_m(told.centre_m, told.size_m, np.array([o.box_yaw_rad for o in _objects(moved, room)]))
    extent = (corners @ TURN.T).max(1) - (corners @ TURN.T).min(1)
    assert np.allclose(place[:, 3:5], extent, atol=1e-4)
    assert torch.equal(moved.seen.place[-1], before.seen.place[-1])
    for i in np.flatnonzero(other & (told.support >= 0)):
        base = told.support[i]
        assert told.distance_m[i, base] == pytest.approx(facts.distance_m[i, base])
    standing = np.flatnonzero(other & told.standing)
    assert (told.wall_gap_m[standing] >= 0).all()
    nearer = np.minimum(told.wall_gap_m, 3.0)[standing] - place[standing, 9]  # as boxes along the walls are wider
    assert (nearer > -0.03).all()
    assert (nearer < 0.35).all()
    for i in standing:
        rivals = [j for j in np.flatnonzero(told.standing) if j != i]
        assert told.floor_gap_m[i, rivals].min() > 0


def _objects(moved: ProposedRoom, room: MadeUpRoom) -> list:
    """The objects with the turn that their proposals took."""
    turned = []
    for row, thing in enumerate(room.objects):
        x, y = moved.seen.place[row, 6:8].tolist()
        front = np.arctan2(y, x) - YAW - (thing.yaw_rad or 0.0)
        turned.append(replace(thing, box_yaw_rad=thing.box_yaw_rad + front))
    return turned


def test_proposals_that_do_not_tell_where_the_room_lies_are_left_alone() -> None:
    room = furnished_room(0)
    one = proposed(room)
    assert rearranged(replace(one, owner=torch.full_like(one.owner, NOBODY)), room, Random(0)) is None
    astray = one.seen.place.clone()
    astray[:, :2] = 5 * torch.rand(len(astray), 2, generator=torch.Generator().manual_seed(0))
    assert rearranged(replace(one, seen=replace(one.seen, place=astray)), room, Random(0)) is None
