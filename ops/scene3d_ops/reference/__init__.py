"""The twins: each op written to be read. They specify the kernels and serve where no kernel can run."""

from scene3d_ops.reference.attend_cached import SharedPast, attend_cached
from scene3d_ops.reference.convolution import sparse_conv
from scene3d_ops.reference.fusion import integrate_depth, touched_blocks
from scene3d_ops.reference.linear_int8 import INT8_BLOCK, linear_int8, round_rows
from scene3d_ops.reference.marching_cubes import zero_surface
from scene3d_ops.reference.nearest import farthest_points, knn
from scene3d_ops.reference.neighbours import coarsen, pack_keys, sorted_keys, stride_tables, subm_table, unpack_keys
from scene3d_ops.reference.normals import point_normals, vertex_normals
from scene3d_ops.reference.overlap import box_iou_aligned, box_iou_yawed, mask_iou
from scene3d_ops.reference.segments import segment_max, segment_mean, segment_sum
from scene3d_ops.reference.superpoints import over_segment_graph
from scene3d_ops.reference.voxels import unique_cells

__all__ = [
    "INT8_BLOCK",
    "SharedPast",
    "attend_cached",
    "box_iou_aligned",
    "box_iou_yawed",
    "coarsen",
    "farthest_points",
    "integrate_depth",
    "knn",
    "linear_int8",
    "mask_iou",
    "over_segment_graph",
    "pack_keys",
    "point_normals",
    "round_rows",
    "segment_max",
    "segment_mean",
    "segment_sum",
    "sorted_keys",
    "sparse_conv",
    "stride_tables",
    "subm_table",
    "touched_blocks",
    "unique_cells",
    "unpack_keys",
    "vertex_normals",
    "zero_surface",
]
