"""What a caption states, fact by fact, against the truth of the room: names, numbers, colours, materials, places."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator, Mapping

import numpy as np

from scene3d.model.detector import COLOURS
from scene3d.synth.language import RoomFacts, relations, words
from scene3d.synth.language.facts import DOUBTFUL, NO, YES
from scene3d.synth.language.phrasing import ways_of
from scene3d.types import GroundedText

_ARTICLES = ("a", "an", "the", "some")
_COLOURS = {said: colour for colour in COLOURS for said in words.COLOUR_WORDS.get(colour, (colour,))}
_MATERIALS = {said: material for material, said in words.MATERIAL_WORDS.items()}
_PLACES: dict[str, Callable[[RoomFacts], np.ndarray]] = {
    "corner": relations.cornered,
    "wall": relations.against_wall,
    "middle": relations.central,
    "center": relations.central,
    "centre": relations.central,
    "central": relations.central,
    "centrally": relations.central,
}
_SIDES = {"left": -np.pi / 2, "right": np.pi / 2}
_RELATIONS: dict[str, Callable[[RoomFacts, str], np.ndarray]] = {
    "near": lambda facts, _: relations.near(facts),
    "at": lambda facts, _: np.maximum(relations.at(facts), relations.near(facts)),
    "support": lambda facts, _: relations.on(facts),
    "under": lambda facts, _: np.maximum(relations.under(facts), relations.below(facts)),
    "below": lambda facts, _: np.maximum(relations.under(facts), relations.below(facts)),
    "above": lambda facts, _: relations.above(facts),
    "front_of": lambda facts, _: relations.towards(facts, 0.0),
    "behind": lambda facts, _: relations.towards(facts, np.pi),
    "viewed_side": lambda facts, side: relations.towards(facts, _SIDES[side]),
    "own_side": lambda facts, side: relations.towards(facts, -_SIDES[side]),
}
"""Tables of relations by what is said of them; the side where one is said."""


@functools.cache
def _sayings() -> tuple[tuple[str, re.Pattern[str], re.Pattern[str]], ...]:
    """What answers say around the name of the thing that a place is told by, the longest first."""
    found = []
    for kind in _RELATIONS:
        for way in ways_of(f"said_{kind}", heldout=False):
            before, after = (re.escape(part.strip()) for part in way.split("{a}"))
            before = re.sub(r"(\\ )?(the|a|an)$", "", before)
            before = before.replace(r"\{side\}", "(?P<side>left|right)").replace(r"\{using\}", r"[\w ]+")
            found.append((kind, re.compile(rf"\b{before}\s*$"), re.compile(rf"\s*{after}\b" if after else "")))
    return tuple(sorted(found, key=lambda saying: -len(saying[1].pattern + saying[2].pattern)))


def _relation(before: str, after: str, facts: RoomFacts) -> np.ndarray | None:
    """The table of the relation that is stated of the thing between two pieces of text."""
    for kind, head, tail in _sayings():
        match = head.search(before)
        if match and tail.match(after):
            return _RELATIONS[kind](facts, match.groupdict().get("side", ""))
    return None


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
        after = answer.text[phrase.end : _start_of(answer, number + 1)].lower()
        relation = _relation(before, after, facts)
        if before.endswith("between"):
            first = one
        elif before == "and" and first is not None:
            verdicts.append(
                int(relations.between(facts, first, one)[subject]) if one is not None and subject is not None else NO
            )
            first = None
        elif relation is None:
            subject = one
        elif subject is None or one is None:
            verdicts.append(NO)  # a place by something that is not here
        else:
            verdicts.append(int(relation[one, subject]))
        verdicts += [int(place(facts)[subject]) if subject is not None else NO for place in _places(after)]
        end = phrase.end
    return [verdict == YES for verdict in verdicts if verdict != DOUBTFUL]


def _of_phrase(said: str, linked: list[int | None], facts: RoomFacts) -> Iterator[int]:
    """The name, its number and the looks."""
    parts = said.split()
    parts = parts[1:] if parts and parts[0] in _ARTICLES else parts
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
