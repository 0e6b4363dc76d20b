"""Caption metrics against pycocoevalcap, worked values, and what happens to missing and doubtful input."""

import random

import numpy as np
import pytest

from scene3d.errors import InputError, MissingDependencyError
from scene3d.evaluate import captions as subject
from scene3d.evaluate import meteor

VOCABULARY = ["the", "a", "chair", "table", "is", "red", "blue", "next", "to", "wall", "on", "left", "of"]


def random_corpus(seed: int) -> tuple[list[str], list[list[str]]]:
    numbers = random.Random(seed)

    def text() -> str:
        return " ".join(numbers.choice(VOCABULARY) for _ in range(numbers.choice([0, 1, 2, 3, 5, 9, 14])))

    samples = numbers.choice([1, 2, 5, 30])
    references = [[text() for _ in range(numbers.randint(1, 5))] for _ in range(samples)]
    references[0][0] = "the chair"
    return [text() for _ in range(samples)], references


@pytest.mark.parametrize("seed", range(30))
def test_equals_pycocoevalcap(seed):
    bleu = pytest.importorskip("pycocoevalcap.bleu.bleu").Bleu(4)
    rouge = pytest.importorskip("pycocoevalcap.rouge.rouge").Rouge()
    cider = pytest.importorskip("pycocoevalcap.cider.cider").Cider()
    said, references = random_corpus(seed)
    truth, result = dict(enumerate(references)), {i: [text] for i, text in enumerate(said)}
    corpus = subject.count_grams(said, references)
    corpus_bleu, sample_bleu = bleu.compute_score(truth, result, verbose=0)
    assert subject.bleu(corpus)[0] == pytest.approx(corpus_bleu, rel=1e-9, abs=1e-12)
    np.testing.assert_allclose(subject.bleu(corpus)[1].T, sample_bleu, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(subject.rouge_l(said, references), rouge.compute_score(truth, result)[1], atol=1e-12)
    np.testing.assert_allclose(subject.cider(corpus), cider.compute_score(truth, result)[1], atol=1e-9)


@pytest.mark.skipif(not meteor.is_available(), reason="METEOR is a Java program")
@pytest.mark.slow
def test_meteor_equals_pycocoevalcap():
    official = pytest.importorskip("pycocoevalcap.meteor.meteor").Meteor()
    said, references = random_corpus(3)
    total, each = official.compute_score(dict(enumerate(references)), {i: [text] for i, text in enumerate(said)})
    for stream in (official.meteor_p.stdout, official.meteor_p.stderr):
        stream.close()  # it leaves them open, and warnings are errors here
    ours = meteor.meteor(said, references)
    assert ours[0] == pytest.approx(total, abs=1e-9)
    np.testing.assert_allclose(ours[1], each, atol=1e-9)


def test_perfect_captions():
    references = {"a": ["a red chair by the wall"], "b": ["two tables near a lamp"]}
    scores = subject.score_captions({name: texts[0] for name, texts in references.items()}, references, meteor=False)
    assert scores.bleu == pytest.approx((1, 1, 1, 1))
    assert scores.rouge_l == pytest.approx(1)
    assert scores.cider == pytest.approx(10)


def test_bleu_by_hand():
    # 2 of 3 words, "the chair" of 2 pairs, nothing longer; 3 words against 4: exp(1 - 4/3).
    scores = subject.score_captions({"a": "the chair blue"}, {"a": ["the chair is red"]}, meteor=False)
    penalty = np.exp(1 - 4 / 3)
    assert scores.bleu[0] == pytest.approx(penalty * 2 / 3)
    assert scores.bleu[1] == pytest.approx(penalty * np.sqrt(2 / 3 * 1 / 2))


def test_missing_prediction_counts_as_empty_in_the_denominator():
    references = {"a": ["a red chair"], "b": ["a blue table"]}
    scores = subject.score_captions({"a": "a red chair"}, references, meteor=False)
    assert scores.rouge_l == pytest.approx(0.5)
    assert scores == subject.score_captions({"a": "a red chair", "b": ""}, references, meteor=False)


def test_order_of_ids_does_not_matter():
    said, references = random_corpus(2)
    ids = [str(i) for i in range(len(said))]
    forward = subject.score_captions(
        dict(zip(ids, said, strict=True)), dict(zip(ids, references, strict=True)), meteor=False
    )
    backward = subject.score_captions(
        dict(zip(ids, said, strict=True)), dict(zip(ids[::-1], references[::-1], strict=True)), meteor=False
    )
    assert backward.bleu == pytest.approx(forward.bleu)
    assert backward.cider == pytest.approx(forward.cider)


def test_merged_parts_score_like_the_whole():
    said, references = random_corpus(5)
    whole, left, right = (subject.CaptionMetrics() for _ in range(3))
    for i, (text, group) in enumerate(zip(said, references, strict=True)):
        whole.add(str(i), text, group)
        (left if i % 2 == 0 else right).add(str(i), text, group)
    left.merge(right)
    assert left.result(meteor=False).cider == pytest.approx(whole.result(meteor=False).cider)
    with pytest.raises(InputError, match="added twice"):
        left.merge(right)


def test_errors_name_the_id():
    with pytest.raises(InputError, match="no captions"):
        subject.score_captions({}, {})
    with pytest.raises(InputError, match="'x'"):
        subject.score_captions({"x": "chair"}, {"a": ["chair"]})
    with pytest.raises(InputError, match="'a' has no reference"):
        subject.score_captions({}, {"a": []})


def test_meteor_is_none_without_java(monkeypatch):
    monkeypatch.setattr(meteor.shutil, "which", lambda _: None)
    assert subject.score_captions({"a": "x"}, {"a": ["x"]}).meteor is None
    with pytest.raises(MissingDependencyError, match="needs Java"):
        meteor.meteor(["x"], [["x"]])
