"""The readings learn what can be told without the language model: kinds of rooms, what is asked."""

from __future__ import annotations

import itertools
import random
import re
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from jaxtyping import Int64
from torch import Tensor
from torch.nn.functional import cross_entropy
from torch.nn.utils.rnn import pad_sequence

from scene3d.model.grounder import Grounder
from scene3d.model.readings import ASPECTS, MENTIONS, ROOMS, Readings, ReadingsConfig
from scene3d.model.text import TextEncoder, text_encoder
from scene3d.synth.language import speak
from scene3d.train.exchanges import Exchange, exchanges_of, facts_of
from scene3d.train.head import HeadTrainer
from scene3d.train.proposed import ProposedRoom, proposed_rooms
from scene3d.train.relations import token_states

_WORD = re.compile(r"[a-z]{3,}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingsTraining:
    """One run."""

    readings: ReadingsConfig = field(default_factory=ReadingsConfig)
    steps: int = 3000
    variants: int = 2
    """Turned variants of each room."""
    sentences: int = 100
    """Dialogues per room, half of them questions."""
    read: int = 128
    """Sentences per step."""
    learning_rate: float = 4e-3
    weight_decay: float = 0.05
    missed: float = 0.5
    """Most of the objects that a room is made to miss."""
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Examples:
    """What the heads learn from: sentences, b rooms."""

    sentence: list[Tensor]
    """States of the tokens of each (l e)."""
    asks: list[int]
    mention: list[Tensor]
    """Of which mention each token is part (l), 0 for none; -100 where it is not known."""
    standing: list[tuple[Tensor, Tensor]]
    """Classes and scores of each room's objects."""
    room: Int64[Tensor, "b"]


def train_readings(config: ReadingsTraining, model: str, data: Path, out: Path, *, save_every: int = 1000) -> Path:
    """Train the readings of a model, or go on with an interrupted training in `out`.

    Args:
        config: What is trained.
        model: A model with a trained detector.
        data: Folder of compact training files.
        out: Checkpoint, logs and finally the whole model are written here.
        save_every: Steps between two checkpoints.

    Returns:
        Folder of the model with its readings.

    Raises:
        InputError: No training files below `data`, or a real room, whose kind nobody told.
        ConfigError: `out` holds a checkpoint of another configuration.
    """
    grounder = Grounder.from_pretrained(model)
    torch.manual_seed(config.seed)
    readings = Readings(config.readings)
    trainer = HeadTrainer(readings, config, out)
    rooms = proposed_rooms(grounder, data, variants=config.variants)
    examples = examples_of(rooms, text_encoder(grounder.config.text_encoder), config)
    trainer.run(lambda step: readings_losses(readings, examples, config), every=100, save_every=save_every)
    grounder.readings = readings.eval()
    grounder.config = replace(grounder.config, readings=config.readings)
    grounder.save_pretrained(out / "model")
    return out / "model"


def examples_of(rooms: list[ProposedRoom], encoder: TextEncoder, config: ReadingsTraining) -> Examples:
    """What stands in the rooms, and things said about these; each room is spoken of once."""
    standing, kinds = [], []
    spoken: list[Exchange] = []
    spoken_of: set[Path] = set()
    for room in rooms:
        facts = facts_of(room.path)
        standing.append((room.seen.kind, room.seen.score))
        kinds.append(ROOMS.index(facts.kind))
        if room.path not in spoken_of:
            spoken_of.add(room.path)
            seed = config.seed + int.from_bytes(room.path.stem.encode()[-6:], "big")
            said = speak(facts, seed=seed, count=config.sentences // 2, task="qa")
            said += speak(facts, seed=seed + 1, count=config.sentences - config.sentences // 2)
            spoken += [exchange for sample in said for exchange in exchanges_of(sample)]
    sentences = [exchange.question.spoken() for exchange in spoken]
    mentions = [exchange.turn.mentions for exchange in spoken]
    asks = [ASPECTS.index(exchange.turn.asks) for exchange in spoken]
    rng, words = random.Random(config.seed), sorted({word for text in sentences for word in _WORD.findall(text)})
    for i in range(len(sentences)):
        strange = _with_strange_names(sentences[i], mentions[i], words, rng)
        if strange is not None:
            sentences.append(strange[0])
            mentions.append(strange[1])
            asks.append(asks[i])
    spans = encoder.spans(sentences) if sentences else []
    return Examples(
        sentence=token_states(encoder, sentences),
        asks=asks,
        mention=[mentioned(*each) for each in zip(sentences, mentions, spans, strict=True)],
        standing=standing,
        room=torch.tensor(kinds),
    )


def _with_strange_names(
    text: str, mentions: tuple[str, ...], words: list[str], rng: random.Random
) -> tuple[str, tuple[str, ...]] | None:
    """The sentence about things of other names, drawn from all words: where a mention begins and ends is to be learnt
    from what stands around it, since people have more names than any table. None where nothing is mentioned, or one
    mention lies in another."""
    at = [text.lower().find(mention.lower()) for mention in mentions]
    spans = sorted(
        (start, start + len(mention), i) for i, (start, mention) in enumerate(zip(at, mentions, strict=True))
    )
    if not spans or spans[0][0] < 0 or any(one[1] > other[0] for one, other in itertools.pairwise(spans)):
        return None
    named = [" ".join(["the", *rng.choices(words, k=rng.choice((1, 1, 2, 2, 3, 4)))]) for _ in mentions]
    for start, end, i in reversed(spans):
        text = text[:start] + named[i] + text[end:]
    return text, tuple(named)


def mentioned(text: str, mentions: tuple[str, ...], spans: list[tuple[int, int]]) -> Int64[Tensor, "l"]:
    """Of which mention each token is part, 0 for none; all -100 where there is none, or one was misspelt.

    >>> mentioned("Is the bed near?", ("the bed",), [(0, 0), (0, 2), (3, 6), (7, 10), (11, 15), (15, 16), (0, 0)])
    tensor([0, 0, 1, 1, 0, 0, 0])
    """
    starts = [text.lower().find(mention.lower()) for mention in mentions[:MENTIONS]]
    if not starts or min(starts) < 0:
        return torch.full((len(spans),), -100)
    of = torch.zeros(len(spans), dtype=torch.int64)
    for number, (start, mention) in enumerate(zip(starts, mentions, strict=False), start=1):
        for i, (first, last) in enumerate(spans):
            if start <= first < last <= start + len(mention):
                of[i] = number
    return of


def readings_losses(readings: Readings, examples: Examples, config: ReadingsTraining) -> dict[str, Tensor]:
    """Losses of the heads over random examples."""
    losses = {}
    rows = torch.randint(len(examples.asks), (config.read,)).tolist()
    token = pad_sequence([examples.sentence[i].float() for i in rows], batch_first=True)
    present = pad_sequence([torch.ones(len(examples.sentence[i]), dtype=torch.bool) for i in rows], batch_first=True)
    part = pad_sequence([examples.mention[i] for i in rows], batch_first=True, padding_value=-100)
    asks, mention = readings.text_logits(token, present)
    losses["asks"] = cross_entropy(asks, torch.tensor([examples.asks[i] for i in rows]))
    told = cross_entropy(mention.flatten(0, 1), part.flatten(), ignore_index=-100, reduction="sum")
    losses["mentions"] = told / (part >= 0).sum().clamp_min(1)
    chosen = torch.randint(len(examples.room), (16,)).tolist()
    logits = []
    for kind, score in (examples.standing[i] for i in chosen):
        kept = torch.rand(len(score)) >= config.missed * torch.rand(())
        logits.append(readings.room_logit(kind[kept], score[kept]))
    losses["room"] = cross_entropy(torch.stack(logits), examples.room[chosen])
    return losses
