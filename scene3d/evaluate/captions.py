"""Caption metrics over tokens: BLEU-1…4, ROUGE-L and CIDEr as the COCO caption evaluation computes them.

All n-grams of a corpus are numbered once and the metrics are counted with arrays. METEOR comes from `meteor`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from scene3d.errors import InputError
from scene3d.evaluate import meteor as meteor_bridge
from scene3d.evaluate.tokens import tokenize

ORDERS = 4
"""Longest n-gram."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptionScores:
    """Corpus scores. CIDEr is on its native scale of 0–10, the others 0–1."""

    bleu: tuple[float, ...]
    """BLEU-1 … BLEU-4 of the corpus."""
    rouge_l: float
    cider: float
    meteor: float | None
    """None where Java or the official jar is missing; never another METEOR."""

    def as_json(self) -> dict[str, Any]:
        """The scores under their customary names."""
        return {"BLEU": list(self.bleu), "ROUGE_L": self.rouge_l, "CIDEr": self.cider, "METEOR": self.meteor}


@dataclass(slots=True)
class CaptionMetrics:
    """Collects captions and scores them together; CIDEr needs the whole corpus, so texts are kept."""

    predictions: dict[str, str] = field(default_factory=dict)
    references: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def add(self, caption_id: str, prediction: str, references: Sequence[str]) -> None:
        """Add one captioned thing; an empty prediction stands for a missing one.

        Raises:
            InputError: The id came before, or there is no reference.
        """
        if caption_id in self.references:
            raise InputError(f"caption id {caption_id!r} was added twice; each id is scored once")
        if not references:
            raise InputError(f"caption id {caption_id!r} has no reference; leave it out of the ground truth")
        self.predictions[caption_id] = prediction
        self.references[caption_id] = tuple(references)

    def merge(self, other: CaptionMetrics) -> None:
        """Take in what another process collected.

        Raises:
            InputError: Both hold the same id.
        """
        for caption_id, references in other.references.items():
            self.add(caption_id, other.predictions[caption_id], references)

    def result(self, *, meteor: bool = True) -> CaptionScores:
        """Score everything added; see `score_captions`."""
        return score_captions(self.predictions, self.references, meteor=meteor)


def score_captions(
    predictions: Mapping[str, str], references: Mapping[str, Sequence[str]], *, meteor: bool = True
) -> CaptionScores:
    """Tokenize like the COCO evaluation, then score.

    Args:
        predictions: One caption per id. A missing id counts as an empty caption: score 0 in the official denominator.
        references: One or more captions per id.
        meteor: Whether to run METEOR where it can be run.

    Raises:
        InputError: No references at all, an id without references, or a prediction whose id has none.

    Source: Chen et al., "Microsoft COCO Captions" (arXiv:1504.00325).
    """
    ids = _checked_ids(predictions, references)
    flat = [text for caption_id in ids for text in references[caption_id]]
    sizes = np.array([len(references[caption_id]) for caption_id in ids])
    tokens = tokenize(flat)
    grouped = [tokens[end - size : end] for end, size in zip(np.cumsum(sizes), sizes, strict=True)]
    return score_tokens(tokenize([predictions.get(caption_id, "") for caption_id in ids]), grouped, meteor=meteor)


def score_tokens(
    predictions: Sequence[str], references: Sequence[Sequence[str]], *, meteor: bool = True
) -> CaptionScores:
    """Score captions whose tokens are already set apart by spaces."""
    corpus = count_grams(predictions, references)
    return CaptionScores(
        bleu=bleu(corpus)[0],
        rouge_l=float(rouge_l(predictions, references).mean()),
        cider=float(cider(corpus).mean()),
        meteor=meteor_bridge.meteor(predictions, references)[0] if meteor and meteor_bridge.is_available() else None,
    )


def _checked_ids(predictions: Mapping[str, str], references: Mapping[str, Sequence[str]]) -> list[str]:
    if not references:
        raise InputError("the ground truth holds no captions; nothing can be scored")
    unknown = [caption_id for caption_id in predictions if caption_id not in references]
    if unknown:
        raise InputError(f"{len(unknown)} predicted ids are not in the ground truth, such as {unknown[0]!r}")
    bare = [caption_id for caption_id, texts in references.items() if not texts]
    if bare:
        raise InputError(f"ground truth {bare[0]!r} has no reference caption; leave the id out")
    return list(references)


