"""Files of the instance benchmark: both formats give the same numbers, and each misuse is named."""

from __future__ import annotations

import numpy as np
import pytest

from scene3d.errors import InputError
from scene3d.evaluate.folders import FolderRun, box_ap_of_folders, instance_ap_of_folders
from scene3d.evaluate.instance import InstanceAP, InstancePrediction
from scene3d.evaluate.instance_files import pair_scenes, read_prediction, read_truth
from scene3d.labels import class_list

from .test_instance import random_scene

CLASSES = class_list("scannet20")


def write_text(folder, name, masks, labels, scores):
    (folder / "masks").mkdir(parents=True, exist_ok=True)
    lines = []
    for i, (mask, label, score) in enumerate(zip(masks, labels, scores, strict=True)):
        np.savetxt(folder / "masks" / f"{name}_{i}.txt", mask, fmt="%d")
        lines.append(f"masks/{name}_{i}.txt {label} {score!r}\n".replace("np.float64(", "").replace(")", ""))
    (folder / f"{name}.txt").write_text("".join(lines))


@pytest.fixture
def written(tmp_path):
    """Three random scenes in both formats; the expected result."""
    rng = np.random.default_rng(31)
    expected = InstanceAP(min_region=5)
    for name in ("text_pred", "npz_pred", "text_gt", "npz_gt", "points"):
        (tmp_path / name).mkdir()
    for i in range(3):
        masks, labels, scores, truth = random_scene(rng)
        expected.add(InstancePrediction(mask=masks, label=labels, score=scores), truth)
        write_text(tmp_path / "text_pred", f"scene{i}", masks, labels, scores.tolist())
        np.savez(tmp_path / "npz_pred" / f"scene{i}.npz", mask=masks, label=labels, score=scores)
        np.savetxt(tmp_path / "text_gt" / f"scene{i}.txt", truth, fmt="%d")
        np.savez(tmp_path / "npz_gt" / f"scene{i}.npz", ids=truth, xyz_m=rng.random((len(truth), 3)))
    return tmp_path, expected.result()


def result_of(pred, gt, **settings):
    return instance_ap_of_folders(FolderRun(pred=pred, gt=gt, workers=1, **settings), min_region=5).result()


@pytest.mark.parametrize("pred", ["text_pred", "npz_pred"])
@pytest.mark.parametrize("gt", ["text_gt", "npz_gt"])
def test_all_formats_give_the_numbers_of_the_arrays(written, pred, gt):
    folder, expected = written
    assert str(result_of(folder / pred, folder / gt)) == str(expected)


def test_processes_change_nothing(written):
    folder, expected = written
    run = FolderRun(pred=folder / "text_pred", gt=folder / "text_gt", workers=2)
    assert str(instance_ap_of_folders(run, min_region=5).result()) == str(expected)


@pytest.mark.slow
def test_ray_changes_nothing(written):
    ray = pytest.importorskip("ray")
    folder, expected = written
    run = FolderRun(pred=folder / "text_pred", gt=folder / "text_gt", workers=2, engine="ray")
    try:
        assert str(instance_ap_of_folders(run, min_region=5).result()) == str(expected)
    finally:
        ray.shutdown()


def test_a_scene_without_predictions_counts_unless_quirks_are_asked_for(written):
    folder, _ = written
    whole = InstanceAP(min_region=5)
    (folder / "text_pred" / "scene2.txt").unlink()
    for i in range(3):
        truth = read_truth(folder / "text_gt" / f"scene{i}.txt")
        masks = np.zeros((0, len(truth)), dtype=bool)
        prediction = InstancePrediction(mask=masks, label=np.zeros(0, dtype=int), score=np.zeros(0))
        if i < 2:
            path = folder / "text_pred" / f"scene{i}.txt"
            prediction = read_prediction(path, vertices=len(truth), classes=CLASSES)
        whole.add(prediction, truth)
    sane = result_of(folder / "text_pred", folder / "text_gt")
    official = result_of(folder / "text_pred", folder / "text_gt", official_quirks=True)
    assert str(sane) == str(whole.result())
    assert official["ap"] > sane["ap"] > 0


def test_label_names_and_superpoints_are_read(tmp_path):
    superpoint = np.repeat(np.arange(4), 50)
    np.savez(
        tmp_path / "a.npz",
        mask=np.eye(4, dtype=bool)[:2],
        label=np.array(["bed", "spaceship"]),
        score=np.array([0.5, 0.25], dtype=np.float32),
        superpoint=superpoint,
    )
    prediction = read_prediction(tmp_path / "a.npz", vertices=200, classes=CLASSES)
    assert prediction.label.tolist() == [4, 0]
    assert prediction.over_vertices().dense()[0].tolist() == [True] * 50 + [False] * 150


def test_masks_of_unscored_classes_are_not_read(tmp_path):
    (tmp_path / "a.txt").write_text("masks/gone.txt 1 0.5\n")
    assert len(read_prediction(tmp_path / "a.txt", vertices=5, classes=CLASSES).mask) == 0


