"""Answers to JSON: schema `scene3d/answer/1`, what the CLI, the server and files of questions speak."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from scene3d.errors import InputError
from scene3d.model.outputs import file_boxes
from scene3d.model.question import Question
from scene3d.model.session import Session
from scene3d.types import GroundedText, Scene

SCHEMA = "scene3d/answer/1"


def answer_json(session: Session, answer: GroundedText) -> dict[str, Any]:
    """An answer as a JSON-ready mapping; `box` is minimum then maximum in the file's own frame."""
    found = session.segment()
    named = sorted({link.id for phrase in answer.phrases for link in phrase.objects})
    boxes = dict(zip(named, file_boxes(session.scene, found.mask[named]).tolist(), strict=True))
    labels = found.label or ("",) * len(found.id)
    return {
        "schema": SCHEMA,
        "text": answer.text,
        "phrases": [
            {
                "start": phrase.start,
                "end": phrase.end,
                "text": answer.text[phrase.start : phrase.end],
                "objects": [
                    {
                        "id": link.id,
                        "label": labels[link.id],
                        "probability": round(link.probability, 4),
                        "box": boxes[link.id],
                    }
                    for link in phrase.objects
                ],
                "absent_probability": round(phrase.absent_probability, 4),
            }
            for phrase in answer.phrases
        ],
        "timings_ms": {stage: round(ms, 1) for stage, ms in answer.timings_ms.items()},
    }


def read_questions(path: Path, session: Session) -> Iterator[tuple[dict[str, Any], Question]]:
    """Questions of a JSON lines file, each with its record.

    A record has `question`, and may have `select` (ids), `point` (one x, y, z or several) and `box` (one minimum and
    maximum or several), in the file's frame.

    Raises:
        InputError: A line that is no such record, or selects what is not there; the message names the line.
    """
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
            text = record["question"]
            chosen = selection(
                session,
                ids=tuple(record.get("select", ())),
                points=_rows(record.get("point"), 3),
                boxes=_rows(record.get("box"), 6),
            )
        except InputError as error:
            raise InputError(f"{path}, line {number}: {error}") from error
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(f"{path}, line {number}: not a question ({error}); give {{'question': …}}") from error
        yield record, Question(text=text, select=chosen)


def selection(
    session: Session,
    *,
    ids: tuple[int, ...] = (),
    points: tuple[tuple[float, ...], ...] = (),
    boxes: tuple[tuple[float, ...], ...] = (),
) -> tuple[int, ...]:
    """Ids of selected objects: those given, those at points and those in boxes, in the file's frame.

    Raises:
        InputError: No object has such an id, is at such a point or in such a box.
    """
    known = set(session.segment().id)
    wrong = [i for i in ids if i not in known]
    if wrong:
        raise InputError(f"object {wrong[0]} is not here; `scene3d segment` lists the ids, 0 … {len(known) - 1}")
    chosen = list(ids)
    for point in points:
        x, y, z = into_scene(session.scene, torch.tensor([point], dtype=torch.float64))[0].tolist()
        found = session.object_at((x, y, z))
        if found is None:
            raise InputError(f"no object within 0.3 m of the point {list(point)}")
        chosen.append(found)
    for box in boxes:
        low, high = torch.tensor(box[:3]), torch.tensor(box[3:])
        pick = torch.cartesian_prod(*(torch.tensor([0, 1]) for _ in range(3))).bool()
        corners = into_scene(session.scene, torch.where(pick, high, low).double())
        inside = session.objects_in((*corners.amin(0).tolist(), *corners.amax(0).tolist()))
        if not inside:
            raise InputError(f"no object lies in the box {list(box)}")
        chosen += inside
    return tuple(dict.fromkeys(chosen))


def into_scene(scene: Scene, xyz: Float[Tensor, "n 3"]) -> Float[Tensor, "n 3"]:
    """Points of the file's frame in the scene's."""
    inverse = torch.linalg.inv(scene.file_from_scene)
    return xyz @ inverse[:3, :3].T + inverse[:3, 3]


def _rows(value: Any, width: int) -> tuple[tuple[float, ...], ...]:
    """One row of numbers, or several, or none."""
    if value is None:
        return ()
    rows = value if value and isinstance(value[0], list) else [value]
    if any(len(row) != width for row in rows):
        raise ValueError(f"{value} should have {width} numbers")
    return tuple(tuple(float(x) for x in row) for row in rows)
