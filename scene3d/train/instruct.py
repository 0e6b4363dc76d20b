"""Stage 3: the language model learns to answer about referents. Detector and relation scorer are frozen."""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from scene3d.config import to_mapping
from scene3d.errors import InputError
from scene3d.model.grounder import LANGUAGE_WEIGHTS, Grounder
from scene3d.model.language import LanguageConfig, LanguageModel
from scene3d.model.language_files import load_language, new_language, save_language
from scene3d.model.llama_lora import lora_state
from scene3d.model.relations import RelationScorer, evidence
from scene3d.train import checkpoint
from scene3d.train.lessons import Lesson, Lessons
from scene3d.train.progress import TrainingLog
from scene3d.train.proposed import proposed_rooms


@dataclass(frozen=True, slots=True, kw_only=True)
class InstructTraining:
    """One run of the language model."""

    language: LanguageConfig = field(default_factory=LanguageConfig)
    steps: int = 1500
    questions: int = 12
    """Exchanges about one room, packed behind its prefix: one step."""
    pool: int = 60
    """Dialogues kept ready per room."""
    variants: int = 1
    blind: float = 0.1
    """Share of exchanges that see neither referents nor note: what the model then answers is what guessing gives."""
    learning_rate: float = 1e-3
    adapter_rate: float = 5e-4
    weight_decay: float = 0.01
    clip: float = 1.0
    link_weight: float = 0.3
    seed: int = 0


def train_instruct(
    config: InstructTraining,
    model: str,
    data: Path,
    out: Path,
    *,
    device: str = "cpu",
    start: Path | None = None,
    save_every: int = 50,
) -> Path:
    """Train the language part of a model, or go on with an interrupted training in `out`.

    Args:
        config: What is trained.
        model: A model with a detector and a relation scorer.
        data: Folder of compact training files.
        out: Checkpoint, logs and finally the whole model are written here.
        device: Where to compute.
        start: Language weights to start from; None: the bare base model.
        save_every: Steps between two checkpoints.

    Returns:
        Folder of the model with its language part.

    Raises:
        InputError: No training files below `data`, or the model has no relation scorer.
        ConfigError: `out` holds a checkpoint of another configuration.
    """
    grounder = Grounder.from_pretrained(model)
    if grounder.scorer is None:
        raise InputError(f"model {model!r} has no relation scorer; run `scene3d train relations` first")
    torch.manual_seed(config.seed)
    if start is not None:
        language = load_language(start, config.language)
    else:
        language = new_language(config.language)
        language.start_from_words(grounder.detector_config.classes)
    adapters = [value for name, value in language.llama.named_parameters() if name in lora_state(language.llama)]
    groups = [
        {"params": list(language.ours().values()), "lr": config.learning_rate},
        {"params": adapters, "lr": config.adapter_rate},
    ]
    language.to(device)
    optimizer = torch.optim.AdamW(groups, weight_decay=config.weight_decay)
    rates = [config.learning_rate, config.adapter_rate]
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rates, total_steps=config.steps + 1, pct_start=0.1)
    first = 0
    state = checkpoint.load(out, config=to_mapping(config))
    if state is not None:
        first = state["step"]
        language.load_state_dict(state["language"], strict=False)
        optimizer.load_state_dict(state["optimizer"])
        schedule.load_state_dict(state["schedule"])
    rooms = proposed_rooms(grounder, data, variants=config.variants)
    lessons = Lessons(rooms, grounder, language, count=config.pool, seed=config.seed)
    trained = [*language.ours().values(), *adapters]
    with TrainingLog(out, steps=config.steps, first_step=first, every=10) as log:
        for step in range(first, config.steps):
            lesson = lessons.draw(
                random.Random(config.seed * 1_000_003 + step), questions=config.questions, blind=config.blind
            )
            losses = instruct_losses(language, grounder.scorer, lesson, config)
            loss = torch.stack(list(losses.values())).sum()
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(trained, config.clip)
            optimizer.step()
            schedule.step()
            log.step(step + 1, {name: float(value.detach()) for name, value in (losses | {"loss": loss}).items()})
            if (step + 1) % save_every == 0 or step + 1 == config.steps:
                states = {"optimizer": optimizer.state_dict(), "schedule": schedule.state_dict(), "step": step + 1}
                checkpoint.save(out, states | {"config": to_mapping(config), "language": _trained_state(language)})
                save_language(out / LANGUAGE_WEIGHTS, language)
    grounder.language_weights = out / LANGUAGE_WEIGHTS
    grounder.config = replace(grounder.config, language=config.language)
    grounder.save_pretrained(out / "model")
    return out / "model"


def instruct_losses(
    model: LanguageModel, scorer: RelationScorer, lesson: Lesson, config: InstructTraining
) -> dict[str, Tensor]:
    """Losses of the answers' tokens and of their phrases' links."""
    state = model.llama(lesson.embedded(model), position=lesson.position, mask=lesson.mask)[0]
    words = cross_entropy(model.logits(state[lesson.written_from]), lesson.written, reduction="none")
    losses = {"words": (lesson.weight * words).sum()}
    if len(lesson.slot):
        keys = model.keys(lesson.room.seen).expand(len(lesson.slot), -1, -1)
        with torch.no_grad():
            seen = evidence(*lesson.scores(scorer))
        links = model.links(state[lesson.slot], keys, seen)
        each = binary_cross_entropy_with_logits(links.link, lesson.linked, reduction="none").sum(1)
        absent = binary_cross_entropy_with_logits(links.absent, (lesson.linked.sum(1) == 0).float(), reduction="none")
        judged = lesson.judged.float()
        losses["links"] = config.link_weight * ((each + absent) * judged).sum() / judged.sum().clamp_min(1)
    return losses


def _trained_state(language: LanguageModel) -> dict[str, Tensor]:
    adapters = {f"llama.{name}": value for name, value in lora_state(language.llama).items()}
    return adapters | {name: value.detach() for name, value in language.ours().items()}
