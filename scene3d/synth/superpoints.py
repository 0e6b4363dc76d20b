"""Superpoints of a simulated scan, cut by the very function that cuts real ones."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float64, Int32

from scene3d.geometry.superpoints import over_segment
from scene3d.synth.fusion import Surface
from scene3d.types import Scene


def segment_surface(
    surface: Surface, *, has_colour: bool, viewpoint_m: Float64[np.ndarray, "3"] | None
) -> Int32[np.ndarray, "n"]:
    """Superpoint of each point, 0 … s-1.

    Args:
        surface: Mesh or bare points.
        has_colour: Whether the colours mean anything.
        viewpoint_m: Where the camera stood, for bare points of a single view.
    """
    scene = Scene(
        name="scan",
        xyz_m=torch.from_numpy(surface.xyz_m),
        rgb=torch.from_numpy(surface.rgb) if has_colour else None,
        normal=torch.from_numpy(surface.normal),
        faces=torch.from_numpy(surface.faces.astype(np.int64)) if len(surface.faces) else None,
        file_from_scene=torch.eye(4, dtype=torch.float64),
    )
    viewpoint = None if viewpoint_m is None else torch.from_numpy(viewpoint_m.astype(np.float32))
    superpoint = over_segment(scene, viewpoint_m=viewpoint).superpoint
    assert superpoint is not None
    return superpoint.numpy().astype(np.int32)
