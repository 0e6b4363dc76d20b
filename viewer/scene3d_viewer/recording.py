"""A scene with its answers as a recording for rerun: objects, boxes and answers along a timeline of answers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from scene3d.errors import MissingDependencyError
from scene3d.types import Plan
from scene3d_viewer.layers import Layers, markers_of, point_normals, tint
from scene3d_viewer.session import Exchange


def write_recording(
    path: Path, layers: Layers, exchanges: Sequence[Exchange] = (), *, plan: Plan | None = None
) -> None:
    """Write a .rrd file; step k of its timeline `answer` shows the objects of answer k, step 0 the scan.

    Raises:
        MissingDependencyError: rerun is not installed.
    """
    try:
        import rerun
    except ImportError as error:
        raise MissingDependencyError("rerun is not installed; `pip install 'scene3d[rerun]'` brings it") from error
    recording = rerun.RecordingStream("scene3d", recording_id=layers.name)
    recording.save(path)
    recording.log("scene", rerun.ViewCoordinates.RIGHT_HAND_Z_UP, static=True)
    boxes, markers = layers.objects, markers_of(layers, plan)
    if boxes:
        recording.log(
            "scene/boxes",
            rerun.Boxes3D(
                mins=[o.box_m[:3] for o in boxes],
                sizes=[[b - a for a, b in zip(o.box_m[:3], o.box_m[3:], strict=True)] for o in boxes],
                colors=[o.colour for o in boxes],
                labels=[o.name for o in boxes],
                show_labels=False,
            ),
            static=True,
        )
    if len(layers.cameras):
        recording.log("scene/cameras", rerun.LineStrips3D(layers.cameras.numpy()), static=True)
    if markers:
        at_m = [m.at_m for m in markers]
        recording.log("scene/plan", rerun.LineStrips3D([at_m]), static=True)
        recording.log(
            "scene/plan/steps", rerun.Points3D(at_m, labels=[f"{m.number}. {m.text}" for m in markers]), static=True
        )
    recording.set_time("answer", sequence=0)
    recording.log("scene/scan", _surface(rerun, layers, ()))
    for number, exchange in enumerate(exchanges, start=1):
        recording.set_time("answer", sequence=number)
        recording.log("scene/scan", _surface(rerun, layers, exchange.objects()))
        text = f"**{exchange.question}**\n\n{exchange.answer.text}"
        recording.log("answer", rerun.TextDocument(text, media_type=rerun.MediaType.MARKDOWN))
    recording.flush()
    recording.disconnect()


def _surface(rerun: Any, layers: Layers, lit: tuple[int, ...]) -> Any:
    surface, rgb = layers.surface, tint(layers, lit).numpy()
    if surface.faces is None:
        return rerun.Points3D(surface.xyz_m.numpy(), colors=rgb)
    normal = point_normals(surface)
    return rerun.Mesh3D(
        vertex_positions=surface.xyz_m.numpy(),
        triangle_indices=surface.faces.numpy(),
        vertex_colors=rgb,
        vertex_normals=None if normal is None else normal.numpy(),
    )