def test_a_mask_listed_twice_is_an_error_or_the_last_line(tmp_path):
    write_text(tmp_path, "a", np.ones((1, 5), dtype=bool), [3], [0.5])
    (tmp_path / "a.txt").write_text("masks/a_0.txt 3 0.5\nmasks/../masks/a_0.txt 4 0.25\n")
    with pytest.raises(InputError, match="line 2 lists"):
        read_prediction(tmp_path / "a.txt", vertices=5, classes=CLASSES)
    last = read_prediction(tmp_path / "a.txt", vertices=5, classes=CLASSES, official_quirks=True)
    assert (last.label.tolist(), last.score.tolist()) == ([4], [0.25])


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("../b.txt 3 0.5", "is not inside"),
        ("/etc/passwd 3 0.5", "is not inside"),
        ("masks/a_0.txt 3", "has 2 fields"),
        ("masks/a_0.txt chair 0.5", "must be numbers"),
        ("masks/a_0.txt 3 nan", "confidence is not a number"),
        ("masks/a_9.txt 3 0.5", "a_9.txt: cannot be read"),
        ("masks/a_0.txt 3 0.5", "5 lines, but the scene has 6 vertices"),
    ],
)
def test_unusable_lines_are_named(tmp_path, line, message):
    write_text(tmp_path, "a", np.ones((1, 5), dtype=bool), [3], [0.5])
    (tmp_path / "a.txt").write_text(line + "\n")
    with pytest.raises(InputError, match=message):
        read_prediction(tmp_path / "a.txt", vertices=6, classes=CLASSES)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"mask": np.ones((1, 5), dtype=bool), "score": np.ones(1)}, "no array 'label'"),
        ({"mask": np.ones((2, 5), dtype=bool), "score": np.ones(1), "label": np.ones(2)}, r"found mask \(2, 5\)"),
        ({"mask": np.ones((1, 4), dtype=bool), "score": np.ones(1), "label": np.ones(1)}, "masks over 4 vertices"),
        ({"mask": np.ones((1, 5), dtype=bool), "score": np.full(1, np.nan), "label": np.ones(1)}, "not a number"),
        (
            {"mask": np.ones((1, 2), dtype=bool), "score": np.ones(1), "label": np.ones(1), "superpoint": np.arange(5)},
            "superpoints run from 0 to 4",
        ),
    ],
)
def test_unusable_arrays_are_named(tmp_path, arrays, message):
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(InputError, match=message):
        read_prediction(tmp_path / "a.npz", vertices=5, classes=CLASSES)


def test_pickles_and_noise_are_refused(tmp_path):
    np.savez(tmp_path / "a.npz", ids=np.array([object()]))
    (tmp_path / "b.npz").write_bytes(b"noise")
    with pytest.raises(InputError, match="pickled"):
        read_truth(tmp_path / "a.npz")
    with pytest.raises(InputError, match=r"b\.npz"):
        read_truth(tmp_path / "b.npz")


def test_folders_must_fit(tmp_path):
    pred, gt = tmp_path / "pred", tmp_path / "gt"
    with pytest.raises(InputError, match="not a folder"):
        pair_scenes(pred, gt)
    pred.mkdir()
    gt.mkdir()
    with pytest.raises(InputError, match="no ground truth"):
        pair_scenes(pred, gt)
    (gt / "a.txt").write_text("0\n")
    with pytest.raises(InputError, match="no predictions"):
        pair_scenes(pred, gt)
    (pred / "b.txt").write_text("")
    (pred / "semantic_instance_evaluation.txt").write_text("left behind by the official script")
    with pytest.raises(InputError, match=r"b\.txt: no ground truth of that name"):
        pair_scenes(pred, gt)
    (gt / "b.txt").write_text("0\n")
    (gt / "b.npz").write_text("")
    with pytest.raises(InputError, match="is there too"):
        pair_scenes(pred, gt)


def test_boxes_of_the_truth_score_one(written):
    folder, _ = written
    for i in range(3):
        truth = read_truth(folder / "npz_gt" / f"scene{i}.npz")
        with np.load(folder / "npz_gt" / f"scene{i}.npz") as file:
            np.save(folder / "points" / f"scene{i}.npy", file["xyz_m"])
        ids = np.unique(truth)
        np.savez(
            folder / "npz_pred" / f"scene{i}.npz",
            mask=truth == ids[:, None],
            label=ids // 1000,
            score=np.linspace(0, 1, len(ids)),
        )
    by_truth = box_ap_of_folders(FolderRun(pred=folder / "npz_pred", gt=folder / "npz_gt", workers=1), min_region=2)
    by_points = box_ap_of_folders(
        FolderRun(pred=folder / "npz_pred", gt=folder / "text_gt", workers=1), points=folder / "points", min_region=2
    )
    assert by_truth.result()["ap"] == 1.0
    assert str(by_points.result()) == str(by_truth.result())
    with pytest.raises(InputError, match="--points"):
        box_ap_of_folders(FolderRun(pred=folder / "npz_pred", gt=folder / "text_gt", workers=1))
