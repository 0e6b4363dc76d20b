"""The oracle is torch's attention over keys repeated and joined; the turn is checked with complex numbers."""

from contextlib import nullcontext

import pytest
import torch
from torch.nn import functional

from scene3d_ops import Int8Linear, Int8Weight, LlamaLayer, SharedPast, attend_cached, native, using

BACKENDS = ["reference", *(native.INSTRUCTION_SETS if native.available() else ())]
B, H, K, D, CAPACITY = 3, 6, 2, 32, 9


def random(*shape: int, seed: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def turns(angle: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Cosine and signed sine of one angle per pair."""
    return torch.cat([angle.cos(), angle.cos()], dim=1), torch.cat([-angle.sin(), angle.sin()], dim=1)


def turned(x: torch.Tensor, angle: torch.Tensor) -> torch.Tensor:
    half = x.shape[-1] // 2
    pair = torch.complex(x[..., :half], x[..., half:]) * torch.polar(torch.ones_like(angle), angle)[:, None]
    return torch.cat([pair.real, pair.imag], dim=-1)


def run(backend: str, *arguments: object, **named: object) -> torch.Tensor:
    if backend == "reference":
        with using("reference"):
            return attend_cached(*arguments, **named)  # type: ignore[arg-type]
    with using("native"), native.at_most(backend):
        return attend_cached(*arguments, **named)  # type: ignore[arg-type]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize(("place", "before"), [(0, 0), (0, 5), (8, 0), (4, 70)])
@pytest.mark.parametrize("d", [32, 64, 20])
def test_one_step_equals_attention_over_everything(backend: str, place: int, before: int, padded: bool, d: int):
    states, angle = random(B, (H + 2 * K) * d, seed=0), random(B, d // 2, seed=1)
    keys, values = random(B, K, CAPACITY, d, seed=2), random(B, K, CAPACITY, d, seed=3)
    shared_keys, shared_values = random(K, before + 3, d, seed=4), random(K, before + 3, d, seed=5)
    real, shared_real = torch.rand(B, CAPACITY) < 0.5, torch.rand(before + 3) < 0.5
    real[:, place] = True
    prefix = SharedPast(keys=shared_keys, values=shared_values, length=before, real=shared_real if padded else None)
    new = states.view(B, -1, d)
    all_keys, all_values = keys.clone(), values.clone()
    all_keys[:, :, place], all_values[:, :, place] = turned(new[:, H : H + K], angle), new[:, H + K :]
    key = torch.cat([shared_keys[:, :before].expand(B, -1, -1, -1), all_keys[:, :, : place + 1]], dim=2)
    value = torch.cat([shared_values[:, :before].expand(B, -1, -1, -1), all_values[:, :, : place + 1]], dim=2)
    seen = torch.cat([shared_real[:before].expand(B, -1), real[:, : place + 1]], dim=1)[:, None, None]
    want = functional.scaled_dot_product_attention(
        turned(new[:, :H], angle)[:, :, None],
        key.repeat_interleave(H // K, dim=1),
        value.repeat_interleave(H // K, dim=1),
        attn_mask=seen if padded else None,
    )
    found = run(backend, states, turns(angle), keys, values, place=place, real=real if padded else None, prefix=prefix)
    torch.testing.assert_close(found, want.reshape(B, -1), atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(keys, all_keys)
    torch.testing.assert_close(values, all_values)


@pytest.mark.parametrize("backend", BACKENDS)
def test_large_scores_stay_finite(backend: str):
    states = random(1, 3 * D, seed=0) * 1e3
    keys, values = random(1, 1, 4, D, seed=1) * 1e3, random(1, 1, 4, D, seed=2)
    found = run(backend, states, turns(torch.zeros(1, D // 2)), keys, values, place=3)
    torch.testing.assert_close(found, values[0, :, (keys[0, 0] @ states[0, :D]).argmax()])


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("place", "before"), [(0, 0), (3, 0), (0, 70), (5, 33)])
@pytest.mark.parametrize("d", [32, 64, 20])
def test_many_tokens_at_once_equal_one_after_the_other(backend: str, place: int, before: int, d: int):
    count = torch.tensor([1, 45, 0, 7])
    n, capacity = int(count.sum()), 60
    states, angle = random(n, (H + 2 * K) * d, seed=0), random(n, d // 2, seed=1)
    keys, values = random(4, K, capacity, d, seed=2), random(4, K, capacity, d, seed=3)
    real = torch.rand(4, capacity, generator=torch.Generator().manual_seed(6)) < 0.7
    real[:, place:] = True
    prefix = SharedPast(
        keys=random(K, before, d, seed=4),
        values=random(K, before, d, seed=5),
        length=before,
        real=torch.arange(before) % 3 > 0,
    )
    want, want_keys, want_values = [], keys.clone(), values.clone()
    for sequence, first in enumerate((count.cumsum(0) - count).tolist()):
        own = slice(sequence, sequence + 1)
        for t in range(int(count[sequence])):
            row = slice(first + t, first + t + 1)
            with using("reference"):
                want.append(
                    attend_cached(
                        states[row], turns(angle[row]), want_keys[own], want_values[own],
                        place=place + t, real=real[own], prefix=prefix,
                    )
                )  # fmt: skip
    found = run(backend, states, turns(angle), keys, values, place=place, count=count, real=real, prefix=prefix)
    torch.testing.assert_close(found, torch.cat(want), atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(keys, want_keys)
    torch.testing.assert_close(values, want_values)


def test_a_place_outside_the_keys_is_named():
    keys = torch.zeros(1, 1, 4, D)
    with pytest.raises(ValueError, match="places 4 to 4 lie outside keys of 4 tokens"):
        attend_cached(torch.zeros(1, 3 * D), turns(torch.zeros(1, D // 2)), keys, keys, place=4)


def test_tokens_that_nobody_counted_are_named():
    keys = torch.zeros(1, 1, 4, D)
    with pytest.raises(ValueError, match="2 new tokens, but 3 are counted"):
        attend_cached(
            torch.zeros(2, 3 * D), turns(torch.zeros(2, D // 2)), keys, keys, place=0, count=torch.tensor([3])
        )


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_layer_in_one_call_equals_its_parts(backend: str):
    d, width, hidden, count = 32, 96, 160, torch.tensor([3, 1, 12])
    n = int(count.sum())

    def linear(inputs: int, outputs: int, seed: int) -> Int8Linear:
        return Int8Linear(weight=Int8Weight.of(random(outputs, inputs, seed=seed)), bias=random(outputs, seed=seed + 9))

    layer = LlamaLayer(
        query_key_value=linear(width, (H + 2 * K) * d, 0),
        output=linear(H * d, width, 1),
        gate_up=linear(width, 2 * hidden, 2),
        down=linear(hidden, width, 3),
        attention_norm=random(width, seed=4),
        mlp_norm=random(width, seed=5),
        epsilon=1e-5,
    )
    prefix = SharedPast(keys=random(K, 20, d, seed=6), values=random(K, 20, d, seed=7), length=17)
    x, turn = random(n, width, seed=8), turns(random(n, d // 2, seed=9))
    options = {"place": 2, "count": count, "prefix": prefix}
    keys, values = random(3, K, 20, d, seed=10), random(3, K, 20, d, seed=11)
    want_keys, want_values = keys.clone(), values.clone()
    with using("reference"):
        want = layer.with_attention(x, lambda states: attend_cached(states, turn, want_keys, want_values, **options))
    with (
        using("reference" if backend == "reference" else "native"),
        native.at_most(backend) if (backend != "reference") else nullcontext(),
    ):
        found = layer(x, turn, keys, values, **options)
    torch.testing.assert_close(found, want, atol=2e-2 * float(want.abs().max()), rtol=0.0)
    torch.testing.assert_close(keys, want_keys, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(values, want_values, atol=1e-4, rtol=1e-4)
