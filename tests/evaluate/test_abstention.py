"""Calibration and risk: worked values, properties, the plot, and the commands end to end."""

import json

import numpy as np
import pytest
from PIL import Image

from scene3d.commands import evaluate_text
from scene3d.errors import InputError
from scene3d.evaluate.abstention import AbstentionMetrics, read_records, reliability, selective_risk
from scene3d.evaluate.reliability_plot import save_reliability_plot


def collect(pairs) -> AbstentionMetrics:
    metrics = AbstentionMetrics()
    for i, (probability, correct) in enumerate(pairs):
        metrics.add(str(i), probability, correct)
    return metrics


def test_worked_figures():
    result = collect([(0.9, True), (0.8, True), (0.7, False), (0.1, False)]).result()
    assert result["brier"] == pytest.approx((0.01 + 0.04 + 0.49 + 0.01) / 4)
    assert result["ece"] == pytest.approx((0.1 + 0.2 + 0.7 + 0.1) / 4)
    assert result["aurc"] == pytest.approx((0 + 0 + 1 / 3 + 1 / 2) / 4)
    assert result["risk_coverage"][-1] == {"coverage": 1.0, "risk": 0.5}
    assert result["zero_target_accuracy"] is None


def test_one_bin_averages_its_samples():
    result = collect([(0.95, True), (0.95, False), (0.99, True), (0.97, True)]).result()
    assert result["ece"] == pytest.approx(abs(np.mean([0.95, 0.95, 0.99, 0.97]) - 0.75))


def test_a_border_belongs_to_the_lower_bin_and_zero_to_the_first():
    bins = reliability(np.array([0.0, 0.5, 1.0]), np.array([0.0, 1.0, 1.0]), bins=2)
    assert [b["count"] for b in bins] == [2, 1]


def test_order_does_not_matter_even_among_equals():
    random = np.random.default_rng(3)
    pairs = [(float(random.choice([0.2, 0.5, 0.9])), bool(random.random() < 0.6)) for _ in range(60)]
    forward, backward = collect(pairs).result(), collect(pairs[::-1]).result()
    assert backward["aurc"] == pytest.approx(forward["aurc"])
    assert backward["ece"] == pytest.approx(forward["ece"])


def test_equals_share_their_mean_error():
    assert selective_risk(np.array([0.5, 0.5, 0.1]), np.array([1.0, 0.0, 0.0])) == pytest.approx([0.5, 0.5, 2 / 3])


def test_certain_and_right_is_perfect():
    result = collect([(1.0, True)] * 5).result()
    assert (result["ece"], result["brier"], result["aurc"]) == (0, 0, 0)


def test_zero_targets():
    records = [
        {"id": 1, "probability": 0.9, "correct": True, "zero_target": True},
        {"id": 2, "probability": 0.4, "correct": False, "zero_target": True},
        {"id": 3, "probability": 0.4, "correct": False, "zero_target": True, "said_absent": True},
        {"id": 4, "probability": 0.4, "correct": True},
    ]
    assert read_records(records, where="p").result()["zero_target_accuracy"] == pytest.approx(2 / 3)


def test_merge_equals_one_pass():
    left, right = AbstentionMetrics(), AbstentionMetrics()
    left.add("a", 0.9, True, zero_target=True)
    right.add("b", 0.3, False)
    whole = AbstentionMetrics()
    whole.add("a", 0.9, True, zero_target=True)
    whole.add("b", 0.3, False)
    left.merge(right)
    assert left.result() == whole.result()
    with pytest.raises(InputError, match="added twice"):
        left.merge(right)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"probability": float("nan")}, "finite"),
        ({"probability": 1.2}, "not between 0 and 1"),
        ({"probability": "high"}, "finite number"),
        ({"correct": "yes"}, "true or false"),
        ({"id": "0"}, "added twice"),
    ],
)
def test_broken_records(change, message):
    good = {"id": "0", "probability": 0.5, "correct": True}
    with pytest.raises(InputError, match=message):
        read_records([good, good | {"id": "1"} | change], where="p")


def test_nothing_to_score():
    with pytest.raises(InputError, match="no samples"):
        AbstentionMetrics().result()


def test_plot_shows_bars_and_curve(tmp_path):
    result = collect([(0.9, True), (0.8, False), (0.3, False)]).result()
    save_reliability_plot(result, tmp_path / "plot.png")
    colours = {colour for _, colour in Image.open(tmp_path / "plot.png").getcolors(maxcolors=1 << 16) or []}
    assert {(0x4C, 0x78, 0xA8), (0xD9, 0x66, 0x3B)} <= colours
    with pytest.raises(InputError, match=r"plot\.png"):
        save_reliability_plot(result, tmp_path / "plot.unknown")


def test_commands_write_json(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("scene3d.evaluate.meteor.is_available", lambda: False)

    def write(name, value):
        (tmp_path / name).write_text(json.dumps(value))
        return tmp_path / name

    out = evaluate_text.OutputOptions(json=tmp_path / "out.json")

    def read():
        return json.loads((tmp_path / "out.json").read_text())

    said, truth = write("p.json", {"a": ["a chair"]}), write("g.json", {"a": ["A chair."], "b": ["a lamp"]})
    evaluate_text.captions(pred=said, gt=truth, out=out)
    assert list(read()) == ["BLEU", "ROUGE_L", "CIDEr", "METEOR"]
    assert read()["METEOR"] is None
    records = write("r.json", [{"id": "x", "probability": 0.5, "correct": True}])
    evaluate_text.abstention(pred=records, plot=tmp_path / "plot.png", out=out)
    assert read()["brier"] == 0.25
    mask = {"size": [1, 2], "counts": [1, 1]}
    evaluate_text.masks2d(benchmark="res", pred=write("p.json", {"1": mask}), gt=write("g.json", {"1": mask}), out=out)
    assert list(read()) == ["gIoU", "cIoU", "N_acc", "T_acc", "Pr@0.7", "Pr@0.8", "Pr@0.9"]
    assert "referring segmentation" in capsys.readouterr().out
    (tmp_path / "twice.json").write_text('{"a": ["x"], "a": ["y"]}')
    with pytest.raises(InputError, match=r"twice\.json: 'a' occurs twice"):
        evaluate_text.captions(pred=tmp_path / "twice.json", gt=write("g.json", {"a": ["x"]}))
