from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from scene3d.nouns import plural
from scene3d.synth import colours, language
from scene3d.synth.language import RoomFacts, words
from scene3d.synth.language.facts import DOUBTFUL, NO, YES
from scene3d.synth.names import names_of
from tests.synth.language.furnished import MadeUpRoom, thing

_FOLDER = Path(language.__file__).parent


@pytest.mark.parametrize(
    ("noun", "many"),
    [
        ("chair", "chairs"), ("shelf", "shelves"), ("box", "boxes"), ("bench", "benches"), ("mouse", "mice"),
        ("chest of drawers", "chests of drawers"), ("tissue box", "tissue boxes"), ("tray", "trays"),
        ("box of tissues", "boxes of tissues"), ("clothes", "clothes"), ("brown wall shelf", "brown wall shelves"),
        ("light switch", "light switches"), ("piece of jewelry", "pieces of jewelry"),
    ],
)  # fmt: skip
def test_plurals(noun: str, many: str) -> None:
    assert plural(noun) == many


@pytest.mark.parametrize(
    ("noun", "adjective", "phrase"),
    [
        ("chair", "", "a chair"), ("armchair", "", "an armchair"), ("chair", "orange wooden", "an orange wooden chair"),
        ("unit", "", "a unit"), ("umbrella", "", "an umbrella"), ("blinds", "white", "some white blinds"),
        ("toilet paper", "", "some toilet paper"),
    ],
)  # fmt: skip
def test_articles(noun: str, adjective: str, phrase: str) -> None:
    assert words.one(noun, adjective) == phrase


def test_an_office_chair_is_a_chair_but_a_stool_only_perhaps() -> None:
    labels = ("office chair", "armchair", "stool", "desk")
    objects = tuple(thing(i, label, (float(i), 1.0, 0.4), (0.5, 0.5, 0.8), yaw=0.0) for i, label in enumerate(labels))
    facts = RoomFacts(_room(objects))
    assert facts.named("chair").tolist() == [YES, YES, DOUBTFUL, NO]
    assert facts.named("office chair").tolist()[0] == YES
    assert facts.named("table").tolist() == [NO, NO, DOUBTFUL, DOUBTFUL]
    assert facts.resolved(facts.named("chair")) is None


def test_a_floor_lamp_stands_on_the_floor() -> None:
    objects = (
        thing(0, "desk", (1.0, 1.0, 0.4), (1.0, 0.6, 0.8), yaw=0.0),
        thing(1, "lamp", (1.0, 1.0, 1.0), (0.2, 0.2, 0.4), yaw=None, support_id=0),
        thing(2, "lamp", (3.0, 1.0, 0.8), (0.3, 0.3, 1.6), yaw=None),
    )
    facts = RoomFacts(_room(objects))
    assert "floor lamp" in facts.words(2, heldout=False)
    assert "floor lamp" not in facts.words(1, heldout=False)
    assert "table lamp" in facts.words(1, heldout=False)


def test_tables_name_labels_and_words_that_exist() -> None:
    labels = {*words.all_labels(), *_extra_labels()}
    for row in _rows("kinds.csv"):
        named = [*row["yes"].split(";"), *filter(None, row["maybe"].split(";"))]
        assert set(named) <= labels, row["word"]
        assert len(set(named)) == len(named), row["word"]
    pairs = {name for row in _rows("lookalikes.csv") for name in row.values()}
    assert set(colours.NAMES) <= pairs


def test_a_general_word_is_no_held_out_name() -> None:
    kept = {word for label in words.all_labels() for word in names_of(label).heldout}
    assert not kept & {row["word"] for row in _rows("kinds.csv")}


def _extra_labels() -> set[str]:
    return {"bathroom cabinet"}


def _rows(name: str) -> list[dict[str, str]]:
    with (_FOLDER / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _room(objects: tuple) -> MadeUpRoom:
    floor = np.array([[0, 0], [5, 0], [5, 4], [0, 4]], np.float32)
    return MadeUpRoom(kind="office", objects=objects, floor_m=floor)
