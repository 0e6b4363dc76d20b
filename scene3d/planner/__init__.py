"""From a request about a scene to steps that a robot can check before it moves."""

from scene3d.planner.activities import Activity, load_activities
from scene3d.planner.domain import Domain, Knowledge
from scene3d.planner.floor import RobotConfig
from scene3d.planner.plan_json import plan_json, read_plan
from scene3d.planner.planner import Planner
from scene3d.planner.ranking import rank_by_sentence_encoder

__all__ = [
    "Activity",
    "Domain",
    "Knowledge",
    "Planner",
    "RobotConfig",
    "load_activities",
    "plan_json",
    "rank_by_sentence_encoder",
    "read_plan",
]
