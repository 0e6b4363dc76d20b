"""Int8 answers against the float model's, and against themselves: batches, branches, backends."""

import pytest
import torch

from scene3d.errors import InputError
from scene3d.model.llama import Llama, LlamaConfig
from scene3d.model.llama_int8 import quantize
from scene3d.model.llama_lora import add_lora, merge_lora
from scene3d_ops import native, using

SIZES = {"width": 64, "layers": 3, "heads": 4, "key_heads": 2, "head_width": 32, "hidden": 96, "vocabulary": 50}
needs_kernels = pytest.mark.skipif(not native.available(), reason="kernels are not compiled")


def new_llama(**changes: bool) -> Llama:
    torch.manual_seed(0)
    model = Llama(LlamaConfig(**(SIZES | changes))).eval()  # type: ignore[arg-type]
    for p in model.parameters():
        torch.nn.init.normal_(p, std=0.2)
    return model.requires_grad_(False)


@pytest.fixture(scope="module")
def small() -> Llama:
    return quantize(new_llama())


def states(batch: int, t: int, seed: int) -> torch.Tensor:
    return torch.randn(batch, t, 64, generator=torch.Generator().manual_seed(seed))


def count(t: int, *, start: int = 0) -> torch.Tensor:
    return torch.arange(start, start + t)[None]


@pytest.mark.parametrize(
    "changes", [{}, {"tied": False, "attention_bias": True, "mlp_bias": True}], ids=["plain", "all"]
)
def test_answers_stay_near_those_of_the_float_model(changes: dict[str, bool]):
    model, x = new_llama(**changes), states(2, 9, 0)
    position = count(9).expand(2, -1)
    want = model.logits(model(x, position=position))
    quantize(model)
    found = model.logits(model(x, position=position))
    assert (found - want).norm() < 0.03 * want.norm()


@needs_kernels
def test_kernels_and_twins_give_the_same_answer(small: Llama):
    x, found = states(1, 6, 0), []
    for backend in ("native", "reference"):
        with using(backend):
            cache = small.new_cache(capacity=6)
            pieces = [
                small(x[:, a:b], position=count(b - a, start=a), cache=cache) for a, b in [(0, 4), (4, 5), (5, 6)]
            ]
            found.append(torch.cat(pieces, dim=1))
    # A state near a half may round to the other side.
    torch.testing.assert_close(found[0], found[1], atol=2e-2, rtol=2e-2)


def test_steps_equal_reading_at_once(small: Llama):
    x, prefix = states(1, 9, 0), small.new_cache(capacity=5)
    small(x[:, :5], position=count(5), cache=prefix)
    branch = prefix.branch(capacity=4)
    steps = [small(x[:, i : i + 1], position=count(1, start=i), cache=branch) for i in range(5, 9)]
    torch.testing.assert_close(torch.cat(steps, dim=1), small(x, position=count(9))[:, 5:], atol=2e-2, rtol=2e-2)


def test_a_padded_batch_equals_its_questions_alone(small: Llama):
    prefix, lengths = small.new_cache(capacity=5), [4, 6, 1]
    small(states(1, 5, 9), position=count(5), cache=prefix)
    x, more, real = states(3, 6, 1), states(3, 1, 2), torch.zeros(3, 6, dtype=torch.bool)
    for i, n in enumerate(lengths):
        real[i, :n] = True
    together = prefix.branch(batch=3, capacity=7)
    small(x, position=count(6, start=5).expand(3, -1), cache=together, real=real)
    found = small(more, position=torch.tensor(lengths)[:, None] + 5, cache=together)
    for i, n in enumerate(lengths):
        alone = prefix.branch(capacity=n + 1)
        small(x[i : i + 1, :n], position=count(n, start=5), cache=alone)
        want = small(more[i : i + 1], position=count(1, start=5 + n), cache=alone)
        torch.testing.assert_close(found[i], want[0], atol=2e-2, rtol=2e-2)


def test_merged_adapters_are_rounded_too_and_unmerged_ones_refused():
    model, x = new_llama(), states(1, 5, 0)
    for p in add_lora(model, rank=2, alpha=4):
        torch.nn.init.normal_(p, std=0.2)
    want = model(x, position=count(5)).detach()
    with pytest.raises(InputError, match="call merge_lora first"):
        quantize(model)
    merge_lora(model)
    quantize(model)
    assert (model(x, position=count(5)) - want).norm() < 0.05 * want.norm()
