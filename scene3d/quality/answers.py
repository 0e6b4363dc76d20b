"""How good written answers are: questions, detection, captions, dialogues and plans about held-out rooms."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Bool, Int64

from scene3d.evaluate.captions import score_captions
from scene3d.evaluate.grounding import GroundingScore, benchmark_box_iou
from scene3d.model.markup import shown
from scene3d.model.session import Session
from scene3d.planner import Planner
from scene3d.planner.activities import household_activities
from scene3d.planner.problem import literals_of, parse_goal
from scene3d.quality.grounding import truth_boxes
from scene3d.quality.rooms import JudgedRoom
from scene3d.quality.stated import stated_facts
from scene3d.synth.language import LanguageSample, RoomFacts, Task, Turn, speak
from scene3d.synth.language.phrasing import SHORT_ANSWER
from scene3d.types import GroundedText

_COUNTS: dict[Task, int] = {"qa": 40, "detection": 4, "caption": 4, "dialogue": 3, "plan": 8}
"""Dialogues per room."""
_DENIAL = re.compile(r"\bno\s*$", re.IGNORECASE)
_STEP = re.compile(r"step \d+\. ", re.IGNORECASE)


@dataclass
class AnswerFigures:
    """Collects rooms."""

    right: dict[str, list[bool]] = field(default_factory=lambda: defaultdict(list))
    """Exact match by type of question."""
    blind: dict[str, list[bool]] = field(default_factory=lambda: defaultdict(list))
    detection: GroundingScore = field(default_factory=lambda: GroundingScore("multi3drefer"))
    dialogue: GroundingScore = field(default_factory=lambda: GroundingScore("multi3drefer"))
    plans: dict[str, list[bool]] = field(default_factory=lambda: defaultdict(list))
    goals: list[bool] = field(default_factory=list)
    """Whether the planner understood what a request is for."""
    captions: dict[str, str] = field(default_factory=dict)
    references: dict[str, list[str]] = field(default_factory=dict)
    stated: list[bool] = field(default_factory=list)
    """Of the captions' facts, whether each is true."""
    contradictions: list[bool] = field(default_factory=list)
    """Answers that deny a thing and link it, or name things none of which is linked."""
    milliseconds: list[float] = field(default_factory=list)
    """For one question alone."""

    def add(self, room: JudgedRoom, session: Session, *, seed: int) -> None:
        """Judge one room."""
        facts, truth = RoomFacts(room.truth), truth_boxes(room)
        boxes = session.segment().box.double().numpy()
        owner = owners(boxes, truth)
        parts = parts_of(session.segment().mask.numpy(), room.instance)
        known = {row: facts.id.index(i) for row, i in parts.items()}
        for task, count in _COUNTS.items():
            samples = speak(facts, seed=seed, count=count, task=task, heldout=True)
            samples = [s for s in samples if all(i in owner for turn in s.turns for i in turn.selected)]
            for sample, answers in zip(samples, _converse(session, samples, owner), strict=True):
                self.contradictions += [contradicts(answer) for answer in answers]
                self._judge(sample, answers, known, boxes, truth, room, facts)
            if task == "plan":
                self._judge_goals(session, samples, room)
            if task == "qa":
                guesses = session.answering.guess([_short(sample.turns[0].user) for sample in samples])
                for sample, guess in zip(samples, guesses, strict=True):
                    self.blind[sample.family].append(same(guess, sample.turns[0].reply))
        self.milliseconds.append(session.ask("Where is the door?").timings_ms["all"])

    def result(self) -> dict[str, Any]:
        """All figures, fractions 0–1."""
        by_type = {
            name: {
                "questions": len(hits),
                "exact match": float(np.mean(hits)),
                "blind": float(np.mean(self.blind[name])),
            }
            for name, hits in sorted(self.right.items())
        }
        plans = {name: _mean(hits) for name, hits in sorted(self.plans.items())}
        return {
            "exact match, mean over types": _mean([row["exact match"] for row in by_type.values()]),
            "exact match without looking": _mean([row["blind"] for row in by_type.values()]),
            "by type of question": by_type,
            "detection": self.detection.result(),
            "dialogue": self.dialogue.result(),
            "facts stated in captions": len(self.stated),
            "facts stated in captions true": _mean(self.stated),
            "captions": asdict(score_captions(self.captions, self.references)) if self.captions else None,
            "plan goals right": _mean(self.goals),
            "plans requested": len(self.goals),
            "plans as written": _mean([hit for hits in self.plans.values() for hit in hits]),
            "plans": plans,
            "text contradicts links": _mean(self.contradictions),
            "milliseconds per answer": float(np.median(self.milliseconds)),
        }

    def _judge_goals(self, session: Session, samples: list[LanguageSample], room: JudgedRoom) -> None:
        """Whether goals are those asked for, of things that truly are of the classes they want."""
        activities = {activity.name: activity for activity in household_activities()}
        planner, truly = Planner(session), mostly(session.segment().mask.numpy(), room.instance, room.label)
        for sample in samples:
            if sample.family in activities:
                goal = planner.plan(sample.turns[0].user).goal
                literals = literals_of(parse_goal(goal)) if goal else []
                names = {name for atom, _ in literals for name in atom[1:]}
                label = {name: truly[int(name.rsplit("_", 1)[1])] for name in names}
                self.goals.append(activities[sample.family].is_aim(literals, label))

    def _judge(
        self,
        sample: LanguageSample,
        answers: list[GroundedText],
        known: Mapping[int, int],
        boxes: np.ndarray,
        truth: dict[int, np.ndarray],
        room: JudgedRoom,
        facts: RoomFacts,
    ) -> None:
        turn, answer = sample.turns[-1], answers[-1]
        if sample.task == "qa":
            self.right[sample.family].append(same(answer.text, turn.reply))
        elif sample.task == "plan":
            self.plans[sample.family].append(same_plan(answer, turn))
        elif sample.task == "caption":
            key = f"{room.scene.name}-{len(self.captions)}"
            self.captions[key] = answer.text
            self.references[key] = [shown(turn.answer)[0]]
            self.stated += stated_facts(answer, facts, known)
        else:
            score = self.detection if sample.task == "detection" else self.dialogue
            for one, said in zip(answers, sample.turns, strict=True):
                wanted = sorted({i for link in said.links for i in link})
                named = sorted({link.id for phrase in one.phrases for link in phrase.objects})
                iou = benchmark_box_iou(
                    "multi3drefer", boxes[named], np.array([truth[i] for i in wanted]).reshape(-1, 6)
                )
                score.add(iou, eval_type={0: "zt_wo_d", 1: "st_wo_d"}.get(len(wanted), "mt"))


