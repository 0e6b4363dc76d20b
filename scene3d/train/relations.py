"""The relation scorer learns which objects a sentence is about, on the detector's own proposals."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy
from torch.nn.utils.rnn import pad_sequence

from scene3d.errors import ConfigError, InputError
from scene3d.model.detector import COLOURS, MATERIALS
from scene3d.model.grounder import Grounder
from scene3d.model.naming import Naming, told_of
from scene3d.model.question import Question
from scene3d.model.relations import ANCHORS, Hints, RelationScorer, ScorerConfig, Scores
from scene3d.model.text import TextEncoder, text_encoder
from scene3d.synth import load_training_scene
from scene3d.synth.language import RoomFacts, families, speak
from scene3d.synth.language.ranks import WAYS
from scene3d.synth.names import names_of
from scene3d.train.exchanges import Exchange, exchanges_of, facts_of
from scene3d.train.head import HeadTrainer
from scene3d.train.proposed import ProposedRoom, proposed_rooms
from scene3d.train.rearranged import rearranged
from scene3d.train.written import is_written_about, written_about
from scene3d.types import Referents


@dataclass(frozen=True, slots=True, kw_only=True)
class RelationTraining:
    """One run of the relation scorer."""

    scorer: ScorerConfig = field(default_factory=ScorerConfig)
    steps: int = 6000
    rooms: int = 2
    """Rooms per step."""
    sentences: int = 48
    """Sentences about each of them."""
    variants: int = 3
    """Turned variants of each room."""
    pool: int = 240
    """Dialogues kept ready per room; the token states of their sentences are computed once."""
    descriptions: float = 0.6
    """Share of them that only say which objects are meant; relations are learnt from these."""
    rearranged: int = 1
    """How often each room comes once more with its furniture put elsewhere."""
    each: int = 3
    """Further sentences of each kind of relation, since most rooms offer few of some."""
    each_of: dict[str, int] = field(default_factory=dict)
    """The same of single kinds, in place of `each`: `{facing_behind: 16}`."""
    written: float = 0.5
    """How many of the rooms are such about which people wrote, and of the sentences about these how many are theirs;
    where the data have such rooms."""
    learning_rate: float = 2e-3
    weight_decay: float = 0.05
    hinted: float = 0.5
    """Share of the sentences that are told what they speak of, so that only relations are left to find."""
    told: float = 0.7
    """Share of the sentences whose names are read alone, as in use; where the model has a naming."""
    word_dropout: float = 0.1
    """Share of the tokens that a sentence loses."""
    word_noise: float = 0.25
    """Deviation of the noise in the tokens' states, as a share of theirs: new sentences lie beside known ones."""
    clip: float = 1.0
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Sentences about one room, ready to learn from; t of them, r referents."""

    token: Float[Tensor, "t l e"]
    present: Bool[Tensor, "t l"]
    selected: Float[Tensor, "t r 2"]
    target: Float[Tensor, "t r"]
    judged: Bool[Tensor, "t"]
    """False where the targets exist but none of them was proposed: nothing can be learnt about what is absent then."""
    candidate: Float[Tensor, "t r"]
    anchor: Float[Tensor, "t a r"]
    """Rows add to 1, or to 0 where the sentence is not told by such a thing, or it was not proposed."""
    no_anchor: Bool[Tensor, "t a"]
    """The sentence is told by no such thing."""
    way: Float[Tensor, "t y"]
    """1 for each of `WAYS` in which the sentence singles out."""
    way_known: Bool[Tensor, "t"]
    """False where nobody told."""


def train_relations(
    config: RelationTraining,
    model: str,
    data: Path,
    out: Path,
    *,
    start: str | None = None,
    save_every: int = 500,
) -> Path:
    """Train the relation scorer of a model, or go on with an interrupted training in `out`.

    Args:
        config: What is trained.
        model: A model with a trained detector.
        data: Folder of compact training files.
        out: Checkpoint, logs and finally the whole model are written here.
        start: A model whose scorer to start from; None: an untrained one.
        save_every: Steps between two checkpoints.

    Returns:
        Folder of the model with its relation scorer.

    Raises:
        InputError: No training files below `data`, or `start` has no relation scorer.
        ConfigError: `out` holds a checkpoint of another configuration, or `each_of` names no kind of relation.
    """
    for kind in config.each_of:
        if kind not in families("grounding"):
            raise ConfigError(f"each_of: no kind of relation {kind!r}; there are: {', '.join(families('grounding'))}")
    grounder = Grounder.from_pretrained(model)
    encoder = text_encoder(grounder.config.text_encoder)
    torch.manual_seed(config.seed)
    kinds = kind_names(encoder, grounder.detector_config.classes)
    scorer = RelationScorer(config.scorer, kinds, encoder.encode([*COLOURS, *MATERIALS]))
    if start is not None:
        known = Grounder.from_pretrained(start).scorer
        if known is None:
            raise InputError(f"model {start!r} has no relation scorer to start from")
        scorer.load_state_dict(scorer.state_dict() | known.state_dict() | {"kind_names": kinds})
    trainer = HeadTrainer(scorer, config, out)
    rooms = with_rearranged(proposed_rooms(grounder, data, variants=config.variants), config)
    stream = AskedStream(rooms, encoder, config, grounder.naming)

    def losses_at(step: int) -> dict[str, Tensor]:
        sums: dict[str, Tensor] = {}
        for seen, asked, named in stream.at(step):
            spread = asked.token[asked.present].std()
            token = asked.token + config.word_noise * spread * torch.randn(asked.token.shape)
            kept = asked.present & (torch.rand(asked.present.shape) >= config.word_dropout)
            kept[:, 0] = True
            scorer.eval()
            told = told_of(named, scorer, stream.encode, seen, asked.selected)
            scorer.train()
            scores = scorer(token, kept, seen, asked.selected, hints_of(asked, config.hinted), told)
            for name, value in relation_losses(scores, asked).items():
                sums[name] = sums.get(name, torch.zeros(())) + value / config.rooms
        return sums  # none where nothing that these sentences ask for was proposed

    trainer.run(losses_at, every=50, save_every=save_every, clip=config.clip)
    grounder.scorer = scorer.eval()
    grounder.config = replace(grounder.config, scorer=config.scorer)
    grounder.save_pretrained(out / "model")
    return out / "model"


def with_rearranged(rooms: list[ProposedRoom], config: RelationTraining) -> list[ProposedRoom]:
    """The rooms, and after them each of them with its furniture put elsewhere."""
    rng = random.Random(config.seed)
    again = []
    for room in rooms if config.rearranged else ():
        scene = load_training_scene(room.path)
        again += [rearranged(room, scene, rng) for _ in range(config.rearranged)]
    return [*rooms, *(room for room in again if room is not None)]


def kind_names(encoder: TextEncoder, classes: tuple[str, ...]) -> Float[Tensor, "k e"]:
    """For each class the mean of what it is called in training: a name left out finds its class in 0.88 of all cases
    among such means, in 0.76 among the classes' own names."""
    return torch.stack([encoder.encode(list(names_of(kind).train)).mean(0) for kind in classes])


