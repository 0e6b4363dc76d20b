"""Stage 2: the alignment head learns by contrast which phrase names which proposal. The detector is frozen."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from scene3d.config import to_mapping
from scene3d.errors import InputError
from scene3d.model.alignment import AlignmentHead
from scene3d.model.detector import Detector, DetectorConfig
from scene3d.model.grounder import Grounder
from scene3d.model.proposals import ReadingRules, propose
from scene3d.model.text import text_encoder
from scene3d.synth import load_training_scene
from scene3d.train import checkpoint
from scene3d.train.augment import AugmentConfig, augment
from scene3d.train.data import TrainingSample, find_samples, load_sample
from scene3d.train.phrases import Wording, fits, say, wording_of
from scene3d.train.progress import TrainingLog
from scene3d.train.targets import mask_overlap, scan_targets


@dataclass(frozen=True, slots=True, kw_only=True)
class AlignmentTraining:
    """One run of the alignment head."""

    steps: int = 3000
    scenes: int = 8
    """Scenes per step."""
    phrases: int = 48
    """Phrases said about each scene."""
    foreign: int = 24
    """Phrases about other scenes added to each, as absent things."""
    variants: int = 1
    """Augmented variants of each scene whose proposals are kept."""
    learning_rate: float = 1e-3
    weight_decay: float = 0.05
    focal_alpha: float = 0.25
    focal_gamma: float = 2.0
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposedScene:
    """Proposals of one scene and what may be said of the objects behind them."""

    feature: Float[Tensor, "q c"]
    owner: list[int]
    """Row in `wordings` of the object with mask IoU of at least 0.5, -1 where there is none, -2 where it is unclear."""
    wordings: list[Wording]


def train_alignment(config: AlignmentTraining, model: str, data: Path, out: Path, *, save_every: int = 500) -> Path:
    """Train the alignment head of a model, or go on with an interrupted training in `out`.

    Args:
        config: What is trained.
        model: A model with a trained detector.
        data: Folder of compact training files.
        out: Checkpoint, logs and finally the whole model are written here.
        save_every: Steps between two checkpoints.

    Returns:
        Folder of the model with its alignment head.

    Raises:
        InputError: No training files below `data`.
        ConfigError: `out` holds a checkpoint of another configuration.
    """
    grounder = Grounder.from_pretrained(model)
    head = AlignmentHead(
        grounder.detector_config.width,
        text_width=grounder.config.text_width,
        width=grounder.config.alignment_width,
    )
    optimizer = torch.optim.AdamW(head.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, config.learning_rate, total_steps=config.steps + 1)
    parts = {"head": head, "optimizer": optimizer, "schedule": schedule}
    state = checkpoint.load(out, config=to_mapping(config))
    first = 0
    if state is not None:
        first = state["step"]
        for name, part in parts.items():
            part.load_state_dict(state[name])
    scenes = propose_all(grounder.detector, grounder.detector_config, data, config)
    words = _EncodedWords(grounder.config.text_encoder)
    with TrainingLog(out, steps=config.steps, first_step=first, every=50) as log:
        for step in range(first, config.steps):
            rng = random.Random(config.seed * 1_000_003 + step)
            loss = torch.stack(
                [
                    _scene_loss(head, scene, rng.choice(scenes), words, config, rng)
                    for scene in rng.sample(scenes, min(config.scenes, len(scenes)))
                ]
            ).mean()
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            schedule.step()
            log.step(step + 1, {"loss": float(loss.detach())})
            if (step + 1) % save_every == 0 or step + 1 == config.steps:
                states = {name: part.state_dict() for name, part in parts.items()}
                checkpoint.save(out, states | {"step": step + 1, "config": to_mapping(config)})
    grounder.alignment = head.eval()
    grounder.save_pretrained(out / "model")
    return out / "model"


@torch.no_grad()
def propose_all(
    detector: Detector, detector_config: DetectorConfig, data: Path, config: AlignmentTraining
) -> list[ProposedScene]:
    """Proposals of every training scene, in `variants` augmented variants."""
    paths = find_samples(data)
    if not paths:
        raise InputError(f"{data}: no training files (*.npz) here; make some with `scene3d synth --out {data}`")
    scenes = []
    for number, path in enumerate(paths * config.variants):
        sample = load_sample(path, detector_config.classes)
        things = [thing for thing in load_training_scene(path).objects if thing.seen]
        generator = torch.Generator().manual_seed(config.seed + number)
        sample = augment(sample, AugmentConfig(drop_colour=0.0, colour_cast=0.04), generator)
        scenes.append(_proposed(detector, sample, [wording_of(thing) for thing in things]))
    return [scene for scene in scenes if len(scene.feature) and scene.wordings]


def _proposed(detector: Detector, sample: TrainingSample, wordings: list[Wording]) -> ProposedScene:
    scene = detector.encode([sample.scan])[0]
    found = propose(detector, scene, ReadingRules())
    overlap = mask_overlap(found.mask, scan_targets(sample))
    best = overlap.max(1) if len(wordings) else None
    owner = []
    for i in range(len(found.score)):
        iou = float(best.values[i]) if best is not None else 0.0
        owner.append(int(best.indices[i]) if best is not None and iou >= 0.5 else -1 if iou < 0.25 else -2)
    return ProposedScene(feature=found.feature, owner=owner, wordings=wordings)


class _EncodedWords:
    """Phrase embeddings, each computed once: phrases come back all the time."""

    def __init__(self, encoder: str) -> None:
        self.encoder = text_encoder(encoder)
        self.known: dict[str, Tensor] = {}

    def __call__(self, phrases: list[str]) -> Float[Tensor, "t c"]:
        new = sorted({phrase for phrase in phrases if phrase not in self.known})
        if new:
            self.known |= dict(zip(new, self.encoder.encode(new), strict=True))
        return torch.stack([self.known[phrase] for phrase in phrases])


def _scene_loss(
    head: AlignmentHead,
    scene: ProposedScene,
    other: ProposedScene,
    words: _EncodedWords,
    config: AlignmentTraining,
    rng: random.Random,
) -> Tensor:
    """Focal loss over every pair of a proposal and a phrase, said of this scene or of another."""
    phrases = [say(rng.choice(scene.wordings), rng) for _ in range(config.phrases)]
    phrases += [say(rng.choice(other.wordings), rng) for _ in range(config.foreign)]
    truth = torch.tensor([[fits(phrase, wording) for phrase in phrases] for wording in scene.wordings]).float()
    owner = torch.tensor(scene.owner)
    wanted = torch.where((owner >= 0)[:, None], truth[owner.clamp_min(0)], 0.0)
    logit = head.logits(head.embed_queries(scene.feature), head.embed_text(words(phrases)))
    each = binary_cross_entropy_with_logits(logit, wanted, reduction="none")
    right = torch.exp(-each)
    alpha = torch.where(wanted > 0, config.focal_alpha, 1 - config.focal_alpha)
    focal = alpha * (1 - right) ** config.focal_gamma * each * (owner != -2)[:, None]
    return focal.sum() / wanted.sum().clamp_min(1)
