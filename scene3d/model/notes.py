"""Notes: what perception and the relation scorer found out, in the few words that the language model reads."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Float
from torch import Tensor

from scene3d.model.detector import COLOURS, MATERIALS
from scene3d.model.geometry_features import pair_features
from scene3d.model.readings import DESCRIBED
from scene3d.types import Referents

_SURE_COLOUR, _SURE_MATERIAL = 0.15, 0.6
_NEAR_M, WALL_M, CORNER_M, _OPEN_M = 1.5, 0.2, 0.4, 0.6
_LIFTED_M, _ABOVE_M, _SUNK_M, _SHARED = 0.2, 0.12, 0.6, 0.6
"""What stands on something: how high at least, how far over or below its top, and how much of it lies over it."""
_LISTED, _DESCRIBED, _NEIGHBOURS = 4, 2, 2
LARGE_M, SMALL_M = 1.2, 0.35
BLIND = "nothing seen"
"""The note of one who has not looked."""


@dataclass(frozen=True)
class SceneWords:
    """What can be said of the referents of one scene.

    Args:
        seen: The referents.
        kinds: Names of the classes that `seen.kind` is about.
    """

    seen: Referents
    kinds: tuple[str, ...]

    @cached_property
    def name(self) -> list[str]:
        """The likeliest class of each."""
        return [self.kinds[i] for i in self.seen.kind.argmax(1).tolist()]

    @cached_property
    def look(self) -> list[str]:
        """Colour and material of each, as far as they are likely."""
        colour, material = self.seen.look.split([len(COLOURS), len(MATERIALS)], dim=1)
        return [
            " ".join(
                [COLOURS[int(c.argmax())]] * (float(c.max()) > _SURE_COLOUR)
                + [MATERIALS[int(m.argmax())]] * (float(m.max()) > _SURE_MATERIAL)
            )
            for c, m in zip(colour, material, strict=True)
        ]

    @cached_property
    def words(self) -> list[str]:
        """Look and name of each."""
        return [f"{look} {name}".strip() for look, name in zip(self.look, self.name, strict=True)]

    @cached_property
    def pair(self) -> Float[Tensor, "r r 21"]:
        """Geometry of all pairs, as `pair_features` orders it."""
        return pair_features(self.seen)

    @cached_property
    def support(self) -> list[int]:
        """The referent that each stands on, -1 for the floor or a wall.

        Boxes are rough: what stands on a table may be part of the table's box, and a shelf has things inside.
        """
        place, rise = self.seen.place, self.pair[:, :, 8]
        bottom, ground = self._bottom_m, place[:, 3:5].clamp_min(0.02).prod(1)
        able = (bottom[:, None] > bottom + _ABOVE_M) & (ground[:, None] < 0.8 * ground)
        able &= (self.pair[:, :, 10] > _SHARED) & (rise < _ABOVE_M) & (rise > -_SUNK_M)
        able &= (bottom > _LIFTED_M)[:, None]
        off = rise.abs().masked_fill(~able, torch.inf)
        return [int(row.argmin()) if len(row) and bool(row.isfinite().any()) else -1 for row in off]

    @cached_property
    def _bottom_m(self) -> Float[Tensor, "r"]:
        return self.seen.place[:, 2] - self.seen.place[:, 5] / 2

    def size(self, i: int) -> str:
        """large, small or nothing, and the longest edge."""
        longest = float(self.seen.place[i, 3:6].max())
        word = "large " if longest >= LARGE_M else "small " if longest <= SMALL_M else ""
        return f"{word}{longest:.1f} m"

    def where(self, i: int) -> str:
        """What it stands on, whether by a wall, and its nearest neighbours."""
        said = []
        wall, corner = self.seen.place[i, 9:11].tolist()
        if self.support[i] >= 0:
            said.append(f"on {self.name[self.support[i]]}")
        elif float(self._bottom_m[i]) > _LIFTED_M:
            said += ["on wall"] * (wall < WALL_M)
        elif wall < WALL_M:
            said.append("on floor in corner" if corner < CORNER_M else "on floor against wall")
        else:
            central = wall > _OPEN_M and float(self.seen.place[i, :2].norm()) < 2 * _OPEN_M
            said.append("on floor in middle of room" if central else "on floor")
        carried = [self.name[j] for j, under in enumerate(self.support) if under == i]
        if carried:
            said.append("holding " + " ".join(carried[:3]))
        gap = self.pair[i, :, 5].clone()
        gap[i] = torch.inf
        near = [
            j
            for j in gap.argsort().tolist()
            if float(gap[j]) < _NEAR_M and self.support[j] != i and self.support[i] != j
        ]
        said += [f"near {self.name[j]} {float(gap[j]):.1f} m" for j in near[:_NEIGHBOURS]]
        return ", ".join(said)

    def side(self, i: int, anchor: int) -> str:
        """Where `i` is for somebody who faces `anchor`: its front tells from where, else the middle of the room."""
        left, ahead = self._seen_from(i, anchor)
        if abs(left) > abs(ahead):
            return "left" if left > 0 else "right"
        return "front" if ahead > 0 else "behind"

    def hand(self, i: int, anchor: int) -> str:
        """left or right, for somebody who faces `anchor`."""
        return "left" if self._seen_from(i, anchor)[0] > 0 else "right"

    def _seen_from(self, i: int, anchor: int) -> tuple[float, float]:
        """How far left and ahead of the anchor, for one who looks against its front."""
        place = self.seen.place
        front = place[anchor, 6:8] if float(place[anchor, 8]) > 0.5 else -place[anchor, :2]
        offset = place[i, :2] - place[anchor, :2]
        return float(front[1] * offset[0] - front[0] * offset[1]), float((front * offset).sum())

    def inventory(self, *, least: float = 0.3) -> str:
        """All names with their counts, most frequent first."""
        names = [name for name, score in zip(self.name, self.seen.score.tolist(), strict=True) if score >= least]
        counts = sorted({name: names.count(name) for name in names}.items(), key=lambda item: (-item[1], item[0]))
        return ", ".join(f"{count} {name}" for name, count in counts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mention:
    """Words of a question that single out a thing."""

    text: str
    """Without its article."""
    share: Float[Tensor, "r"]
    """What they mean, a distribution over the referents."""
    absent: float = 0.0
    """Probability that there is no such thing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What the relation scorer holds of a question."""

    target: Float[Tensor, "r"]
    """Probabilities."""
    absent: float
    anchor: Float[Tensor, "a r1"]
    """Distributions, the last column for none."""
    candidate: Float[Tensor, "r"]
    asks: str = ""
    """What the question is after, one of `ASPECTS`."""
    room: str = ""
    """What kind of room it seems to be."""
    mentions: tuple[Mention, ...] = ()
    """For a question about two or three things, each of them by its own words."""
    missing: str = ""
    """The words for one of these that is surely not there."""

    def told_by(self) -> list[int]:
        """The objects that the question is told by, each once, in its order."""
        best = [int(row.argmax()) for row in self.anchor if len(row)]
        return list(dict.fromkeys(i for i in best if i < self.anchor.shape[1] - 1))


def note(scene: SceneWords, found: Found, *, threshold: float = 0.5, first: str = "") -> str:
    """The note for one question; for a description, what to tell alone.

    Lists what it is about, with looks, sizes and places; what it is told by, with distances; and for a question about
    no object in particular all that is here.

    Args:
        scene: Of which room.
        found: What the question is about.
        threshold: Objects at least this probable are meant.
        first: What comes before all that.
    """
    if found.asks in DESCRIBED and first:
        return first
    first = f"{first} | " if first else ""
    targets = targets_of(found, threshold=threshold)
    if not targets:
        rivals = [scene.words[i] for i in (found.candidate > 0.5).nonzero()[:, 0].tolist()]
        here = f"but {len(rivals)}: {'; '.join(rivals[:_LISTED])}" if rivals else f"here: {scene.inventory()}"
        return f"{first}found none, {here}{_told_by(scene, found, [])}"
    lines = [
        f"{scene.words[i]}, {scene.size(i)}, {scene.where(i)}" if len(targets) <= _DESCRIBED else scene.words[i]
        for i in targets[: _LISTED if len(targets) > _DESCRIBED else _DESCRIBED]
    ]
    return f"{first}found {len(targets)}: {'; '.join(lines)}{_told_by(scene, found, targets)}"


def targets_of(found: Found, *, threshold: float = 0.5) -> list[int]:
    """Rows of what a question is about, likeliest first; none where that is likelier."""
    if found.absent > threshold:
        return []
    order = found.target.argsort(descending=True).tolist()
    sure = [i for i in order if float(found.target[i]) > threshold]
    return sure or order[:1]


def _told_by(scene: SceneWords, found: Found, targets: list[int]) -> str:
    said = ""
    for n, i in enumerate(i for i in found.told_by() if i not in targets[:_DESCRIBED]):
        said += f" | by {scene.words[i]}, {scene.size(i)}"
        if not n:
            said += f", {scene.where(i)}"
        if targets:
            said += f", {metres(float(scene.pair[targets[0], i, 5]))} away, {scene.side(targets[0], i)}"
    return said


def metres(gap_m: float) -> str:
    """A distance as people say it.

    >>> metres(0.2), metres(1.2), metres(2.6)
    ('less than half a meter', 'about 1 meter', 'about 3 meters')
    """
    whole = round(gap_m)
    return f"about {whole} meter{'s' * (whole > 1)}" if whole else "less than half a meter"
