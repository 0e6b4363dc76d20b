"""A small room with three objects, and a session that answers from a script."""

from __future__ import annotations

import re
from collections.abc import Iterator

import torch

from scene3d.model.session import take
from scene3d.types import GroundedText, ObjectLink, Phrase, Plan, PlanStep, Proposals, Scene, Truth, TruthObject

TABLE, LAMP, SHELF = 4, 9, 5
"""Ids on purpose unlike their rows."""
_BOXES = {
    TABLE: (1.0, 1.0, 0.0, 2.0, 1.8, 0.7),
    LAMP: (1.4, 1.3, 0.7, 1.6, 1.5, 1.2),
    SHELF: (3.4, 0.5, 0.0, 3.8, 2.5, 1.8),
}
_LABELS = {TABLE: "table", LAMP: "lamp", SHELF: "shelf"}


def _sheet(origin: list[float], u: list[float], v: list[float], n: int = 24) -> tuple[torch.Tensor, torch.Tensor]:
    """A grid of n × n points spanned by u and v, its triangles facing u × v."""
    s, t = torch.meshgrid(torch.linspace(0, 1, n), torch.linspace(0, 1, n), indexing="ij")
    xyz = torch.tensor(origin) + s.reshape(-1, 1) * torch.tensor(u) + t.reshape(-1, 1) * torch.tensor(v)
    a = (torch.arange(n - 1)[:, None] * n + torch.arange(n - 1)).reshape(-1)
    return xyz, torch.cat([torch.stack([a, a + n, a + n + 1], 1), torch.stack([a, a + n + 1, a + 1], 1)])


def _block(box: tuple[float, ...]) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """The top and the sides of a box, facing outwards."""
    x0, y0, z0, x1, y1, z1 = box
    x, y, z = [x1 - x0, 0.0, 0.0], [0.0, y1 - y0, 0.0], [0.0, 0.0, z1 - z0]
    return [
        _sheet([x0, y0, z1], x, y),
        _sheet([x0, y0, z0], x, z),
        _sheet([x1, y1, z0], [-x[0], 0.0, 0.0], z),
        _sheet([x0, y1, z0], [0.0, -y[1], 0.0], z),
        _sheet([x1, y0, z0], y, z),
    ]


def make_scene(*, mesh: bool = True) -> Scene:
    """4 × 3 × 2.5 m with floor, two walls, a ceiling, a table with a lamp on it, and a shelf; colours are grey."""
    parts = [
        _sheet([0, 0, 0], [4.0, 0, 0], [0, 3.0, 0], 60),
        _sheet([0, 3, 0], [4.0, 0, 0], [0, 0, 2.5], 50),
        _sheet([4, 3, 0], [0, -3.0, 0], [0, 0, 2.5], 50),
        _sheet([0, 0, 2.5], [0, 3.0, 0], [4.0, 0, 0], 60),
    ]
    owner = [torch.full((len(xyz),), -1) for xyz, _ in parts]
    for object_id, box in _BOXES.items():
        for sheet in _block(box):
            parts.append(sheet)
            owner.append(torch.full((len(sheet[0]),), object_id))
    start = torch.tensor([0, *[len(xyz) for xyz, _ in parts]]).cumsum(0).tolist()
    xyz_m = torch.cat([xyz for xyz, _ in parts])
    instance = torch.cat(owner).int()
    return Scene(
        name="toy room",
        xyz_m=xyz_m,
        rgb=torch.full((len(xyz_m), 3), 128, dtype=torch.uint8),
        faces=torch.cat([faces + start[i] for i, (_, faces) in enumerate(parts)]) if mesh else None,
        file_from_scene=torch.eye(4, dtype=torch.float64),
        truth=Truth(
            instance=instance,
            category_id=torch.zeros(len(xyz_m), dtype=torch.int32),
            objects=tuple(TruthObject(id=i, label=name, category_id=0) for i, name in _LABELS.items()),
        ),
    )


def make_proposals(scene: Scene) -> Proposals:
    """The three objects; the table's mask also claims the lamp, as detectors do."""
    assert scene.truth is not None
    mask = torch.stack([scene.truth.instance == i for i in _BOXES])
    mask[0] |= mask[1]
    return Proposals(
        id=tuple(_BOXES),
        mask=mask,
        score=torch.tensor([0.9, 0.8, 0.7]),
        embedding=torch.zeros(3, 4),
        box=torch.stack([torch.cat([scene.xyz_m[m].amin(0), scene.xyz_m[m].amax(0)]) for m in mask]),
        label=tuple(_LABELS.values()),
    )


def grounded(text: str, **phrases: tuple[int, ...]) -> GroundedText:
    """Text with phrases, given with _ for blanks, and their objects."""
    made = []
    for words, ids in phrases.items():
        start = text.index(words.replace("_", " "))
        links = tuple(ObjectLink(id=i, probability=0.9) for i in ids)
        made.append(
            Phrase(start=start, end=start + len(words), objects=links, absent_probability=0.05 if ids else 0.95)
        )
    return GroundedText(text=text, phrases=tuple(sorted(made, key=lambda phrase: phrase.start)))


class ScriptedSession:
    """Answers three questions and describes what is selected."""

    def __init__(self, scene: Scene | None = None) -> None:
        self.scene = scene or make_scene()
        self.found = make_proposals(self.scene)
        self.asked: list[tuple[str, tuple[int, ...]]] = []

    def segment(self) -> Proposals:
        return self.found

    def ask(self, question: str, *, select: tuple[int, ...] = ()) -> GroundedText:
        self.asked.append((question, select))
        if "lamp" in question:
            return grounded("The lamp stands on the table.", The_lamp=(LAMP,), the_table=(TABLE,))
        if "piano" in question:
            return grounded("No piano is here.", piano=())
        name = _LABELS[select[0]] if select else "room"
        return grounded(f"A grey {name} of a toy.", **{f"grey_{name}": select[:1]})

    def stream(self, question: str, *, select: tuple[int, ...] = ()) -> Iterator[str | Phrase | GroundedText]:
        answer, at = self.ask(question, select=select), 0
        for piece in re.findall(r"\s*\S+", answer.text):
            yield piece
            at += len(piece)
            yield from (phrase for phrase in answer.phrases if at - len(piece) < phrase.end <= at)
        yield answer

    def caption(self, object_id: int) -> GroundedText:
        return self.ask("Describe <ref>.", select=(object_id,))

    def object_at(self, point_m: tuple[float, float, float]) -> int | None:
        distance = (self.scene.xyz_m - torch.tensor(point_m)).norm(dim=1)
        claims = self.found.mask[:, distance.argmin()].nonzero()[:, 0].tolist()
        return self.found.id[claims[-1]] if claims and float(distance.min()) < 0.3 else None

    def objects_in(self, box_m: tuple[float, float, float, float, float, float]) -> tuple[int, ...]:
        low, high = torch.tensor(box_m[:3]), torch.tensor(box_m[3:])
        inside = (self.found.box[:, :3] >= low).all(1) & (self.found.box[:, 3:] <= high).all(1)
        return take(self.found, inside.nonzero()[:, 0]).id


def make_plan() -> Plan:
    """Three steps at two places."""
    steps = (
        PlanStep(i=1, action="goto", args={"object": TABLE}, text="Go to the table."),
        PlanStep(i=2, action="toggle", args={"object": LAMP}, text="Turn on the lamp."),
        PlanStep(i=3, action="goto", args={"object": TABLE}, text="Go to the table again."),
    )
    return Plan(text="Make the room brighter.", steps=steps, valid=True)
