"""Question answering: exact match, refined match and text metrics for ScanQA and SQA3D."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from scene3d.errors import InputError
from scene3d.evaluate.captions import CaptionMetrics
from scene3d.evaluate.json_input import as_mapping, as_records, as_text, entry

TYPES = ("what", "is", "how", "can", "which", "other")
"""Question types of SQA3D, by the first letters of the question."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A question of the ground truth."""

    id: str
    text: str
    answers: tuple[str, ...]


@dataclass(slots=True)
class AnswerMetrics:
    """Collects answers; see `answer_metrics` for what is measured."""

    official_quirks: bool = False
    captions: CaptionMetrics = field(default_factory=CaptionMetrics)
    hits: dict[str, tuple[str, bool, bool, bool]] = field(default_factory=dict)
    """Per question: its type, exact, refined, among ten."""
    ranked: bool = False
    """Whether any prediction offered more than one answer."""

    def add(self, question: Question, answers: Sequence[str]) -> None:
        """Add a question with the predicted answers, best first; none at all is a wrong answer.

        Raises:
            InputError: The question came before or has no reference answer.
        """
        best = answers[0] if answers else ""
        self.captions.add(question.id, best, question.answers)
        exact = bool(answers) and best in question.answers
        refined = refined_match(best, question.answers, official_quirks=self.official_quirks)
        among = any(answer in question.answers for answer in answers[:10])
        self.hits[question.id] = (question_type(question.text), exact, refined, among)
        self.ranked |= len(answers) > 1

    def merge(self, other: AnswerMetrics) -> None:
        """Take in what another process collected."""
        self.captions.merge(other.captions)
        self.hits.update(other.hits)
        self.ranked |= other.ranked

    def result(self, *, per_type: bool = False, meteor: bool = True) -> dict[str, Any]:
        """EM, EM-R and EM@10 as fractions (EM@10 is None where no prediction ranks answers), then the text metrics."""
        hits = list(self.hits.values())
        among = sum(hit[3] for hit in hits) / len(hits) if self.ranked and hits else None
        texts = self.captions.result(meteor=meteor).as_json()
        result = {**_matches(hits), "EM@10": among, **texts}
        if per_type:
            groups = {kind: [hit for hit in hits if hit[0] == kind] for kind in TYPES}
            result["per_type"] = {kind: {**_matches(group), "count": len(group)} for kind, group in groups.items()}
        return result


def answer_metrics(
    questions: Sequence[Question],
    predictions: Mapping[str, Sequence[str]],
    *,
    per_type: bool = False,
    official_quirks: bool = False,
    meteor: bool = True,
) -> dict[str, Any]:
    """Score predicted answers.

    EM is equality of the raw texts with any reference, as in the ScanQA script; EM-R is `refined_match`. BLEU,
    ROUGE-L, CIDEr and METEOR are computed on tokens. A question without a prediction is wrong, in all denominators.

    Args:
        questions: The ground truth.
        predictions: Answers per question id, best first.
        per_type: Whether to add EM and EM-R for each type of SQA3D question.
        official_quirks: Count an empty answer as a refined match, as LEO's script does.
        meteor: Whether to run METEOR where it can be run.

    Raises:
        InputError: A question comes twice, or a prediction belongs to no question.

    Source: Azuma et al., "ScanQA", CVPR 2022; Ma et al., "SQA3D", ICLR 2023; Huang et al., "LEO", ICML 2024.
    """
    known = {question.id for question in questions}
    unknown = [name for name in predictions if name not in known]
    if unknown:
        raise InputError(f"{len(unknown)} predicted question ids are not in the ground truth, such as {unknown[0]!r}")
    metrics = AnswerMetrics(official_quirks=official_quirks)
    for question in questions:
        metrics.add(question, predictions.get(question.id, ()))
    return metrics.result(per_type=per_type, meteor=meteor)


def question_type(question: str) -> str:
    """SQA3D's type: the word of `TYPES` that the question starts with, letters only (so "issue" counts as "is")."""
    start = question.lstrip().lower()
    return next((kind for kind in TYPES[:-1] if start.startswith(kind)), "other")


def refined_match(answer: str, references: Sequence[str], *, official_quirks: bool = False) -> bool:
    """LEO's refined match: after cleaning, and without spaces, one text contains the other.

    An empty text is contained in every other, so the official script gives an empty answer 100 %; here an empty answer
    or reference matches only its equal, unless `official_quirks`.
    """
    ours = "".join(clean_answer(answer).split())
    for reference in references:
        theirs = "".join(clean_answer(reference).split())
        if official_quirks or (ours and theirs):
            if ours in theirs or theirs in ours:
                return True
        elif answer == reference:
            return True
    return False