def relation_losses(scores: Scores, asked: Asked) -> dict[str, Tensor]:
    """Losses of one room's sentences: targets one by one and against each other, absence, names, and what tells."""
    judged = asked.judged
    if not judged.any():
        return {}
    wanted, logit = asked.target[judged], scores.target[judged]
    found = wanted.any(1)
    each = binary_cross_entropy_with_logits(logit, wanted, reduction="none").sum(1).mean()
    named = binary_cross_entropy_with_logits(scores.candidate, asked.candidate, reduction="none").sum(1).mean()
    against = torch.cat([logit, scores.absent[judged][:, None]], dim=1)
    share = torch.cat([wanted, (~found).float()[:, None]], dim=1)
    share = share / share.sum(1, keepdim=True)
    losses = {
        "target": 0.5 * each,
        "against each other": cross_entropy(against, share),
        "absent": 0.5 * binary_cross_entropy_with_logits(scores.absent[judged], (~found).float()),
        "candidate": 0.3 * named,
    }
    one = (asked.target.sum(1) == 1) & (asked.candidate.sum(1) > 1)
    if one.any():
        losses["picked"] = 0.5 * cross_entropy(scores.picked[one], asked.target[one].argmax(1))
    told = asked.way_known
    if told.any():
        each = binary_cross_entropy_with_logits(scores.way[told], asked.way[told], reduction="none")
        losses["way"] = 0.5 * each.sum(1).mean()
    known = asked.anchor.sum(2) > 0
    share = torch.cat([asked.anchor, asked.no_anchor.float()[:, :, None]], dim=2)
    known |= asked.no_anchor
    if known.any():
        losses["anchor"] = 0.5 * cross_entropy(scores.anchor[known], share[known])
    return losses


