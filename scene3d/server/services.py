"""What every route works with."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Annotated, Any

import numpy as np
from fastapi import Depends, Request
from jaxtyping import Float64

from scene3d.planner import Planner, RobotConfig
from scene3d.server.asking import ModelThread
from scene3d.server.config import ServerConfig
from scene3d.server.database import Database
from scene3d.server.encoding import EncodingQueue
from scene3d.server.metrics import Metrics
from scene3d.server.problems import Problem
from scene3d.server.store import Store

_KEPT_PLANNERS = 4


class Services:
    """One of each, for the life of a server."""

    def __init__(
        self,
        *,
        config: ServerConfig,
        database: Database,
        store: Store,
        queue: EncodingQueue,
        model: ModelThread,
        metrics: Metrics,
    ) -> None:
        self.config, self.database, self.store = config, database, store
        self.queue, self.model, self.metrics = queue, model, metrics
        self._planners: OrderedDict[tuple[Any, ...], Planner] = OrderedDict()

    def ready_scene(self, scene: str) -> dict[str, Any]:
        """A scene that can be asked, marked as used.

        Raises:
            Problem: 404 where there is none, 409 while it is being encoded, 422 where that failed.
        """
        record = self.database.scene(scene, touch=True)
        if record is None:
            raise Problem(404, f"there is no scene {scene!r:.80}; it may have been dropped, upload it again")
        if record["status"] == "failed":
            raise Problem(422, record.get("detail") or "the scan could not be encoded")
        if record["status"] != "ready":
            raise Problem(409, "the scene is being encoded; ask its job when it is ready", retry_after_s=2)
        return record

    def map_from_scene(self, record: dict[str, Any]) -> Float64[np.ndarray, "4 4"]:
        """The transform that the client gave with the scene; the identity if none."""
        return np.array(record["options"].get("T_map_scene") or np.eye(4), dtype=np.float64)

    async def with_planner(self, scene: str, robot: RobotConfig, work: Callable[[Planner], Any]) -> Any:
        """What `work` makes of the scene's planner, in the model's thread."""
        record = self.ready_scene(scene)
        transform = self.map_from_scene(record)
        key = (scene, robot, transform.tobytes())

        def run(session: Any) -> Any:
            if key not in self._planners:
                while len(self._planners) >= _KEPT_PLANNERS:
                    self._planners.popitem(last=False)
                self._planners[key] = Planner(session, robot=robot, map_from_scene=transform)
            self._planners.move_to_end(key)
            return work(self._planners[key])

        return await self.model.call(scene, run)


def services(request: Request) -> Services:
    """For routes: `Depends(services)`."""
    return request.app.state.services


Given = Annotated[Services, Depends(services)]
