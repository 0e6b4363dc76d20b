"""How well sentences find objects that no table of phrasings made.

Two language models wrote them about 14 rooms of training furniture, of which they saw a table and a plan, asked for the
manner of ScanRefer's, Nr3D's and Multi3DRefer's annotators. No training has seen them, or these rooms.
"""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Float64

from scene3d.evaluate.grounding import Benchmark, GroundingScore, benchmark_box_iou
from scene3d.model.grounder import Grounder
from scene3d.model.question import Question
from scene3d.quality.grounding import truth_boxes
from scene3d.quality.rooms import judged_rooms
from scene3d.types import GroundedText

SENTENCES = Path(__file__).parent / "written.jsonl"
"""`room` (0–13 of the split `train`), `text`, and by their ids the objects that are meant (`targets`)."""


class Written(NamedTuple):
    """One sentence."""

    text: str
    targets: tuple[int, ...]


def written_figures(grounder: Grounder, *, workers: int) -> dict[str, Any]:
    """All figures of a model with a relation scorer, fractions 0–1.

    Args:
        grounder: The model.
        workers: Processes that make the rooms the first time.
    """
    said = written_sentences()
    figures = WrittenFigures()
    for number, room in enumerate(judged_rooms(len(said), workers=workers, split="train")):
        session = grounder.encode(room.scene, cache=False)
        boxes, truth = session.segment().box.double().numpy(), truth_boxes(room)
        questions = [Question(text=sentence.text) for sentence in said[number]]
        answers = zip(session.ground_many(questions), session.ground_many(questions, always=True), strict=True)
        for sentence, (free, forced) in zip(said[number], answers, strict=True):
            figures.add(sentence, room.label, truth, boxes, free, forced)
    return figures.result()


def written_sentences() -> dict[int, list[Written]]:
    """The sentences about each room, by its number."""
    rooms: dict[int, list[Written]] = defaultdict(list)
    for line in SENTENCES.read_text(encoding="utf-8").splitlines():
        record = json.loads(line)
        rooms[record["room"]].append(Written(record["text"], tuple(record["targets"])))
    return rooms


@dataclass
class WrittenFigures:
    """Collects sentences."""

    single: GroundingScore = field(default_factory=lambda: GroundingScore("scanrefer"))
    several: GroundingScore = field(default_factory=lambda: GroundingScore("multi3drefer"))
    sentences: int = 0

    def add(
        self,
        sentence: Written,
        label: dict[int, str],
        truth: dict[int, np.ndarray],
        boxes: Float64[np.ndarray, "q 6"],
        free: GroundedText,
        forced: GroundedText,
    ) -> None:
        """Judge one sentence.

        Args:
            sentence: What was written.
            label: Of each object of the room.
            truth: Its box.
            boxes: Those of the proposals.
            free: The answer that names any number of objects.
            forced: The answer that always names one, as ScanRefer asks.
        """
        wanted = np.array([truth[i] for i in sentence.targets]).reshape(-1, 6)
        alike = [sum(other == label[i] for other in label.values()) for i in sentence.targets]
        kind = "zt_wo_d" if not alike else "mt" if len(alike) > 1 else "st_w_d" if alike[0] > 1 else "st_wo_d"
        self.several.add(_iou("multi3drefer", boxes, free, wanted), eval_type=kind)
        if len(alike) == 1:
            iou = _iou("scanrefer", boxes, forced, wanted)
            self.single.add(iou[:1], eval_type="multiple" if alike[0] > 1 else "unique")
        self.sentences += 1

    def result(self) -> dict[str, Any]:
        """All figures; of no object it was not noted whether others of the name are there."""
        f1 = self.several.result()["f1@0.25"]
        names = {"none": "zt_wo_d", "one, with distractors": "st_w_d", "one, without": "st_wo_d", "many": "mt"}
        return {
            "sentences": self.sentences,
            "single target": self.single.result(),
            "f1@0.25": {name: f1[kind] for name, kind in (names | {"all": "overall"}).items()},
        }


def _iou(
    benchmark: Benchmark, boxes: Float64[np.ndarray, "q 6"], answer: GroundedText, wanted: Float64[np.ndarray, "k 6"]
) -> Float[np.ndarray, "p k"]:
    """Overlap of each object that an answer names with each that is wanted."""
    return benchmark_box_iou(benchmark, boxes[[link.id for link in answer.phrases[0].objects]], wanted)
