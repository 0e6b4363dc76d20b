"""Scans waiting to be encoded, and the worker process that does it: killed when it hangs, replaced when it dies."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import sys
import uuid
from typing import Any

from scene3d.server.config import ServerConfig
from scene3d.server.database import Database
from scene3d.server.problems import Problem
from scene3d.server.store import SCENE, Store

_log = logging.getLogger("scene3d.server")
_LONGEST_LINE = 1 << 24


class Worker:
    """One encoding process, started when it is first needed.

    Args:
        config: Model, memory and time limits.
        command: What to start; tests give their own.
    """

    def __init__(self, config: ServerConfig, command: tuple[str, ...] = ()) -> None:
        own = (sys.executable, "-m", "scene3d.server.encode_worker", config.model, str(config.worker_memory))
        self._command = command or own
        self._timeout_s = config.encode_timeout
        self._process: asyncio.subprocess.Process | None = None

    async def encode(self, request: dict[str, Any]) -> dict[str, Any]:
        """Have one scan encoded; a crash or a time-out is an answer like others."""
        try:
            async with asyncio.timeout(self._timeout_s):
                process = await self._running()
                if process is None:
                    return {"ok": False, "detail": "the encoder does not start; the server's log says why"}
                assert process.stdin is not None
                assert process.stdout is not None
                process.stdin.write(json.dumps(request).encode() + b"\n")
                await process.stdin.drain()
                line = await process.stdout.readline()
        except TimeoutError:
            await self.stop()
            return {"ok": False, "detail": f"encoding took more than {self._timeout_s:.0f} s; thin the scan out"}
        except (ConnectionError, ValueError):
            line = b""
        if not line:
            await self.stop()
            return {"ok": False, "detail": "the encoder crashed on this scan; check the file with `scene3d doctor`"}
        return json.loads(line)

    async def stop(self) -> None:
        """End the process; the next scan starts another."""
        process, self._process = self._process, None
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    async def _running(self) -> asyncio.subprocess.Process | None:
        """The process, started if need be; None where it ends before it is ready."""
        if self._process is None or self._process.returncode is not None:
            pipe = asyncio.subprocess.PIPE
            self._process = await asyncio.create_subprocess_exec(
                *self._command, stdin=pipe, stdout=pipe, limit=_LONGEST_LINE
            )
            assert self._process.stdout is not None
            if not await self._process.stdout.readline():
                await self.stop()
        return self._process


class EncodingQueue:
    """Jobs in the order they came, one at a time; those of a server that was killed go on after its restart.

    Args:
        config: Limits.
        database: Keeps the jobs.
        store: Keeps the scenes.
        worker: Does the work.
    """

    def __init__(self, config: ServerConfig, database: Database, store: Store, worker: Worker) -> None:
        self._config, self._database, self._store, self._worker = config, database, store, worker
        self._waiting: asyncio.Queue[tuple[str, str]] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None

    @property
    def length(self) -> int:
        """Jobs that wait."""
        return self._waiting.qsize()

    async def start(self) -> None:
        """Begin, with the jobs that were left over."""
        left = self._database.open_jobs()
        for job in left:
            self._waiting.put_nowait(job)
        served = {scene for _, scene in left}
        for scene in self._database.scenes():
            if scene["status"] == "queued" and scene["id"] not in served:
                self._waiting.put_nowait((self._new_job(scene["id"]), scene["id"]))
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Stop; jobs that are not done stay in the database."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        await self._worker.stop()

    def check_room(self) -> None:
        """Refuse before an upload is read.

        Raises:
            Problem: 429, too many scans wait.
        """
        if self.length >= self._config.max_jobs:
            raise Problem(429, f"{self.length} scans wait to be encoded; try again later", retry_after_s=20)

    def add(self, scene: str) -> str:
        """Queue a scene; the job's id."""
        job = self._new_job(scene)
        self._waiting.put_nowait((job, scene))
        return job

    def _new_job(self, scene: str) -> str:
        job = uuid.uuid4().hex
        self._database.put_job(job, scene=scene, status="queued")
        return job

    async def _run(self) -> None:
        while True:
            job, scene = await self._waiting.get()
            try:
                await self._do(job, scene)
            except Exception:  # one bad job must not end the queue
                _log.exception("job %s", job)

    async def _do(self, job: str, scene: str) -> None:
        record = self._database.scene(scene)
        if record is None:
            return
        self._database.put_job(job, scene=scene, status="running")
        request = {
            "scan": str(self._store.scan(scene)),
            "out": str(self._store.path(scene) / SCENE),
            "options": record["options"],
            "max_points": self._config.max_points,
        }
        answer = await self._worker.encode(request)
        record = self._database.scene(scene)
        if record is None:  # deleted meanwhile
            return
        kept = {key: record[key] for key in record if key not in ("id", "status", "bytes", "used")}
        status = "ready" if answer["ok"] else "failed"
        detail = "" if answer["ok"] else answer["detail"].replace(str(self._store.scan(scene)), record["name"])
        found = {key: answer[key] for key in ("points", "objects", "notes") if key in answer}
        self._database.put_scene(
            scene, status=status, record=kept | found | {"detail": detail}, size=self._store.size(scene)
        )
        self._database.put_job(job, scene=scene, status=status, detail=detail)
