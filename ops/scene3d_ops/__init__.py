"""Kernels for 3D scenes. Each op has a readable torch twin in `scene3d_ops.reference` that is its specification."""
