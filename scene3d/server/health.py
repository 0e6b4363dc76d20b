"""Routes that keepers and orchestrators ask."""

from __future__ import annotations

import importlib.metadata
import shutil
from typing import Any

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from scene3d.server.problems import Problem
from scene3d.server.services import Given

router = APIRouter(tags=["health"])
_LEAST_FREE = 64 << 20


@router.get("/healthz")
async def alive() -> dict[str, str]:
    """Whether the process answers at all."""
    return {"status": "ok"}


@router.get("/readyz")
async def ready(given: Given) -> dict[str, Any]:
    """Whether uploads and questions can be taken."""
    given.database.scenes()
    free = shutil.disk_usage(given.config.data).free
    if free < _LEAST_FREE:
        raise Problem(507, f"{free:,} bytes are left on the server's disk; free some space")
    return {"status": "ok", "waiting": given.model.length, "encoding": given.queue.length}


@router.get("/version")
async def version() -> dict[str, str]:
    """Of scene3d and of the API."""
    return {"scene3d": importlib.metadata.version("scene3d"), "api": "v1"}


@router.get("/metrics")
async def metrics(given: Given) -> Response:
    """For Prometheus."""
    known = given.database.scenes()
    given.metrics.scenes.set(len(known))
    given.metrics.stored_bytes.set(sum(scene["bytes"] for scene in known))
    given.metrics.waiting.labels("model").set(given.model.length)
    given.metrics.waiting.labels("encoder").set(given.queue.length)
    return Response(generate_latest(given.metrics.registry), media_type=CONTENT_TYPE_LATEST)
