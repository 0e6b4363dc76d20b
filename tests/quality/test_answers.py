import numpy as np
import pytest

from scene3d.quality.answers import contradicts, mostly, parts_of
from scene3d.types import GroundedText, ObjectLink, Phrase


@pytest.mark.parametrize(
    ("text", "phrases", "wrong"),
    [
        ("There is no chair here.", {}, False),
        ("There is no chair here.", {"chair": (3,)}, True),
        ("There is no chair here.", {"chair": ()}, False),
        ("There are no chairs near the table.", {"table": (1,)}, False),
        ("It is the piano.", {"piano": ()}, True),
        ("The lamp is on the desk.", {"lamp": (), "desk": (2,)}, False),
        ("This is an office.", {}, False),
    ],
)
def test_what_contradicts_its_links(text: str, phrases: dict[str, tuple[int, ...]], wrong: bool) -> None:
    spans = tuple(
        Phrase(
            start=text.index(words),
            end=text.index(words) + len(words),
            objects=tuple(ObjectLink(id=i, probability=0.9) for i in ids),
            absent_probability=0.1,
        )
        for words, ids in phrases.items()
    )
    assert contradicts(GroundedText(text=text, phrases=spans)) == wrong


def test_a_proposal_is_what_more_than_half_of_its_points_are() -> None:
    instance = np.array([4, 4, 4, 7, 7, -1, -1, -1])
    mask = np.array([[1, 1, 0, 1, 0, 0, 0, 0], [1, 0, 0, 1, 0, 0, 0, 0], [0, 0, 0, 1, 1, 1, 1, 1], [0] * 8], dtype=bool)
    assert mostly(mask, instance, {4: "mirror", 7: "sink"}) == ["mirror", "", "", ""]


def test_a_proposal_is_the_object_that_most_of_its_points_are_of():
    instance = np.array([4, 4, 4, 7, 7, -1, -1, -1])
    mask = np.zeros((5, 8), bool)
    mask[0, :4], mask[1, 2:5], mask[2, [0, 3]], mask[3, 4:] = True, True, True, True
    assert parts_of(mask, instance) == {0: 4, 1: 7}  # half is not most, and most of the fourth is nobody's
