"""A kitchen of boxes, made of points, with what a planner needs of a session."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from scene3d.types import GroundedText, ObjectLink, Phrase, Proposals, Scene

ROOM_M = (5.0, 4.0)
# label, minimum, maximum
BOXES = (
    ("table", (1.5, 1.5, 0.0), (2.3, 2.3, 0.75)),
    ("cup", (1.8, 1.8, 0.75), (1.9, 1.9, 0.87)),
    ("lamp", (4.6, 0.2, 0.0), (4.8, 0.4, 1.4)),
    ("refrigerator", (0.0, 3.3, 0.0), (0.7, 4.0, 1.7)),
    ("bottle", (0.2, 3.5, 0.8), (0.3, 3.6, 1.1)),
    ("couch", (3.0, 3.2, 0.0), (5.0, 4.0, 0.8)),
    ("clock", (2.0, 0.0, 2.3), (2.2, 0.05, 2.5)),
    ("shelf", (0.0, 0.0, 0.0), (0.4, 1.2, 1.6)),
)
TABLE, CUP, LAMP, FRIDGE, BOTTLE, COUCH, CLOCK, SHELF = range(len(BOXES))


@dataclass
class Kitchen:
    """A session without a model."""

    scene: Scene
    proposals: Proposals

    def segment(self) -> Proposals:
        return self.proposals


@dataclass
class TalkingKitchen(Kitchen):
    """A session whose language model has learnt one answer by heart."""

    answer: GroundedText

    def plan(self, text: str) -> GroundedText:
        return self.answer


def surface(low: tuple[float, ...], high: tuple[float, ...], step_m: float = 0.04) -> torch.Tensor:
    """Points on the sides and the top of a box; no scanner sees the bottom."""
    axes = [torch.linspace(a, b, max(2, int((b - a) / step_m) + 1)) for a, b in zip(low, high, strict=True)]
    grid = torch.cartesian_prod(*axes)
    side = torch.stack([(grid[:, i] == axes[i][0]) | (grid[:, i] == axes[i][-1]) for i in range(2)], 1).any(1)
    return grid[side | (grid[:, 2] == axes[2][-1])]


def kitchen(
    boxes: tuple[tuple[str, tuple[float, ...], tuple[float, ...]], ...] = BOXES, *, floor: bool = True
) -> Kitchen:
    """The scene with its true objects as proposals."""
    ground = torch.cartesian_prod(torch.arange(0, ROOM_M[0], 0.04), torch.arange(0, ROOM_M[1], 0.04), torch.zeros(1))
    parts = [ground if floor else ground[:20], *(surface(low, high) for _, low, high in boxes)]
    owner = torch.cat([torch.full((len(part),), i - 1) for i, part in enumerate(parts)])
    q = len(boxes)
    proposals = Proposals(
        id=tuple(range(q)),
        mask=torch.stack([owner == i for i in range(q)]),
        score=torch.full((q,), 0.9),
        embedding=torch.zeros(q, 4),
        box=torch.tensor([[*low, *high] for _, low, high in boxes]),
        label=tuple(label for label, _, _ in boxes),
    )
    scene = Scene(name="kitchen", xyz_m=torch.cat(parts), file_from_scene=torch.eye(4, dtype=torch.float64))
    return Kitchen(scene, proposals)


def say(marked: str) -> GroundedText:
    """`Turn on [the lamp|2]` as a grounded text; `[the kettle|]` names nothing, `[both|1,2]` two objects."""
    text, phrases = "", list[Phrase]()
    for i, part in enumerate(marked.replace("]", "[").split("[")):
        if i % 2 == 0:
            text += part
            continue
        words, ids = part.split("|")
        links = tuple(ObjectLink(id=int(n), probability=0.8) for n in ids.split(",") if n)
        phrases.append(
            Phrase(start=len(text), end=len(text) + len(words), objects=links, absent_probability=0.1 if links else 0.9)
        )
        text += words
    return GroundedText(text=text, phrases=tuple(phrases))
