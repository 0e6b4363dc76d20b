"""Findings: what perception holds to be the answer to a plain question, in the words of answers."""

from __future__ import annotations

from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from scene3d.model.detector import COLOURS, MATERIALS
from scene3d.model.notes import CORNER_M, WALL_M, Found, SceneWords, metres, targets_of
from scene3d.model.readings import COMPARED

_THIRD = ("closer", "farther")
"""Comparisons by a third thing."""
MEASURED = (*COMPARED, "distance", "side")
"""What is asked of two things or three, each singled out by its own words."""

_SURELY_ABSENT = 0.95
"""Who asks how far two things are apart seldom asks about what is not there."""
_MOST_KINDS, _TOLD, _THERE = 6, 2, 0.6
"""Of a room's description: kinds of things, places, and the score from which a thing is told."""


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
    if found.asks == "describe room":
        return inventory(scene, found.room)
    if found.asks in COMPARED:
        chosen = which(scene, found)
        targets = targets if chosen is None else [chosen]
    if not targets or not found.asks:
        return ""
    i = targets[0]
    if found.asks in COMPARED:
        return _named(found, i) or scene.words[i]
    if found.asks == "colour":
        return COLOURS[int(scene.seen.look[i, : len(COLOURS)].argmax())]
    if found.asks == "material":
        return MATERIALS[int(scene.seen.look[i, len(COLOURS) :].argmax())]
    if found.asks == "name":
        return scene.name[i]
    if found.asks == "describe":
        return "; ".join(filter(None, (scene.words[i], sure_place(scene, i))))
    if found.asks == "where":
        return sure_place(scene, i) or "in the middle of the room"
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


def by_mentions(scene: SceneWords, found: Found) -> Found:
    """What is found where the question's own words for two things or three tell which they are.

    Words that single out one thing are read alone, as a description is; the scorer, which reads the whole question,
    knows less well which words are about which thing. Where one of them is surely not there, that comes first: where
    it is.
    """
    third = found.asks in _THIRD
    if found.asks not in MEASURED or len(found.mentions) < 2 + third or len(scene.name) < 2 + third:
        return found
    lost = max(found.mentions[: 2 + third], key=lambda mention: mention.absent)
    if lost.absent > _SURELY_ABSENT:
        nowhere = torch.zeros_like(found.anchor)
        nowhere[:, -1] = 1
        nothing = torch.zeros_like(found.target)
        return replace(found, target=nothing, absent=lost.absent, anchor=nowhere, asks="where", missing=lost.text)
    shares = [mention.share for mention in found.mentions]
    named = [*apart(shares[0], shares[1])]
    if third:
        rest = shares[2].clone()
        rest[named] = -1
        named.append(int(rest.argmax()))
    anchor = torch.zeros_like(found.anchor)
    rows = named if found.asks in COMPARED else named[1:]
    for slot, row in enumerate(rows):
        anchor[slot, row] = 1
    anchor[len(rows) :, -1] = 1
    found = replace(found, anchor=anchor, absent=0.0)
    about = which(scene, found) if found.asks in COMPARED else named[0]
    target = torch.zeros_like(found.target)
    target[about] = 1
    return replace(found, target=target)


def apart(one: Float[Tensor, "r"], other: Float[Tensor, "r"]) -> tuple[int, int]:
    """The two different things that two mentions are likeliest to mean.

    >>> apart(torch.tensor([0.6, 0.4]), torch.tensor([0.9, 0.1]))
    (1, 0)
    """
    both = (one[:, None] * other).fill_diagonal_(-1)
    first, second = divmod(int(both.argmax()), len(other))
    return first, second


def _named(found: Found, i: int) -> str:
    """What the question calls a thing, where that is known."""
    rows = found.anchor[:2].argmax(1).tolist()
    return found.mentions[rows.index(i)].text if len(found.mentions) > 1 and i in rows else ""


def which(scene: SceneWords, found: Found) -> int | None:
    """The one of two things that is larger, smaller or taller, or closer to a third or farther from it; None where
    there are not so many things.

    The scorer knows which two a question names better than which it names first.
    """
    share = found.anchor[:, :-1]
    third = found.asks in _THIRD
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


def sure_place(scene: SceneWords, i: int) -> str:
    """On what it stands, or by which part of the room; empty where it is by none."""
    if scene.support[i] >= 0:
        return f"on the {scene.name[scene.support[i]]}"
    wall, corner = scene.seen.place[i, 9:11].tolist()
    if wall < WALL_M and corner < CORNER_M:
        return "in the corner"
    return "against the wall" if wall < WALL_M else ""


def inventory(scene: SceneWords, room: str) -> str:
    """What kind of room it is, how many there are of what takes most space in it, and where the single ones are."""
    kinds = _kinds(scene)
    places = [(name, sure_place(scene, rows[0])) for name, rows in kinds if len(rows) == 1]
    told = [f"{name} {place}" for name, place in places if place][:_TOLD]
    return "; ".join([f"{room}: {', '.join(f'{len(rows)} {name}' for name, rows in kinds)}", *told])


def told_things(scene: SceneWords, found: Found) -> list[tuple[str, list[int]]]:
    """What a description is about, as its note tells it: names, and the rows of each; nothing for other questions."""
    if found.asks == "describe room":
        things = _kinds(scene)
        single = [rows[0] for _, rows in things if len(rows) == 1]
    elif found.asks == "describe":
        single = targets_of(found)[:1]
        things = [(scene.name[i], [i]) for i in single]
    else:
        return []
    under = dict.fromkeys(scene.support[i] for i in single if scene.support[i] >= 0)
    names = {name for name, _ in things}
    return things + [(scene.name[i], [i]) for i in under if scene.name[i] not in names]


def _kinds(scene: SceneWords) -> list[tuple[str, list[int]]]:
    """The names of what takes most space, the bulkiest first, and the rows of each."""
    bulk = scene.seen.place[:, 3:6].prod(1) if len(scene.name) else scene.seen.score
    members: dict[str, list[int]] = {}
    for i in bulk.argsort(descending=True).tolist():
        if float(scene.seen.score[i]) >= _THERE:
            members.setdefault(scene.name[i], []).append(i)
    return list(members.items())[:_MOST_KINDS]
