"""Routes of dialogues, which survive a restart: every turn is in the database before it is answered to the client."""

from __future__ import annotations

import uuid
from typing import Annotated, Any

from fastapi import APIRouter, Path

from scene3d.model.answers import selection
from scene3d.model.dialogue import Dialogue
from scene3d.model.question import Question
from scene3d.server.problems import Problem
from scene3d.server.scenes import SceneId
from scene3d.server.schemas import Ask
from scene3d.server.services import Given, Services
from scene3d.types import GroundedText, ObjectLink, Phrase

router = APIRouter(prefix="/v1", tags=["dialogues"])
DialogueId = Annotated[str, Path(max_length=64)]
_MOST_TURNS = 200


@router.post("/scenes/{scene}/dialogues", status_code=201)
async def begin(given: Given, scene: SceneId) -> dict[str, Any]:
    """Begin a dialogue about a scene."""
    given.ready_scene(scene)
    name = uuid.uuid4().hex
    given.database.put_document("dialogue", name, scene=scene, record={"turns": []})
    return {"id": name, "scene": scene, "turns": []}


@router.get("/dialogues/{dialogue}")
async def so_far(given: Given, dialogue: DialogueId) -> dict[str, Any]:
    """All turns of a dialogue."""
    scene, record = _found(given, dialogue)
    return {"id": dialogue, "scene": scene} | record


@router.delete("/dialogues/{dialogue}", status_code=204)
async def end(given: Given, dialogue: DialogueId) -> None:
    """Forget a dialogue."""
    if not given.database.delete_document("dialogue", dialogue):
        raise Problem(404, f"there is no dialogue {dialogue!r:.80}")


@router.post("/dialogues/{dialogue}/turns")
async def say(given: Given, dialogue: DialogueId, body: Ask) -> dict[str, Any]:
    """Say the next thing; "it" and "the other one" are understood."""
    if body.stream:
        raise Problem(422, "turns are answered whole; stream questions with /ask")
    scene, record = _found(given, dialogue)
    given.ready_scene(scene)
    if len(record["turns"]) >= _MOST_TURNS:
        raise Problem(422, f"a dialogue has at most {_MOST_TURNS} turns; begin another")
    await given.model.call(scene, lambda session: selection(session, ids=tuple(body.select)))
    question = question_after(record["turns"], body.question, tuple(body.select))
    answer = await given.model.ask(scene, question)
    turns = [*record["turns"], {"question": body.question, "select": body.select, "answer": answer}]
    given.database.put_document("dialogue", dialogue, scene=scene, record={"turns": turns})
    return answer


def question_after(turns: list[dict[str, Any]], text: str, select: tuple[int, ...]) -> Question:
    """The question that `text` is after some turns."""
    before = [
        (Question(text=turn["question"], select=tuple(turn["select"])), read_answer(turn["answer"])) for turn in turns
    ]
    return Dialogue(session=None, turns=before).next(text, select=select)  # type: ignore[arg-type]


def read_answer(record: dict[str, Any]) -> GroundedText:
    """An answer from its JSON."""
    return GroundedText(
        text=record["text"],
        phrases=tuple(
            Phrase(
                start=phrase["start"],
                end=phrase["end"],
                objects=tuple(ObjectLink(id=each["id"], probability=each["probability"]) for each in phrase["objects"]),
                absent_probability=phrase["absent_probability"],
            )
            for phrase in record["phrases"]
        ),
    )


def _found(given: Services, dialogue: str) -> tuple[str, dict[str, Any]]:
    found = given.database.document("dialogue", dialogue)
    if found is None:
        raise Problem(404, f"there is no dialogue {dialogue!r:.80}; begin one with a scene")
    return found
