"""Runs the Triton kernels in Triton's interpreter on the CPU and prints how far they are from the torch twin.

Not a test by itself: `test_triton.py` starts it with TRITON_INTERPRET=1, which must be set before Triton is imported.
"""

import json
import sys

import torch

from scene3d_ops import Lattice, reference
from scene3d_ops.triton_kernels import TritonKernels


def relative(got: torch.Tensor, want: torch.Tensor) -> float:
    assert got.shape == want.shape
    assert got.dtype == want.dtype
    return ((got.float() - want.float()).abs().max() / want.float().abs().max().clamp(min=1e-30)).item()


def errors(table: torch.Tensor, voxels: int, ci: int, co: int, dtype: torch.dtype) -> dict[str, float]:
    generator = torch.Generator().manual_seed(ci * co)
    feature = torch.randn(voxels, ci, generator=generator).to(dtype).requires_grad_()
    weight = torch.randn(len(table), ci, co, generator=generator).to(dtype).requires_grad_()
    gradient = torch.randn(table.shape[1], co, generator=generator).to(dtype)
    want = reference.sparse_conv(feature, weight, table)
    want_weight = torch.autograd.grad(want, weight, gradient)[0]
    kernels = TritonKernels()
    return {
        "forward": relative(kernels.forward(feature.detach(), weight.detach(), table), want.detach()),
        "weight gradient": relative(kernels.weight_gradient(feature.detach(), gradient, table), want_weight),
    }


def main() -> None:
    voxels = torch.randint(0, 4, (60, 4), generator=torch.Generator().manual_seed(0)) // torch.tensor([2, 1, 1, 1])
    lattice, _ = Lattice.of(voxels)
    step = lattice.coarser()
    report = {}
    # No bfloat16: the interpreter multiplies its bits as integers.
    for ci, co, dtype in ((3, 20, torch.float32), (40, 70, torch.float32), (16, 16, torch.float16)):
        report[f"submanifold {ci}-{co} {dtype}"] = errors(lattice.subm_map(3), len(lattice), ci, co, dtype)
    report["down"] = errors(step.down, len(lattice), 8, 16, torch.float32)
    report["inverse"] = errors(step.inverse, len(step.lattice), 16, 8, torch.float32)
    json.dump(report, sys.stdout)


if __name__ == "__main__":
    main()