def hints_of(asked: Asked, share: float) -> Hints:
    """The truth about a random share of the sentences, of those whose objects were all proposed."""
    known = ((asked.anchor.sum(2) > 0) | asked.no_anchor).all(1) & (asked.candidate.sum(1) > 0)
    given = known & (torch.rand(len(known)) < share)
    return Hints(given=given, anchor=asked.anchor, candidate=asked.candidate, way_known=asked.way_known)


class AskedStream:
    """Sentences about random rooms; what comes at a step depends on the seed and the step alone.

    Args:
        rooms: With their proposals.
        encoder: Of the sentences.
        config: How many of what.
        naming: Finds what the sentences name.
    """

    def __init__(
        self, rooms: list[ProposedRoom], encoder: TextEncoder, config: RelationTraining, naming: Naming | None = None
    ) -> None:
        self.rooms, self.encoder, self.config, self.naming = rooms, encoder, config, naming
        self.written = [room for room in rooms if room.facts is None and is_written_about(room.path)]
        self.pools: dict[tuple[Path, RoomFacts | None], tuple[int, list[Exchange], list[Tensor], list[list[str]]]] = {}
        self.names: dict[str, Tensor] = {}

    def at(self, step: int) -> Iterator[tuple[Referents, Asked, list[list[str]]]]:
        """The rooms of one step, each with its sentences and, for some of these, the words for what they name."""
        rng = random.Random(self.config.seed * 1_000_003 + step)
        for _ in range(self.config.rooms):
            room = rng.choice(self.written if self.written and rng.random() < self.config.written else self.rooms)
            generated, exchanges, states, names = self._pool(room)
            rows = [self._drawn(generated, len(exchanges), rng) for _ in range(self.config.sentences)]
            seen = varied(room.seen, rng)
            named = [names[i] if rng.random() < self.config.told else [] for i in rows]
            yield seen, asked_of([exchanges[i] for i in rows], [states[i] for i in rows], room), named

    def encode(self, names: list[str]) -> tuple[Tensor, Tensor]:
        """As `TextEncoder.tokens`; each name is encoded once."""
        new = sorted({name for name in names if name not in self.names})
        self.names |= dict(zip(new, token_states(self.encoder, new), strict=True))
        return padded([self.names[name] for name in names])

    def _drawn(self, generated: int, count: int, rng: random.Random) -> int:
        """One of `count` sentences, of which those after `generated` are written."""
        written = generated < count and rng.random() < self.config.written
        return rng.randrange(generated, count) if written else rng.randrange(generated)

    def _pool(self, room: ProposedRoom) -> tuple[int, list[Exchange], list[Tensor], list[list[str]]]:
        """How many sentences about a room are generated, and all of them, these first; turned variants share them."""
        key = room.path, room.facts
        if key not in self.pools:
            facts = room.facts or facts_of(room.path)
            seed = self.config.seed + int.from_bytes(room.path.stem.encode()[-6:], "big")
            described = round(self.config.descriptions * self.config.pool)
            samples = speak(facts, seed=seed, count=self.config.pool - described)
            samples += speak(facts, seed=seed + 1, count=described * 3 // 4, task="grounding")
            samples += speak(facts, seed=seed + 2, count=described // 4, task="multi_grounding")
            for family in families("grounding"):
                count = self.config.each_of.get(family, self.config.each)
                samples += speak(facts, seed=seed + 3, count=count, task="grounding", family=family)
            exchanges = [exchange for sample in samples for exchange in exchanges_of(sample)]
            generated = len(exchanges)
            exchanges += written_about(room.path, facts) if room.facts is None else []
            self.pools[key] = (generated, exchanges, *self._read([exchange.question for exchange in exchanges]))
        return self.pools[key]

    def _read(self, questions: list[Question], *, batch: int = 64) -> tuple[list[Tensor], list[list[str]]]:
        """States of the tokens of each question, half precision, and what it names."""
        order = sorted(range(len(questions)), key=lambda i: len(questions[i].spoken()))
        states, named = [torch.empty(0)] * len(questions), [[""]] * len(questions)
        for start in range(0, len(order), batch):
            rows = order[start : start + batch]
            chosen = [questions[row] for row in rows]
            words = self.encoder.words([question.spoken() for question in chosen])
            for row, state, there in zip(rows, words.late, words.present, strict=True):
                states[row] = state[there].half()
            if self.naming is not None:
                for row, own in zip(rows, self.naming.named(chosen, self.encoder), strict=True):
                    named[row] = own
        return states, named


def padded(states: list[Tensor]) -> tuple[Float[Tensor, "t l e"], Bool[Tensor, "t l"]]:
    """States of the tokens of sentences one below the other, and which of them are no padding."""
    token = pad_sequence([state.float() for state in states], batch_first=True) if states else torch.zeros(0, 1, 1)
    return token, torch.arange(token.shape[1]) < torch.tensor([len(state) for state in states])[:, None]


def token_states(encoder: TextEncoder, sentences: list[str], *, batch: int = 64) -> list[Float[Tensor, "l e"]]:
    """Token states of each sentence, half precision, in their order."""
    order = sorted(range(len(sentences)), key=lambda i: len(sentences[i]))
    states: list[Tensor] = [torch.empty(0)] * len(sentences)
    for start in range(0, len(order), batch):
        chosen = order[start : start + batch]
        state, present = encoder.tokens([sentences[i] for i in chosen])
        for i, row, there in zip(chosen, state, present, strict=True):
            states[i] = row[there].half()
    return states


def asked_of(exchanges: list[Exchange], states: list[Tensor], room: ProposedRoom) -> Asked:
    """Tensors for sentences about a room."""
    count = len(room.owner)
    token, present = padded(states)
    target, candidate = torch.zeros(len(exchanges), count), torch.zeros(len(exchanges), count)
    selected = torch.zeros(len(exchanges), count, 2)
    anchor = torch.zeros(len(exchanges), ANCHORS, count)
    no_anchor = torch.zeros(len(exchanges), ANCHORS, dtype=torch.bool)
    way = torch.zeros(len(exchanges), len(WAYS))
    for t, exchange in enumerate(exchanges):
        turn = exchange.turn
        way[t, [WAYS.index(told) for told in turn.told or () if told in WAYS]] = 1
        target[t, room.rows_of(turn.targets)] = 1
        candidate[t, room.rows_of(turn.candidates or turn.targets)] = 1
        selected[t, room.rows_of(turn.selected), 0] = 1
        selected[t, room.rows_of(exchange.spoken_of), 1] = 1
        for a in range(ANCHORS):
            rows = room.rows_of(turn.anchors[a]) if a < len(turn.anchors) else []
            no_anchor[t, a] = a >= len(turn.anchors)
            if rows:
                anchor[t, a, rows] = 1 / len(rows)
    judged = torch.tensor([not e.turn.targets for e in exchanges], dtype=torch.bool) | target.any(1)
    return Asked(
        token=token,
        present=present,
        selected=selected,
        target=target,
        judged=judged,
        candidate=candidate,
        anchor=anchor,
        no_anchor=no_anchor,
        way=way,
        way_known=torch.tensor([e.turn.told is not None for e in exchanges], dtype=torch.bool),
    )


def varied(seen: Referents, rng: random.Random) -> Referents:
    """The same objects with the scan's axes turned by quarters and boxes a little off; what is said stays true."""
    place = seen.place.clone()
    for _ in range(rng.randrange(4)):
        x, y, width, depth, ahead, aside = place[:, [0, 1, 3, 4, 6, 7]].unbind(1)
        place[:, [0, 1, 3, 4, 6, 7]] = torch.stack([-y, x, depth, width, -aside, ahead], dim=1)
    noise = torch.Generator().manual_seed(rng.randrange(2**31))
    place[:, :3] += 0.02 * torch.randn(place[:, :3].shape, generator=noise)
    place[:, 3:6] *= 1 + 0.03 * torch.randn(place[:, 3:6].shape, generator=noise)
    return replace(seen, place=place)
