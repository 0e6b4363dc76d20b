"""Notes: what perception and the relation scorer found out, in the few words that the language model reads."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Float
from torch import Tensor

from scene3d.model.detector import COLOURS, MATERIALS
from scene3d.model.geometry_features import pair_features
from scene3d.types import Referents

_SURE_COLOUR, _SURE_MATERIAL = 0.3, 0.45
_TOUCHING_M, _NEAR_M, _CORNER_M = 0.12, 1.5, 0.35
_LISTED, _NEIGHBOURS = 4, 2
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
        """The referent that each stands on, -1 for the floor or a wall."""
        rise, shared = self.pair[:, :, 8], self.pair[:, :, 10]
        off = rise.abs() + 10 * ((rise.abs() > _TOUCHING_M) | (shared < 0.5)) + 10 * torch.eye(len(rise))
        return [int(row.argmin()) if len(row) and float(row.min()) < 5 else -1 for row in off]

    def size(self, i: int) -> str:
        """large, small or nothing, and the longest edge."""
        longest = float(self.seen.place[i, 3:6].max())
        word = "large " if longest >= LARGE_M else "small " if longest <= SMALL_M else ""
        return f"{word}{longest:.1f} m"

    def where(self, i: int) -> str:
        """What it stands on, whether by a wall, and its nearest neighbours."""
        said = []
        bottom = float(self.seen.place[i, 2] - self.seen.place[i, 5] / 2)
        if self.support[i] >= 0:
            said.append(f"on {self.name[self.support[i]]}")
        elif bottom < 0.25:
            said.append("on floor")
        wall, corner = self.seen.place[i, 9:11].tolist()
        if wall < _CORNER_M:
            said.append("in corner" if corner < _CORNER_M else "at wall")
        carried = [self.name[j] for j, under in enumerate(self.support) if under == i]
        if carried:
            said.append("under " + " ".join(carried[:3]))
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
        place = self.seen.place
        front = place[anchor, 6:8] if float(place[anchor, 8]) > 0.5 else -place[anchor, :2]
        offset = place[i, :2] - place[anchor, :2]
        left = float(front[1] * offset[0] - front[0] * offset[1])  # of one who looks against the front
        ahead = float((front * offset).sum())
        if abs(left) > abs(ahead):
            return "left" if left > 0 else "right"
        return "front" if ahead > 0 else "behind"

    def inventory(self, *, least: float = 0.3) -> str:
        """All names with their counts, most frequent first."""
        names = [name for name, score in zip(self.name, self.seen.score.tolist(), strict=True) if score >= least]
        counts = sorted({name: names.count(name) for name in names}.items(), key=lambda item: (-item[1], item[0]))
        return ", ".join(f"{count} {name}" for name, count in counts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What the relation scorer holds of a question."""

    target: Float[Tensor, "r"]
    """Probabilities."""
    absent: float
    anchor: Float[Tensor, "a r1"]
    """Distributions, the last column for none."""
    candidate: Float[Tensor, "r"]


def note(scene: SceneWords, found: Found, *, threshold: float = 0.5) -> str:
    """The note for one question.

    Lists what it is about, with looks, sizes and places; what it is told by, with distances; and for a question about
    no object in particular all that is here.
    """
    targets = targets_of(found, threshold=threshold)
    if not targets:
        rivals = [scene.words[i] for i in (found.candidate > 0.5).nonzero()[:, 0].tolist()]
        here = f"but {len(rivals)}: {'; '.join(rivals[:_LISTED])}" if rivals else f"here: {scene.inventory()}"
        return f"found none, {here}{_told_by(scene, found, [])}"
    lines = [
        f"{scene.words[i]}, {scene.size(i)}, {scene.where(i)}" if len(targets) <= 2 else scene.words[i]
        for i in targets[: _LISTED if len(targets) > 2 else 2]
    ]
    return f"found {len(targets)}: {'; '.join(lines)}{_told_by(scene, found, targets)}"


def targets_of(found: Found, *, threshold: float = 0.5) -> list[int]:
    """Rows of what a question is about, likeliest first; none where that is likelier."""
    if found.absent > threshold:
        return []
    order = found.target.argsort(descending=True).tolist()
    sure = [i for i in order if float(found.target[i]) > threshold]
    return sure or order[:1]


def _told_by(scene: SceneWords, found: Found, targets: list[int]) -> str:
    said = ""
    for row in found.anchor:
        if not len(row) > 1 or int(row.argmax()) == len(row) - 1:
            continue
        i = int(row[:-1].argmax())
        said += f" | by {scene.words[i]}, {scene.size(i)}"
        if targets and i != targets[0]:
            said += f", {float(scene.pair[targets[0], i, 5]):.1f} m away, {scene.side(targets[0], i)}"
    return said
