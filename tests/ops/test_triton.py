"""The Triton kernels against the torch twin: in Triton's interpreter everywhere, compiled where there is a GPU."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from scene3d_ops import Lattice, sparse_conv, using

needs_triton = pytest.mark.skipif(
    not importlib.util.find_spec("triton"), reason="Triton is not installed: pip install triton"
)
TOLERANCE = {"torch.float32": 2e-6, "torch.float16": 2e-3}


@pytest.fixture(scope="module")
def report() -> dict[str, dict[str, float]]:
    """Relative errors per case, from a process of its own: the interpreter is chosen when Triton is imported."""
    script = Path(__file__).with_name("triton_interpreted.py")
    ops = Path(__file__).parents[2] / "ops"
    environment = os.environ | {"TRITON_INTERPRET": "1", "PYTHONPATH": str(ops), "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, str(script)], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@needs_triton
def test_interpreted_kernels_agree_with_the_twin(report: dict[str, dict[str, float]]) -> None:
    assert len(report) == 5
    for case, errors in report.items():
        tolerance = TOLERANCE["torch.float16" if "float16" in case else "torch.float32"]
        assert max(errors.values()) < tolerance, (case, errors)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-4), (torch.float16, 1e-2), (torch.bfloat16, 3e-2)])
def test_compiled_kernels_agree_with_the_twin(dtype: torch.dtype, tolerance: float) -> None:
    lattice = Lattice.of(torch.randint(0, 20, (3000, 4)) // torch.tensor([10, 1, 1, 1]))[0].to("cuda")
    feature = torch.randn(len(lattice), 40, device="cuda", dtype=dtype, requires_grad=True)
    weight = torch.randn(27, 40, 70, device="cuda", dtype=dtype, requires_grad=True)
    results = []
    for backend in ("native", "reference"):
        with using(backend):
            out = sparse_conv(feature, weight, lattice.subm_map(3))
        results.append((out, *torch.autograd.grad(out.square().mean(), (feature, weight))))
    for got, want in zip(*results, strict=True):
        assert (got - want).abs().max() <= tolerance * want.abs().max()
