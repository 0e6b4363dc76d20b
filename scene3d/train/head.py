"""Training of a small part of a model: the same run whether or not it was interrupted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from scene3d.config import to_mapping
from scene3d.train import checkpoint
from scene3d.train.progress import TrainingLog


@runtime_checkable
class HeadConfig(Protocol):
    """What the configuration of every such run has; a dataclass."""

    @property
    def steps(self) -> int:
        """How many."""
        ...

    @property
    def learning_rate(self) -> float:
        """The highest of the cycle."""
        ...

    @property
    def weight_decay(self) -> float:
        """AdamW's."""
        ...

    @property
    def seed(self) -> int:
        """Of all chance."""
        ...


class HeadTrainer:
    """AdamW with one cycle of the learning rate, checkpoints and logs.

    Args:
        head: What is trained; goes on from the checkpoint in `out` if there is one.
        config: Of the run.
        out: Folder of checkpoint and logs.

    Raises:
        ConfigError: `out` holds a checkpoint of another configuration.
    """

    def __init__(self, head: nn.Module, config: HeadConfig, out: Path) -> None:
        self.head, self.config, self.out = head, config, out
        optimizer = torch.optim.AdamW(head.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, config.learning_rate, total_steps=config.steps + 1)
        self.optimizer, self.schedule = optimizer, schedule
        self._parts = {"head": head, "optimizer": optimizer, "schedule": schedule}
        self.first = 0
        state = checkpoint.load(out, config=to_mapping(config))
        if state is not None:
            self.first = state["step"]
            for name, part in self._parts.items():
                part.load_state_dict(state[name])

    def run(
        self, losses_at: Callable[[int], dict[str, Tensor]], *, every: int, save_every: int, clip: float | None = None
    ) -> None:
        """Take the steps that are left.

        Args:
            losses_at: What a step is to lessen, by name; nothing is learnt where there is none. Chance is seeded anew
                at each step.
            every: Steps between two lines of the log.
            save_every: Steps between two checkpoints.
            clip: Longest gradient.
        """
        config = self.config
        with TrainingLog(self.out, steps=config.steps, first_step=self.first, every=every) as log:
            for step in range(self.first, config.steps):
                torch.manual_seed(config.seed * 1_000_003 + step)
                losses = losses_at(step)
                loss = torch.stack([*losses.values(), torch.zeros(())]).sum()
                self.optimizer.zero_grad(set_to_none=True)
                if losses:
                    loss.backward()
                    if clip is not None:
                        nn.utils.clip_grad_norm_(self.head.parameters(), clip)
                    self.optimizer.step()
                self.schedule.step()
                log.step(step + 1, {name: float(value.detach()) for name, value in (losses | {"loss": loss}).items()})
                if (step + 1) % save_every == 0 or step + 1 == config.steps:
                    states = {name: part.state_dict() for name, part in self._parts.items()}
                    checkpoint.save(self.out, states | {"step": step + 1, "config": to_mapping(config)})
