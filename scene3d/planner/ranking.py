"""Which activity a request is for: a linear classifier on sentence embeddings, fitted to the examples of each."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from jaxtyping import Float
from safetensors.torch import load_file, save_file
from torch import Tensor, nn, optim, stack, tensor, zeros
from torch.nn.functional import cross_entropy, normalize

from scene3d import resources
from scene3d.planner.activities import Activity

if TYPE_CHECKING:
    from scene3d.model.text import TextEncoder

Rank = Callable[[str, Sequence[Activity]], Sequence[float]]
"""How likely a request is for each activity, 0–1."""
_DECAY, _SHARPNESS = 1e-3, 20.0
_LEAST_COSINE = 0.36
"""With the mean of an activity's examples; 96 % of new requests reach it, and hardly a question that is for none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivityClassifier:
    """A row for each of k activities, in the space of the sentence encoder."""

    weight: Float[Tensor, "k e"]
    bias: Float[Tensor, "k"]
    mean: Float[Tensor, "k e"]
    """Of the examples, of length 1."""

    def __call__(self, request: Float[Tensor, "e"]) -> Float[Tensor, "k"]:
        """Probabilities; all 0 for a request that is like none of the examples."""
        probability = (_SHARPNESS * (self.weight @ request) + self.bias).softmax(0)
        return probability * float((self.mean @ request).amax() >= _LEAST_COSINE)


def rank_by_sentence_encoder(request: str, candidates: Sequence[Activity]) -> list[float]:
    """How likely the request is for each of the candidates; those without examples are never it.

    The classifier of the shipped activities is shipped; another is fitted once, in seconds, and kept.

    Raises:
        MissingDependencyError: The sentence encoder is not installed.
    """
    from scene3d.model.text import text_encoder

    shown = tuple((activity.name, activity.phrasings) for activity in candidates if activity.phrasings)
    if not shown:
        return [0.0] * len(candidates)
    encoder = text_encoder()
    probability = iter(_classifier(shown)(encoder.encode([request])[0]).tolist())
    return [next(probability) if activity.phrasings else 0.0 for activity in candidates]


def fit_classifier(examples: Sequence[Sequence[str]], encoder: TextEncoder) -> ActivityClassifier:
    """Fit a classifier to examples of each activity by multinomial logistic regression, always with the same result."""
    vectors = encoder.encode([text for own in examples for text in own])
    owner = tensor([i for i, own in enumerate(examples) for _ in own])
    weight, bias = nn.Parameter(zeros(len(examples), vectors.shape[1])), nn.Parameter(zeros(len(examples)))
    optimizer = optim.LBFGS([weight, bias], max_iter=300, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        value = cross_entropy(_SHARPNESS * vectors @ weight.T + bias, owner) + _DECAY * weight.square().sum()
        value.backward()
        return value

    optimizer.step(loss)
    mean = stack([vectors[owner == i].mean(0) for i in range(len(examples))])
    return ActivityClassifier(weight=weight.detach(), bias=bias.detach(), mean=normalize(mean, dim=1))


@functools.lru_cache(maxsize=8)
def _classifier(shown: tuple[tuple[str, tuple[str, ...]], ...]) -> ActivityClassifier:
    from scene3d.model.text import text_encoder

    name = f"{hashlib.blake2b(json.dumps(shown).encode(), digest_size=12).hexdigest()}.safetensors"
    kept = resources.cache_dir() / "activities" / name
    for path in (resources.root() / "data" / "weights" / "activities" / name, kept):
        if path.is_file():
            return ActivityClassifier(**{part: value.float() for part, value in load_file(path).items()})
    fitted = fit_classifier([phrasings for _, phrasings in shown], text_encoder())
    _keep(kept, fitted)
    return fitted


def _keep(path: Path, fitted: ActivityClassifier) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    save_file({part: getattr(fitted, part).half().contiguous() for part in ActivityClassifier.__slots__}, partial)
    partial.replace(path)
