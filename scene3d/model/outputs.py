"""Proposals to files, in the frame and the point order of the scan they were found in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from scene3d.errors import InputError
from scene3d.geometry import boxes_of_masks
from scene3d.io import save_ply
from scene3d.model.palette import object_colours
from scene3d.types import Proposals, Scene

SCHEMA = "scene3d/proposals/1"
ENDINGS = (".npz", ".json", ".ply")
STRAY = 0.002
"""Share of an object's points that may lie outside its box on each side. Boxes of 325 objects, in rooms of training
furniture, have an IoU of at least 0.25 with the true one in 0.938, of 0.5 in 0.825; with all points in 0.892, 0.763."""


def check_ending(path: Path) -> None:
    """Refuse an output that `write_proposals` could not write, before the work is done.

    Raises:
        InputError: The ending is not among `ENDINGS`.
    """
    if path.suffix not in ENDINGS:
        raise InputError(f"{path}: objects are written as {', '.join(ENDINGS)}")


def write_proposals(path: Path, scene: Scene, found: Proposals) -> None:
    """Write proposals as .npz, .json or .ply.

    The .npz holds `mask` bool (q, n) over the points in file order, `score` (q), `label` (q) text, `box` (q, 6) as
    minimum and maximum in the file's own frame; the .json the same without masks; the .ply the scene's points with a
    colour and an `object` number each, -1 for none.

    Raises:
        InputError: Another ending, or a folder that is not there.
    """
    check_ending(path)
    if not path.parent.is_dir():
        raise InputError(f"{path}: the folder {path.parent} does not exist; create it first")
    if path.suffix == ".npz":
        np.savez_compressed(
            path,
            mask=file_masks(scene, found.mask).numpy(),
            score=found.score.numpy(),
            label=np.array(found.label or [""] * len(found.score), dtype=np.str_),
            box=file_boxes(scene, found.mask).numpy(),
        )
    elif path.suffix == ".json":
        path.write_text(json.dumps(proposals_record(scene, found), indent=1) + "\n", encoding="utf-8")
    else:
        owner = owners(found)
        rgb = object_colours(owner, scene.rgb)
        save_ply(path, scene.xyz_m, rgb=rgb, faces=scene.faces, fields={"object": owner.int()})


def proposals_record(scene: Scene, found: Proposals) -> dict[str, Any]:
    """What the .json holds: one record per object, boxes in the file's own frame."""
    boxes = file_boxes(scene, found.mask).tolist()
    labels = found.label or ("",) * len(found.score)
    columns = zip(found.id, labels, found.score.tolist(), boxes, strict=True)
    objects: list[dict[str, Any]] = [
        {"id": i, "label": label, "score": round(score, 4), "box": box} for i, label, score, box in columns
    ]
    for name, value in (("facing_rad", found.facing_rad), ("facing_confidence", found.facing_confidence)):
        if value is not None:
            for record, number in zip(objects, value.tolist(), strict=True):
                record[name] = round(number, 4)
    if found.rgb is not None:
        for record, colour in zip(objects, found.rgb.tolist(), strict=True):
            record["rgb"] = [round(c, 3) for c in colour]
    return {"schema": SCHEMA, "scan": scene.name, "objects": objects}


def file_masks(scene: Scene, mask: Bool[Tensor, "q n"]) -> Bool[Tensor, "q m"]:
    """Masks over the points of the file, in its order; points that the reader dropped belong to nothing."""
    if scene.scene_point_of_file is None:
        return mask
    place = scene.scene_point_of_file.long()
    return mask[:, place.clamp_min(0)] & (place >= 0)


def file_boxes(scene: Scene, mask: Bool[Tensor, "q n"]) -> Float[Tensor, "q 6"]:
    """Axis-aligned boxes of masks in the file's own axes, unit and origin; minimum, then maximum; without `STRAY`."""
    turn, shift = scene.file_from_scene[:3, :3], scene.file_from_scene[:3, 3]
    return boxes_of_masks(scene.xyz_m.double() @ turn.T + shift, mask, trimmed=STRAY)


def owners(found: Proposals) -> Tensor:
    """The id of the best object that covers each point, -1 for none: `(e)` int64."""
    owner = torch.full((found.mask.shape[1],), -1)
    for i in range(len(found.score) - 1, -1, -1):  # best last, so that it wins
        owner[found.mask[i]] = found.id[i]
    return owner