def owners(boxes: np.ndarray, truth: dict[int, np.ndarray]) -> dict[int, int]:
    """For each true object the proposal that overlaps it most, where that is at least IoU .25."""
    best = {i: benchmark_box_iou("scanrefer", boxes, box[None])[:, 0] for i, box in truth.items()}
    return {i: int(iou.argmax()) for i, iou in best.items() if len(iou) and iou.max() >= 0.25}


def parts_of(mask: Bool[np.ndarray, "q n"], instance: Int64[np.ndarray, "n"]) -> dict[int, int]:
    """For each proposal the true object that more than half of its points are of; no key where there is none.

    Boxes would not do: those of a flat window, and of half a window, which is a window too, seldom overlap.
    """
    votes = {row: np.bincount(instance[points] + 1) for row, points in enumerate(mask) if points.any()}
    return {row: int(v.argmax()) - 1 for row, v in votes.items() if 2 * v.max() > v.sum() and v.argmax() > 0}


def mostly(mask: Bool[np.ndarray, "q n"], instance: Int64[np.ndarray, "n"], label: Mapping[int, str]) -> list[str]:
    """For each proposal the true class that more than half of its points are of; empty where there is none.

    Args:
        mask: Points of each proposal.
        instance: True object of each point, -1 for none.
        label: Classes of the objects.
    """
    kinds = sorted(set(label.values()))
    code = np.full(max(label, default=0) + 2, len(kinds))  # the last entry serves -1
    for i, name in label.items():
        code[i] = kinds.index(name)
    votes = [np.bincount(code[instance[points]], minlength=len(kinds) + 1) for points in mask]
    names = [*kinds, ""]
    return [names[v.argmax()] if 2 * v.max() > v.sum() else "" for v in votes]


def contradicts(answer: GroundedText) -> bool:
    """The text denies a thing and links it ("no chair", with a chair), or names things none of which is linked."""
    denied = {phrase for phrase in answer.phrases if _DENIAL.search(answer.text[: phrase.start])}
    named = [phrase for phrase in answer.phrases if phrase not in denied]
    return any(phrase.objects for phrase in denied) or (bool(named) and not any(phrase.objects for phrase in named))


def same(answer: str, reply: str) -> bool:
    """Exact match after casing, articles and the full stop."""
    return _plain(answer) == _plain(reply)


def same_plan(answer: GroundedText, turn: Turn) -> bool:
    """Whether a plan does to the same kinds of things what the true one does, in the same order."""
    return _deeds(answer.text) == _deeds(shown(turn.answer)[0])


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else float("nan")


def _deeds(text: str) -> list[str]:
    return [_plain(step) for step in _STEP.split(text) if step.strip()]


def _plain(text: str) -> str:
    words = re.sub(r"[.,!]", " ", text.lower()).split()
    return " ".join(word for word in words if word not in ("a", "an", "the"))


def _short(text: str) -> str:
    return text if text.endswith(SHORT_ANSWER) else f"{text} {SHORT_ANSWER}"


def _converse(session: Session, samples: list[LanguageSample], owner: dict[int, int]) -> list[list[GroundedText]]:
    """The answers to the turns of each dialogue; the n-th turns of all of them are asked together."""
    dialogues = [session.chat() for _ in samples]
    for n in range(max((len(sample.turns) for sample in samples), default=0)):
        rows = [row for row, sample in enumerate(samples) if n < len(sample.turns)]
        asked = []
        for row in rows:
            turn = samples[row].turns[n]
            text = _short(turn.user) if samples[row].task == "qa" else turn.user
            asked.append(dialogues[row].next(text, select=tuple(owner[i] for i in turn.selected)))
        for row, question, answer in zip(rows, asked, session.ask_many(asked), strict=True):
            dialogues[row].turns.append((question, answer))
    return [[answer for _, answer in dialogue.turns] for dialogue in dialogues]
