"""METEOR 1.5 by its own Java program, where Java and the program are installed; never an imitation."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from scene3d.errors import MissingDependencyError


def is_available() -> bool:
    """Whether both a Java runtime and METEOR's jar are here."""
    return shutil.which("java") is not None and _jar() is not None


def meteor(predictions: Sequence[str], references: Sequence[Sequence[str]]) -> tuple[float, np.ndarray]:
    """Score tokenized captions with meteor-1.5.jar, English, normalised, as `pycocoevalcap` calls it.

    Args:
        predictions: Tokens joined by spaces, one text per sample.
        references: For each sample one or more such texts.

    Returns:
        The corpus score, 0–1, and the score of each sample.

    Raises:
        MissingDependencyError: No Java, no jar, or the program failed; the message holds what it printed.

    Source: Denkowski and Lavie, WMT 2014.
    """
    jar, java = _jar(), shutil.which("java")
    if jar is None or java is None:
        raise MissingDependencyError("METEOR needs Java and `pip install pycocoevalcap`, which carries meteor-1.5.jar")
    command = [java, "-jar", "-Xmx2G", jar.name, "-", "-", "-stdio", "-l", "en", "-norm"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=jar.parent, stdin=pipe, stdout=pipe, stderr=pipe) as process:
        try:
            statistics = _ask(process, [_question(p, r) for p, r in zip(predictions, references, strict=True)])
            scores = _ask(process, [" ||| ".join(["EVAL", *statistics])], answers=len(predictions) + 1)
            values = [float(score) for score in scores]
        except (BrokenPipeError, ValueError) as error:
            process.kill()
            printed = process.stderr.read().decode(errors="replace") if process.stderr else ""
            raise MissingDependencyError(f"METEOR's Java program failed: {error}\n{printed.strip()[-2000:]}") from error
        process.kill()
    return values[-1], np.array(values[:-1])


def _jar() -> Path | None:
    package = importlib.util.find_spec("pycocoevalcap")  # finds the folder without importing anything
    for folder in (package.submodule_search_locations or []) if package else []:
        path = Path(folder) / "meteor" / "meteor-1.5.jar"
        if path.is_file():
            return path
    return None


def _question(prediction: str, references: Sequence[str]) -> str:
    return " ||| ".join(["SCORE", *references, prediction.replace("|||", "").replace("  ", " ")])


def _ask(process: subprocess.Popen[bytes], lines: list[str], *, answers: int | None = None) -> list[str]:
    """Write lines while reading answers, one a line: both pipes are finite."""
    assert process.stdin is not None
    assert process.stdout is not None
    stdin, stdout = process.stdin, process.stdout

    def write() -> None:
        stdin.write("".join(f"{line}\n" for line in lines).encode())
        stdin.flush()

    writer = threading.Thread(target=write, daemon=True)
    writer.start()
    replies = [stdout.readline().decode().strip() for _ in range(len(lines) if answers is None else answers)]
    writer.join()
    if "" in replies:
        raise ValueError(f"it stopped after {replies.index('')} of {len(replies)} answers")
    return replies
