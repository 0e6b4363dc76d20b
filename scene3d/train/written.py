"""Sentences that no table of phrasings made: people build theirs in more ways.

Language models wrote them, asked to write as the annotators of ScanRefer, Nr3D and Multi3DRefer do; none is theirs.
What a sentence names stands in tags: `<t>` what is sought, `<a>`, `<b>`, `<c>` what tells which, in the order in which
they matter.
"""

from __future__ import annotations

import functools
import json
import re
from pathlib import Path
from typing import Any

from scene3d.model.question import Question
from scene3d.synth.language import LanguageSample, RoomFacts, Turn
from scene3d.synth.names import names_of
from scene3d.train.exchanges import Exchange

SENTENCES = Path(__file__).parent / "written_sentences.txt"
"""About rooms that nobody scanned, one in a line."""
ABOUT_ROOMS = Path(__file__).parent / "written_about_rooms.jsonl"
"""About rooms of `scene3d synth --seed 9700`: `room` (the compact file's name), `text`, and by their ids the objects
that are meant (`targets`; none where nothing is) and those that each tag names (`a`, `b`, `c`), where they are here."""
Places = list[list[tuple[int, int]]]
"""Where each thing that a text names is named: its first letter, and the one after its last."""
_TAGS = "tabc"
_TAG = re.compile(rf"<(/?)([{_TAGS}])>")


def untagged(line: str) -> tuple[str, Places]:
    """A sentence without its tags, and where what was in them stands.

    >>> untagged("the <t>lamp</t> on <a>the desk</a>")
    ('the lamp on the desk', [[(4, 8)], [(12, 20)], [], []])
    """
    text, places, opened, last = "", [[] for _ in _TAGS], 0, 0
    for tag in _TAG.finditer(line):
        text += line[last : tag.start()]
        last = tag.end()
        if tag[1]:
            places[_TAGS.index(tag[2])].append((opened, len(text)))
        opened = len(text)
    return text + line[last:], places


def written_sentences() -> list[tuple[str, Places]]:
    """Every written sentence, and where what it names stands in it."""
    about = [record["text"] for records in _about_rooms().values() for record in records]
    return [untagged(line) for line in (*SENTENCES.read_text(encoding="utf-8").splitlines(), *about)]


def is_written_about(path: Path) -> bool:
    """Whether something was written about the room of a compact file; see `written_about`."""
    return path.stem in _about_rooms()


def written_about(path: Path, facts: RoomFacts) -> list[Exchange]:
    """What was written about the room of a compact file; about most rooms nothing was.

    Args:
        path: The file, by whose name the room is known.
        facts: Of the room.
    """
    return [_exchange(record, facts) for record in _about_rooms().get(path.stem, ())]


@functools.cache
def _about_rooms() -> dict[str, list[dict[str, Any]]]:
    rooms: dict[str, list[dict[str, Any]]] = {}
    for line in ABOUT_ROOMS.read_text(encoding="utf-8").splitlines():
        record = json.loads(line)
        rooms.setdefault(record["room"], []).append(record)
    return rooms


def _exchange(record: dict[str, Any], facts: RoomFacts) -> Exchange:
    text, places = untagged(record["text"])
    named = tuple(text[slice(*own[0])] if own else "" for own in places)
    anchors = tuple(tuple(record.get(tag, ())) for tag, name in zip(_TAGS[1:], named[1:], strict=True) if name)
    turn = Turn(
        user=text,
        selected=(),
        answer="",
        links=(),
        targets=tuple(record["targets"]),
        anchors=anchors,
        candidates=_candidates(record["targets"], named[0], facts),
        named=named,
    )
    sample = LanguageSample(task="grounding", family="written", template="written", turns=(turn,))
    return Exchange(sample=sample, turn=turn, question=Question(text=text), spoken_of=())


def _candidates(targets: list[int], name: str, facts: RoomFacts) -> tuple[int, ...]:
    """What the name fits: what is of the classes of the targets, or where there are none of a class that it names."""
    label = dict(zip(facts.id, facts.label, strict=True))
    meant = {label[i] for i in targets}
    if not targets:
        meant = {own for own in label.values() if any(_ends_with(name, word) for word in (own, *names_of(own).train))}
    return facts.ids(i for i, own in enumerate(facts.label) if own in meant and facts.seen[i])


def _ends_with(name: str, word: str) -> bool:
    """Whether a name is, or is a kind of, what the word means: "green chairs" for "chair"."""
    return re.search(rf"\b{re.escape(word)}(es|s)?$", name.lower()) is not None
