"""Kernels for 3D scenes. Each op has a readable torch twin in `scene3d_ops.reference` that is its specification."""

from scene3d_ops.attend_cached import SharedPast, attend_cached
from scene3d_ops.backend import using
from scene3d_ops.convolution import sparse_conv
from scene3d_ops.fusion import fuse_depth
from scene3d_ops.lattice import Coarsening, Lattice, SparseTensor
from scene3d_ops.layers import (
    SparseConv3d,
    SparseInverseConv3d,
    SubMConv3d,
    weight_from_minkowski,
    weight_from_spconv,
    weight_to_minkowski,
    weight_to_spconv,
)
from scene3d_ops.linear_int8 import Int8Weight, linear_int8
from scene3d_ops.llama_layer import Int8Linear, LlamaLayer
from scene3d_ops.nearest import farthest_points, knn
from scene3d_ops.normals import point_normals, vertex_normals
from scene3d_ops.overlap import box_iou_aligned, box_iou_yawed, mask_iou
from scene3d_ops.segments import segment_max, segment_mean, segment_sum
from scene3d_ops.superpoints import over_segment_graph
from scene3d_ops.voxels import unique_cells

__all__ = [
    "Coarsening",
    "Int8Linear",
    "Int8Weight",
    "Lattice",
    "LlamaLayer",
    "SharedPast",
    "SparseConv3d",
    "SparseInverseConv3d",
    "SparseTensor",
    "SubMConv3d",
    "attend_cached",
    "box_iou_aligned",
    "box_iou_yawed",
    "farthest_points",
    "fuse_depth",
    "knn",
    "linear_int8",
    "mask_iou",
    "over_segment_graph",
    "point_normals",
    "segment_max",
    "segment_mean",
    "segment_sum",
    "sparse_conv",
    "unique_cells",
    "using",
    "vertex_normals",
    "weight_from_minkowski",
    "weight_from_spconv",
    "weight_to_minkowski",
    "weight_to_spconv",
]
