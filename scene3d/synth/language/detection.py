"""Requests for all objects of a class, present or not."""

from __future__ import annotations

from scene3d.nouns import plural
from scene3d.synth.language import words
from scene3d.synth.language.facts import YES
from scene3d.synth.language.grounding import Family, missing_word
from scene3d.synth.language.phrasing import marked
from scene3d.synth.language.sample import LanguageSample, Turn
from scene3d.synth.language.speaker import Speaker


def one_class(speaker: Speaker) -> LanguageSample | None:
    """All of a class."""
    word = _present_word(speaker)
    return _listed(speaker, "class", (word,)) if word else None


def no_class(speaker: Speaker) -> LanguageSample | None:
    """A class of which nothing is here."""
    word = missing_word(speaker)
    return _listed(speaker, "absent", (word,)) if word else None


def two_classes(speaker: Speaker) -> LanguageSample | None:
    """Two classes, of which one may be missing."""
    one = _present_word(speaker)
    other = missing_word(speaker) if speaker.chance(0.4) else _present_word(speaker)
    if not one or not other:
        return None
    facts = speaker.facts
    if ((facts.named(one) > 0) & (facts.named(other) > 0)).any() or one == other:
        return None
    pair = (one, other) if speaker.chance(0.5) else (other, one)
    return _listed(speaker, "two_classes", pair)


def _present_word(speaker: Speaker) -> str:
    word = speaker.word(speaker.rng.choice(speaker.facts.visible))
    return word if word and words.countable(word) else ""


def _listed(speaker: Speaker, family: str, asked: tuple[str, ...]) -> LanguageSample | None:
    facts = speaker.facts
    sets = [facts.resolved(facts.named(word)) for word in asked]
    if any(members is None for members in sets):
        return None
    found = [members or () for members in sets]
    name, text = speaker.phrase("list" if len(asked) == 1 else "list_two")
    slots = {"t": asked[0], "ts": plural(asked[0]), "u": asked[-1], "us": plural(asked[-1])}
    said = [_found(speaker, word, len(members)) for word, members in zip(asked, found, strict=True)]
    present = [members for members in found if members]
    turn = Turn(
        user=text.format_map(slots),
        selected=(),
        answer=marked(" ".join(said)),
        links=tuple(facts.ids(members) for members in present),
        targets=facts.ids(i for members in present for i in members),
        candidates=facts.ids(i for word in asked for i in facts.visible if facts.named(word)[i] == YES),
    )
    return LanguageSample(task="detection", family=family, template=name, turns=(turn,))


def _found(speaker: Speaker, word: str, count: int) -> str:
    if count == 0:
        return speaker.answers("not_found", ss=plural(word))
    if count == 1:
        return speaker.answers("found_one", s=word)
    return speaker.answers("found", ss=plural(word), number=words.number(count))


DETECTION: dict[str, Family] = {"class": one_class, "absent": no_class, "two_classes": two_classes}
