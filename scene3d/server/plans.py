"""Routes of plans: make one, check one, go on from where one failed."""

from __future__ import annotations

import dataclasses
import uuid
from typing import Annotated, Any

from fastapi import APIRouter, Path

from scene3d.planner import Planner, RobotConfig, plan_json, read_plan
from scene3d.server.problems import Problem
from scene3d.server.scenes import SceneId
from scene3d.server.schemas import PlanRequest, Replan, Validate
from scene3d.server.services import Given, Services
from scene3d.types import Plan

router = APIRouter(prefix="/v1", tags=["plans"])
PlanId = Annotated[str, Path(max_length=64)]


@router.post("/scenes/{scene}/plan")
async def plan(given: Given, scene: SceneId, body: PlanRequest) -> dict[str, Any]:
    """Steps that do what is asked, checked; `target_pose` in the map frame."""
    robot = RobotConfig(**body.robot.model_dump())

    def work(planner: Planner) -> Plan:
        return planner.plan(body.request, goal=body.goal, way=body.way, observed=body.observed)

    return _keep(given, scene, robot, await given.with_planner(scene, robot, work))


@router.post("/plans/validate")
async def validate(given: Given, body: Validate) -> dict[str, Any]:
    """Check steps that somebody else wrote."""
    robot = RobotConfig(**body.robot.model_dump())
    steps = [step.model_dump() for step in body.steps]
    made = await given.with_planner(body.scene, robot, lambda planner: planner.check(steps, observed=body.observed))
    return _keep(given, body.scene, robot, made)


@router.get("/plans/{plan}")
async def kept(given: Given, plan: PlanId) -> dict[str, Any]:
    """A plan that was made before."""
    return _found(given, plan)[1] | {"id": plan}


@router.post("/plans/{plan}/replan")
async def replan(given: Given, plan: PlanId, body: Replan) -> dict[str, Any]:
    """Steps from where a plan failed to its goal."""
    scene, record = _found(given, plan)
    robot, before = RobotConfig(**record["robot"]), read_plan(record)
    made = await given.with_planner(
        scene, robot, lambda planner: planner.replan(before, body.failed_step, body.observed)
    )
    return _keep(given, scene, robot, made)


def _found(given: Services, plan: str) -> tuple[str, dict[str, Any]]:
    found = given.database.document("plan", plan)
    if found is None:
        raise Problem(404, f"there is no plan {plan!r:.80}; plan the request anew")
    return found


def _keep(given: Services, scene: str, robot: RobotConfig, plan: Plan) -> dict[str, Any]:
    record = plan_json(plan) | {"scene": scene, "robot": dataclasses.asdict(robot)}
    name = uuid.uuid4().hex
    given.database.put_document("plan", name, scene=scene, record=record)
    return record | {"id": name}