class _Grams(NamedTuple):
    """The n-grams of one order: one row per caption and distinct gram."""

    caption: np.ndarray
    """(g,) Index of the caption, predictions first, then references."""
    gram: np.ndarray
    """(g,) Number of the gram."""
    times: np.ndarray
    """(g,) How often it occurs in the caption."""


class Corpus(NamedTuple):
    """All n-grams of predictions and references, numbered and counted."""

    samples: int
    sample_of_reference: np.ndarray
    """(r,)"""
    length: np.ndarray
    """(samples + r,) Tokens per caption."""
    grams: tuple[_Grams, ...]
    """One per order."""


def count_grams(predictions: Sequence[str], references: Sequence[Sequence[str]]) -> Corpus:
    """Number and count the n-grams of tokens that are set apart by spaces."""
    words = [text.split() for text in [*predictions, *(text for group in references for text in group)]]
    number: dict[str, int] = {}
    token = np.array([number.setdefault(word, len(number)) for text in words for word in text], dtype=np.int64)
    length = np.array([len(text) for text in words])
    caption = np.repeat(np.arange(len(words)), length)
    left = np.repeat(np.cumsum(length), length) - np.arange(len(token))  # (t,) tokens from here to the end
    grams = []
    gram = token  # (t,) number of the n-gram that starts at each token
    for order in range(ORDERS):
        starts = np.flatnonzero(left > order)
        if order:
            pair = gram[starts] * max(len(number), 1) + token[starts + order]
            gram = np.zeros_like(token)
            gram[starts] = np.unique(pair, return_inverse=True)[1]
        grams.append(_count(caption[starts], gram[starts]))
    sizes = [len(group) for group in references]
    return Corpus(len(predictions), np.repeat(np.arange(len(sizes)), sizes), length, tuple(grams))


