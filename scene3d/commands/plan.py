"""`scene3d plan`: checked steps for a household robot."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from rich.console import Console
from tyro.conf import OmitArgPrefixes, Positional, arg

from scene3d.commands.opening import Opening

if TYPE_CHECKING:
    from scene3d.types import Plan


def plan(
    scan: Positional[Path],
    request: Positional[str] = "",
    /,
    *,
    goal: str | None = None,
    way: Literal["auto", "reference", "verified"] = "auto",
    observed: tuple[str, ...] = (),
    domain: str = "household",
    radius_m: float = 0.25,
    hands: int = 1,
    json_out: Annotated[Path | None, arg(name="json")] = None,
    opening: OmitArgPrefixes[Opening] = Opening(),
) -> None:
    """Plan what a robot should do in a scan, and check it.

    A valid plan is one that the domain allows in the scene as it was scanned; it is no guarantee of a safe motion.

    Args:
        scan: A scan in any format that scene3d reads.
        request: What is wanted, in words: "make the room brighter".
        goal: Instead of words, a PDDL formula such as "(switched_on lamp_4)" or a fact such as "on(3, 1)".
        way: reference: the language model writes the steps; verified: a planner finds them; auto: the second for what
            is surely a known activity, else the first, mended by the second.
        observed: Facts that the scan does not show, such as "opened(4)".
        domain: A shipped planning domain, or the path of a .pddl file.
        radius_m: Of the robot.
        hands: Of the robot, 1 or 2.
        json_out: Write the plan here, as schema scene3d/plan/1.
        opening: The model, and how the scan is read.
    """
    from scene3d.planner import Planner, RobotConfig, plan_json

    robot = RobotConfig(radius_m=radius_m, hands=hands)
    planner = Planner(opening.session(scan), domain=domain, robot=robot)
    made = planner.plan(request, goal=goal, way=way, observed=observed)
    print_plan(made)
    if json_out is not None:
        json_out.write_text(json.dumps(plan_json(made), indent=1) + "\n", encoding="utf-8")


def print_plan(plan: Plan) -> None:
    """Steps, what is wrong with them, what is asked back, and the verdict."""
    console = Console(highlight=False, soft_wrap=True)
    for step in plan.steps:
        objects = ", ".join(f"{role} {object_id}" for role, object_id in step.args.items())
        place = "" if step.target_pose is None else " at ({:.2f}, {:.2f})".format(*step.target_pose[:2])
        console.print(f"{step.i}. {step.text}  [dim]{step.action}: {objects}{place}[/]")
    for violation in plan.violations:
        where = f"step {violation.step}: " if violation.step else ""
        console.print(f"[red]{where}{violation.reason}[/]")
    for question in plan.unresolved:
        console.print(f"[yellow]{question}[/]")
    verdict = "[green]valid[/]" if plan.valid else "[red]not valid[/]"
    console.print(f"{verdict}, {plan.way}[dim]; perception, no guarantee of a safe motion[/]")


COMMANDS: dict[str, Callable[..., None]] = {"plan": plan}
"""Commands of this room."""
