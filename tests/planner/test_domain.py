from pathlib import Path

import numpy as np
import pytest

from scene3d.errors import ConfigError, InputError
from scene3d.planner import Domain, Planner, plan_json, read_plan
from scene3d.planner.floor import RobotConfig, floor_map
from scene3d.planner.relations import containers, is_opening_free
from tests.planner.kitchen import CUP, FRIDGE, kitchen

WAREHOUSE = """
(define (domain warehouse)
  (:requirements :strips :typing :negative-preconditions)
  (:types item - object)
  (:predicates (reachable ?b - item) (scanned ?b - item) (here ?b - item))
  (:action drive :parameters (?box - item) :precondition (reachable ?box) :effect (here ?box))
  (:action scan :parameters (?box - item) :precondition (here ?box) :effect (scanned ?box)))
"""


def test_a_domain_of_ones_own_is_planned_in(tmp_path: Path) -> None:
    path = tmp_path / "warehouse.pddl"
    path.write_text(WAREHOUSE)
    path.with_suffix(".yaml").write_text("implied: drive\nverbs: {scan: [scan, read the code of]}\n")
    planner = Planner(kitchen(), domain=path)
    plan = planner.plan("", goal=f"scanned({CUP})")
    assert plan.valid
    assert [step.action for step in plan.steps] == ["drive", "scan"]
    assert plan.steps[1].text == "Scan the cup."
    assert planner.check([{"action": "scan", "args": {"box": CUP}}]).valid
    path.with_suffix(".yaml").unlink()
    assert Planner(kitchen(), domain=path).plan("", goal=f"scanned({CUP})").valid


@pytest.mark.parametrize(
    ("pddl", "yaml", "error", "message"),
    [
        (WAREHOUSE, "verbs: {fly: [fly]}", ConfigError, "no 'fly'; there are: drive, scan"),
        (WAREHOUSE, "unseen: [lit]", ConfigError, "no 'lit'"),
        (WAREHOUSE, "verb: {}", ConfigError, "unknown setting 'verb'"),
        ("(define (problem p))", "", InputError, "no \\(:action"),
    ],
)
def test_a_wrong_domain_is_refused(tmp_path: Path, pddl: str, yaml: str, error: type[Exception], message: str) -> None:
    path = tmp_path / "a.pddl"
    path.write_text(pddl)
    path.with_suffix(".yaml").write_text(yaml)
    with pytest.raises(error, match=message):
        Domain.load(path)


def test_broken_pddl_is_refused_with_its_reason(tmp_path: Path) -> None:
    path = tmp_path / "a.pddl"
    path.write_text(WAREHOUSE.replace("(here ?box)", "(gone ?box)"))
    with pytest.raises(InputError, match="cannot be read"):
        Planner(kitchen(), domain=path).plan("", goal=f"scanned({CUP})")
    with pytest.raises(InputError, match="one of: household"):
        Domain.load("nowhere")


@pytest.mark.parametrize(
    ("predicate", "label", "longest_m", "expected"),
    [
        ("portable", "cup", 0.1, True),
        ("portable", "cup", 1.0, False),
        ("portable", "couch", 0.2, False),
        ("portable", "thingamajig", 0.2, True),
        ("portable", "thingamajig", 0.5, False),
        ("switchable", "lamp", 1.5, True),
        ("switchable", "table", 1.5, False),
        ("cleanable", "anything", 9.0, True),
    ],
)
def test_what_things_afford(predicate: str, label: str, longest_m: float, expected: bool) -> None:
    assert Domain.load().affords(predicate, label, longest_m=longest_m) is expected


def test_plans_survive_json() -> None:
    plan = Planner(kitchen()).plan("", goal=f"switched_on({2})")
    record = plan_json(plan)
    assert read_plan(record) == plan
    assert "no guarantee of a safe motion" in record["notice"]
    with pytest.raises(InputError, match="not a plan"):
        read_plan({"text": "x"})


def test_a_blocked_door_does_not_open() -> None:
    free = kitchen()
    box = free.proposals.box[FRIDGE].double().numpy()
    facing = -np.pi / 2  # its front looks towards -y
    floor = floor_map(free.scene.xyz_m.numpy(), robot=RobotConfig())
    assert is_opening_free(box, floor, facing_rad=facing, facing_confidence=1.0)
    crowded = kitchen((("refrigerator", (0.0, 3.3, 0.0), (0.7, 4.0, 1.7)), ("box", (0.0, 2.8, 0.0), (0.8, 3.25, 1.0))))
    floor = floor_map(crowded.scene.xyz_m.numpy(), robot=RobotConfig())
    assert not is_opening_free(box, floor, facing_rad=facing, facing_confidence=1.0)
    assert is_opening_free(box, floor, facing_rad=facing, facing_confidence=0.1)  # the front may be another side
    hanging = box + np.array([0, 0, 1.0, 0, 0, 1.0])
    assert is_opening_free(hanging, floor, facing_rad=facing, facing_confidence=1.0)


def test_things_lie_in_the_smallest_container_around_them() -> None:
    box = np.array(
        [[0, 0, 0, 1, 1, 2], [0.1, 0.1, 1, 0.6, 0.6, 1.5], [0.2, 0.2, 1.1, 0.3, 0.3, 1.2], [5, 5, 0, 6, 6, 1]]
    )
    assert containers(box.astype(float), [0, 1, 3]) == {1: 0, 2: 1}
