"""What a training writes down: a progress bar with the time left, a JSONL log, TensorBoard where it is installed."""

from __future__ import annotations

import json
import time
from pathlib import Path
from types import TracebackType

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn


class TrainingLog:
    """Opens the logs of one run in `folder` and goes on where an interrupted run left off.

    Figures given to `step` are averaged over the steps between two lines. A silent log writes and shows nothing: of
    several processes at one training, one speaks.
    """

    def __init__(self, folder: Path, *, steps: int, first_step: int, every: int, silent: bool = False) -> None:
        self.folder, self.every, self.silent = folder, every, silent
        self.progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[figures]}"),
        )
        self.task = self.progress.add_task(folder.name, total=steps, completed=first_step, figures="")
        self.sums: dict[str, list[float]] = {}
        self.started = time.monotonic()

    def __enter__(self) -> TrainingLog:
        if self.silent:
            return self
        self.folder.mkdir(parents=True, exist_ok=True)
        self.file = (self.folder / "log.jsonl").open("a", encoding="utf-8")
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:  # TensorBoard is an extra; the JSONL log has the same figures
            self.board = None
        else:
            self.board = SummaryWriter(str(self.folder))
        self.progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.silent:
            return
        self.progress.stop()
        self.file.close()
        if self.board is not None:
            self.board.close()

    def step(self, step: int, figures: dict[str, float]) -> None:
        """Count a step; every `every` steps write the means of the figures since the last line."""
        if self.silent:
            return
        for name, value in figures.items():
            self.sums.setdefault(name, []).append(value)
        if step % self.every == 0:
            means = {name: sum(values) / len(values) for name, values in self.sums.items()}
            seconds = (time.monotonic() - self.started) / max(1, len(self.sums["loss"]))
            self.write(step, means | {"seconds per step": seconds})
            self.sums, self.started = {}, time.monotonic()
            self.progress.update(self.task, figures=f"loss {means['loss']:.3f} · {seconds:.2f} s/step")
        self.progress.update(self.task, completed=step)

    def write(self, step: int, figures: dict[str, float]) -> None:
        """Write one line of figures at once."""
        self.file.write(json.dumps({"step": step} | {k: round(v, 5) for k, v in figures.items()}) + "\n")
        self.file.flush()
        if self.board is not None:
            for name, value in figures.items():
                self.board.add_scalar(name, value, step)
