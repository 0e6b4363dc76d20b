"""Pure functions on points, boxes and cameras: voxels, superpoints, overlap, projection."""

from scene3d.geometry.boxes import (
    aligned_corners,
    aligned_to_centre_size,
    box_of_points,
    boxes_of_masks,
    centre_size_to_aligned,
    enclosing_aligned,
    transform_aligned,
    transform_points,
    yawed_corners,
)
from scene3d.geometry.cameras import intrinsic_of, look_at, project, unproject
from scene3d.geometry.normals import with_normals
from scene3d.geometry.oracle import SuperpointOracle, superpoint_oracle
from scene3d.geometry.pieces import without_crumbs
from scene3d.geometry.superpoints import COLOUR_AWARE, SCANNET, SuperpointSettings, over_segment
from scene3d.geometry.voxels import Voxels, voxelize

__all__ = [
    "COLOUR_AWARE",
    "SCANNET",
    "SuperpointOracle",
    "SuperpointSettings",
    "Voxels",
    "aligned_corners",
    "aligned_to_centre_size",
    "box_of_points",
    "boxes_of_masks",
    "centre_size_to_aligned",
    "enclosing_aligned",
    "intrinsic_of",
    "look_at",
    "over_segment",
    "project",
    "superpoint_oracle",
    "transform_aligned",
    "transform_points",
    "unproject",
    "voxelize",
    "with_normals",
    "without_crumbs",
    "yawed_corners",
]
