"""Commands that read a scan with a model: segment, detect, convert."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from rich.console import Console
from rich.table import Table
from tyro.conf import OmitArgPrefixes, Positional, arg

from scene3d.commands.opening import Opening
from scene3d.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from scene3d.model.session import Session
    from scene3d.types import Proposals


def segment(
    scan: Positional[Path],
    /,
    out: Annotated[Path | None, arg(aliases=["-o"])] = None,
    *,
    png: Path | None = None,
    opening: OmitArgPrefixes[Opening] = Opening(),
) -> None:
    """Find the objects of a scan.

    Args:
        scan: A scan in any format that scene3d reads.
        out: Where the objects go: .npz (masks over the points in file order, scores, labels, boxes), .json (the same
            without masks) or .ply (the scan, one colour per object, with an `object` field).
        png: Draw the objects into this picture.
        opening: How the scan is opened.
    """
    from scene3d.model.outputs import check_ending, write_proposals

    if out is not None:
        check_ending(out)
    session = opening.session(scan)
    found = session.segment()
    _print_table(session, found, title=f"{len(found.score)} objects in {scan.name}")
    if out is not None:
        write_proposals(out, session.scene, found)
    _draw(png, session, found)


def detect(
    scan: Positional[Path],
    text: Positional[str],
    /,
    *,
    threshold: float = 0.5,
    json_out: Annotated[Path | None, arg(name="json")] = None,
    png: Path | None = None,
    opening: OmitArgPrefixes[Opening] = Opening(),
) -> None:
    """Find the objects that a phrase names.

    Args:
        scan: A scan in any format that scene3d reads.
        text: What to look for, in any words: "chairs", "something to sit on".
        threshold: Least probability that the phrase names the object.
        json_out: Write the objects here, boxes in the frame of the file.
        png: Draw them into this picture.
        opening: How the scan is opened.
    """
    from scene3d.model.outputs import proposals_record

    session = opening.session(scan)
    found = session.detect(text, threshold=threshold)
    _print_table(session, found, title=f"{len(found.score)} × “{text}” in {scan.name}")
    if json_out is not None:
        record = {"text": text} | proposals_record(session.scene, found)
        json_out.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    _draw(png, session, found)


def convert(source: Positional[Literal["minkowski"]], checkpoint: Positional[Path], out: Positional[Path], /) -> None:
    """Turn a published checkpoint into weights of our `paper` backbone.

    Args:
        source: The library that wrote the checkpoint.
        checkpoint: A PyTorch file with a Res16UNet34C.
        out: A .safetensors file.
    """
    from safetensors.torch import save_file

    from scene3d.config import load_config
    from scene3d.model.backbone import SparseUNet
    from scene3d.model.convert import convert_minkowski, read_checkpoint
    from scene3d.model.detector import DetectorConfig

    if out.suffix != ".safetensors":
        raise InputError(f"{out}: the converted weights are written as .safetensors")
    state = read_checkpoint(checkpoint)
    config = load_config(DetectorConfig, "model/paper")
    stem = next((value for key, value in state.items() if key.endswith("conv0p1s1.kernel")), None)
    channels = stem.shape[1] if stem is not None and stem.ndim == 3 else 3
    backbone = SparseUNet(channels, planes=config.planes, blocks=config.blocks, stem_kernel=config.stem_kernel)
    save_file(convert_minkowski(state, backbone), out)
    Console().print(f"{out}: {len(backbone.state_dict())} tensors, {channels} input channels")


def _print_table(session: Session, found: Proposals, *, title: str) -> None:
    table = Table(title=title, title_justify="left")
    for name in ("id", "label", "score", "centre (m)", "size (m)"):
        table.add_column(name, justify="left" if name == "label" else "right")
    low, high = found.box[:, :3], found.box[:, 3:]
    labels = found.label or ("",) * len(found.score)
    for i, label in enumerate(labels):
        centre = " ".join(f"{v:.2f}" for v in ((low[i] + high[i]) / 2).tolist())
        size = " ".join(f"{v:.2f}" for v in (high[i] - low[i]).tolist())
        table.add_row(str(found.id[i]), label, f"{found.score[i]:.2f}", centre, size)
    console = Console()
    console.print(table)
    stages = ", ".join(f"{stage} {1000 * seconds:.0f} ms" for stage, seconds in session.times_s.items())
    console.print(f"[dim]{stages}[/]", highlight=False)


def _draw(png: Path | None, session: Session, found: Proposals) -> None:
    if png is not None:
        from scene3d.model.picture import draw_proposals

        draw_proposals(session.scene, found).save(png)


COMMANDS: dict[str, Callable[..., None]] = {"segment": segment, "detect": detect, "convert": convert}
