"""Questions to answers: scores, note, prompt, writing and links of one scene's referents."""

from __future__ import annotations

import itertools
import re
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

import torch
from jaxtyping import Float
from torch import Tensor

from scene3d.errors import InputError
from scene3d.model.findings import MEASURED, by_mentions, finding, lead, told_things
from scene3d.model.growing_text import GrowingText
from scene3d.model.language import LanguageModel, Links
from scene3d.model.llama_cache import Cache
from scene3d.model.markup import REF
from scene3d.model.naming import told_of, whole_words
from scene3d.model.notes import BLIND, Found, Mention, SceneWords, note, targets_of
from scene3d.model.prompt import embed_tokens, question_tokens
from scene3d.model.question import THIS, Question
from scene3d.model.readings import DESCRIBED, ROOMS
from scene3d.model.relations import ANCHORS, RelationScorer, Scores, evidence
from scene3d.model.text import TextEncoder, Words, text_encoder
from scene3d.model.writing import WritingRules, Written, write
from scene3d.nouns import plural
from scene3d.synth.language.words import number
from scene3d.types import GroundedText, ObjectLink, Phrase, Referents

if TYPE_CHECKING:
    from scene3d.model.grounder import Grounder

_DENIED = re.compile(r"\bno\s*$", re.IGNORECASE)
"""Before a phrase: there is no such thing."""
_ARTICLE = re.compile(r"^(the|a|an)\s+", re.IGNORECASE)
_SENTENCE_END = re.compile(r"(?<=[.?!])\s+(?=\S)")
_UNTOLD = -9.0
"""Logit of what a note does not tell under a name that it tells."""
_KNOWN = 4096
"""Phrases whose objects are kept in mind."""


