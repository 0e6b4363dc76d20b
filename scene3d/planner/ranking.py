"""Which activity a request is for: a small network on the sentence encoder's words, fitted to the examples of each."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from jaxtyping import Bool, Float, Int64
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, gelu, normalize
from torch.nn.utils.rnn import pad_sequence

from scene3d import resources
from scene3d.planner.activities import Activity

if TYPE_CHECKING:
    from scene3d.model.text import TextEncoder

Rank = Callable[[str, Sequence[Activity]], Sequence[float]]
"""How likely a request is for each activity, 0–1."""
OTHERS = Path(__file__).parent / "other_sentences.txt"
"""What people say that is for no activity: smalltalk, deeds outside of rooms, and what they say about things, and to
a robot of two things that they point at, as `scene3d.synth.language` has it."""
_OTHERS_SHARE = 4
"""Times as many of these as of the activity with most examples, at most."""
_OTHERS_OFTEN = 0.08
"""Share of what is read in fitting that is of these, at least."""
_WIDTH, _HEADS, _DROPOUT = 512, 8, 0.5
_EPOCHS, _LEAST_STEPS, _READ = 20, 100, 64
_RATE, _DECAY, _NOISE, _WORD_DROPOUT, _SMOOTHING = 2e-3, 0.1, 0.5, 0.1, 0.05
_SENTENCE = 20.0
"""Times the vector of a sentence, of which each number is small."""
_VERSION = 5
"""Counts the forms of the classifier and of the others' list; part of the name of what is kept."""


class ActivityClassifier(nn.Module):
    """Weighs the words of a request in a few ways; tells k activities, and what is for none, from these sums and the
    sentence as a whole.

    Args:
        activities: How many.
        text_width: Of the sentence encoder.
    """

    def __init__(self, activities: int, text_width: int) -> None:
        super().__init__()
        self.word = nn.Sequential(nn.Linear(2 * text_width, _WIDTH), nn.GELU(), nn.Dropout(_DROPOUT))
        self.weight = nn.Linear(_WIDTH, _HEADS)
        self.value = nn.Linear(_WIDTH, _WIDTH)
        self.activity = nn.Sequential(nn.Dropout(_DROPOUT), nn.Linear(_WIDTH + text_width, activities + 1))

    def forward(
        self, state: Float[Tensor, "t l c"], present: Bool[Tensor, "t l"], sentence: Float[Tensor, "t e"]
    ) -> Float[Tensor, "t k1"]:
        """Logits; the last is of what is for no activity.

        Args:
            state: Of each word, in the last layer and an early one.
            present: False for padding.
            sentence: Unit vectors.
        """
        word = self.word(state)
        share = self.weight(word).masked_fill(~present[:, :, None], -1e4).softmax(1)
        heads = self.value(word).unflatten(2, (_HEADS, -1))
        said = (share[..., None] * heads).sum(1).flatten(1)
        return self.activity(torch.cat([gelu(said), _SENTENCE * sentence], dim=1))

    @torch.no_grad()
    def probability(self, request: str, encoder: TextEncoder) -> Float[Tensor, "k"]:
        """Of each activity; small for all of them where the sentence is no request, or one for something else."""
        states, sentences = _read([request], encoder)
        (logit,) = self(states[0][None].float(), torch.ones(1, len(states[0]), dtype=torch.bool), sentences)
        return logit.softmax(0)[:-1]


def rank_by_sentence_encoder(request: str, candidates: Sequence[Activity]) -> list[float]:
    """How likely the request is for each of the candidates; those without examples are never it.

    The classifier of the shipped activities is shipped; another is fitted once, in some seconds, and kept.

    Raises:
        MissingDependencyError: The sentence encoder is not installed.
    """
    from scene3d.model.text import text_encoder

    shown = tuple((activity.name, activity.phrasings) for activity in candidates if activity.phrasings)
    if not shown:
        return [0.0] * len(candidates)
    probability = iter(_classifier(shown).probability(request, text_encoder()).tolist())
    return [next(probability) if activity.phrasings else 0.0 for activity in candidates]