def clean_answer(text: str) -> str:
    """Normalise an answer as LEO does: case, marks, known misspellings, numbers as words, articles.

    The order of the steps is part of the definition.
    """
    text = re.sub(" {2,}", " ", text.lower().strip(" "))
    for pattern, replacement in _CLEANING:
        text = pattern.sub(replacement, text)
    return text


def read_scanqa(annotations: Any, *, where: str) -> list[Question]:
    """ScanQA's annotation list: `{"question_id", "question", "answers": […]}`.

    Raises:
        InputError: Another shape.
    """
    questions = []
    for i, record in enumerate(as_records(annotations, where=where)):
        here = f"{where}: record {i}"
        answers = entry(record, "answers", where=here)
        if not isinstance(answers, list):
            raise InputError(f"{here}: answers must be a list of texts, found {answers!r:.60}")
        questions.append(
            Question(
                id=str(entry(record, "question_id", where=here)),
                text=as_text(record.get("question", ""), where=here),
                answers=tuple(as_text(answer, where=here) for answer in answers),
            )
        )
    return questions


def read_sqa3d(annotations: Any, questions: Any | None, *, where: str) -> list[Question]:
    """SQA3D's pair of files: annotations with `{"question_id", "answers": [{"answer"}]}`, and questions with the text.

    Raises:
        InputError: Another shape, or a question's text is in neither file.
    """
    texts: dict[str, str] = {}
    if questions is not None:
        records = as_mapping(questions, where=where).get("questions")
        for record in as_records(records, where=f"{where}: questions"):
            texts[str(entry(record, "question_id", where=where))] = as_text(record.get("question"), where=where)
    result = []
    listed = annotations.get("annotations") if isinstance(annotations, Mapping) else annotations
    for i, record in enumerate(as_records(listed, where=f"{where}: annotations")):
        here = f"{where}: annotation {i}"
        name = str(entry(record, "question_id", where=here))
        text = texts.get(name, record.get("question"))
        if text is None:
            raise InputError(
                f"{here}: the text of question {name} is missing; give the questions file with --questions"
            )
        answers = [a["answer"] if isinstance(a, Mapping) and "answer" in a else a for a in record.get("answers", ())]
        result.append(
            Question(id=name, text=str(text), answers=tuple(as_text(answer, where=here) for answer in answers))
        )
    return result


def read_answers(predictions: Any, *, where: str) -> dict[str, tuple[str, ...]]:
    """Predicted answers: a list of `{"question_id", "answer_top10": […]}` or `{"question_id", "answer"}`, or one object
    `{question_id: answer or list}`.

    Raises:
        InputError: Another shape, or a question answered twice.
    """
    if isinstance(predictions, Mapping):
        pairs = [(str(name), value) for name, value in predictions.items()]
    else:
        pairs = []
        for i, record in enumerate(as_records(predictions, where=where)):
            value = record.get("answer_top10", record.get("answer"))
            pairs.append((str(entry(record, "question_id", where=f"{where}: record {i}")), value))
    answers: dict[str, tuple[str, ...]] = {}
    for name, value in pairs:
        if name in answers:
            raise InputError(f"{where}: question {name!r} is answered twice")
        listed = value if isinstance(value, list) else [value]
        answers[name] = tuple(as_text(answer, where=f"{where}: question {name!r}") for answer in listed)
    return answers


def _matches(hits: Sequence[tuple[str, bool, bool, bool]]) -> dict[str, float | None]:
    if not hits:
        return {"EM": None, "EM-R": None}
    return {"EM": sum(hit[1] for hit in hits) / len(hits), "EM-R": sum(hit[2] for hit in hits) / len(hits)}


_MISSPELT = {
    "letf": "left", "let": "left", "tehre": "there", "brigth": "right", "brght": "right", "behine": "behind",
    "tv": "TV", "chai": "chair", "wasing": "washing", "waslked": "walked", "oclock": "o'clock",
}  # fmt: skip
_NUMBERS = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
    *("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty"),
)
_CLEANING: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (r"\. {2,}", ". "),
        (r"[^a-zA-Z0-9,'\s\-:]+", ""),
        *((rf"\b{wrong}\b", right) for wrong, right in _MISSPELT.items()),
        (r"\bo' +clock\b", "o'clock"),
        (r"\b0\b", "zero"),
        (r"\bnone\b", "zero"),
        *((rf"\b{digits}\b", word) for digits, word in enumerate(_NUMBERS) if digits),
        (r"\b23\b", "twenty-three"),
        (r"\b([a-zA-Z]+)([0-9])\b", r"\g<1>"),
        (r"\ba\b ([a-zA-Z]+)", r"\g<1>"),
        (r"\ban\b ([a-zA-Z]+)", r"\g<1>"),
        (r"\bthe\b ([a-zA-Z]+)", r"\g<1>"),
        (r"\bbackwards\b", "backward"),
    )
)
