"""Findings: what perception holds to be the answer to a plain question, in the words of answers."""

from __future__ import annotations

from scene3d.model.detector import COLOURS, MATERIALS
from scene3d.model.notes import CORNER_M, WALL_M, Found, SceneWords, metres, targets_of


def finding(scene: SceneWords, found: Found, *, threshold: float = 0.5) -> str:
    """What the question is after, of what it is about; empty where nothing is, or it is after nothing of the kind.

    >>> finding(scene, found)  # doctest: +SKIP
    'about 2 meters'
    """
    targets = targets_of(found, threshold=threshold)
    if found.asks in ("exists", "holds"):
        return "yes" if targets else "no"
    if found.asks == "count":
        return str(len(targets))
    if found.asks == "room":
        return found.room
    if not targets:
        return ""
    i = targets[0]
    told = [j for j in found.told_by() if j != i]
    if found.asks == "colour":
        return COLOURS[int(scene.seen.look[i, : len(COLOURS)].argmax())]
    if found.asks == "material":
        return MATERIALS[int(scene.seen.look[i, len(COLOURS) :].argmax())]
    if found.asks == "name":
        return scene.name[i]
    if found.asks == "which":
        return scene.words[i]
    if found.asks == "where":
        return place_of(scene, i)
    if found.asks == "side" and told:
        return scene.hand(i, told[-1])
    if found.asks == "distance" and told:
        return metres(float(scene.pair[i, told[0], 5]))
    return ""


def place_of(scene: SceneWords, i: int) -> str:
    """On what it stands, or where in the room."""
    if scene.support[i] >= 0:
        return f"on the {scene.name[scene.support[i]]}"
    wall, corner = scene.seen.place[i, 9:11].tolist()
    if wall < WALL_M and corner < CORNER_M:
        return "in the corner"
    return "against the wall" if wall < WALL_M else "in the middle of the room"
