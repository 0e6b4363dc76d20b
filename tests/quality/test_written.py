"""The sentences that no table of phrasings made."""

import numpy as np
from rich.console import Console

from scene3d.commands.quality import _PRINTERS
from scene3d.quality.written import Written, WrittenFigures, written_sentences
from scene3d.train.written import written_sentences as learnt_from
from scene3d.types import GroundedText, ObjectLink, Phrase

LABEL = {3: "chair", 5: "chair", 8: "table"}
TRUTH = {i: np.array([x, 0.0, 0.0, x + 1, 1.0, 1.0]) for x, i in enumerate(LABEL)}
BOXES = np.array([TRUTH[8], TRUTH[5], TRUTH[3] + [0.5, 0, 0, 0.5, 0, 0]])
"""The last is a third of the first chair."""


def answer(*ids: int) -> GroundedText:
    links = tuple(ObjectLink(id=i, probability=0.9) for i in ids)
    return GroundedText(text="it", phrases=(Phrase(start=0, end=2, objects=links, absent_probability=0.1),))


def test_no_judged_sentence_is_learnt_from() -> None:
    said = written_sentences()
    judged = {sentence.text.lower() for of_room in said.values() for sentence in of_room}
    assert sorted(said) == list(range(14))
    assert len(judged) == 308
    assert not judged & {text.lower() for text, _ in learnt_from()}


def test_sentences_are_judged_by_what_they_mean() -> None:
    figures = WrittenFigures()
    for targets, free, forced in (
        ((8,), answer(0), answer(0)),  # right
        ((3,), answer(), answer(2)),  # silent, though the right one would come first; IoU 1/3
        ((5,), answer(0), answer(0)),  # the wrong one
        ((3, 5), answer(1), answer(1)),  # one of two
        ((), answer(), answer(1)),
        ((), answer(1), answer(1)),
    ):
        figures.add(Written("it", targets), LABEL, TRUTH, BOXES, free, forced)
    result = figures.result()
    assert result["single target"]["acc@0.25"] == {"unique": 1.0, "multiple": 0.5, "overall": 2 / 3}
    assert result["single target"]["acc@0.5"]["multiple"] == 0.0
    assert result["f1@0.25"] == {
        "none": 0.5,
        "one, with distractors": 0.0,
        "one, without": 1.0,
        "many": 2 / 3,
        "all": (1 + 0 + 0 + 2 / 3 + 1 + 0) / 6,
    }
    console = Console(record=True, width=100)
    _PRINTERS["written"](result, console)
    assert "6 written sentences" in console.export_text()
