"""Lessons: exchanges about one room packed behind its prefix, as the language model is trained on them."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from scene3d.model.findings import lead
from scene3d.model.grounder import Grounder
from scene3d.model.language import LanguageModel, Prefix
from scene3d.model.llama_attention import Packed
from scene3d.model.markup import shown
from scene3d.model.notes import BLIND, Found, SceneWords, note
from scene3d.model.prompt import answer_tokens, embed_tokens, question_tokens
from scene3d.model.relations import ANCHORS, RelationScorer
from scene3d.model.text import text_encoder
from scene3d.model.writing import CLOSE, REF
from scene3d.synth.language import speak
from scene3d.train.exchanges import Exchange, exchanges_of, facts_of
from scene3d.train.proposed import ProposedRoom
from scene3d.train.relations import Asked, asked_of, token_states

_MOST_TOKENS = 320
"""Longer exchanges are left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One exchange as tokens after the prefix; -1 - i stands for referent i."""

    exchange: Exchange
    token: list[int]
    asked: int
    """Tokens before the answer."""
    linked: list[tuple[int, ...]]
    """Referents of each phrase of the answer."""
    judged: list[bool]
    """False where a phrase names objects of which none was proposed."""
    phrases: list[str]
    blind: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """One step: t tokens, w of them written by the model, l phrases linked."""

    room: ProposedRoom
    prefix: Prefix
    names: list[str]
    """Of the referents."""
    blocks: list[Block]
    position: Int64[Tensor, "1 t"]
    mask: Packed
    written_from: Int64[Tensor, "w"]
    """Place whose state foretells each token."""
    written: Int64[Tensor, "w"]
    weight: Float[Tensor, "w"]
    """How much each counts, 1 in all: an answer counts as the root of its length, or long plans would drown words."""
    slot: Int64[Tensor, "l"]
    """Place of each `<ref>`."""
    linked: Float[Tensor, "l r"]
    judged: Bool[Tensor, "l"]
    asked: Asked
    """The questions, for the relation scorer."""
    said: Asked
    """The phrases alone."""
    block_of: Int64[Tensor, "l"]

    def embedded(self, model: LanguageModel) -> Float[Tensor, "1 t c"]:
        """Embeddings of all tokens; differentiable."""
        prefix = model.prefix(self.room.seen, self.names)
        soft = model.soft(self.room.seen)
        return torch.cat([prefix.x[0], *(embed_tokens(model, block.token, soft) for block in self.blocks)])[None]

    def scores(self, scorer: RelationScorer) -> tuple[Tensor, Tensor, Tensor]:
        """What the scorer says for every phrase: by its question, by what that is told by, by its own words."""
        by_question = scorer(self.asked.token, self.asked.present, self.room.seen, self.asked.selected)
        by_phrase = scorer(self.said.token, self.said.present, self.room.seen, self.said.selected)
        return by_question.target[self.block_of], by_question.anchor[self.block_of], by_phrase.candidate


class Lessons:
    """Draws lessons; what comes depends on the random state alone.

    Args:
        rooms: With their proposals.
        grounder: Whose class names and text encoder are used.
        model: Whose tokenizer is used.
        count: Dialogues kept ready per room.
        seed: Of what is said.
    """

    def __init__(
        self, rooms: list[ProposedRoom], grounder: Grounder, model: LanguageModel, *, count: int, seed: int
    ) -> None:
        self.rooms, self.grounder, self.model, self.count, self.seed = rooms, grounder, model, count, seed
        self.encoder = text_encoder(grounder.config.text_encoder)
        self.spoken: dict[Path, list[Exchange]] = {}
        self.states: dict[str, Tensor] = {}

    def draw(self, rng: random.Random, *, questions: int, blind: float) -> Lesson:
        """Exchanges about a random room; a share of them `blind` to it."""
        while True:
            room = rng.choice(self.rooms)
            scene = SceneWords(room.seen, self.grounder.detector_config.classes)
            exchanges = self._exchanges(room.path)
            blocks = []
            for exchange in rng.sample(exchanges, min(len(exchanges), 2 * questions)):
                block = _block(self.model, exchange, room, scene, blind=rng.random() < blind)
                if block is not None and len(blocks) < questions:
                    blocks.append(block)
            if blocks:
                return self._pack(room, scene, blocks)

    def _exchanges(self, path: Path) -> list[Exchange]:
        if path not in self.spoken:
            facts = facts_of(path)
            seed = 7919 + self.seed + int.from_bytes(path.stem.encode()[-6:], "big")
            samples = speak(facts, seed=seed, count=self.count)
            samples += speak(facts, seed=seed + 1, count=self.count // 8, task="caption")  # the hardest to write
            self.spoken[path] = [exchange for sample in samples for exchange in exchanges_of(sample)]
        return self.spoken[path]

    def _states(self, sentences: list[str]) -> list[Tensor]:
        new = sorted({sentence for sentence in sentences if sentence not in self.states})
        self.states |= dict(zip(new, token_states(self.encoder, new), strict=True))
        return [self.states[sentence] for sentence in sentences]

    def _pack(self, room: ProposedRoom, scene: SceneWords, blocks: list[Block]) -> Lesson:
        with torch.no_grad():
            prefix = self.model.prefix(room.seen, scene.name)
        at = prefix.x.shape[1]
        seen = torch.ones(len(blocks), at, dtype=torch.bool)
        position, written_from, slots, block_of = [prefix.position[0]], [], [], []
        written: list[int] = []
        weight: list[float] = []
        for number, block in enumerate(blocks):
            length = len(block.token)
            seen[number, prefix.head :] = not block.blind
            position.append(prefix.end + torch.arange(length))
            for place in range(block.asked, length):
                token = block.token[place]
                if token == self.model.first_mark + REF:
                    slots.append(at + place)
                    block_of.append(number)
                if token != self.model.first_mark + CLOSE:  # always follows `<ref>`: nothing to learn
                    written_from.append(at + place - 1)
                    written.append(token)
                    weight.append((length - block.asked) ** -0.5)
            at += length
        linked = torch.zeros(len(slots), len(room.owner))
        for row, rows in enumerate(rows for block in blocks for rows in block.linked):
            linked[row, list(rows)] = 1
        exchanges = [block.exchange for block in blocks]
        phrases = [phrase for block in blocks for phrase in block.phrases]
        return Lesson(
            room=room,
            prefix=prefix,
            names=scene.name,
            blocks=blocks,
            position=torch.cat(position)[None],
            mask=Packed(prefix.mask, [len(block.token) for block in blocks], seen),
            written_from=torch.tensor(written_from),
            written=torch.tensor(written),
            weight=torch.tensor(weight) / sum(weight),
            slot=torch.tensor(slots, dtype=torch.int64),
            linked=linked,
            judged=torch.tensor([j for block in blocks for j in block.judged], dtype=torch.bool),
            asked=asked_of(exchanges, self._states([e.question.spoken() for e in exchanges]), room),
            said=asked_of(
                [exchanges[i] for i in block_of], self._states(phrases), replace(room, owner=room.owner * 0 - 1)
            ),
            block_of=torch.tensor(block_of, dtype=torch.int64),
        )


def _block(
    model: LanguageModel, exchange: Exchange, room: ProposedRoom, scene: SceneWords, *, blind: bool
) -> Block | None:
    """An exchange as tokens; None where some of what it is about was not proposed, or it is too long.

    "There are three" beside a note that found two would teach not to believe notes. The answer itself comes first, so
    that findings are believed; of a room it is all that is told.
    """
    turn = exchange.turn
    rows = [room.rows_of((i,)) for i in turn.selected]
    told_all = turn.asks == "describe room" or all(room.rows_of((i,)) for i in turn.targets)
    if not all(rows) or not told_all:
        return None
    question = replace(exchange.question, select=tuple(row[0] for row in rows))
    found = _truly_found(exchange, room)
    told = BLIND if blind else note(scene, found, first=lead(turn.asks, turn.reply))
    asked = question_tokens(model, question, words=scene.words, note=told)
    token = asked + answer_tokens(model, turn.answer)
    if len(token) > _MOST_TOKENS:
        return None
    text, spans = shown(turn.answer)
    linked = [tuple(room.rows_of(link)) for link in turn.links]
    return Block(
        exchange=exchange,
        token=token,
        asked=len(asked),
        linked=linked,
        judged=[not blind and (not link or bool(row)) for link, row in zip(turn.links, linked, strict=True)],
        phrases=[text[span.start : span.end] for span in spans],
        blind=blind,
    )


def _truly_found(exchange: Exchange, room: ProposedRoom) -> Found:
    """The scorer's findings had it been right: what the note tells in training, so that notes are believed."""
    turn, count = exchange.turn, len(room.owner)
    target, candidate = torch.zeros(count), torch.zeros(count)
    target[room.rows_of(turn.targets)] = 1
    candidate[room.rows_of(turn.candidates)] = 1
    anchor = torch.zeros(ANCHORS, count + 1)
    for a in range(ANCHORS):
        rows = room.rows_of(turn.anchors[a]) if a < len(turn.anchors) else []
        anchor[a, rows or [count]] = 1 / max(1, len(rows))
    return Found(target=target, absent=float(not turn.targets), anchor=anchor, candidate=candidate, asks=turn.asks)
