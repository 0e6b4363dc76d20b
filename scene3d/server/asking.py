"""One thread that runs the model, and the bounded queue before it: questions to one scene are answered together."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from scene3d.errors import Scene3DError
from scene3d.model.answers import answer_json
from scene3d.model.question import Question
from scene3d.server.config import ServerConfig
from scene3d.server.metrics import Metrics
from scene3d.server.problems import Problem
from scene3d.server.sessions import OpenScenes
from scene3d.server.store import SCENE, Store
from scene3d.types import GroundedText, Phrase

_END = object()


@dataclass
class _Item:
    scene: str
    done: asyncio.Future[Any]
    question: Question | None = None
    """For questions, which can be answered together."""
    work: Callable[[Any], Any] | None = None
    """For all else: called with the session."""
    gone: threading.Event = field(default_factory=threading.Event)
    """Set when nobody waits for the answer any more."""


class ModelThread:
    """Everything that touches the model goes through here.

    Args:
        config: Limits.
        store: Where scenes are.
        scenes: Opens them.
        metrics: Told about batches.
    """

    def __init__(self, config: ServerConfig, store: Store, scenes: OpenScenes, metrics: Metrics) -> None:
        self._config, self._store, self._scenes, self._metrics = config, store, scenes, metrics
        self._waiting: deque[_Item] = deque()
        self._arrived = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="model")
        self._task: asyncio.Task[None] | None = None

    @property
    def length(self) -> int:
        """Requests that wait."""
        return len(self._waiting)

    async def start(self) -> None:
        """Begin to answer."""
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Stop; who still waits is told to come back."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        for item in self._waiting:
            item.gone.set()
            if not item.done.done():
                item.done.set_exception(Problem(503, "the server is stopping; try again soon", retry_after_s=5))
        self._thread.shutdown(wait=True, cancel_futures=True)

    async def ask(self, scene: str, question: Question) -> dict[str, Any]:
        """An answer as JSON, schema `scene3d/answer/1`."""
        return await self._result(_Item(scene, asyncio.get_running_loop().create_future(), question=question))

    async def call(self, scene: str, work: Callable[[Any], Any]) -> Any:
        """What `work` makes of the scene's session."""
        return await self._result(_Item(scene, asyncio.get_running_loop().create_future(), work=work))

    async def stream(self, scene: str, question: Question) -> AsyncIterator[str | dict[str, Any]]:
        """Pieces of text, each phrase as a mapping when it closes, and the whole answer as JSON at the end."""
        loop = asyncio.get_running_loop()
        pieces: asyncio.Queue[Any] = asyncio.Queue()
        item = _Item(scene, loop.create_future())

        def work(session: Any) -> None:
            for piece in session.stream_question(question):
                if item.gone.is_set():
                    return
                loop.call_soon_threadsafe(pieces.put_nowait, _piece_json(session, piece))

        item.work = work
        self._enter(item)
        item.done.add_done_callback(lambda _: pieces.put_nowait(_END))
        try:
            async with asyncio.timeout(self._config.answer_timeout):
                while (piece := await pieces.get()) is not _END:
                    yield piece
                item.done.result()
        finally:
            item.gone.set()

    def forget(self, scene: str) -> None:
        """Close a scene that was deleted, after what runs now."""
        self._thread.submit(self._scenes.close, scene)

    def _enter(self, item: _Item) -> None:
        if len(self._waiting) >= self._config.max_waiting:
            raise Problem(429, f"{len(self._waiting)} questions are waiting; try again soon", retry_after_s=5)
        self._waiting.append(item)
        self._arrived.set()

    async def _result(self, item: _Item) -> Any:
        self._enter(item)
        try:
            async with asyncio.timeout(self._config.answer_timeout):
                return await item.done
        finally:
            item.gone.set()

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._arrived.wait()
            batch = self._next()
            if not batch:
                self._arrived.clear()
                continue
            results = await loop.run_in_executor(self._thread, self._answer, batch)
            for item, result in zip(batch, results, strict=True):
                if item.done.done():
                    continue
                if isinstance(result, BaseException):
                    item.done.set_exception(result)
                else:
                    item.done.set_result(result)

    def _next(self) -> list[_Item]:
        """The oldest request, and with a question the other questions to the same scene."""
        while self._waiting and self._waiting[0].gone.is_set():
            self._waiting.popleft()
        if not self._waiting:
            return []
        first = self._waiting.popleft()
        if first.question is None:
            return [first]
        same = [i for i in self._waiting if i.scene == first.scene and i.question is not None and not i.gone.is_set()]
        batch = [first, *same[: self._config.max_batch - 1]]
        for item in batch[1:]:
            self._waiting.remove(item)
        return batch

    def _answer(self, batch: list[_Item]) -> list[Any]:
        """In the model's thread. An error is a result, so that it reaches the one who asked."""
        try:
            session = self._scenes.get(batch[0].scene, self._store.path(batch[0].scene) / SCENE)
            if batch[0].work is not None:
                return [batch[0].work(session)]
            self._metrics.batch.observe(len(batch))
            return _answers(session, [item.question for item in batch if item.question is not None])
        except Exception as error:
            return [error] * len(batch)


def _answers(session: Any, questions: list[Question]) -> list[Any]:
    """Answers as JSON; where one question is at fault, the others are asked without it."""
    try:
        return [answer_json(session, answer) for answer in session.ask_many(questions)]
    except Scene3DError as error:
        if len(questions) == 1:
            return [error]
        return [_answers(session, [question])[0] for question in questions]


def _piece_json(session: Any, piece: str | Phrase | GroundedText) -> str | dict[str, Any]:
    if isinstance(piece, str):
        return piece
    if isinstance(piece, GroundedText):
        return answer_json(session, piece)
    links = [{"id": link.id, "probability": round(link.probability, 4)} for link in piece.objects]
    return {
        "start": piece.start,
        "end": piece.end,
        "objects": links,
        "absent_probability": round(piece.absent_probability, 4),
    }
