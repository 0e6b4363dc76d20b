"""The naming learns which words name what, from the words around them: many of the names are drawn from all words.

Beside what the generator says of rooms it reads sentences that were written without it, since people build theirs in
more ways than any table.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from jaxtyping import Int64
from rich.progress import track
from torch import Tensor
from torch.nn.functional import cross_entropy
from torch.nn.utils.rnn import pad_sequence

from scene3d.model.grounder import Grounder
from scene3d.model.naming import NAMES, Naming, NamingConfig
from scene3d.model.text import TextEncoder, text_encoder
from scene3d.synth.language import speak
from scene3d.synth.language.sample import Task
from scene3d.train.data import find_samples
from scene3d.train.exchanges import exchanges_of, facts_of
from scene3d.train.head import HeadTrainer
from scene3d.train.written import Places, written_sentences

_WORD = re.compile(r"[a-z]{3,}")
_ALIKE = 8
"""Times the sentences of a step, of the nearest length, are those among which they are drawn."""
_SHARES: dict[Task | None, float] = {"grounding": 0.45, "multi_grounding": 0.15, "qa": 0.25, None: 0.15}
"""Of what is said; None: of every task, most of which name nothing in this way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NamingTraining:
    """One run."""

    naming: NamingConfig = field(default_factory=NamingConfig)
    steps: int = 2400
    rooms: int = 110
    """Of how many rooms something is said."""
    sentences: int = 160
    """What is said of each."""
    strange: int = 2
    """How often each sentence comes once more about things of other names."""
    written: int = 8
    """How often each written sentence comes, all but once about things of other names."""
    read: int = 64
    """Sentences per step, of nearly the same length."""
    learning_rate: float = 1e-3
    weight_decay: float = 0.01
    half: bool = False
    """Multiply in bfloat16: faster on processors that can."""
    clip: float = 1.0
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Example:
    """One sentence of l tokens."""

    token: Int64[Tensor, "l"]
    part: Int64[Tensor, "l"]
    """What each token is part of, as `Naming.forward` tells it."""


def train_naming(config: NamingTraining, model: str, data: Path, out: Path, *, save_every: int = 500) -> Path:
    """Train the naming of a model, or go on with an interrupted training in `out`.

    Args:
        config: What is trained.
        model: A model folder or name; only its text encoder is used.
        data: Folder of compact training files.
        out: Checkpoint, logs and finally the whole model are written here.
        save_every: Steps between two checkpoints.

    Returns:
        Folder of the model with its naming.

    Raises:
        InputError: No training files below `data`, or a real room, of which no sentence is known to be true.
        ConfigError: `out` holds a checkpoint of another configuration.
    """
    grounder = Grounder.from_pretrained(model)
    torch.manual_seed(config.seed)
    naming = Naming(config.naming)
    trainer = HeadTrainer(naming, config, out)
    encoder = text_encoder(grounder.config.text_encoder)
    examples = examples_of(find_samples(data)[: config.rooms], encoder, config)
    trainer.run(
        lambda step: {"words": naming_loss(naming, encoder, examples, config)},
        every=100,
        save_every=save_every,
        clip=config.clip,
    )
    grounder.naming = naming.eval()
    grounder.config = replace(grounder.config, naming=config.naming)
    grounder.save_pretrained(out / "model")
    return out / "model"


