"""`scene3d quality`: the figures of a model on held-out rooms, with a picture per room."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

Part = Literal["objects", "grounding", "written", "answers"]


def quality(
    *,
    rooms: int = 48,
    model: str = "default",
    out: Path = Path("out/quality"),
    workers: int = 2,
    split: Literal["heldout", "train"] = "heldout",
    pictures: bool = True,
    parts: tuple[Part, ...] = ("objects", "grounding", "written", "answers"),
    sentences: int = 40,
) -> None:
    """Measure a model on simulated rooms of furniture, seeds and phrasings that no training has seen.

    Args:
        rooms: How many rooms.
        model: A shipped model, a folder or a Hugging Face id.
        out: Folder for quality.json and the pictures.
        workers: Processes that make the rooms the first time.
        split: heldout, or train: rooms of the training furniture, to choose settings by.
        pictures: Draw each room as scanned and as understood.
        parts: What is measured: the objects found, the sentences grounded, those that no table of phrasings made (about
            14 rooms of training furniture, whatever `rooms` and `split`), the answers given.
        sentences: Sentences to ground per room, of one target and of any number each.
    """
    from rich.console import Console
    from rich.progress import track

    from scene3d.model.grounder import Grounder
    from scene3d.model.picture import draw_proposals
    from scene3d.quality.answers import AnswerFigures
    from scene3d.quality.figures import DetectorFigures
    from scene3d.quality.grounding import GroundingFigures
    from scene3d.quality.rooms import SEED, judged_rooms
    from scene3d.quality.written import written_figures

    out.mkdir(parents=True, exist_ok=True)
    grounder = Grounder.from_pretrained(model)
    relations = grounder.scorer is not None
    able = {
        "objects": True,
        "grounding": relations,
        "written": relations,
        "answers": grounder.language_weights is not None,
    }
    for part in parts:
        if not able[part]:
            Console(stderr=True).print(f"{part}: not measured, as this model has no part for it", highlight=False)
    parts = tuple(part for part in parts if able[part])
    figures: dict[str, Any] = {
        "objects": DetectorFigures(),
        "grounding": GroundingFigures(),
        "answers": AnswerFigures(),
    }
    console = Console()
    judged = rooms if set(parts) - {"written"} else 0
    ordered = judged_rooms(judged, workers=workers, split=split)
    for room in track(ordered, total=judged, console=console, disable=not judged):
        session = grounder.encode(room.scene, cache=False)
        if "objects" in parts:
            figures["objects"].add(room, session)
        if "grounding" in parts:
            figures["grounding"].add(room, session, sentences=sentences, seed=SEED)
        if "answers" in parts:
            figures["answers"].add(room, session, seed=SEED)
        if pictures:
            draw_proposals(session.scene, session.segment()).save(out / f"{room.scene.name}.png")
    result = {
        part: written_figures(grounder, workers=workers) if part == "written" else figures[part].result()
        for part in parts
    }
    (out / "quality.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    for part in parts:
        _PRINTERS[part](result[part], console)


def _print_objects(result: dict[str, Any], console: Any) -> None:
    from rich.table import Table

    table = Table("objects", "AP", "AP50", "AP25", title=f"{result['rooms']} rooms", title_justify="left")
    for name, value in result.items():
        if isinstance(value, dict) and "ap25" in value:
            table.add_row(name, *(f"{value[key]:.3f}" for key in ("ap", "ap50", "ap25")))
    console.print(table)
    for name in ("median objects", "median vertices", "superpoint oracle, objects with IoU above 0.5"):
        console.print(f"{name}: {result[name]:.3g}", highlight=False)
    console.print(f"score calibration error: {result['score calibration error']:.3f}", highlight=False)
    stages = ", ".join(f"{stage} {1000 * seconds:.0f}" for stage, seconds in result["seconds"].items())
    console.print(f"median milliseconds: {stages}; peak memory {result['peak memory MB']:,} MB", highlight=False)


def _print_grounding(result: dict[str, Any], console: Any) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table("one target", "Acc@.25", "Acc@.5", title_justify="left")
    for name in (name for name in result if name.startswith("single target") and isinstance(result[name], dict)):
        for split in ("overall", "unique", "multiple"):
            table.add_row(f"{name}, {split}", *(f"{result[name][f'acc@{at}'][split]:.3f}" for at in (0.25, 0.5)))
    for name, key in (
        ("random of the right class", "single target, random of the right class @0.25"),
        ("random of what the detector calls so", "single target, random of what is called so @0.25"),
        ("proposed at all", "single target, proposed at all @0.25"),
        ("two or more distractors", "two or more distractors @0.25"),
    ):
        table.add_row(name, f"{result[key]:.3f}", "")
    console.print(table)
    table = Table("one, many or none", "F1@.25", "F1@.5")
    for split, value in result["one, many or none"]["f1@0.25"].items():
        table.add_row(split, f"{value:.3f}", f"{result['one, many or none']['f1@0.5'][split]:.3f}")
    console.print(table)
    figures = ("acc@0.25", "random of class @0.25", "random of called @0.25")
    heads = ("Acc", "random", "called")
    table = Table("family", "n", *heads, "n", *heads, title="Acc@.25; on the right where crowded", box=SIMPLE_HEAD)
    for name, row in result["families"].items():
        numbers = [
            cell
            for part in (row, row["two or more distractors"])
            for cell in (str(part["sentences"]), *(f"{part[figure]:.2f}" for figure in figures))
        ]
        table.add_row(name, *numbers)
    console.print(table)
    console.print(
        "random: one of the proposals that truly have the name; called: one of those that the detector calls so; "
        "crowded: two or more distractors of the same name, sentences of each family drawn by themselves",
        highlight=False,
    )
    absence = result["absence"]
    console.print(
        f"ECE {absence['ece']:.3f}, zero-target accuracy {absence['zero_target_accuracy']:.3f}", highlight=False
    )


def _print_written(result: dict[str, Any], console: Any) -> None:
    from rich.table import Table

    table = Table(f"{result['sentences']} written sentences", "@.25", "@.5", title_justify="left")
    for split in ("overall", "unique", "multiple"):
        accuracy = (f"{result['single target'][f'acc@{at}'][split]:.3f}" for at in (0.25, 0.5))
        table.add_row(f"one target, accuracy, {split}", *accuracy)
    for name, value in result["f1@0.25"].items():
        table.add_row(f"F1, {name}", f"{value:.3f}", "")
    console.print(table)


def _print_answers(result: dict[str, Any], console: Any) -> None:
    from rich.table import Table

    table = Table("question", "asked", "exact match", "blind")
    for name, row in result["by type of question"].items():
        table.add_row(name, str(row["questions"]), f"{row['exact match']:.2f}", f"{row['blind']:.2f}")
    console.print(table)
    for name in (
        "exact match, mean over types",
        "exact match without looking",
        "facts stated in captions true",
        "plan goals right",
        "plans as written",
        "text contradicts links",
        "milliseconds per answer",
    ):
        console.print(f"{name}: {result[name]:.3f}", highlight=False)
    for name in ("detection", "dialogue"):
        console.print(f"{name} F1@.25: {result[name]['f1@0.25']['overall']:.3f}", highlight=False)
    if result["captions"]:
        console.print(f"captions CIDEr: {result['captions']['cider']:.3f}", highlight=False)


_PRINTERS = {
    "objects": _print_objects,
    "grounding": _print_grounding,
    "written": _print_written,
    "answers": _print_answers,
}


COMMANDS: dict[str, Callable[..., None]] = {"quality": quality}
