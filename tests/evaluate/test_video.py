"""J and F against a slow rewrite with explicit dilation, worked frames, and folders of pictures."""

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import binary_dilation

from scene3d.errors import InputError
from scene3d.evaluate.video import (
    VideoMetrics,
    boundary_accuracy,
    read_labels,
    region_similarity,
    score_video,
    video_names,
)


def slow_boundary(mask: np.ndarray) -> np.ndarray:
    height, width = mask.shape
    edge = np.zeros(mask.shape, dtype=bool)
    for y in range(height):
        for x in range(width):
            below, right = min(y + 1, height - 1), min(x + 1, width - 1)
            edge[y, x] = (
                len({bool(mask[y, x]), bool(mask[below, x]), bool(mask[y, right]), bool(mask[below, right])}) > 1
            )
    return edge


def slow_f(a: np.ndarray, b: np.ndarray) -> float:
    radius = int(np.ceil(0.008 * np.linalg.norm(a.shape)))
    y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    disk = x**2 + y**2 <= radius**2
    a, b = slow_boundary(a), slow_boundary(b)
    if not a.any() or not b.any():
        return float(a.any() == b.any())
    precision = (a & binary_dilation(b, disk)).sum() / a.sum()
    recall = (b & binary_dilation(a, disk)).sum() / b.sum()
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def blobs(seed: int, shape: tuple[int, int]) -> np.ndarray:
    random = np.random.default_rng(seed)
    y, x = np.mgrid[: shape[0], : shape[1]]
    labels = np.zeros(shape, dtype=np.uint8)
    for k in range(1, 4):
        cy, cx, r = random.integers(0, shape[0]), random.integers(0, shape[1]), random.integers(1, 20)
        labels[(y - cy) ** 2 + (x - cx) ** 2 < r**2] = k
    labels[random.random(shape) < random.choice([0, 0.02])] = 2
    return labels


@pytest.mark.parametrize("seed", range(12))
def test_equals_the_slow_rewrite(seed):
    shape = ((40, 60), (120, 170), (7, 400))[seed % 3]
    a, b = blobs(seed, shape), blobs(seed + 100, shape)
    if seed % 2:
        b = np.roll(a, (1, 2), axis=(0, 1))
    j = region_similarity(a, b, [1, 2, 3])
    for k in (1, 2, 3):
        union = ((a == k) | (b == k)).sum()
        assert j[k - 1] == pytest.approx(((a == k) & (b == k)).sum() / union if union else 1)
        assert boundary_accuracy(a == k, b == k) == pytest.approx(slow_f(a == k, b == k), abs=1e-12)


def test_worked_frame():
    truth, said = np.zeros((10, 10), dtype=np.uint8), np.zeros((10, 10), dtype=np.uint8)
    truth[2:6, 2:6], said[2:6, 4:8] = 1, 1
    metrics = VideoMetrics()
    metrics.add("v", [said], [truth])
    assert metrics.result()["videos"]["v"]["1"]["J"] == pytest.approx(8 / 24)
    assert boundary_accuracy(truth == 1, truth == 1) == 1
    assert boundary_accuracy(truth == 9, truth == 9) == 1
    assert boundary_accuracy(truth == 9, truth == 1) == 0


def test_the_mean_is_over_objects_of_all_videos():
    one, two = np.ones((4, 4), dtype=np.uint8), np.array([[1, 1], [2, 2]], dtype=np.uint8)
    metrics = VideoMetrics()
    metrics.add("perfect", [two], [two])
    metrics.add("nothing", [one * 0], [np.pad(one, 2)[:4, :4]])
    result = metrics.result()
    assert result["J"] == pytest.approx(2 / 3)
    assert result["J&F"] == pytest.approx((result["J"] + result["F"]) / 2)


def test_ends_can_be_skipped():
    good, bad = np.eye(6, dtype=np.uint8), np.zeros((6, 6), dtype=np.uint8)
    every, inner = VideoMetrics(), VideoMetrics(skip_ends=True)
    for metrics in (every, inner):
        metrics.add("v", [bad, good, bad], [good, good, good])
    assert every.result()["J"] == pytest.approx(1 / 3)
    assert inner.result()["J"] == 1
    with pytest.raises(InputError, match="between its ends"):
        VideoMetrics(skip_ends=True).add("v", [good, good], [good, good])


def test_void_pixels_are_background():
    truth = np.array([[1, 255, 0]], dtype=np.uint8)
    metrics = VideoMetrics()
    metrics.add("v", [np.array([[1, 0, 0]], dtype=np.uint8)], [truth])
    assert metrics.result()["J"] == 1


def test_quirks_of_objects():
    truth, late = np.array([[2, 0, 0]], dtype=np.uint8), np.array([[2, 3, 0]], dtype=np.uint8)
    sane, quirky = VideoMetrics(), VideoMetrics(official_quirks=True)
    sane.add("v", [truth, truth], [truth, late])
    quirky.add("v", [truth, truth], [truth, late])
    assert list(sane.videos["v"]) == ["2", "3"]
    assert sane.videos["v"]["3"]["J"] == 0.5  # absent in both at first, then missed
    assert list(quirky.videos["v"]) == ["1", "2"]
    with pytest.raises(InputError, match="highest predicted label is 3"):
        quirky.add("w", [late], [truth])


def test_folders_and_merge(tmp_path):
    random = np.random.default_rng(0)
    for side in ("gt", "pred"):
        for name in ("a", "b"):
            (tmp_path / side / name).mkdir(parents=True)
            for frame in range(3):
                labels = Image.fromarray(random.integers(0, 3, (8, 9)).astype(np.uint8))
                if side == "gt" or frame < 2:
                    labels.save(tmp_path / side / name / f"{frame:05d}.png")
    pred, gt = tmp_path / "pred", tmp_path / "gt"
    assert video_names(pred, gt) == ["a", "b"]
    total = VideoMetrics()
    for name in ("a", "b"):
        total.merge(score_video(name, pred=pred, gt=gt, skip_ends=False, official_quirks=False))
    whole = VideoMetrics()
    for name in ("a", "b"):
        truth = [read_labels(path) for path in sorted((gt / name).glob("*.png"))]
        said = [read_labels(path) for path in sorted((pred / name).glob("*.png"))]
        whole.add(name, [*said, np.zeros_like(truth[0])], truth)
    assert total.result() == whole.result()
    with pytest.raises(InputError, match="added twice"):
        total.merge(whole)


def test_errors(tmp_path):
    frame = np.zeros((3, 3), dtype=np.uint8)
    with pytest.raises(InputError, match="1 predicted frames for 2"):
        VideoMetrics().add("v", [frame], [frame, frame])
    with pytest.raises(InputError, match=r"predicted \(2, 3\)"):
        VideoMetrics().add("v", [frame[:2]], [frame])
    with pytest.raises(InputError, match="no annotated object"):
        VideoMetrics().result()
    with pytest.raises(InputError, match="no such file"):
        video_names(tmp_path, tmp_path)
    Image.new("RGB", (2, 2)).save(tmp_path / "x.png")
    with pytest.raises(InputError, match="one channel"):
        read_labels(tmp_path / "x.png")
