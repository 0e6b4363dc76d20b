"""How well sentences find objects: held-out phrasings about held-out rooms, beside what guessing would give."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from scene3d.evaluate.abstention import AbstentionMetrics
from scene3d.evaluate.grounding import GroundingScore, benchmark_box_iou
from scene3d.model.question import Question
from scene3d.model.session import Session
from scene3d.quality.rooms import JudgedRoom
from scene3d.synth.language import LanguageSample, RoomFacts, Turn, families, speak
from scene3d.types import GroundedText, Proposals

_HITS = (0.25, 0.5)
_SURE = 0.5
_WRITTEN = 8
"""Sentences per room that are answered in writing."""
_DRAWS, _EACH = 16, 5
"""How often a sentence of each family is looked for in a room, and how many of them are judged."""


class Judged(NamedTuple):
    """One sentence for one object."""

    hit_25: float
    hit_50: float
    guess: float
    """Chance that a random proposal that truly is of the right name is a hit at IoU .25."""
    named: float
    """Chance that a random proposal that the detector calls so is one: what a guess gives that is told no truth."""
    distractors: int
    """Other objects of the same name."""


@dataclass
class GroundingFigures:
    """Collects rooms."""

    single: GroundingScore = field(default_factory=lambda: GroundingScore("scanrefer"))
    alignment: GroundingScore = field(default_factory=lambda: GroundingScore("scanrefer"))
    written: dict[bool, GroundingScore] = field(
        default_factory=lambda: {heard: GroundingScore("scanrefer") for heard in (True, False)}
    )
    """First links of the language model's answers, by whether they listen to the scorer."""
    several: GroundingScore = field(default_factory=lambda: GroundingScore("multi3drefer"))
    abstention: AbstentionMetrics = field(default_factory=AbstentionMetrics)
    families: dict[str, list[Judged]] = field(default_factory=lambda: defaultdict(list))
    crowded: dict[str, list[Judged]] = field(default_factory=lambda: defaultdict(list))
    """Of each family by itself, where there are two or more distractors: by chance some would hardly be drawn."""
    contained: list[float] = field(default_factory=list)
    """Whether the target was proposed at all: the most that grounding can reach, at IoU .25."""

    def add(self, room: JudgedRoom, session: Session, *, sentences: int, seed: int) -> None:
        """Judge `sentences` single-target and as many other sentences about one room.

        Single targets as ScanRefer has them, where every sentence names one object; then all sentences once more, where
        any number may be meant.
        """
        facts = RoomFacts(room.truth)
        truth = truth_boxes(room)
        boxes = session.segment().box.double().numpy()
        for task in ("grounding", "multi_grounding"):
            samples = speak(facts, seed=seed, count=sentences, task=task, heldout=True)
            samples = [sample for sample in samples if not sample.turns[0].selected]
            asked = [Question(text=sample.turns[0].user) for sample in samples]
            answers = session.ground_many(asked)
            if task == "grounding":
                texts = [question.text for question in asked]
                by_name = session.match(texts).numpy() if session.grounder.alignment is not None else None
                self._add_single(samples, session.ground_many(asked, always=True), by_name, session, room)
                if session.grounder.language_weights is not None:
                    self._add_written(samples, session, boxes, truth)
            self._add_several(samples, answers, boxes, truth)
        self._add_crowded(facts, session, room, truth, seed)

    def result(self) -> dict[str, Any]:
        """All figures, fractions 0–1."""
        by_family = {
            name: {**_means(rows), "two or more distractors": _means(self.crowded[name])}
            for name, rows in sorted(self.families.items())
        }
        judged = [row for rows in self.families.values() for row in rows]
        return {
            "single target": self.single.result(),
            "single target, alignment alone": self.alignment.result(),
            "single target, written, scorer and language model": self.written[True].result(),
            "single target, written, language model alone": self.written[False].result(),
            "single target, random of the right class @0.25": _means(judged)["random of class @0.25"],
            "single target, random of what is called so @0.25": _means(judged)["random of called @0.25"],
            "single target, proposed at all @0.25": float(np.mean(self.contained)),
            "two or more distractors @0.25": _means(_crowded(judged))["acc@0.25"],
            "one, many or none": self.several.result(),
            "absence": self.abstention.result(),
            "families": by_family,
        }

    def _add_single(
        self,
        samples: list[LanguageSample],
        answers: list[GroundedText],
        by_name: np.ndarray | None,
        session: Session,
        room: JudgedRoom,
    ) -> None:
        boxes, truth = session.segment().box.double().numpy(), truth_boxes(room)
        for row, (sample, answer) in enumerate(zip(samples, answers, strict=True)):
            turn = sample.turns[0]
            if len(turn.targets) != 1:
                continue
            target = truth[turn.targets[0]][None]
            iou = benchmark_box_iou("scanrefer", boxes[_named(answer)], target)
            kind = "unique" if len(turn.candidates) < 2 else "multiple"
            self.single.add(iou, eval_type=kind)
            if by_name is not None:
                best = [int(by_name[:, row].argmax())] if len(by_name) else []
                self.alignment.add(benchmark_box_iou("scanrefer", boxes[best], target), eval_type=kind)
            self.families[sample.family].append(_judged(turn, answer, session.segment(), room, truth))
            self.contained.append(float((benchmark_box_iou("scanrefer", boxes, target) >= _HITS[0]).any()))

    def _add_crowded(
        self, facts: RoomFacts, session: Session, room: JudgedRoom, truth: dict[int, np.ndarray], seed: int
    ) -> None:
        """Sentences of each family in turn, so that the rare ones are judged too."""
        for family in families("grounding"):
            drawn = speak(facts, seed=seed, count=_DRAWS, task="grounding", family=family, heldout=True)
            turns = {sample.turns[0].user: sample.turns[0] for sample in drawn}.values()
            turns = [turn for turn in turns if len(turn.targets) == 1 and len(turn.candidates) > 2][:_EACH]
            answers = session.ground_many([Question(text=turn.user) for turn in turns], always=True)
            found = session.segment()
            self.crowded[family] += [_judged(*each, found, room, truth) for each in zip(turns, answers, strict=True)]

    def _add_written(
        self, samples: list[LanguageSample], session: Session, boxes: np.ndarray, truth: dict[int, np.ndarray]
    ) -> None:
        """What the first phrase of a written answer names, with the scorer's say in it and without."""
        samples = [sample for sample in samples if len(sample.turns[0].targets) == 1][:_WRITTEN]
        for heard, score in self.written.items():
            session.answering.hears_scorer = heard
            answers = session.ask_many([Question(text=sample.turns[0].user) for sample in samples])
            for sample, answer in zip(samples, answers, strict=True):
                turn = sample.turns[0]
                named = [link.id for phrase in answer.phrases[:1] for link in phrase.objects[:1]]
                iou = benchmark_box_iou("scanrefer", boxes[named], truth[turn.targets[0]][None])
                score.add(iou, eval_type="unique" if len(turn.candidates) < 2 else "multiple")
        session.answering.hears_scorer = True

    def _add_several(
        self,
        samples: list[LanguageSample],
        answers: list[GroundedText],
        boxes: np.ndarray,
        truth: dict[int, np.ndarray],
    ) -> None:
        for sample, answer in zip(samples, answers, strict=True):
            turn, phrase = sample.turns[0], answer.phrases[0]
            crowd = "w_d" if len(turn.candidates) > len(turn.targets) else "wo_d"
            kind = {0: f"zt_{crowd}", 1: f"st_{crowd}"}.get(len(turn.targets), "mt")
            predicted = boxes[[link.id for link in phrase.objects]]
            wanted = np.array([truth[i] for i in turn.targets]).reshape(-1, 6)
            iou = benchmark_box_iou("multi3drefer", predicted, wanted)
            self.several.add(iou, eval_type=kind)
            silent = not phrase.objects
            right = not turn.targets if silent else bool(turn.targets) and bool(iou[0].max() >= _HITS[0])
            self.abstention.add(
                str(len(self.abstention.ids)),
                phrase.absent_probability if silent else phrase.objects[0].probability,
                right,
                zero_target=not turn.targets,
                said_absent=silent,
            )


