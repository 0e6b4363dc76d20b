"""Instance AP against a baseline that does what the official script does: reading, scoring and both, apart.

The suite takes a few scenes, since time grows with their number; `python -m bench.evaluators` takes all twenty. The
baseline, which then reads for minutes, is timed once, and its answer checks both cases.
"""

from __future__ import annotations

import atexit
import json
import shutil
import tempfile
from pathlib import Path

import numpy as np

from bench import official_instance
from bench.measure import Case, machine, measure
from scene3d.evaluate.instance import InstanceAP, InstancePrediction
from scene3d.evaluate.instance_files import ScenePaths, pair_scenes, read_prediction, read_truth
from scene3d.labels import class_list

VERTICES, PREDICTIONS, OBJECTS = 150_000, 100, 60
CLASSES = class_list("scannet20")
LABELS = dict(CLASSES.things())


def suite(scenes: int = 3) -> list[Case]:
    """End to end from text, and scoring of what is in memory; each run takes all scenes with one process."""
    folder = Path(tempfile.mkdtemp(prefix="scene3d-bench-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    for scene in range(scenes):
        _write_scene(folder, f"scene{scene:04d}", np.random.default_rng(scene))
    paths = pair_scenes(folder / "pred", folder / "gt")
    theirs = [_read_official(path) for path in paths]
    expected = official_instance.score_scenes(theirs, LABELS)
    return [_scoring(paths, theirs, expected), _end_to_end(paths, expected)]


def _scoring(paths: list[ScenePaths], theirs: list[official_instance.Scene], expected: dict[str, float]) -> Case:
    ours = [_read(path) for path in paths]

    def score() -> dict[str, float]:
        ap = InstanceAP()
        for prediction, truth in ours:
            ap.add(prediction, truth)
        return ap.result()

    def official() -> dict[str, float]:
        return official_instance.score_scenes(theirs, LABELS)

    return {
        "name": f"instance AP, scoring: {_size(paths)}",
        "check": lambda: _agree(score(), expected),
        "runs": {"ours": score, "official steps": official},
        "at_least": {"official steps": 20.0},
    }


def _end_to_end(paths: list[ScenePaths], expected: dict[str, float]) -> Case:
    def evaluate() -> dict[str, float]:
        ap = InstanceAP()
        for path in paths:
            ap.add(*_read(path))
        return ap.result()

    def official() -> dict[str, float]:
        return official_instance.score_scenes((_read_official(path) for path in paths), LABELS)

    return {
        "name": f"instance AP, from text: {_size(paths)}",
        "check": lambda: _agree(evaluate(), expected),
        "runs": {"ours": evaluate, "official steps": official},
        "at_least": {"official steps": 10.0},
        "slow": frozenset({"official steps"}),
    }


def _read(path: ScenePaths) -> tuple[InstancePrediction, np.ndarray]:
    truth = read_truth(path.truth)
    assert path.prediction is not None
    return read_prediction(path.prediction, vertices=len(truth), classes=CLASSES), truth


def _read_official(path: ScenePaths) -> official_instance.Scene:
    assert path.prediction is not None
    return official_instance.read_scene(path.prediction, path.truth)


def _agree(ours: dict[str, float], official: dict[str, float]) -> None:
    for name, value in official.items():
        assert abs(ours[name] - value) < 1e-9, f"{name}: {ours[name]} is not {value}"


def _size(paths: list[ScenePaths]) -> str:
    return f"{len(paths)} scenes x {VERTICES:,} vertices x {PREDICTIONS} predictions"


def _write_scene(folder: Path, name: str, rng: np.random.Generator) -> None:
    """Objects as runs of vertices; predictions that are one of them, displaced and with a little noise."""
    masks = folder / "pred" / "masks"
    masks.mkdir(parents=True, exist_ok=True)
    (folder / "gt").mkdir(exist_ok=True)
    cuts = np.sort(rng.choice(VERTICES, OBJECTS - 1, replace=False))
    ids = rng.choice([1, 2, *LABELS], OBJECTS) * 1000 + np.arange(OBJECTS) + 1
    truth = ids[np.searchsorted(cuts, np.arange(VERTICES), side="right")]
    (folder / "gt" / f"{name}.txt").write_text("".join(f"{i}\n" for i in truth.tolist()))
    lines = []
    for prediction in range(PREDICTIONS):
        target = rng.choice(ids)
        mask = np.roll(truth == target, rng.integers(-300, 300)) ^ (rng.random(VERTICES) < 1e-3)
        text = np.full((VERTICES, 2), ord("\n"), dtype=np.uint8)
        text[:, 0] = ord("0") + mask
        (masks / f"{name}_{prediction}.txt").write_bytes(text.tobytes())
        lines.append(f"masks/{name}_{prediction}.txt {target // 1000} {rng.random():.6f}\n")
    (folder / "pred" / f"{name}.txt").write_text("".join(lines))


def main() -> None:
    results = [measure(case, repeats=5) for case in suite(scenes=20)]
    print(json.dumps({"machine": machine(), "results": results}, indent=2))


if __name__ == "__main__":
    main()
