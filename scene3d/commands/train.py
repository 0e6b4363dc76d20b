"""Commands that train a model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, arg


def detector(
    config: Positional[str],
    /,
    *,
    data: Path,
    out: Annotated[Path, arg(aliases=["-o"])],
    device: Literal["cpu", "cuda"] = "cpu",
    workers: int = 0,
    save_every: int = 200,
    start: Path | None = None,
    sharded: bool = False,
) -> None:
    """Train the detector, or go on with a training that was interrupted.

    Args:
        config: A shipped preset such as detector/default, or a YAML file of overrides.
        data: Folder of compact training files, as `scene3d synth` writes them.
        out: Folder for checkpoint, logs and weights.
        device: Where to compute; under torchrun one device per process.
        workers: Processes that prepare samples beside the training.
        save_every: Steps between two checkpoints.
        start: Folder of a model whose weights a new training starts from.
        sharded: Under torchrun, spread parameters and optimizer over the processes (FSDP2) in place of a copy in each.
    """
    from scene3d.config import load_config
    from scene3d.train.detector import DetectorTraining, train_detector

    settings = load_config(DetectorTraining, config)
    train_detector(
        settings, data, out, device=device, workers=workers, save_every=save_every, start=start, sharded=sharded
    )


def alignment(
    config: Positional[str],
    /,
    *,
    model: str = "default",
    data: Path,
    out: Annotated[Path, arg(aliases=["-o"])],
    save_every: int = 500,
) -> None:
    """Train the alignment head of a model, by which any phrase names objects; the detector stays as it is.

    Args:
        config: A shipped preset such as alignment/default, or a YAML file of overrides.
        model: A shipped model, a folder or a Hugging Face id; its detector makes the proposals.
        data: Folder of compact training files, as `scene3d synth` writes them.
        out: Folder for checkpoint, logs and the whole model.
        save_every: Steps between two checkpoints.
    """
    from scene3d.config import load_config
    from scene3d.train.alignment import AlignmentTraining, train_alignment

    settings = load_config(AlignmentTraining, config)
    train_alignment(settings, model, data, out, save_every=save_every)


def readings(
    config: Positional[str],
    /,
    *,
    model: str = "default",
    data: Path,
    out: Annotated[Path, arg(aliases=["-o"])],
    save_every: int = 1000,
) -> None:
    """Train the readings of a model: kinds of rooms, what a question is after and which words single out things.

    Args:
        config: A shipped preset such as readings/default, or a YAML file of overrides.
        model: A shipped model, a folder or a Hugging Face id; its detector makes the proposals.
        data: Folder of compact training files, as `scene3d synth` writes them.
        out: Folder for checkpoint, logs and the whole model.
        save_every: Steps between two checkpoints.
    """
    from scene3d.config import load_config
    from scene3d.train.readings import ReadingsTraining, train_readings

    settings = load_config(ReadingsTraining, config)
    train_readings(settings, model, data, out, save_every=save_every)


def recognition(
    config: Positional[str],
    /,
    *,
    model: str = "default",
    data: Path,
    out: Annotated[Path, arg(aliases=["-o"])],
    start: str | None = None,
    save_every: int = 500,
) -> None:
    """Train the recognition of a model, its second look at what each object is, of which colour and material.

    Args:
        config: A shipped preset such as recognition/default, or a YAML file of overrides.
        model: A shipped model, a folder or a Hugging Face id, to which the recognition is added.
        data: Folder of compact training files of fine points, as `scene3d synth --point 0.02` writes them.
        out: Folder for checkpoint, logs and the whole model.
        start: A model whose recognition is trained on.
        save_every: Steps between two checkpoints.
    """
    from scene3d.config import load_config
    from scene3d.train.recognition import RecognitionTraining, train_recognition

    settings = load_config(RecognitionTraining, config)
    train_recognition(settings, model, data, out, start=start, save_every=save_every)


def naming(
    config: Positional[str],
    /,
    *,
    model: str = "default",
    data: Path,
    out: Annotated[Path, arg(aliases=["-o"])],
    save_every: int = 500,
) -> None:
    """Train the naming of a model: which words of a sentence name what is sought, and what tells which.

    Args:
        config: A shipped preset such as naming/default, or a YAML file of overrides.
        model: A shipped model, a folder or a Hugging Face id, to which the naming is added.
        data: Folder of compact training files, as `scene3d synth` writes them.
        out: Folder for checkpoint, logs and the whole model.
        save_every: Steps between two checkpoints.
    """
    from scene3d.config import load_config
    from scene3d.train.naming import NamingTraining, train_naming

    settings = load_config(NamingTraining, config)
    train_naming(settings, model, data, out, save_every=save_every)


def relations(
    config: Positional[str],
    /,
    *,
    model: str = "default",
    data: Path,
    out: Annotated[Path, arg(aliases=["-o"])],
    start: str | None = None,
    save_every: int = 500,
) -> None:
    """Train the relation scorer of a model, which finds the objects that a sentence is about.

    Args:
        config: A shipped preset such as relations/default, or a YAML file of overrides.
        model: A shipped model, a folder or a Hugging Face id; its detector makes the proposals.
        data: Folder of compact training files, as `scene3d synth` writes them.
        out: Folder for checkpoint, logs and the whole model.
        start: A model whose relation scorer to start from.
        save_every: Steps between two checkpoints.
    """
    from scene3d.config import load_config
    from scene3d.train.relations import RelationTraining, train_relations

    settings = load_config(RelationTraining, config)
    train_relations(settings, model, data, out, start=start, save_every=save_every)


def instruct(
    config: Positional[str],
    /,
    *,
    model: str = "default",
    data: Path,
    out: Annotated[Path, arg(aliases=["-o"])],
    device: Literal["cpu", "cuda"] = "cpu",
    start: Path | None = None,
    save_every: int = 50,
) -> None:
    """Train the language part of a model, which writes the answers; detector and relation scorer stay as they are.

    Args:
        config: A shipped preset such as instruct/default, or a YAML file of overrides.
        model: A shipped model, a folder or a Hugging Face id; it has a detector and a relation scorer.
        data: Folder of compact training files, as `scene3d synth` writes them.
        out: Folder for checkpoint, logs and the whole model.
        device: Where to compute.
        start: Language weights (language.safetensors) that a new training starts from.
        save_every: Steps between two checkpoints.
    """
    from scene3d.config import load_config
    from scene3d.train.instruct import InstructTraining, train_instruct

    settings = load_config(InstructTraining, config)
    train_instruct(settings, model, data, out, device=device, start=start, save_every=save_every)


def calibration(*, model: Path, data: Path, seed: int = 1) -> None:
    """Fit what turns a model's scores into probabilities, on rooms that it was not trained on.

    Args:
        model: Folder of a model; its configuration is replaced.
        data: Folder of compact files of unseen rooms, of training furniture.
        seed: Of the sentences about them.
    """
    from rich.console import Console

    from scene3d.train.calibration import calibrate

    fitted = calibrate(model, data, seed=seed)
    for part in ("score", "align", "target", "absent"):
        scale, shift = getattr(fitted, f"{part}_scale"), getattr(fitted, f"{part}_shift")
        Console().print(f"{part}: {scale} · logit + {shift}", highlight=False)


COMMANDS: dict[str, Callable[..., None]] = {
    "detector": detector,
    "alignment": alignment,
    "readings": readings,
    "naming": naming,
    "recognition": recognition,
    "relations": relations,
    "instruct": instruct,
    "calibration": calibration,
}