def _named(answer: GroundedText) -> list[int]:
    """The one object that an answer to one sentence names, if any."""
    return [link.id for link in answer.phrases[0].objects[:1]]


def _judged(
    turn: Turn, answer: GroundedText, found: Proposals, room: JudgedRoom, truth: dict[int, np.ndarray]
) -> Judged:
    """A sentence for one object, and the answer to it."""
    boxes, target = found.box.double().numpy(), truth[turn.targets[0]][None]
    iou = benchmark_box_iou("scanrefer", boxes[_named(answer)], target)
    hit_25, hit_50 = (float(len(iou) > 0 and iou[0, 0] >= least) for least in _HITS)
    candidates = turn.candidates or turn.targets
    called = _called(found, {room.label[i] for i in candidates})
    every = benchmark_box_iou("scanrefer", boxes, target)[:, 0] >= _HITS[0]
    return Judged(
        hit_25=hit_25,
        hit_50=hit_50,
        guess=_guess(boxes, truth, candidates, turn.targets),
        named=float(every[called].mean()) if called else 0.0,
        distractors=max(len(turn.candidates) - 1, 0),
    )


def _crowded(rows: list[Judged]) -> list[Judged]:
    """Where there are two or more distractors."""
    return [row for row in rows if row.distractors >= 2]


def _means(rows: list[Judged]) -> dict[str, float]:
    hit_25, hit_50, guess, named, _ = np.mean(rows, axis=0) if rows else [float("nan")] * 5
    return {
        "sentences": len(rows),
        "acc@0.25": float(hit_25),
        "acc@0.5": float(hit_50),
        "random of class @0.25": float(guess),
        "random of called @0.25": float(named),
    }


def truth_boxes(room: JudgedRoom) -> dict[int, np.ndarray]:
    """Axis-aligned box of every object's scanned points, as the benchmarks take it."""
    xyz_m = room.scene.xyz_m.double().numpy()
    return {i: np.concatenate([xyz_m[room.instance == i].min(0), xyz_m[room.instance == i].max(0)]) for i in room.label}


def _called(proposals: Proposals, labels: set[str]) -> list[int]:
    """Rows that the detector calls one of the labels, those of a score from one half if there are such."""
    rows = [row for row, label in enumerate(proposals.label or ()) if label in labels]
    return [row for row in rows if proposals.score[row] >= _SURE] or rows


def _guess(boxes: np.ndarray, truth: dict[int, np.ndarray], candidates: Iterable[int], targets: Iterable[int]) -> float:
    """Chance of a hit for one who picks at random among the proposals of the right name."""
    picks = []
    for i in candidates:
        iou = benchmark_box_iou("scanrefer", boxes, truth[i][None])[:, 0]
        if len(iou) and iou.max() >= _HITS[0]:
            picks.append(i in set(targets))
    return float(np.mean(picks)) if picks else 0.0