def examples_of(paths: Sequence[Path], encoder: TextEncoder, config: NamingTraining) -> list[Example]:
    """Things said of rooms, and what was written; what names something comes again with strange names."""
    spoken: list[tuple[str, Places | None]] = []
    for path in track(paths, description="sentences", transient=True):
        facts = facts_of(path)
        seed = config.seed + int.from_bytes(path.stem.encode()[-6:], "big")
        for number, (task, share) in enumerate(_SHARES.items()):
            samples = speak(facts, seed=seed + number, count=round(share * config.sentences), task=task)
            first = [exchanges_of(sample)[0] for sample in samples]
            texts = [(exchange.question.spoken(), exchange.turn.named[:NAMES]) for exchange in first]
            spoken += [(text, located(text, named)) for text, named in texts]
    rng, words = random.Random(config.seed), sorted({word for text, _ in spoken for word in _WORD.findall(text)})
    told: list[tuple[str, Places]] = []
    for sentences, strange in (spoken, config.strange), (written_sentences(), config.written - 1):
        for text, places in sentences:
            if places is not None and strange >= 0:
                told.append((text, places))
                again = strange if any(places) else 0
                told += [with_strange_names(text, places, words, rng) for _ in range(again)]
    return _encoded(told, encoder)


def located(text: str, named: Sequence[str]) -> Places | None:
    """Where each name stands in a text, what is sought perhaps more than once; None where one is not to be found.

    Longer names come first: "the table" is not the end of "the coffee table".

    >>> located("A lamp by the desk lamp. This lamp is red", ("lamp", "the desk lamp"))
    [[(2, 6), (30, 34)], [(10, 23)]]
    """
    left = text.lower()
    places: Places = [[] for _ in named]
    for i in sorted(range(len(named)), key=lambda i: -len(named[i])):
        found = [match.span() for match in re.finditer(rf"(?<!\w){re.escape(named[i].lower())}(?!\w)", left)]
        if not named[i]:
            continue
        if not found:
            return None
        places[i] = found[:1] if i else found
        for start, end in places[i]:
            left = left[:start] + "\0" * (end - start) + left[end:]
    return places


def with_strange_names(text: str, places: Places, words: Sequence[str], rng: random.Random) -> tuple[str, Places]:
    """The sentence about things of other names, drawn from all words, since people have more names than any table;
    articles stay."""
    strange: dict[int, str] = {}
    said, moved, last = "", [[] for _ in places], 0
    for start, end, k in sorted((*span, k) for k, own in enumerate(places) for span in own):
        if k not in strange:
            article = [word for word in text[start:end].split(" ", 1)[:1] if word.lower() in ("the", "a", "an")]
            strange[k] = " ".join([*article, *rng.choices(words, k=rng.choice((1, 1, 2, 2, 3, 4)))])
        said += text[last:start]
        moved[k].append((len(said), len(said) + len(strange[k])))
        said, last = said + strange[k], end
    return said + text[last:], moved


def naming_loss(naming: Naming, encoder: TextEncoder, examples: list[Example], config: NamingTraining) -> Tensor:
    """Loss over random examples; these are sorted by length."""
    alike = min(_ALIKE * config.read, len(examples))
    first = int(torch.randint(len(examples) - alike + 1, ()))
    chosen = [examples[first + i] for i in torch.randperm(alike)[: config.read].tolist()]
    part = pad_sequence([one.part for one in chosen], batch_first=True, padding_value=-100)
    token = pad_sequence([one.token for one in chosen], batch_first=True)
    tokens = {"input_ids": token, "attention_mask": (part != -100).long()}
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=config.half):
        logit = naming(tokens, encoder)
    return cross_entropy(logit.float().flatten(0, 1), part.flatten(), ignore_index=-100)


def _encoded(told: list[tuple[str, Places]], encoder: TextEncoder) -> list[Example]:
    """Shortest first."""
    examples = []
    for start in range(0, len(told), 1000):
        chosen = told[start : start + 1000]
        tokens, spans = encoder.tokenized([text for text, _ in chosen])
        for row, ((_, names), letters) in enumerate(zip(chosen, spans, strict=True)):
            part = torch.zeros(len(letters), dtype=torch.int64)
            for k, places in enumerate(names, start=1):
                for token, (first, last) in enumerate(letters):
                    if any(start <= first < last <= end for start, end in places):
                        part[token] = k
            examples.append(Example(tokens["input_ids"][row, : len(letters)].clone(), part))
    return sorted(examples, key=lambda one: len(one.part))
