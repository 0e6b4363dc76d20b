"""Findings: what perception holds to be the answer to a plain question, in the words of answers."""

from __future__ import annotations

from scene3d.model.detector import COLOURS, MATERIALS
from scene3d.model.notes import CORNER_M, WALL_M, Found, SceneWords, metres, targets_of
from scene3d.model.readings import COMPARED


def lead(asks: str, answer: str) -> str:
    """What a question is after and the answer, as a note begins with them.

    >>> lead("colour", "brown"), lead("taller", "white door"), lead("colour", "")
    ('colour brown', 'which white door', '')
    """
    return f"{'which' if asks in COMPARED else asks} {answer}" if answer else ""


def finding(scene: SceneWords, found: Found, *, threshold: float = 0.5) -> str:
    """What the question is after, of what it is about; empty where nothing is, or it is after nothing of the kind."""
    targets = targets_of(found, threshold=threshold)
    if found.asks in ("exists", "holds"):
        return "yes" if targets else "no"
    if found.asks == "count":
        return str(len(targets))
    if found.asks == "room":
        return found.room
    if found.asks in COMPARED:
        chosen = which(scene, found)
        targets = targets if chosen is None else [chosen]
    if not targets or not found.asks:
        return ""
    i = targets[0]
    if found.asks in COMPARED:
        return scene.words[i]
    if found.asks == "colour":
        return COLOURS[int(scene.seen.look[i, : len(COLOURS)].argmax())]
    if found.asks == "material":
        return MATERIALS[int(scene.seen.look[i, len(COLOURS) :].argmax())]
    if found.asks == "name":
        return scene.name[i]
    if found.asks == "where":
        return place_of(scene, i)
    other = _other_than(i, found, last=found.asks == "side")
    if other is None:
        return ""
    return scene.hand(i, other) if found.asks == "side" else metres(float(scene.pair[i, other, 5]))


def _other_than(i: int, found: Found, *, last: bool) -> int | None:
    """The first thing that the question names beside `i`, or the last; where it names none surely, the likeliest."""
    told = [j for j in found.told_by() if j != i]
    if told:
        return told[-1 if last else 0]
    share = found.anchor[0, :-1].clone()
    share[i] = -1
    return int(share.argmax()) if len(share) > 1 else None


def which(scene: SceneWords, found: Found) -> int | None:
    """The one of two things that is larger, smaller or taller, or closer to a third or farther from it; None where
    there are not so many things.

    The scorer knows which two a question names better than which it names first.
    """
    share = found.anchor[:, :-1]
    third = found.asks in ("closer", "farther")
    if share.shape[1] < 2 + third:
        return None
    named = share[0] + share[1]
    at = int(share[2].argmax())
    if third:
        named[at] = -1
    one, other = named.topk(2).indices.tolist()
    if found.asks in ("larger", "smaller"):
        more = float(scene.pair[one, other, 12])  # of the log volumes
    elif found.asks == "taller":
        more = float(scene.seen.place[one, 5] - scene.seen.place[other, 5])
    else:
        more = float(scene.pair[one, at, 5] - scene.pair[other, at, 5])
    return one if (more > 0) == (found.asks in ("larger", "taller", "farther")) else other


def place_of(scene: SceneWords, i: int) -> str:
    """On what it stands, or where in the room."""
    if scene.support[i] >= 0:
        return f"on the {scene.name[scene.support[i]]}"
    wall, corner = scene.seen.place[i, 9:11].tolist()
    if wall < WALL_M and corner < CORNER_M:
        return "in the corner"
    return "against the wall" if wall < WALL_M else "in the middle of the room"
