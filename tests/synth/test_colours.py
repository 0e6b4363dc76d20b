"""Plain names for colours that people would agree on."""

from __future__ import annotations

import numpy as np
import pytest

from scene3d.synth.builtin.shapes import box
from scene3d.synth.colours import NAMES, colour_names, dominant_colour, recoloured, solid


@pytest.mark.parametrize(
    ("rgb", "name"),
    [
        ((10, 10, 12), "black"), ((250, 250, 250), "white"), ((128, 128, 130), "grey"), ((200, 20, 20), "red"),
        ((240, 140, 20), "orange"), ((240, 220, 40), "yellow"), ((40, 150, 60), "green"), ((30, 60, 200), "blue"),
        ((110, 30, 160), "purple"), ((245, 160, 190), "pink"), ((110, 70, 40), "brown"), ((225, 205, 175), "beige"),
    ],
)  # fmt: skip
def test_names(rgb: tuple[int, int, int], name: str) -> None:
    assert NAMES[colour_names(np.array([rgb], np.uint8))[0]] == name


def test_the_larger_side_gives_the_name() -> None:
    red, blue = solid((200, 20, 20)), solid((20, 40, 200))
    assert dominant_colour(box((1.0, 0.05, 1.0), red, front=blue)) == "red"
    assert dominant_colour(box((1.0, 0.01, 1.0), red)) == "red"


def test_no_strength_changes_nothing() -> None:
    mesh = box((1, 1, 1), solid((200, 20, 20)))
    assert recoloured(mesh, np.random.default_rng(0), strength=0.0) is mesh
    assert recoloured(mesh, np.random.default_rng(0), strength=1.0).textures[0].tobytes() != mesh.textures[0].tobytes()
