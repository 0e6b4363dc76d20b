"""The figures of `make quality`: how well objects are found, named and looked up by other words."""

from __future__ import annotations

import dataclasses
import resource
import statistics
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from scene3d.evaluate import InstanceAP, InstancePrediction
from scene3d.geometry import superpoint_oracle
from scene3d.labels import class_list
from scene3d.model.session import Session
from scene3d.quality.rooms import JudgedRoom
from scene3d.synth import load_catalogue
from scene3d.synth.names import names_of
from scene3d.types import Truth, TruthObject

LARGE_M = 0.5
_CLASSES = class_list("scannet200")


@dataclass
class DetectorFigures:
    """Collects rooms; `result` is what the model card and the README quote."""

    agnostic: InstanceAP = field(default_factory=lambda: InstanceAP(classes="scannet200", class_agnostic=True))
    large: InstanceAP = field(default_factory=lambda: InstanceAP(classes="scannet200", class_agnostic=True))
    small: InstanceAP = field(default_factory=lambda: InstanceAP(classes="scannet200", class_agnostic=True))
    labelled: InstanceAP = field(default_factory=lambda: InstanceAP(classes="scannet200"))
    synonym: InstanceAP = field(default_factory=lambda: InstanceAP(classes="scannet200"))
    objects: list[int] = field(default_factory=list)
    vertices: list[int] = field(default_factory=list)
    instances: Counter[str] = field(default_factory=Counter)
    oracle: list[float] = field(default_factory=list)
    times_s: dict[str, list[float]] = field(default_factory=dict)
    scored: list[tuple[float, bool]] = field(default_factory=list)
    """Score of every proposal, and whether its mask meets an object with IoU above 0.5."""

    def add(self, room: JudgedRoom, session: Session) -> None:
        """Judge one room."""
        found = session.segment()
        mask, score = session.encoding.mask.numpy(), found.score.numpy()
        superpoint = session.encoding.superpoint.numpy()
        label = np.array([_CLASSES.id_of(name) for name in found.label or ()], dtype=np.int64)
        prediction = InstancePrediction(mask=mask, label=label, score=score, superpoint=superpoint)
        everything = room.benchmark_truth()
        large = {i for i, length in room.longest_m.items() if length >= LARGE_M}
        self.agnostic.add(prediction, everything)
        self.large.add(prediction, room.benchmark_truth(large))
        self.small.add(prediction, room.benchmark_truth(set(room.label) - large))
        self.labelled.add(prediction, everything)
        if session.grounder.alignment is not None:
            self.synonym.add(_by_synonyms(session, mask, superpoint), everything)
        self._count(room, session)

    def result(self) -> dict[str, Any]:
        """All figures; AP as fractions, times as medians."""
        labelled, synonym = self.labelled.result(), self.synonym.result()
        trained = load_catalogue().split("train")
        common = [name for name, n in self.instances.items() if n >= 10]
        learnt = [name for name in self.instances if len(trained.of(name)) >= 3]
        spoken = [name for name in learnt if names_of(name).heldout]
        per_class, by_word = labelled["per_class"], synonym["per_class"]
        return {
            "rooms": len(self.objects),
            "median objects": statistics.median(self.objects),
            "median vertices": statistics.median(self.vertices),
            "class-agnostic": _short(self.agnostic.result()),
            f"objects from {LARGE_M} m": _short(self.large.result()),
            f"objects below {LARGE_M} m": _short(self.small.result()),
            "labelled, classes with 10 instances": _mean(per_class, common),
            "labelled, classes with 3 training models": _mean(per_class, learnt),
            "by held-out synonym, the same classes": _mean(by_word, spoken),
            "by label, classes with synonyms": _mean(per_class, spoken),
            "superpoint oracle, objects with IoU above 0.5": float(np.mean(np.array(self.oracle) > 0.5)),
            "score calibration error": expected_calibration_error(self.scored),
            "reliability": [
                {"proposals": size, "mean score": score, "share of objects": hits}
                for size, score, hits in reliability(self.scored)
            ],
            "per class": {name: per_class[name] | {"instances": self.instances[name]} for name in sorted(learnt)},
            "seconds": {stage: statistics.median(values) for stage, values in self.times_s.items()},
            "peak memory MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        }

    def _count(self, room: JudgedRoom, session: Session) -> None:
        self.objects.append(len(room.label))
        self.vertices.append(len(room.instance))
        self.instances.update(room.label.values())
        for stage, seconds in (session.times_s | {"all": sum(session.times_s.values())}).items():
            self.times_s.setdefault(stage, []).append(seconds)
        best = best_overlaps(session.segment().mask.numpy(), room.instance)
        self.scored += zip(session.segment().score.tolist(), (best > 0.5).tolist(), strict=True)
        self.oracle += _oracle(room, session)


def best_overlaps(mask: np.ndarray, instance: np.ndarray) -> np.ndarray:
    """Largest IoU of each mask (q, n) with any object, (q)."""
    count = int(instance.max()) + 1
    truth = np.bincount(instance[instance >= 0], minlength=count)
    best = np.zeros(len(mask))
    for i, row in enumerate(mask):
        inside = instance[row]
        shared = np.bincount(inside[inside >= 0], minlength=count)
        best[i] = (shared / np.maximum(truth + row.sum() - shared, 1)).max(initial=0)
    return best


def expected_calibration_error(scored: list[tuple[float, bool]], *, bins: int = 10) -> float:
    """Mean gap between score and share of hits, over equal-width bins, weighted by their size."""
    return sum(size * abs(score - hits) for size, score, hits in reliability(scored, bins=bins)) / max(1, len(scored))


def reliability(scored: list[tuple[float, bool]], *, bins: int = 10) -> list[tuple[int, float, float]]:
    """Per occupied bin of the score: size, mean score, share of hits."""
    score, hit = np.array([s for s, _ in scored]), np.array([h for _, h in scored])
    which = np.minimum((score * bins).astype(int), bins - 1)
    rows = []
    for b in range(bins):
        inside = which == b
        if inside.any():
            rows.append((int(inside.sum()), float(score[inside].mean()), float(hit[inside].mean())))
    return rows


def _by_synonyms(session: Session, mask: np.ndarray, superpoint: np.ndarray) -> InstancePrediction:
    """Every class looked for by a word that no training has used, as `detect` would be asked."""
    asked = [(class_id, names_of(name).heldout[0]) for class_id, name in _CLASSES.things() if names_of(name).heldout]
    probability = session.match([word for _, word in asked]).numpy()
    weight = probability * session.segment().score.numpy()[:, None]
    row, column = np.nonzero(weight >= 0.02)
    return InstancePrediction(
        mask=mask[row],
        label=np.array([asked[c][0] for c in column], dtype=np.int64),
        score=weight[row, column],
        superpoint=superpoint,
    )


def _oracle(room: JudgedRoom, session: Session) -> list[float]:
    objects = tuple(TruthObject(id=i, label=name, category_id=_CLASSES.id_of(name)) for i, name in room.label.items())
    truth = Truth(
        instance=torch.from_numpy(room.instance).int(),
        category_id=torch.zeros(len(room.instance), dtype=torch.int32),
        objects=objects,
    )
    return list(superpoint_oracle(dataclasses.replace(session.scene, truth=truth)).iou.values())


def _short(result: dict[str, Any]) -> dict[str, float]:
    return {key: result[key] for key in ("ap", "ap50", "ap25")}


def _mean(per_class: dict[str, dict[str, float]], names: list[str]) -> dict[str, float]:
    """Means over those of the classes that have a figure, and how many those are."""
    rows = [per_class[name] for name in names if name in per_class and not np.isnan(per_class[name]["ap25"])]
    means = {
        key: float(np.mean([row[key] for row in rows])) if rows else float("nan") for key in ("ap", "ap50", "ap25")
    }
    return means | {"classes": len(rows)}
