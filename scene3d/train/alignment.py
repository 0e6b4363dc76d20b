"""Stage 2: the alignment head learns by contrast which phrase names which proposal. The detector is frozen."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from scene3d.errors import InputError
from scene3d.model.alignment import AlignmentHead
from scene3d.model.grounder import Grounder
from scene3d.model.text import text_encoder
from scene3d.synth import load_training_scene
from scene3d.train.head import HeadTrainer
from scene3d.train.phrases import Wording, fits, say, wording_of
from scene3d.train.proposed import NOBODY, UNCLEAR, ProposedRoom, proposed_rooms


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
class SpokenScene:
    """Proposals of one scene and what may be said of the objects behind them."""

    feature: Float[Tensor, "q c"]
    kind: Float[Tensor, "q k"]
    """Probabilities of the classes."""
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
    torch.manual_seed(config.seed)
    head = AlignmentHead(
        grounder.detector_config.width,
        text_width=grounder.config.text_width,
        width=grounder.config.alignment_width,
    )
    trainer = HeadTrainer(head, config, out)
    scenes = spoken_scenes(proposed_rooms(grounder, data, variants=config.variants))
    words = _EncodedWords(grounder.config.text_encoder)

    def losses_at(step: int) -> dict[str, Tensor]:
        rng = random.Random(config.seed * 1_000_003 + step)
        chosen = rng.sample(scenes, min(config.scenes, len(scenes)))
        losses = [_scene_loss(head, scene, rng.choice(scenes), words, config, rng) for scene in chosen]
        return {"phrases": torch.stack(losses).mean()}

    trainer.run(losses_at, every=50, save_every=save_every)
    grounder.alignment = head.eval()
    grounder.save_pretrained(out / "model")
    return out / "model"


def spoken_scenes(rooms: list[ProposedRoom]) -> list[SpokenScene]:
    """Every room with anything to say about it."""
    scenes = []
    for room in rooms:
        things = [thing for thing in load_training_scene(room.path).objects if thing.seen]
        row_of = {thing.id: row for row, thing in enumerate(things)} | {NOBODY: NOBODY, UNCLEAR: UNCLEAR}
        owner = [row_of[i] for i in room.owner.tolist()]
        if things:
            wordings = [wording_of(thing) for thing in things]
            scenes.append(SpokenScene(feature=room.seen.embedding, kind=room.seen.kind, owner=owner, wordings=wordings))
    return scenes


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


@torch.no_grad()
def spoken_logits(
    grounder: Grounder, rooms: list[ProposedRoom], *, seed: int, phrases: int = 48
) -> tuple[Float[Tensor, "n"], Bool[Tensor, "n"]]:
    """`Grounder.phrase_logit` for phrases about each room and about others, and whether they fit; for calibration."""
    head = grounder.alignment
    if head is None:
        raise InputError("this model has no alignment head; train one with `scene3d train alignment`")
    rng, words = random.Random(seed), _EncodedWords(grounder.config.text_encoder)
    scenes = spoken_scenes(rooms)
    logits, truths = [], []
    for scene in scenes:
        said, truth = _spoken(scene, rng.choice(scenes), phrases, phrases // 2, rng)
        logit = grounder.phrase_logit(head.embed_queries(scene.feature), scene.kind, words(said))
        logits.append(logit[~truth.isnan()])
        truths.append(truth[~truth.isnan()] > 0)
    return torch.cat(logits), torch.cat(truths)


def _spoken(
    scene: SpokenScene, other: SpokenScene, own: int, foreign: int, rng: random.Random
) -> tuple[list[str], Float[Tensor, "q t"]]:
    """Phrases about a scene and about another, and which proposal of the first each fits: 1, 0, or NaN if unclear."""
    phrases = [say(rng.choice(scene.wordings), rng) for _ in range(own)]
    phrases += [say(rng.choice(other.wordings), rng) for _ in range(foreign)]
    number = {True: 1.0, False: 0.0, None: torch.nan}
    truth = torch.tensor([[number[fits(phrase, wording)] for phrase in phrases] for wording in scene.wordings])
    owner = torch.tensor(scene.owner)[:, None]
    truth = torch.where(owner >= 0, truth[owner[:, 0].clamp_min(0)], 0.0)
    return phrases, torch.where(owner == UNCLEAR, torch.nan, truth)


def _scene_loss(
    head: AlignmentHead,
    scene: SpokenScene,
    other: SpokenScene,
    words: _EncodedWords,
    config: AlignmentTraining,
    rng: random.Random,
) -> Tensor:
    """Focal loss over every pair of a proposal and a phrase, said of this scene or of another."""
    phrases, truth = _spoken(scene, other, config.phrases, config.foreign, rng)
    wanted = truth.nan_to_num(0)
    logit = head.logits(head.embed_queries(scene.feature), head.embed_text(words(phrases)))
    each = binary_cross_entropy_with_logits(logit, wanted, reduction="none")
    right = torch.exp(-each)
    alpha = torch.where(wanted > 0, config.focal_alpha, 1 - config.focal_alpha)
    focal = alpha * (1 - right) ** config.focal_gamma * each * ~truth.isnan()
    return focal.sum() / wanted.sum().clamp_min(1)
