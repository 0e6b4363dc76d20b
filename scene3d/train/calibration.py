"""Calibration: scores become probabilities, fitted on rooms that the model was not trained on."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float
from scipy.optimize import minimize

from scene3d.config import to_mapping
from scene3d.errors import InputError
from scene3d.model.grounder import CONFIG, Grounder, GrounderConfig
from scene3d.model.naming import told_of
from scene3d.model.text import text_encoder
from scene3d.synth.language import speak
from scene3d.train.alignment import spoken_logits
from scene3d.train.exchanges import exchanges_of, facts_of
from scene3d.train.proposed import UNCLEAR, ProposedRoom, proposed_rooms
from scene3d.train.relations import asked_of, token_states

_SENTENCES = 60
"""Per room."""
_LEAST_SCALE = 1e-3


def calibrate(model: Path, data: Path, *, seed: int = 1) -> GrounderConfig:
    """Fit what turns the scores of a model folder into probabilities, and write it there.

    Args:
        model: A model folder; its config is replaced.
        data: Compact files of rooms that the model has not seen.
        seed: Of the sentences.

    Returns:
        The new configuration.

    Raises:
        InputError: `model` is no folder, or there are no rooms below `data`.
    """
    if not (model / CONFIG).is_file():
        raise InputError(f"{model}: no {CONFIG} here; give the folder of a model")
    grounder = Grounder.from_pretrained(model)
    rooms = proposed_rooms(grounder, data)
    config = grounder.config
    score = torch.cat([room.seen.score for room in rooms]).logit(1e-6)
    hit = torch.cat([room.owner >= 0 for room in rooms])
    scale, shift = platt(score, hit)
    config = replace(config, score_scale=scale, score_shift=shift)
    if grounder.alignment is not None:
        logits, fits = spoken_logits(grounder, rooms, seed=seed)
        scale, shift = platt(logits, fits)
        config = replace(config, align_scale=scale, align_shift=shift)
    if grounder.scorer is not None:
        config = _calibrate_scorer(grounder, rooms, config, seed)
    (model / CONFIG).write_text(json.dumps(to_mapping(config), indent=1) + "\n", encoding="utf-8")
    return config


@torch.no_grad()
def _calibrate_scorer(
    grounder: Grounder, rooms: list[ProposedRoom], config: GrounderConfig, seed: int
) -> GrounderConfig:
    encoder = text_encoder(config.text_encoder)
    target, wanted, absent, missing = [], [], [], []
    assert grounder.scorer is not None
    for room in rooms:
        samples = [
            sample
            for task in ("grounding", "multi_grounding")
            for sample in speak(facts_of(room.path), seed=seed, count=_SENTENCES // 2, task=task)
        ]
        exchanges = [exchange for sample in samples for exchange in exchanges_of(sample)]
        if not exchanges:
            continue
        questions = [exchange.question for exchange in exchanges]
        sentences = [question.spoken() for question in questions]
        asked, told = asked_of(exchanges, token_states(encoder, sentences), room), None
        if grounder.naming is not None:
            named = grounder.naming.named(questions, encoder)
            told = told_of(named, grounder.scorer, encoder.tokens, room.seen, asked.selected)
        scores = grounder.scorer(asked.token, asked.present, room.seen, asked.selected, told=told)
        clear = asked.judged[:, None] & (room.owner != UNCLEAR)
        target.append(scores.target[clear])
        wanted.append(asked.target[clear] > 0)
        absent.append(scores.absent[asked.judged])
        missing.append(~asked.target[asked.judged].any(1))
    target_scale, target_shift = platt(torch.cat(target), torch.cat(wanted))
    absent_scale, absent_shift = platt(torch.cat(absent), torch.cat(missing))
    return replace(
        config,
        target_scale=target_scale,
        target_shift=target_shift,
        absent_scale=absent_scale,
        absent_shift=absent_shift,
    )


def platt(logit: Float[torch.Tensor, "n"], truth: Bool[torch.Tensor, "n"]) -> tuple[float, float]:
    """Scale and shift under which the sigmoid of `logit` is the most likely probability of `truth`.

    Scales are positive, so that no order changes.

    Source: Platt, 1999, with his smoothed targets.
    """
    x, y = logit.double().numpy(), truth.numpy()
    positives, negatives = int(y.sum()), int((~y).sum())
    goal = np.where(y, (positives + 1) / (positives + 2), 1 / (negatives + 2))

    def loss(values: np.ndarray) -> float:
        z = np.exp(values[0]) * x + values[1]
        return float(np.mean(np.logaddexp(0, z) - goal * z))

    best = minimize(loss, np.zeros(2), method="Nelder-Mead", options={"xatol": 1e-4, "fatol": 1e-7})
    return max(round(float(np.exp(best.x[0])), 4), _LEAST_SCALE), round(float(best.x[1]), 4)
