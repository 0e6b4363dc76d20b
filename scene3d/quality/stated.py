"""What a caption states, fact by fact, against the truth of the room: names, numbers, colours, materials, places."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

import numpy as np

from scene3d.model.detector import COLOURS
from scene3d.synth.language import RoomFacts, relations, words
from scene3d.synth.language.facts import DOUBTFUL, NO, YES
from scene3d.types import GroundedText

_ARTICLES = ("a", "an", "the", "some")
_COLOURS = {said: colour for colour in COLOURS for said in words.COLOUR_WORDS.get(colour, (colour,))}
_MATERIALS = {said: material for material, said in words.MATERIAL_WORDS.items()}
_PLACES: dict[str, Callable[[RoomFacts], np.ndarray]] = {
    "corner": relations.cornered,
    "wall": relations.against_wall,
    "middle": relations.central,
    "center": relations.central,
}
_RELATIONS: tuple[tuple[str, tuple[Callable[[RoomFacts], np.ndarray], ...]], ...] = (
    (r"(on top of|on|standing on|sitting on)$", (relations.on,)),
    (r"(under|below|underneath|beneath)$", (relations.under, relations.below)),
    (r"(above|over)$", (relations.above,)),
    (r"(next to|near|beside|close to|by|at)$", (relations.near, relations.at)),
    (r"in front of$", (lambda facts: relations.towards(facts, 0.0),)),
    (r"(behind|back of)$", (lambda facts: relations.towards(facts, np.pi),)),
    (r"left( side)? of$", (lambda facts: relations.towards(facts, -np.pi / 2),)),
    (r"right( side)? of$", (lambda facts: relations.towards(facts, np.pi / 2),)),
)


def stated_facts(answer: GroundedText, facts: RoomFacts, owner: Mapping[int, int]) -> list[bool]:
    """Whether each thing that a caption states is true; what people may see either way is left out.

    Args:
        answer: The caption. Its first phrase is what sentences without another subject speak of.
        facts: The truth.
        owner: Index in `facts.objects` of what each proposal is; of none where the key is missing.
    """
    verdicts: list[int] = []
    subject: int | None = None
    first: int | None = None  # of the two that something is between
    end = 0
    for number, phrase in enumerate(answer.phrases):
        linked = [owner.get(link.id) for link in phrase.objects]
        one = linked[0] if len(linked) == 1 else None
        verdicts += _of_phrase(answer.text[phrase.start : phrase.end].lower(), linked, facts)
        before = _without_article(answer.text[end : phrase.start].lower())
        relation = next((tables for pattern, tables in _RELATIONS if re.search(rf"\b{pattern}", before)), ())
        if before.endswith("between"):
            first = one
        elif before == "and" and first is not None:
            verdicts.append(
                int(relations.between(facts, first, one)[subject]) if one is not None and subject is not None else NO
            )
            first = None
        elif not relation:
            subject = one
        elif subject is None or one is None:
            verdicts.append(NO)  # a place by something that is not here
        else:
            verdicts.append(max(int(table(facts)[one, subject]) for table in relation))
        after = answer.text[phrase.end : _start_of(answer, number + 1)].lower()
        verdicts += [int(place(facts)[subject]) if subject is not None else NO for place in _places(after)]
        end = phrase.end
    return [verdict == YES for verdict in verdicts if verdict != DOUBTFUL]


def _of_phrase(said: str, linked: list[int | None], facts: RoomFacts) -> Iterator[int]:
    """The name, its number and the looks."""
    parts = [word for word in said.split() if word not in _ARTICLES]
    number = words.NUMBERS.index(parts[0]) if parts and parts[0] in words.NUMBERS else None
    parts = parts[1:] if number is not None else parts
    looks = [word for word in parts if word in _COLOURS or word in _MATERIALS]
    noun = _singular(" ".join(word for word in parts if word not in looks))
    named = facts.named(noun)
    yield min((int(named[i]) if i is not None else NO for i in linked), default=int(named.max(initial=NO)))
    if number is not None:
        yield YES if number in _counts(named) else NO
    for word in looks:
        truth = facts.of_colour(_COLOURS[word]) if word in _COLOURS else facts.of_material(_MATERIALS[word])
        yield min((int(truth[i]) if i is not None else NO for i in linked), default=NO)


def _counts(named: np.ndarray) -> range:
    """What somebody may count."""
    sure = int((named == YES).sum())
    return range(sure, sure + int((named == DOUBTFUL).sum()) + 1)


def _singular(noun: str) -> str:
    known = (
        noun,
        *(noun[: -len(end)] + put for end, put in (("ies", "y"), ("es", ""), ("s", "")) if noun.endswith(end)),
    )
    return next((word for word in known if any(words.kinds_of(word))), noun)


def _without_article(before: str) -> str:
    return re.sub(rf"\b({'|'.join(_ARTICLES)})\s*$", "", before).strip()


def _places(text: str) -> Iterator[Callable[[RoomFacts], np.ndarray]]:
    for word, place in _PLACES.items():
        if re.search(rf"\b{word}\b", text) and not (word == "wall" and "above" in text):
            yield place


def _start_of(answer: GroundedText, number: int) -> int:
    return answer.phrases[number].start if number < len(answer.phrases) else len(answer.text)
