"""The torch twins: each op written to be read. They specify the kernels and serve where no kernel can run."""

from scene3d_ops.reference.nearest import farthest_points, knn
from scene3d_ops.reference.normals import point_normals, vertex_normals
from scene3d_ops.reference.overlap import box_iou_aligned, box_iou_yawed, mask_iou
from scene3d_ops.reference.segments import segment_max, segment_mean, segment_sum
from scene3d_ops.reference.superpoints import over_segment_graph
from scene3d_ops.reference.voxels import unique_cells

__all__ = [
    "box_iou_aligned",
    "box_iou_yawed",
    "farthest_points",
    "knn",
    "mask_iou",
    "over_segment_graph",
    "point_normals",
    "segment_max",
    "segment_mean",
    "segment_sum",
    "unique_cells",
    "vertex_normals",
]