def _count(caption: np.ndarray, gram: np.ndarray) -> _Grams:
    width = int(gram.max(initial=0)) + 1
    key, count = np.unique(caption * width + gram, return_counts=True)
    return _Grams(key // width, key % width, count)


def bleu(corpus: Corpus) -> tuple[tuple[float, ...], np.ndarray]:
    """BLEU with the closest reference length.

    Returns:
        Corpus BLEU-1 … 4, and the same per sample, (samples, 4).

    Source: Papineni et al., ACL 2002; the small constants are those of the COCO evaluation.
    """
    n = corpus.samples
    guess = np.maximum(corpus.length[:n, None] - np.arange(ORDERS), 0)  # (n, 4)
    correct = np.stack([_clipped(grams, corpus) for grams in corpus.grams], axis=1)  # (n, 4)
    length = corpus.length[:n]
    gap = np.abs(corpus.length[n:] - length[corpus.sample_of_reference])
    order = np.lexsort((corpus.length[n:], gap, corpus.sample_of_reference))
    first = np.searchsorted(corpus.sample_of_reference, np.arange(n))  # references lie sample by sample
    closest = corpus.length[n:][order][first]
    per_sample = _bleu_from_counts(correct, guess, length, closest)
    total = _bleu_from_counts(correct.sum(0), guess.sum(0), length.sum(), closest.sum())
    return tuple(total.tolist()), per_sample


def _bleu_from_counts(correct: Any, guess: Any, length: Any, reference_length: Any) -> np.ndarray:
    precision = (correct + 1e-15) / (guess + 1e-9)
    mean = np.cumprod(precision, axis=-1) ** (1.0 / np.arange(1, ORDERS + 1))
    ratio = (length + 1e-15) / (reference_length + 1e-9)
    with np.errstate(over="ignore"):
        penalty = np.where(ratio < 1, np.exp(1 - 1 / ratio), 1.0)
    return mean * np.asarray(penalty)[..., None]


def _clipped(grams: _Grams, corpus: Corpus) -> np.ndarray:
    """Correct n-grams per sample, each counted at most as often as in the reference that has most of it."""
    n = corpus.samples
    is_reference = grams.caption >= n
    width = int(grams.gram.max(initial=0)) + 1
    key = corpus.sample_of_reference[grams.caption[is_reference] - n] * width + grams.gram[is_reference]
    order = np.lexsort((grams.times[is_reference], key))
    keys, last = np.unique(key[order][::-1], return_index=True)
    most = grams.times[is_reference][order][::-1][last]
    wanted = grams.caption[~is_reference] * width + grams.gram[~is_reference]
    found, place = _look_up(keys, wanted)
    hit = np.minimum(grams.times[~is_reference][found], most[place])
    return np.bincount(grams.caption[~is_reference][found], weights=hit, minlength=n)


def _look_up(keys: np.ndarray, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which of `wanted` are among the sorted `keys` (a mask), and where those lie."""
    if not len(keys):
        return np.zeros(len(wanted), dtype=bool), np.zeros(0, dtype=np.int64)
    place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    found = keys[place] == wanted
    return found, place[found]


def cider(corpus: Corpus, *, sigma: float = 6.0) -> np.ndarray:
    """CIDEr-D per sample, (samples,), on the scale of 0–10; document frequencies come from the references.

    Source: Vedantam et al., CVPR 2015 (arXiv:1411.5726); length in bigrams, clipped, as the COCO evaluation does.
    """
    n = corpus.samples
    bigrams = np.maximum(corpus.length - 1, 0)
    sample = corpus.sample_of_reference
    gap = bigrams[:n][sample] - bigrams[n:]  # (r,)
    similarity = sum(_tfidf_cosine(grams, corpus) for grams in corpus.grams)
    similarity = similarity * np.exp(-(gap**2) / (2 * sigma**2)) / ORDERS
    return 10.0 * np.bincount(sample, weights=similarity, minlength=n) / np.bincount(sample, minlength=n)


def _tfidf_cosine(grams: _Grams, corpus: Corpus) -> np.ndarray:
    """Clipped cosine between each reference and the prediction of its sample, (r,), for one order of n-grams."""
    n, captions = corpus.samples, len(corpus.length)
    is_reference = grams.caption >= n
    width = int(grams.gram.max(initial=0)) + 1
    reference = grams.caption[is_reference] - n
    sample = corpus.sample_of_reference[reference]
    documents = np.bincount(np.unique(sample * width + grams.gram[is_reference]) % width, minlength=width)
    idf = np.log(n) - np.log(np.maximum(documents, 1))
    weight = grams.times * idf[grams.gram]
    norm = np.sqrt(np.bincount(grams.caption, weights=weight**2, minlength=captions))
    keys = grams.caption[~is_reference] * width + grams.gram[~is_reference]
    found, place = _look_up(keys, sample * width + grams.gram[is_reference])
    ours, theirs = weight[~is_reference][place], weight[is_reference][found]
    dot = np.bincount(reference[found], weights=np.minimum(ours, theirs) * theirs, minlength=captions - n)
    scale = norm[:n][corpus.sample_of_reference] * norm[n:]
    return np.divide(dot, scale, out=np.zeros(len(scale)), where=scale > 0)


def rouge_l(predictions: Sequence[str], references: Sequence[Sequence[str]], *, beta: float = 1.2) -> np.ndarray:
    """ROUGE-L per sample, (samples,): best precision and best recall over the references, weighted by `beta`.

    As in the COCO evaluation an empty text is one empty token, so it matches an empty reference and nothing else.

    Source: Lin, "ROUGE", ACL workshop 2004.
    """
    scores = np.zeros(len(predictions))
    for sample, (prediction, group) in enumerate(zip(predictions, references, strict=True)):
        ours = prediction.split(" ")
        theirs = [reference.split(" ") for reference in group]
        common = [_longest_common_subsequence(ours, words) for words in theirs]
        precision = max(common) / len(ours)
        recall = max(c / len(words) for c, words in zip(common, theirs, strict=True))
        if precision and recall:
            scores[sample] = (1 + beta**2) * precision * recall / (recall + beta**2 * precision)
    return scores


def _longest_common_subsequence(a: Sequence[str], b: Sequence[str]) -> int:
    """Its length, by one bit per token of `a` (Hyyrö 2004): a cleared bit is a token on the subsequence."""
    where: dict[str, int] = {}
    for i, token in enumerate(a):
        where[token] = where.get(token, 0) | 1 << i
    full = (1 << len(a)) - 1
    row = full
    for token in b:
        match = row & where.get(token, 0)
        row = (row + match | row - match) & full
    return len(a) - row.bit_count()
