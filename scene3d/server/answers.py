"""Routes of answers: detect, segment, ground, caption, ask; whole, or as Server-Sent Events while they are written."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

from fastapi import APIRouter
from fastapi.responses import StreamingResponse

from scene3d.model.answers import answer_json, selection
from scene3d.model.outputs import proposals_record
from scene3d.model.question import Question
from scene3d.server.problems import problem_of
from scene3d.server.robotics import NOTICE
from scene3d.server.scenes import SceneId
from scene3d.server.schemas import Answer, Ask, Caption, Detect, Ground
from scene3d.server.services import Given, Services

router = APIRouter(prefix="/v1/scenes/{scene}", tags=["answers"])
_EVENTS: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/event-stream": {}}, "description": "the answer, whole or as events"}
}


@router.post("/ask", response_model=Answer, responses=_EVENTS)
async def ask(given: Given, scene: SceneId, body: Ask) -> Any:
    """Answer a question in words; its phrases are linked to objects."""
    return await answer(given, scene, Question(text=body.question, select=tuple(body.select)), stream=body.stream)


@router.post("/caption", response_model=Answer, responses=_EVENTS)
async def caption(given: Given, scene: SceneId, body: Caption) -> Any:
    """Describe an object, or the scene."""
    question = Question(text="Describe the room.")
    if body.object is not None:
        question = Question(text="Describe <ref>.", select=(body.object,))
    return await answer(given, scene, question, stream=body.stream)


@router.post("/ground", response_model=Answer)
async def ground(given: Given, scene: SceneId, body: Ground) -> Any:
    """The objects that a description names."""
    given.ready_scene(scene)
    question = Question(text=body.text, select=tuple(body.select))

    def work(session: Any) -> dict[str, Any]:
        selection(session, ids=question.select)
        return answer_json(session, session.ground_many([question])[0])

    return await given.model.call(scene, work)


@router.post("/detect")
async def detect(given: Given, scene: SceneId, body: Detect) -> dict[str, Any]:
    """Objects that a phrase names, most probable first, boxes in the file's frame."""
    given.ready_scene(scene)

    def work(session: Any) -> dict[str, Any]:
        return proposals_record(session.scene, session.detect(body.text, threshold=body.threshold)) | {"notice": NOTICE}

    return await given.model.call(scene, work)


@router.post("/segment")
async def segment(given: Given, scene: SceneId) -> dict[str, Any]:
    """All objects with their masks, each as runs over the points of the scene: start, length, start, length, …"""
    given.ready_scene(scene)

    def work(session: Any) -> dict[str, Any]:
        found = session.segment()
        record = proposals_record(session.scene, found)
        for each, mask in zip(record["objects"], found.mask, strict=True):
            each["runs"] = _runs(mask)
        return record | {"points": len(session.scene.xyz_m), "notice": NOTICE}

    return await given.model.call(scene, work)


async def answer(given: Services, scene: str, question: Question, *, stream: bool) -> Any:
    """An answer, whole or as events."""
    given.ready_scene(scene)
    await given.model.call(scene, lambda session: selection(session, ids=question.select))
    if not stream:
        return await given.model.ask(scene, question)
    return StreamingResponse(events(given, scene, question), media_type="text/event-stream")


async def events(given: Services, scene: str, question: Question) -> AsyncIterator[str]:
    """`text` for each piece, `phrase` for each phrase as it closes, `answer` at the end, or `error`."""
    try:
        async for piece in given.model.stream(scene, question):
            if isinstance(piece, str):
                yield event("text", {"text": piece})
            else:
                yield event("answer" if "schema" in piece else "phrase", piece)
    except Exception as error:  # the status is long sent: what goes wrong now can only be an event
        yield event("error", problem_of(error).body())


def event(name: str, content: dict[str, Any]) -> str:
    """One Server-Sent Event."""
    return f"event: {name}\ndata: {json.dumps(content)}\n\n"


def _runs(mask: Any) -> list[int]:
    """Where a mask is true, as starts and lengths in turn."""
    import torch

    index = mask.nonzero()[:, 0]
    if not len(index):
        return []
    first = torch.cat([index[:1] * 0 == 0, index[1:] != index[:-1] + 1])
    start = index[first]
    edge = torch.cat([first.nonzero()[:, 0], torch.tensor([len(index)])])
    return torch.stack([start, edge[1:] - edge[:-1]], 1).flatten().tolist()