class Answering:
    """Answers questions about referents, from whatever branch they come. The scene is read once.

    Args:
        grounder: With scorer and language part.
        seen: The referents; there may be none.

    Raises:
        InputError: The model has no scorer.
    """

    def __init__(self, grounder: Grounder, seen: Referents) -> None:
        if grounder.scorer is None:
            raise InputError("this model has no relation scorer; train one with `scene3d train relations`")
        self.grounder, self.seen = grounder, seen
        self.scorer: RelationScorer = grounder.scorer
        self.scene = SceneWords(seen, grounder.detector_config.classes)
        self.hears_scorer = True
        """Whether the links of written phrases listen to the scorer; False only to measure what that brings."""
        self._known: dict[str, Tensor] = {}

    @property
    def model(self) -> LanguageModel:
        """The language model."""
        return self.grounder.language

    @cached_property
    def encoder(self) -> TextEncoder:
        """Reads sentences for the scorer."""
        return text_encoder(self.grounder.config.text_encoder)

    @cached_property
    def _read(self) -> tuple[Cache, int, Tensor, Tensor]:
        with torch.no_grad():
            prefix = self.model.prefix(self.seen, self.scene.name)
            return self.model.read(prefix), prefix.end, self.model.soft(self.seen), self.model.keys(self.seen)

    @cached_property
    def _room(self) -> str:
        readings = self.grounder.readings
        return ROOMS[int(readings.room_logit(self.seen.kind, self.seen.score).argmax())] if readings else ""

    @torch.no_grad()
    def scores(self, questions: list[Question], words: Words | None = None) -> Scores:
        """What the relation scorer holds of each question; `words`: its words, where they have been encoded already."""
        count, rows = len(self.seen.id), len(questions)
        if not count:
            nothing = torch.zeros(rows, 0)
            anchor = torch.zeros(rows, ANCHORS, 1)
            return Scores(
                target=nothing,
                absent=torch.full((rows,), 10.0),
                candidate=nothing,
                anchor=anchor,
                picked=nothing,
                way=nothing,
            )
        selected = torch.zeros(rows, count, 2)
        for row, question in enumerate(questions):
            wrong = [i for i in question.select if not 0 <= i < count]
            if wrong:
                raise InputError(f"object {wrong[0]} is not here; this scene has objects 0 … {count - 1}")
            selected[row, list(question.select), 0] = 1
            selected[row, list(question.spoken_of), 1] = 1
        words, naming, told = words or self._encoded(questions), self.grounder.naming, None
        if naming is not None:
            named = naming.named(questions, self.encoder)
            told = told_of(named, self.scorer, self.encoder.tokens, self.seen, selected)
        return self.scorer(words.late, words.present, self.seen, selected, told=told)

    def _encoded(self, questions: list[Question]) -> Words:
        return self.encoder.words([question.spoken() for question in questions])

    @torch.no_grad()
    def read(self, questions: list[Question]) -> tuple[Scores, list[Found]]:
        """What the scorer holds of each question, and what is found of it: what it is after, and of which things."""
        words, readings = self._encoded(questions), self.grounder.readings
        scores = self.scores(questions, words)
        if readings is None:
            return scores, [self.found(scores, row) for row in range(len(questions))]
        asked = [
            asks or self._asked_last(question)
            for asks, question in zip(readings.asked(words.late, words.present), questions, strict=True)
        ]
        found = [self.found(scores, row, asks) for row, asks in enumerate(asked)]
        rows = [row for row, one in enumerate(found) if one.asks in MEASURED and self.seen.id]
        if rows:
            chosen = [questions[row] for row in rows]
            named = readings.mentions(words.late[rows], words.present[rows], [words.span[row] for row in rows])
            for row, mentions in zip(rows, self._mentions(chosen, named), strict=True):
                found[row] = by_mentions(self.scene, replace(found[row], mentions=mentions))
        return scores, found

    def _asked_last(self, question: Question) -> str:
        """What the last sentence that is after something is after, where there are several: "Is there a chair? What
        colour is it?" is about what its first sentence names and after what its second asks."""
        sentences = _SENTENCE_END.split(question.in_words())
        if len(sentences) < 2 or self.grounder.readings is None:
            return ""
        asked = self.grounder.readings.asked(*self.encoder.tokens(sentences))
        return next((asks for asks in reversed(asked) if asks), "")

    def _mentions(self, questions: list[Question], named: list[list[tuple[int, int]]]) -> list[tuple[Mention, ...]]:
        """The things that questions single out, each by its own words."""
        texts = [[whole_words(q.spoken(), *span) for span in own] for q, own in zip(questions, named, strict=True)]
        alone = [
            Question(text=text.replace(THIS, REF), select=question.select if THIS in text else ())
            for question, own in zip(questions, texts, strict=True)
            for text in own
        ]
        if not alone:
            return [() for _ in questions]
        scores, row = self.scores(alone), itertools.count()
        return [
            tuple(
                Mention(
                    text=_ARTICLE.sub("", text), share=scores.target[i].softmax(0), absent=self.found(scores, i).absent
                )
                for text, i in zip(own, row, strict=False)
            )
            for own in texts
        ]

    def found(self, scores: Scores, row: int, asks: str = "") -> Found:
        """One question's scores as probabilities."""
        config = self.grounder.config
        return Found(
            target=(config.target_scale * scores.target[row] + config.target_shift).sigmoid(),
            absent=float((config.absent_scale * scores.absent[row] + config.absent_shift).sigmoid()),
            anchor=scores.anchor[row].softmax(1),
            candidate=scores.candidate[row].sigmoid(),
            asks=asks,
            room=self._room,
        )

    def ground(self, questions: list[Question], *, always: bool = False) -> list[GroundedText]:
        """The questions themselves as phrases, linked by the scorer alone.

        Args:
            questions: Descriptions.
            always: Link the likeliest object even where it is likelier that there is none.

        Raises:
            InputError: A description is empty.
        """
        _check(questions)
        scores = self.scores(questions) if questions else None
        least, answers = self.grounder.config.link_threshold, []
        for row, question in enumerate(questions):
            assert scores is not None
            found = self.found(scores, row)
            links = tuple(
                ObjectLink(id=self.seen.id[i], probability=float(found.target[i]))
                for i in targets_of(replace(found, absent=0.0) if always else found, threshold=least)
            )
            phrase = Phrase(start=0, end=len(question.text), objects=links, absent_probability=found.absent)
            answers.append(GroundedText(text=question.text, phrases=(phrase,)))
        return answers

    def answer(self, questions: list[Question], rules: WritingRules | None = None) -> list[GroundedText]:
        """Answers to questions that do not know of each other, written together."""
        pieces = self.stream(questions, rules)
        done = {row: piece for row, piece in pieces if isinstance(piece, GroundedText)}
        return [done[row] for row in range(len(questions))]

    @torch.no_grad()
    def stream(
        self, questions: list[Question], rules: WritingRules | None = None
    ) -> Iterator[tuple[int, str | Phrase | GroundedText]]:
        """Answers as they grow: pieces of text, each phrase as it closes, and every answer whole at its end.

        Raises:
            InputError: A question is empty, or selects an object that is not there.
        """
        _check(questions)
        if not questions:
            return
        started = time.perf_counter()
        scores, findings = self.read(questions)
        cache, first, soft, _ = self._read
        tokens, sentences = [], []
        for question, found in zip(questions, findings, strict=True):
            answer = finding(self.scene, found)
            told = note(self.scene, found, first=lead(found.asks, answer))
            sentences.append(len(answer.split(";")) if found.asks in DESCRIBED and answer else None)
            if found.missing:
                question = Question(text=f"Where is the {found.missing}?")
            tokens.append(question_tokens(self.model, question, words=self.scene.words, note=told))
        asking = [embed_tokens(self.model, one, soft) for one in tokens]
        texts = [GrowingText(self.model) for _ in questions]

        things = [told_things(self.scene, found) for found in findings]

        def linker(rows: list[int], answers: list[Written], state: Float[Tensor, "k c"]) -> list[Links]:
            phrases = [texts[row].open_phrase() for row in rows]
            links = self._links(scores, rows, phrases, state)
            return [
                self._as_told(phrase, things[row]) or self._as_counted(phrase, findings[row]) or link
                for row, phrase, link in zip(rows, phrases, links, strict=True)
            ]

        rules = rules or WritingRules()
        for step in write(self.model, cache, first, asking, linker, rules, sentences=sentences):
            for piece in texts[step.row].take(step, self._phrase):
                yield step.row, piece
            if step.done:
                yield step.row, texts[step.row].finish(started)
        for row, text in enumerate(texts):
            if not text.finished:
                yield row, text.finish(started)

    @torch.no_grad()
    def guess(self, texts: list[str]) -> list[str]:
        """The answers of one who has not looked: no referents, no note. For judging how much looking helps."""
        if not texts:
            return []
        blank, soft = self.model.prefix(take_referents(self.seen, []), []), self.model.soft(self.seen)
        asked = [question_tokens(self.model, Question(text=text), words=[], note=BLIND) for text in texts]
        asking = [embed_tokens(self.model, tokens, soft) for tokens in asked]
        growing, started = [GrowingText(self.model) for _ in texts], time.perf_counter()
        for step in write(self.model, self.model.read(blank), blank.end, asking, _no_links, WritingRules()):
            list(growing[step.row].take(step, self._phrase))
        return [text.finish(started).text for text in growing]

    @torch.no_grad()
    def _links(self, scores: Scores, rows: list[int], phrases: list[str], state: Float[Tensor, "k c"]) -> list[Links]:
        seen = evidence(scores.target[rows], scores.anchor[rows], self._named([p or "object" for p in phrases]))
        seen = seen if self.hears_scorer else torch.zeros_like(seen)
        keys = self._read[3].expand(len(rows), -1, -1)
        links = self.model.links(state, keys, seen)
        return [Links(link=links.link[i : i + 1], absent=links.absent[i : i + 1]) for i in range(len(rows))]

    def _as_told(self, phrase: str, things: list[tuple[str, list[int]]]) -> Links | None:
        """The links of a phrase that names something as the note told it: as sure as that thing is there."""
        said = phrase.lower()
        named = [(name, rows) for name, rows in things if name in said or plural(name) in said]
        if not named:
            return None
        rows = max(named, key=lambda told: len(told[0]))[1]
        return self._linked(rows, self.seen.score)

    def _as_counted(self, phrase: str, found: Found) -> Links | None:
        """The links of a phrase that tells how many there are: what was counted."""
        counted = targets_of(found) if found.asks == "count" else []
        told = phrase.strip().lower().split(" ")[0]
        same = told in (number(len(counted)), str(len(counted)))
        return self._linked(counted, found.target) if counted and same else None

    def _linked(self, rows: list[int], sure: Float[Tensor, "r"]) -> Links:
        """Links to these objects alone, each as sure as told."""
        config = self.grounder.config
        there = torch.full_like(sure, _UNTOLD)
        there[rows] = sure[rows].logit(1e-3)
        link = (there - config.link_shift) / config.link_scale
        return Links(link=link[None], absent=-there.max()[None])

    def _named(self, phrases: list[str]) -> Float[Tensor, "l r"]:
        """How well each object fits each phrase; what a scene's answers say, they say often."""
        new = sorted({phrase for phrase in phrases if phrase not in self._known})
        if len(self._known) + len(new) > _KNOWN:
            self._known.clear()
            new = sorted(set(phrases))
        if new and self.seen.id:
            self._known |= dict(zip(new, self.scorer.named(*self.encoder.tokens(new), self.seen), strict=True))
        return (
            torch.stack([self._known[phrase] for phrase in phrases]) if self.seen.id else torch.zeros(len(phrases), 0)
        )

    def _phrase(self, links: Links, before: str, words: str) -> Phrase:
        """What the text denies has no link, and what it names has one, however unlikely: the figures tell of doubt."""
        config = self.grounder.config
        probability = (config.link_scale * links.link[0] + config.link_shift).sigmoid()
        order = probability.argsort(descending=True).tolist()
        named = [i for i in order if float(probability[i]) >= config.link_threshold] or order[:1]
        if _DENIED.search(before):
            named = []
        return Phrase(
            start=len(before),
            end=len(before) + len(words),
            objects=tuple(ObjectLink(id=self.seen.id[i], probability=float(probability[i])) for i in named),
            absent_probability=float(links.absent[0].sigmoid()),
        )


def _no_links(rows: list[int], answers: list[Written], state: Float[Tensor, "k c"]) -> list[Links]:
    return [Links(link=torch.zeros(1, 0), absent=torch.zeros(1)) for _ in rows]


def take_referents(seen: Referents, rows: list[int]) -> Referents:
    """Some of the referents, with the ids they have."""
    return Referents(
        id=tuple(seen.id[row] for row in rows),
        embedding=seen.embedding[rows],
        kind=seen.kind[rows],
        look=seen.look[rows],
        place=seen.place[rows],
        score=seen.score[rows],
    )


def _check(questions: list[Question]) -> None:
    for question in questions:
        if not question.text.strip():
            raise InputError("the question is empty; ask something such as 'Where is the lamp?'")
