"""`POST /v1/chat/completions` as OpenAI's clients speak it, with the scene and the links in a field `scene3d`."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import AsyncIterator
from typing import Any

from fastapi import APIRouter
from fastapi.responses import StreamingResponse

from scene3d.model.answers import selection
from scene3d.model.question import Question
from scene3d.server.dialogues import question_after
from scene3d.server.problems import Problem, problem_of
from scene3d.server.schemas import ChatCompletion, Message
from scene3d.server.services import Given, Services

router = APIRouter(prefix="/v1", tags=["chat"])


@router.get("/models")
async def models(given: Given) -> dict[str, Any]:
    """The one model that there is."""
    return {"object": "list", "data": [{"id": "scene3d", "object": "model", "created": 0, "owned_by": "scene3d"}]}


@router.post("/chat/completions")
async def complete(given: Given, body: ChatCompletion) -> Any:
    """Answer the last message of a chat about a scene.

    Earlier messages are remembered as words; links are kept only by `/v1/dialogues`.
    """
    question = question_of(body)
    given.ready_scene(body.scene3d.scene)
    await given.model.call(body.scene3d.scene, lambda session: selection(session, ids=question.select))
    head = {"id": f"chatcmpl-{uuid.uuid4().hex}", "created": int(time.time()), "model": body.model}
    if body.stream:
        return StreamingResponse(_chunks(given, body.scene3d.scene, question, head), media_type="text/event-stream")
    answer = await given.model.ask(body.scene3d.scene, question)
    message = {"role": "assistant", "content": answer["text"], "refusal": None, "annotations": []}
    choice = {"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}
    return head | {
        "object": "chat.completion",
        "choices": [choice],
        "usage": _usage(question, answer["text"]),
        "scene3d": answer,
    }


def question_of(body: ChatCompletion) -> Question:
    """The question of a chat: its last message, with the exchanges before it."""
    if body.messages[-1].role != "user":
        raise Problem(422, "messages: the last one must be the user's")
    turns: list[dict[str, Any]] = []
    asked: str | None = None
    for message in body.messages[:-1]:
        if message.role == "user":
            asked = _text(message)
        elif message.role == "assistant" and asked is not None:
            turns.append({"question": asked, "select": [], "answer": {"text": _text(message), "phrases": []}})
            asked = None
    text = _text(body.messages[-1])
    if not text.strip():
        raise Problem(422, "messages: the last one is empty; ask something")
    return question_after(turns, text, tuple(body.scene3d.select))


async def _chunks(given: Services, scene: str, question: Question, head: dict[str, Any]) -> AsyncIterator[str]:
    head = head | {"object": "chat.completion.chunk"}

    def chunk(delta: dict[str, Any], *, end: bool = False, **more: Any) -> str:
        choice = {"index": 0, "delta": delta, "finish_reason": "stop" if end else None, "logprobs": None}
        return f"data: {json.dumps(head | {'choices': [choice]} | more)}\n\n"

    yield chunk({"role": "assistant", "content": ""})
    try:
        async for piece in given.model.stream(scene, question):
            if isinstance(piece, str):
                yield chunk({"content": piece})
            elif "schema" in piece:
                yield chunk({}, end=True, scene3d=piece)
    except Exception as error:  # the status is long sent
        problem = problem_of(error)
        told = {"message": problem.detail, "type": "scene3d", "code": problem.status}
        yield f"data: {json.dumps({'error': told})}\n\n"
    yield "data: [DONE]\n\n"


def _text(message: Message) -> str:
    if isinstance(message.content, str):
        return message.content
    parts = [part.get("text") for part in message.content if part.get("type") == "text"]
    if len(parts) != len(message.content) or not all(isinstance(part, str) for part in parts):
        raise Problem(422, "messages: only text is read; scenes are named in `scene3d`")
    return "\n".join(str(part) for part in parts)


def _usage(question: Question, text: str) -> dict[str, int]:
    """Words, since clients want a number; tokens are not what is paid for here."""
    asked, answered = len(question.text.split()), len(text.split())
    return {"prompt_tokens": asked, "completion_tokens": answered, "total_tokens": asked + answered}
