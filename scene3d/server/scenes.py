"""Routes of scenes: upload, what became of it, objects, graph."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Annotated, Any, Literal

import numpy as np
from fastapi import APIRouter, File, Form, Path, Response, UploadFile

from scene3d.errors import InputError
from scene3d.io.orient import AXES
from scene3d.io.unit import unit_of_user
from scene3d.model.outputs import proposals_record
from scene3d.planner import RobotConfig
from scene3d.server.problems import Problem
from scene3d.server.robotics import NOTICE, detection_array, native_graph, spark_graph
from scene3d.server.schemas import Job, SceneInfo
from scene3d.server.services import Given
from scene3d.server.store import below_roots

router = APIRouter(prefix="/v1", tags=["scenes"])
SceneId = Annotated[str, Path(max_length=64, pattern="^[0-9a-f]+$")]


@router.post("/scenes", status_code=202, response_model=Job)
async def upload(
    given: Given,
    response: Response,
    file: Annotated[UploadFile | None, File(description="the scan, in any format that scene3d reads")] = None,
    path: Annotated[str | None, Form(max_length=4_000, description="instead: a path below an allowed folder")] = None,
    up_axis: Annotated[str | None, Form(max_length=2)] = None,
    unit: Annotated[str | None, Form(max_length=20)] = None,
    T_map_scene: Annotated[str | None, Form(max_length=2_000, description="4 by 4, as JSON")] = None,
) -> dict[str, Any]:
    """Take a scan to be encoded. The same upload twice is one scene; an accepted one survives a crash."""
    if (file is None) == (path is None):
        raise Problem(422, "send either the scan as `file`, or a `path` on the server")
    options = _options(up_axis, unit, T_map_scene)
    given.queue.check_room()
    if file is not None:
        scene, is_new = await asyncio.to_thread(
            given.store.accept, file.file, name=file.filename or "", options=options, max_bytes=given.config.max_upload
        )
    else:
        scene, is_new = given.store.refer(below_roots(path or "", given.config.roots), options=options)
    record = given.database.scene(scene, touch=True)
    if record is None:
        raise Problem(503, "the scene was dropped while it was taken; upload it again", retry_after_s=1)
    if not is_new:
        record = _with_map(given, record, options["T_map_scene"])
    if is_new or record["status"] == "failed":
        return {"job": given.queue.add(scene), "scene": scene, "status": "queued"}
    response.status_code = 200
    status = "ready" if record["status"] == "ready" else "queued"
    return {"job": given.database.job_of(scene), "scene": scene, "status": status}


@router.get("/jobs/{job}", response_model=Job)
async def job(given: Given, job: Annotated[str, Path(max_length=64)]) -> dict[str, Any]:
    """What became of an upload."""
    found = given.database.job(job)
    if found is None:
        raise Problem(404, f"there is no job {job!r:.80}")
    return {"job": found["id"], "scene": found["scene"], "status": found["status"], "detail": found["detail"]}


@router.get("/scenes", response_model=list[SceneInfo])
async def scenes(given: Given) -> list[dict[str, Any]]:
    """All scenes, least recently used first."""
    return [_info(record) for record in given.database.scenes()]


@router.get("/scenes/{scene}", response_model=SceneInfo)
async def scene(given: Given, scene: SceneId) -> dict[str, Any]:
    """What is known of a scene."""
    record = given.database.scene(scene, touch=True)
    if record is None:
        raise Problem(404, f"there is no scene {scene!r}; it may have been dropped, upload it again")
    return _info(record)


@router.delete("/scenes/{scene}", status_code=204)
async def delete(given: Given, scene: SceneId) -> None:
    """Drop a scene with its dialogues and plans."""
    if given.database.scene(scene) is None:
        raise Problem(404, f"there is no scene {scene!r}")
    await asyncio.to_thread(given.store.delete, scene)
    given.model.forget(scene)


@router.get("/scenes/{scene}/objects")
async def objects(
    given: Given, scene: SceneId, format: Literal["native", "vision_msgs"] = "native", frame: str = "map"
) -> dict[str, Any]:
    """All objects: boxes in the file's frame, or as a vision_msgs/Detection3DArray in the map frame."""
    transform = given.map_from_scene(given.ready_scene(scene))
    if format == "native":
        return await given.model.call(
            scene, lambda session: proposals_record(session.scene, session.segment()) | {"notice": NOTICE}
        )
    stamp_s = time.time()
    return await given.model.call(
        scene, lambda session: detection_array(session.segment(), transform, frame=frame[:200], stamp_s=stamp_s)
    )


@router.get("/scenes/{scene}/graph")
async def graph(given: Given, scene: SceneId, format: Literal["native", "spark_dsg"] = "native") -> dict[str, Any]:
    """Objects and what stands on or lies in what, map frame."""
    transform = given.map_from_scene(given.ready_scene(scene))
    make = native_graph if format == "native" else spark_graph
    return await given.with_planner(
        scene, RobotConfig(), lambda planner: make(planner.session.segment(), planner.world, transform)
    )


def _options(up_axis: str | None, unit: str | None, transform: str | None) -> dict[str, Any]:
    if up_axis is not None and up_axis not in AXES:
        raise InputError(f"up_axis {up_axis!r} is not one of {', '.join(AXES)}")
    if unit is not None:
        unit_of_user(unit)
    return {"up_axis": up_axis, "unit": unit, "T_map_scene": None if transform is None else _rigid(transform)}


def _rigid(text: str) -> list[list[float]]:
    try:
        matrix = np.array(json.loads(text), dtype=np.float64)
    except (ValueError, TypeError, RecursionError, OverflowError) as error:
        raise InputError("T_map_scene: four rows of four numbers as JSON are needed") from error
    turn = matrix[:3, :3] if matrix.shape == (4, 4) and np.isfinite(matrix).all() else np.zeros((3, 3))
    is_rigid = np.allclose(turn @ turn.T, np.eye(3), atol=1e-4) and np.linalg.det(turn) > 0
    if not is_rigid or abs(turn[2, 2] - 1) > 1e-3 or not np.allclose(matrix[3], [0, 0, 0, 1]):
        raise InputError("T_map_scene: a rigid 4 by 4 transform that keeps z up is needed, last row 0 0 0 1")
    return matrix.tolist()


def _with_map(given: Given, record: dict[str, Any], transform: list[list[float]] | None) -> dict[str, Any]:
    """The same scene again may come with another map."""
    if transform is not None and transform != record["options"].get("T_map_scene"):
        record = record | {"options": record["options"] | {"T_map_scene": transform}}
        given.database.put_scene(record["id"], status=record["status"], record=record, size=record["bytes"])
    return record


def _info(record: dict[str, Any]) -> dict[str, Any]:
    kept = {key: record[key] for key in ("id", "name", "status", "bytes")}
    found = {key: record[key] for key in ("detail", "points", "objects", "notes") if key in record}
    return kept | found | {"T_map_scene": record["options"].get("T_map_scene")}
