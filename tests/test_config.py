from dataclasses import dataclass, field
from pathlib import Path

import pytest

from scene3d.config import from_mapping, load_config, to_mapping
from scene3d.errors import ConfigError, InputError
from scene3d.model.detector import DetectorConfig
from scene3d.resources import root
from scene3d.train.alignment import AlignmentTraining
from scene3d.train.detector import DetectorTraining
from scene3d.train.instruct import InstructTraining
from scene3d.train.naming import NamingTraining
from scene3d.train.readings import ReadingsTraining
from scene3d.train.recognition import RecognitionTraining
from scene3d.train.relations import RelationTraining


@dataclass(frozen=True)
class Inner:
    size: float = 1.0
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Outer:
    inner: Inner = field(default_factory=Inner)
    steps: int = 3
    folder: Path | None = None
    weights: dict[str, float] = field(default_factory=dict)
    pair: tuple[float, float] = (0.0, 1.0)


def test_what_is_not_overridden_keeps_its_default() -> None:
    built = from_mapping(Outer, {"inner": {"names": ["a", "b"]}, "folder": "x", "weights": {"k": 1}})
    assert built == Outer(inner=Inner(names=("a", "b")), folder=Path("x"), weights={"k": 1.0})
    assert from_mapping(Outer, to_mapping(built)) == built


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"step": 3}, "unknown setting 'step'; there are: inner, steps"),
        ({"inner": {"sise": 3}}, "inner: unknown setting 'sise'"),
        ({"steps": "many"}, "steps: expected int, found str 'many'"),
        ({"steps": True}, "steps: expected int, found bool True"),
        ({"pair": [1.0]}, r"pair: expected 2 values, found \[1.0\]"),
        ({"inner": {"names": [1]}}, r"inner: names\[0\]: expected str, found int 1"),
        ([1], "expected a mapping of settings, found list"),
    ],
)
def test_mistakes_are_named_with_their_place(overrides: object, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        from_mapping(Outer, overrides)


def test_unreadable_yaml_and_unknown_presets(tmp_path: Path) -> None:
    broken = tmp_path / "a.yaml"
    broken.write_text("steps: [")
    with pytest.raises(ConfigError, match="cannot be read as YAML"):
        load_config(Outer, broken)
    with pytest.raises(InputError, match="no preset named"):
        load_config(Outer, "nothing/here")


@pytest.mark.parametrize("path", sorted((root() / "configs").rglob("*.yaml")), ids=lambda p: p.stem)
def test_every_shipped_preset_can_be_loaded(path: Path) -> None:
    kind = {
        "detector": DetectorTraining,
        "alignment": AlignmentTraining,
        "readings": ReadingsTraining,
        "naming": NamingTraining,
        "recognition": RecognitionTraining,
        "relations": RelationTraining,
        "instruct": InstructTraining,
        "model": DetectorConfig,
    }[path.parent.name]
    load_config(kind, f"{path.parent.name}/{path.stem}")
