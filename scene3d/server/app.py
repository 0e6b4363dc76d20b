"""The composition root of the server."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request, Response
from fastapi.middleware.cors import CORSMiddleware

from scene3d.server import answers, chat, dialogues, health, plans, scenes
from scene3d.server.asking import ModelThread
from scene3d.server.config import ServerConfig
from scene3d.server.database import Database
from scene3d.server.encoding import EncodingQueue, Worker
from scene3d.server.guard import Guard
from scene3d.server.metrics import Metrics
from scene3d.server.problems import MEDIA_TYPE, add_handlers
from scene3d.server.schemas import ProblemBody
from scene3d.server.services import Services
from scene3d.server.sessions import Opener, OpenScenes, model_opener
from scene3d.server.store import Store

DATABASE = "server.sqlite"


def create_app(config: ServerConfig, *, opener: Opener | None = None, worker: tuple[str, ...] = ()) -> FastAPI:
    """The server as an ASGI application.

    Args:
        config: Its settings.
        opener: Opens stored scenes; with the model of `config` if not given.
        worker: The command that encodes scans; the shipped one if not given.

    Raises:
        OSError: The data folder cannot be written.
    """

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        config.data.mkdir(parents=True, exist_ok=True)
        database = Database(config.data / DATABASE)
        store = Store(config.data / "scenes", database, max_scenes=config.max_scenes, max_bytes=config.max_store)
        queue = EncodingQueue(config, database, store, Worker(config, worker))
        open_scenes = OpenScenes(opener or model_opener(config.model), most=config.open_scenes)
        model = ModelThread(config, store, open_scenes, metrics)
        app.state.services = Services(
            config=config, database=database, store=store, queue=queue, model=model, metrics=metrics
        )
        await queue.start()
        await model.start()
        try:
            yield
        finally:
            await model.stop()
            await queue.stop()
            database.close()

    metrics = Metrics()
    problem = {"model": ProblemBody, "content": {MEDIA_TYPE: {}}, "description": "what is wrong, and the way out"}
    app = FastAPI(
        title="scene3d",
        description="Scans in, linked answers and checked plans out. All of it is perception, no safe motion.",
        version="1",
        lifespan=life,
        responses={"4XX": problem, "5XX": problem},
    )
    add_handlers(app)
    for room in (health, scenes, answers, plans, dialogues, chat):
        app.include_router(room.router)
    _measure(app, metrics)
    if config.cors_origins:
        app.add_middleware(CORSMiddleware, allow_origins=list(config.cors_origins), allow_headers=["authorization"])
    app.add_middleware(Guard, config=config)
    return app


def _measure(app: FastAPI, metrics: Metrics) -> None:
    @app.middleware("http")
    async def measured(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        started = time.perf_counter()
        response = await call_next(request)
        route = getattr(request.scope.get("route"), "path", "none")
        metrics.requests.labels(request.method, route, response.status_code).inc()
        metrics.seconds.labels(route).observe(time.perf_counter() - started)
        return response
