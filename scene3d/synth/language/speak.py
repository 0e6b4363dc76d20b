"""Draws things to say about a room: the one place where tasks and families are listed."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import replace
from random import Random
from typing import get_args

from scene3d.errors import InputError
from scene3d.synth.language.captions import CAPTIONS
from scene3d.synth.language.detection import DETECTION
from scene3d.synth.language.dialogues import DIALOGUES
from scene3d.synth.language.facts import RoomFacts, Spoken
from scene3d.synth.language.grounding import GROUNDING, Family
from scene3d.synth.language.grounding_sets import MULTI_GROUNDING
from scene3d.synth.language.noise import as_typed
from scene3d.synth.language.plans import plan_families
from scene3d.synth.language.questions import QUESTIONS
from scene3d.synth.language.sample import LanguageSample, Task
from scene3d.synth.language.speaker import Speaker

_SHARE: dict[Task, float] = {
    "grounding": 0.28,
    "multi_grounding": 0.12,
    "detection": 0.08,
    "caption": 0.08,
    "qa": 0.3,
    "dialogue": 0.08,
    "plan": 0.06,
}
"""How often each task is taken where none is asked for."""
_FAMILY_SHARE = {
    "zero_class": 0.4,
    "zero_look": 0.4,
    "zero_place": 0.4,
    "zero_anchor": 0.4,
    "room": 0.25,
    "name": 0.7,
    "impossible": 3.0,
}
"""How often a family is drawn, where not as often as each other."""
_TRIES = 6
_DRAWS = 160
_FAMILY_DRAWS = 20
"""The same where one family is asked for: some are rare in any room."""
_PATIENCE = 5
"""Fruitless draws after which a room is taken to offer no more of what is asked for."""


@functools.cache
def _tasks() -> dict[Task, Mapping[str, Family]]:
    """All families by task; the plans come from a file, so not at import."""
    return {
        "detection": DETECTION,
        "grounding": GROUNDING,
        "multi_grounding": MULTI_GROUNDING,
        "caption": CAPTIONS,
        "qa": QUESTIONS,
        "dialogue": DIALOGUES,
        "plan": plan_families(),
    }


def families(task: Task) -> tuple[str, ...]:
    """Names of what can be asked within a task.

    Raises:
        InputError: No such task.
    """
    if task not in _tasks():
        raise InputError(f"no task {task!r}; there are: {', '.join(get_args(Task))}")
    return tuple(_tasks()[task])


def speak(
    scene: Spoken | RoomFacts,
    *,
    seed: int,
    count: int,
    task: Task | None = None,
    family: str | None = None,
    heldout: bool = False,
    noise: float = 0.3,
) -> list[LanguageSample]:
    """Things that people might say about a room, with the truth; equal seeds give equal samples.

    Args:
        scene: A training scene, or its facts, which are worth keeping where a room is spoken of more than once.
        seed: Chance.
        count: How many; fewer come back where the room does not offer what is asked for.
        task: One task; None: a mixture.
        family: One family of the task.
        heldout: Use the phrasings that are kept for testing, and often the names that are.
        noise: How carelessly the user types, 0–1.

    Raises:
        InputError: No such task or family, or a family without its task.
    """
    if family is not None and (task is None or family not in families(task)):
        raise InputError(f"no family {family!r} of task {task!r}; see families(task)")
    facts = scene if isinstance(scene, RoomFacts) else RoomFacts(scene)
    if not facts.seen.any():
        return []
    speaker = Speaker(facts, Random(seed), heldout)
    samples: list[LanguageSample] = []
    failures = 0
    while len(samples) + failures < count and failures < _PATIENCE:
        sample = _drawn(speaker, task, family)
        if sample is None:
            failures += 1
        else:
            samples.append(_typed(sample, speaker.rng, noise))
    return samples


def _drawn(speaker: Speaker, task: Task | None, family: str | None) -> LanguageSample | None:
    """A sample; another family is tried where the room does not offer one, so that rare families come as they can."""
    chosen: Task = task or speaker.rng.choices(list(_SHARE), list(_SHARE.values()))[0]
    for _ in range(_DRAWS if family is None else _FAMILY_DRAWS):
        names = list(_tasks()[chosen])
        name = family or speaker.rng.choices(names, [_FAMILY_SHARE.get(n, 1.0) for n in names])[0]
        make = _tasks()[chosen][name]
        for _ in range(_TRIES):
            sample = make(speaker)
            if sample is not None:
                return sample
    return None


def _typed(sample: LanguageSample, rng: Random, noise: float) -> LanguageSample:
    return replace(sample, turns=tuple(replace(t, user=as_typed(t.user, rng, noise=noise)) for t in sample.turns))