def fit_classifier(examples: Sequence[Sequence[str]], encoder: TextEncoder) -> ActivityClassifier:
    """Fit a classifier to examples of each activity, on this machine always with the same result."""
    spoken = [*examples, _others(_OTHERS_SHARE * max(map(len, examples)))]
    states, sentences = _read([text for own in spoken for text in own], encoder)
    owner = torch.tensor([i for i, own in enumerate(spoken) for _ in own])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return _fitted(states, sentences, owner, len(examples))


def _others(most: int) -> list[str]:
    """Sentences that are for no activity, at most so many, from all over the list."""
    lines = OTHERS.read_text(encoding="utf-8").splitlines()
    return lines[:: -(-len(lines) // most)]


def _fitted(
    states: list[Tensor], sentences: Float[Tensor, "n e"], owner: Int64[Tensor, "n"], activities: int
) -> ActivityClassifier:
    classifier = ActivityClassifier(activities, sentences.shape[1])
    steps = max(_EPOCHS * len(owner) // _READ, _LEAST_STEPS)
    optimizer = torch.optim.AdamW(classifier.parameters(), lr=_RATE, weight_decay=_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, _RATE, total_steps=steps + 1)
    noise = _NOISE * float(torch.cat(states[:200]).float().std())
    other = owner == activities
    often = max(_OTHERS_OFTEN, float(other.float().mean()))
    weight = torch.where(other, often / other.sum(), (1 - often) / (~other).sum())
    for _ in range(steps):
        chosen = weight.multinomial(_READ, replacement=True)
        state = pad_sequence([states[i].float() for i in chosen.tolist()], batch_first=True)
        length = torch.tensor([len(states[i]) for i in chosen.tolist()])
        present = (torch.arange(state.shape[1]) < length[:, None]) & (torch.rand(state.shape[:2]) >= _WORD_DROPOUT)
        present[:, 0] = True
        logit = classifier(state + noise * torch.randn_like(state), present, sentences[chosen])
        loss = cross_entropy(logit, owner[chosen], label_smoothing=_SMOOTHING)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return classifier.eval()


@torch.no_grad()
def _read(texts: Sequence[str], encoder: TextEncoder, *, batch: int = 128) -> tuple[list[Tensor], Float[Tensor, "n e"]]:
    """States of the words of each text, (l, c) for its l tokens, and unit vectors of the texts."""
    order = sorted(range(len(texts)), key=lambda i: len(texts[i]))  # equal lengths together: little padding
    states: dict[int, Tensor] = {}
    sentences = torch.zeros(len(texts), encoder.width)
    for start in range(0, len(order), batch):
        chosen = order[start : start + batch]
        words = encoder.words([texts[i] for i in chosen])
        for row, i in enumerate(chosen):
            late, early = (state[row, words.present[row]] for state in (words.late, words.early))
            states[i] = torch.cat([late, early], dim=1).half()
            sentences[i] = normalize(late.mean(0), dim=0)
    return [states[i] for i in range(len(texts))], sentences


@functools.lru_cache(maxsize=8)
def _classifier(shown: tuple[tuple[str, tuple[str, ...]], ...]) -> ActivityClassifier:
    from scene3d.model.text import text_encoder

    encoder = text_encoder()
    key = json.dumps((_VERSION, shown)).encode()
    name = f"{hashlib.blake2b(key, digest_size=12).hexdigest()}.safetensors"
    kept = resources.cache_dir() / "activities" / name
    for path in (resources.root() / "data" / "weights" / "activities" / name, kept):
        if path.is_file():
            classifier = ActivityClassifier(len(shown), encoder.width)
            classifier.load_state_dict({part: value.float() for part, value in load_file(path).items()})
            return classifier.eval()
    fitted = fit_classifier([phrasings for _, phrasings in shown], encoder)
    _keep(kept, fitted)
    return fitted


def _keep(path: Path, fitted: ActivityClassifier) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    save_file({part: value.half().contiguous() for part, value in fitted.state_dict().items()}, partial)
    partial.replace(path)
