"""Stage 1: the detector learns elements, masks and what is read off the queries. One flat loop."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from scene3d.config import to_mapping
from scene3d.errors import ConfigError
from scene3d.labels import class_list
from scene3d.model.detector import Detector, DetectorConfig
from scene3d.model.weights import DETECTOR_WEIGHTS, load_tensors, save_detector
from scene3d.train import checkpoint
from scene3d.train.augment import AugmentConfig
from scene3d.train.data import SampleStream, TrainingSample, find_samples, samples_to
from scene3d.train.losses import element_losses, mask_losses, reading_losses
from scene3d.train.processes import (
    join_group,
    leave_group,
    load_optimizer,
    moving_average,
    shard,
    share_buffers,
    whole,
)
from scene3d.train.progress import TrainingLog
from scene3d.train.targets import match_hungarian, match_own, sample_queries, scan_targets

LOSS_WEIGHTS = {
    "element class": 1.0,
    "vote": 2.0,
    "mask": 1.0,
    "dice": 1.0,
    "class": 0.5,
    "quality": 0.5,
    "colour": 0.1,
    "material": 0.1,
    "facing": 0.2,
    "facing confidence": 0.1,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectorTraining:
    """One run. Everything that shapes the result is here; where data and results lie is said on the command line."""

    model: DetectorConfig = field(default_factory=DetectorConfig)
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    steps: int = 20_000
    batch: int = 1
    """Scans per step and process."""
    learning_rate: float = 2e-3
    weight_decay: float = 1e-4
    clip: float = 1.0
    ema: float = 0.998
    settle: float = 0.7
    """From this share of the steps on, batch norms use their running figures: what the model does when it is used."""
    seed: int = 0
    matching: str = "own"
    """own: a query answers for the object its element belongs to. hungarian: one query per object."""
    object_queries: int = 96
    background_queries: int = 16
    weights: dict[str, float] = field(default_factory=dict)
    """Weights of losses, where they shall differ from `LOSS_WEIGHTS`."""

    def __post_init__(self) -> None:
        """Refuse what would fail hours later."""
        if self.matching not in ("own", "hungarian"):
            raise ConfigError(f"matching {self.matching!r} is neither own nor hungarian")
        if self.steps < 1 or self.batch < 1:
            raise ConfigError(f"steps {self.steps} and batch {self.batch} must be at least 1")
        unknown = sorted(set(self.weights) - set(LOSS_WEIGHTS))
        if unknown:
            raise ConfigError(f"weights: there is no loss {unknown[0]!r}; there are: {', '.join(LOSS_WEIGHTS)}")


class DetectorLoss(nn.Module):
    """The detector with its losses: what DistributedDataParallel wraps, or `shard` spreads.

    Args:
        detector: What is trained.
        config: How.
        reach_all: Give every parameter a gradient, if a zero: shards are reduced together in every process.
    """

    def __init__(self, detector: Detector, config: DetectorTraining, *, reach_all: bool = False) -> None:
        super().__init__()
        self.detector, self.config, self.reach_all = detector, config, reach_all

    def forward(self, samples: list[TrainingSample], seed: int) -> dict[str, Tensor]:
        """Mean of every loss over the scans, and their weighted sum as `loss`."""
        generator = torch.Generator().manual_seed(seed)
        scenes = self.detector.encode([sample.scan for sample in samples])
        sums: dict[str, Tensor] = {}
        answers: list[Tensor] = []
        for sample, scene in zip(samples, scenes, strict=True):
            answers += [scene.class_logit, scene.elements.vote_m]
            targets = scan_targets(sample)
            losses = element_losses(scene, targets)
            query = sample_queries(
                targets,
                objects=self.config.object_queries,
                background=self.config.background_queries,
                generator=generator,
            )
            layers = self.detector.decode(scene.elements, query)
            for decoded in layers:
                reading = self.detector.read(decoded.feature)
                answers += [decoded.mask_logit, *(getattr(reading, f.name) for f in fields(reading))]
                if self.config.matching == "own":
                    matched = match_own(targets, query)
                else:
                    matched = match_hungarian(targets, decoded, reading.class_logit)
                each = mask_losses(decoded, targets, matched) | reading_losses(reading, decoded, targets, matched)
                for name, value in each.items():
                    losses[name] = losses.get(name, torch.zeros(())) + value / len(layers)
            for name, value in losses.items():
                sums[name] = sums.get(name, torch.zeros(())) + value / len(samples)
        weights = LOSS_WEIGHTS | self.config.weights
        weighted = [weights[name] * value for name, value in sums.items()]
        if self.reach_all:
            weighted += [0 * answer.float().sum() for answer in answers]
        return sums | {"loss": torch.stack(weighted).sum()}


def train_detector(
    config: DetectorTraining,
    data: Path,
    out: Path,
    *,
    device: str = "cpu",
    workers: int = 0,
    save_every: int = 200,
    start: Path | None = None,
    sharded: bool = False,
) -> Path:
    """Train, or go on with an interrupted training of the same configuration in `out`.

    Args:
        config: What is trained.
        data: Folder of compact training files, searched at any depth; those finer than the model's lattice are thinned.
        out: Checkpoint, logs and finally the weights are written here.
        device: "cpu" or "cuda"; under torchrun each process takes its own device.
        workers: Processes that prepare samples beside the training.
        save_every: Steps between two checkpoints.
        start: Folder of a model of the same sizes whose weights a new training starts from.
        sharded: Under torchrun, spread parameters, gradients and averages over the processes (FSDP2) in place of a copy
            in each; checkpoints are the same, so that either way goes on with the other's.

    Returns:
        Folder with the averaged weights, as `Grounder.from_pretrained` reads it.

    Raises:
        InputError: No training files below `data`.
        ConfigError: `out` holds a checkpoint of another configuration, or `sharded` with a single process.
    """
    rank, world = join_group(device)
    if sharded and world == 1:
        raise ConfigError("sharded takes several processes: `torchrun --no-python --nproc-per-node 8 scene3d train …`")
    model_config = _with_classes(config.model)
    paths = find_samples(data)
    torch.manual_seed(config.seed)
    detector = Detector.from_config(model_config)
    if start is not None:
        load_tensors(start / DETECTOR_WEIGHTS, detector)
    detector = detector.to(device)
    average = moving_average(detector, config.ema)
    averaged: Detector = average.module  # type: ignore[assignment]
    state = checkpoint.load(out, config=to_mapping(config))
    if state is not None:
        detector.load_state_dict(state["detector"])
        average.load_state_dict(state["average"])
    module: nn.Module = DetectorLoss(detector, config, reach_all=sharded)
    if sharded:
        shard(detector, module, device)
        shard(averaged, averaged, device)
    elif world > 1:
        module = DistributedDataParallel(module, find_unused_parameters=True, broadcast_buffers=False)
    optimizer = torch.optim.AdamW(detector.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, config.learning_rate, total_steps=config.steps + 1, pct_start=0.1, final_div_factor=100
    )
    first = 0
    if state is not None:
        first = state["step"]
        load_optimizer(optimizer, state["optimizer"])
        schedule.load_state_dict(state["schedule"])
    parts = {"detector": detector, "average": average, "optimizer": optimizer, "schedule": schedule}
    stream = SampleStream(
        paths,
        model_config.classes,
        config.augment,
        point_m=model_config.point_m,
        seed=config.seed,
        batch=config.batch,
        rank=rank,
        world=world,
    )
    detector.train()
    with TrainingLog(out, steps=config.steps, first_step=first, every=20, silent=rank > 0) as log:
        for step, samples in stream.batches(first, config.steps, workers=workers):
            _set_norms(detector, training=step < config.settle * config.steps)
            with torch.autocast(device, dtype=torch.bfloat16, enabled=device != "cpu"):
                losses = module(samples_to(samples, device), config.seed + step * world + rank)
            losses["loss"].backward()
            nn.utils.clip_grad_norm_(detector.parameters(), config.clip)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            schedule.step()
            if world > 1:
                share_buffers(detector)
            average.update_parameters(detector)
            log.step(step + 1, {name: float(value.detach()) for name, value in losses.items()})
            if (step + 1) % save_every == 0 or step + 1 == config.steps:
                states = whole({name: part.state_dict() for name, part in parts.items()})
                weights = whole(averaged.state_dict())
                if rank == 0:
                    checkpoint.save(out, states | {"step": step + 1, "config": to_mapping(config)})
                    save_detector(out / "weights", weights, model_config, half=False)
    leave_group()
    return out / "weights"


def _set_norms(detector: Detector, *, training: bool) -> None:
    for module in detector.modules():
        if isinstance(module, nn.BatchNorm1d):
            module.train(training)


def _with_classes(config: DetectorConfig) -> DetectorConfig:
    return config if config.classes else replace(config, classes=tuple(n for _, n in class_list("scannet200").things()))
