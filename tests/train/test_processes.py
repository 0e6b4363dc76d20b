"""Two processes at one training, as torchrun would start them."""

import dataclasses
import os
import shutil
import socket
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.multiprocessing as multiprocessing

from scene3d.config import load_config
from scene3d.errors import ConfigError
from scene3d.train import detector, processes
from scene3d.train.augment import AugmentConfig
from scene3d.train.data import SampleStream
from scene3d.train.detector import DetectorTraining, train_detector

CONFIG = dataclasses.replace(
    load_config(DetectorTraining, "detector/tiny"), steps=2, settle=0.5, augment=AugmentConfig(max_points=4000)
)


def train(data: Path, out: Path, rank: int, *, sharded: bool, last: int | None = None) -> None:
    """One training of this process; each process keeps what it holds at each save. `last`: interrupted there."""

    def kept(state: Any) -> Any:
        result = processes.whole(state)
        if "optimizer" in result:
            torch.save(result, out / f"rank{rank} step{result['schedule']['last_epoch']}.pt")
        return result

    batches = SampleStream.batches
    out.mkdir(exist_ok=True)
    torch.manual_seed(rank)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(detector, "whole", kept)
        if last is not None:
            patch.setattr(SampleStream, "batches", lambda self, a, _, workers: batches(self, a, last, workers=workers))
        train_detector(CONFIG, data, out, save_every=1, sharded=sharded)


def work(rank: int, data: Path, folder: Path, ports: list[int]) -> None:
    """What each of the processes does: whole and interrupted trainings, copied and sharded."""
    torch.set_num_threads(1)
    ready = iter(ports)

    def run(name: str, *, sharded: bool, last: int | None = None) -> None:
        os.environ.update(RANK=str(rank), WORLD_SIZE="2", MASTER_ADDR="127.0.0.1", MASTER_PORT=str(next(ready)))
        train(data, folder / name, rank, sharded=sharded, last=last)

    run("copied", sharded=False)
    run("copied in parts", sharded=False, last=1)
    if rank == 0:
        shutil.copytree(folder / "copied in parts", folder / "copied, then sharded")
    run("copied in parts", sharded=False)
    run("copied, then sharded", sharded=True)
    run("sharded, then copied", sharded=True, last=1)
    run("sharded, then copied", sharded=False)


@pytest.fixture(scope="module")
def trained(scenes: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict[str, Any]]]:
    """What each process held at the end of each training."""
    folder = tmp_path_factory.mktemp("trained")
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(6)]
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    multiprocessing.spawn(work, (scenes, folder, ports), nprocs=2)  # type: ignore[no-untyped-call]
    names = [path.name for path in folder.iterdir()]
    return {name: [held(folder / name, rank, step=2) for rank in range(2)] for name in names} | {
        "copied for one step": [held(folder / "copied", rank, step=1) for rank in range(2)]
    }


def held(folder: Path, rank: int, *, step: int) -> dict[str, Any]:
    """What a process held when it saved."""
    state: dict[str, Any] = torch.load(folder / f"rank{rank} step{step}.pt", weights_only=True)
    return state


def assert_equal(one: dict[str, Any], other: dict[str, Any]) -> None:
    """The same to the bit."""
    for part in ("detector", "average"):
        torch.testing.assert_close(one[part], other[part], rtol=0, atol=0)
    torch.testing.assert_close(one["optimizer"]["state"], other["optimizer"]["state"], rtol=0, atol=0)
    assert one["schedule"] == other["schedule"]


def flat(state: dict[str, torch.Tensor]) -> torch.Tensor:
    """All parameters and buffers, or their averages, in a row."""
    return torch.cat([state[name].flatten().double() for name in sorted(state) if name != "n_averaged"])


def felt(first: dict[str, Any]) -> torch.Tensor:
    """Which of them had more than rounding for a gradient in the first step, where AdamW goes by its sign alone.

    No gradient reaches the stem's weights on the channel that is constant, whose mean the norm takes out, nor the keys'
    biases, which a softmax does not see: two ways of summing it step to either side.
    """
    names = [name for name in first["detector"] if "running_" not in name and "num_batches" not in name]
    moment = {names[i]: values["exp_avg"] for i, values in first["optimizer"]["state"].items()}
    return flat({name: moment.get(name, torch.ones_like(v)).abs() > 1e-8 for name, v in first["detector"].items()}) > 0


@pytest.mark.slow
def test_processes_end_with_the_same_finite_weights(trained: dict[str, list[dict[str, Any]]]) -> None:
    for one, other in trained.values():
        assert_equal(one, other)
        assert bool(flat(one["detector"]).isfinite().all())


@pytest.mark.slow
def test_an_interrupted_training_ends_where_an_uninterrupted_one_does(
    trained: dict[str, list[dict[str, Any]]],
) -> None:
    assert_equal(trained["copied"][0], trained["copied in parts"][0])


@pytest.mark.slow
@pytest.mark.parametrize("name", ["sharded, then copied", "copied, then sharded"])
def test_shards_hold_what_copies_hold(trained: dict[str, list[dict[str, Any]]], name: str) -> None:
    copied, other = trained["copied"][0], trained[name][0]
    assert copied["schedule"] == other["schedule"]
    assert copied["optimizer"]["param_groups"] == other["optimizer"]["param_groups"]
    assert {key: value.shape for key, value in copied["average"].items()} == {
        key: value.shape for key, value in other["average"].items()
    }
    learnt = flat(copied["detector"]) - flat(copied["average"])
    assert float(learnt.norm()) > 0
    seen = felt(trained["copied for one step"][0])
    assert float(seen.double().mean()) > 0.99
    for part in ("detector", "average"):
        assert float((flat(copied[part]) - flat(other[part]))[seen].norm()) < 0.01 * float(learnt.norm())


def test_shards_without_other_processes_are_refused(scenes: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="sharded takes several processes"):
        train_detector(CONFIG, scenes, tmp_path, sharded=True)
