"""Furniture and rooms that the tests of `scene3d.synth` share."""

from __future__ import annotations

from pathlib import Path

import pytest

from scene3d.synth.furniture import SYSTEM_FOLDER, Catalogue, load_catalogue
from scene3d.synth.layout import KINDS, furnish
from scene3d.synth.room import Room

TINY = Path(__file__).parent / "tiny.sh3f"


@pytest.fixture(scope="session")
def tiny_catalogue() -> Catalogue:
    """Our own furniture library, which needs nothing installed."""
    return load_catalogue([TINY])


@pytest.fixture(scope="session")
def system_catalogue() -> Catalogue:
    """The libraries of Debian's package; tests that ask for it are skipped where it is not installed."""
    if not any(SYSTEM_FOLDER.glob("*.sh3f")):
        pytest.skip("sweethome3d-furniture is not installed")
    return load_catalogue()


@pytest.fixture(scope="session")
def tiny_rooms(tiny_catalogue: Catalogue) -> tuple[Room, ...]:
    """One room of each kind."""
    return tuple(furnish(kind, seed=11, catalogue=tiny_catalogue) for kind in KINDS)
