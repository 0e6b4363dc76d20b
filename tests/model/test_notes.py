import torch

from scene3d.model.notes import Found, SceneWords, note, targets_of
from tests.model.language_parts import KINDS, some_referents


def a_desk_corner():
    """A brown wooden table by a wall, a lamp on it, a chair in front."""
    seen = some_referents(3)
    seen.kind[:] = torch.eye(5)[[1, 4, 0]]
    seen.look[:] = 0
    seen.look[0, [10, 12]] = 0.9  # brown, wood
    seen.look[1, 0] = 0.9  # black
    seen.look[2, 0] = 0.1  # nobody knows
    seen.place[0] = torch.tensor([0.0, 2.0, 0.4, 1.4, 0.8, 0.8, 0.0, -1.0, 1.0, 0.05, 2.0])
    seen.place[1] = torch.tensor([0.5, 2.0, 1.0, 0.2, 0.2, 0.4, 0.0, 0.0, 0.0, 0.3, 2.0])
    seen.place[2] = torch.tensor([-0.5, 1.0, 0.5, 0.5, 0.5, 1.0, 0.0, 1.0, 1.0, 1.2, 2.0])
    return SceneWords(seen, KINDS)


def found(target, *, absent=0.0, anchor=None, candidate=(0.0, 0.0, 0.0)):
    rows = torch.zeros(1, 4)
    rows[0, 3 if anchor is None else anchor] = 1
    return Found(target=torch.tensor(target), absent=absent, anchor=rows, candidate=torch.tensor(candidate))


def test_objects_are_called_by_look_and_class():
    assert a_desk_corner().words == ["brown wood table", "black lamp", "chair"]


def test_what_stands_on_what():
    assert a_desk_corner().support == [-1, 0, -1]


def test_a_note_says_what_where_and_how_far():
    text = note(a_desk_corner(), found([0.1, 0.9, 0.2], anchor=2))
    assert text.startswith("found 1: black lamp, 0.4 m, on table, near chair 0.9 m | by chair, 1.0 m, on floor")
    assert text.endswith("about 1 meter away, front")


def test_sides_are_those_of_somebody_who_faces_the_thing():
    scene = a_desk_corner()
    assert scene.side(1, 0) == "right"  # the table faces -y; one who faces it has +x on the right
    assert scene.side(2, 0) == "front"


def test_nothing_found_lists_the_rivals_or_the_room():
    scene = a_desk_corner()
    assert note(scene, found([0.1, 0.1, 0.1], absent=0.9, candidate=(0.0, 0.0, 0.9))) == "found none, but 1: chair"
    assert "here: " in note(scene, found([0.1, 0.1, 0.1], absent=0.9))


def test_targets_come_likeliest_first_and_the_best_is_taken_where_none_is_sure():
    assert targets_of(found([0.6, 0.9, 0.2])) == [1, 0]
    assert targets_of(found([0.1, 0.3, 0.2])) == [1]
    assert targets_of(found([0.9, 0.9, 0.9], absent=0.8)) == []


def test_a_scene_without_objects_has_a_note():
    scene = SceneWords(some_referents(0), KINDS)
    nothing = Found(target=torch.zeros(0), absent=1.0, anchor=torch.zeros(1, 1), candidate=torch.zeros(0))
    assert note(scene, nothing) == "found none, here: "
