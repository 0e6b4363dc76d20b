"""The oracle is transformers' own Llama with the same random weights."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import BertConfig, LlamaForCausalLM
from transformers import LlamaConfig as TheirConfig

from scene3d.errors import InputError
from scene3d.model.llama import Llama, LlamaConfig
from scene3d.model.llama_attention import Packed
from scene3d.model.llama_load import empty_llama


def their_model(**changes: Any) -> LlamaForCausalLM:
    sizes: dict[str, Any] = {
        "hidden_size": 48,
        "intermediate_size": 80,
        "num_hidden_layers": 3,
        "num_attention_heads": 6,
        "num_key_value_heads": 2,
        "vocab_size": 97,
        "tie_word_embeddings": True,
        "rope_theta": 5000.0,
        "max_position_embeddings": 256,
        "initializer_range": 0.3,
    }
    torch.manual_seed(0)
    return LlamaForCausalLM(TheirConfig(**(sizes | changes))).eval()


def saved(model: LlamaForCausalLM, folder: Path) -> Path:
    model.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[LlamaForCausalLM, Llama]:
    theirs = their_model()
    return theirs, Llama.from_pretrained(saved(theirs, tmp_path_factory.mktemp("llama")))


@pytest.fixture(scope="module")
def llama(pair: tuple[LlamaForCausalLM, Llama]) -> Llama:
    return pair[1]


def random_states(llama: Llama, *, batch: int, t: int, seed: int = 0) -> Tensor:
    return torch.randn(batch, t, llama.config.width, generator=torch.Generator().manual_seed(seed))


def count(batch: int, t: int, *, start: int = 0) -> Tensor:
    return torch.arange(start, start + t).expand(batch, t)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"tie_word_embeddings": False, "attention_bias": True, "mlp_bias": True},
        {"num_key_value_heads": 6, "head_dim": 16},
        {
            "rope_parameters": {
                "rope_type": "llama3",
                "rope_theta": 500.0,
                "factor": 8.0,
                "low_freq_factor": 1.0,
                "high_freq_factor": 4.0,
                "original_max_position_embeddings": 32,
            }
        },
    ],
    ids=["grouped and tied", "biases and a head", "ungrouped and wide heads", "stretched positions"],
)
@torch.no_grad()
def test_logits_are_those_of_transformers(changes: dict[str, Any], tmp_path: Path):
    theirs = their_model(**changes)
    ours = Llama.from_pretrained(saved(theirs, tmp_path))
    token = torch.randint(97, (2, 50), generator=torch.Generator().manual_seed(1))
    found = ours.logits(ours(ours.embed(token), position=count(2, 50)))
    torch.testing.assert_close(found, theirs(token).logits, atol=1e-4, rtol=1e-4)


@torch.no_grad()
def test_masks_and_positions_are_those_of_transformers(pair: tuple[LlamaForCausalLM, Llama]):
    theirs, ours = pair
    x = random_states(ours, batch=2, t=9)
    position = torch.tensor([[3, 3, 3, 3, 4, 5, 6, 4, 5], [0, 0, 1, 2, 3, 4, 5, 6, 7]])
    mask = torch.rand(2, 1, 9, 9, generator=torch.Generator().manual_seed(2)) < 0.5
    mask |= torch.eye(9, dtype=torch.bool)
    added = torch.zeros(mask.shape).masked_fill(~mask, float("-inf"))
    want = theirs.model(inputs_embeds=x, attention_mask=added, position_ids=position).last_hidden_state
    for given in (mask, added):
        torch.testing.assert_close(ours(x, position=position, mask=given), want, atol=1e-4, rtol=1e-4)


@torch.no_grad()
def test_bfloat16_is_near_and_keeps_positions_exact(pair: tuple[LlamaForCausalLM, Llama], tmp_path: Path):
    theirs, ours = pair
    low = Llama.from_pretrained(saved(theirs, tmp_path), dtype=torch.bfloat16)
    x = random_states(ours, batch=1, t=20)
    found, want = low(x.bfloat16(), position=count(1, 20, start=200)), ours(x, position=count(1, 20))
    assert low.frequency.dtype == torch.float32
    assert found.dtype == torch.bfloat16
    assert (found.float() - want).abs().mean() < 0.05 * want.abs().mean()  # only distances between positions matter


def test_gradients_are_those_of_transformers(pair: tuple[LlamaForCausalLM, Llama]):
    theirs, ours = pair
    x = random_states(ours, batch=1, t=12).requires_grad_()
    direction = torch.randn(1, 12, ours.config.width)
    (found,) = torch.autograd.grad((ours(x, position=count(1, 12)) * direction).sum(), x)
    (want,) = torch.autograd.grad((theirs.model(inputs_embeds=x).last_hidden_state * direction).sum(), x)
    torch.testing.assert_close(found, want, atol=1e-3, rtol=1e-3)


@torch.no_grad()
def test_a_prefix_at_one_position_that_sees_itself_has_no_order(llama: Llama):
    x, order = random_states(llama, batch=1, t=7), torch.tensor([4, 2, 6, 0, 1, 5, 3])
    everything = torch.ones(1, 1, 7, 7, dtype=torch.bool)
    at = torch.zeros(1, 7, dtype=torch.long)
    found = llama(x[:, order], position=at, mask=everything)
    torch.testing.assert_close(found, llama(x, position=at, mask=everything)[:, order], atol=1e-5, rtol=1e-5)


def test_other_families_and_unknown_scalings_are_refused():
    with pytest.raises(InputError, match=r"'bert'.*AutoModelForCausalLM"):
        empty_llama(BertConfig())
    with pytest.raises(InputError, match="'dynamic' depends on the length"):
        empty_llama(TheirConfig(rope_parameters={"rope_type": "dynamic", "rope_theta": 1e4, "factor": 2.0}))


def test_a_missing_folder_and_missing_weights_are_named(tmp_path: Path):
    with pytest.raises(InputError, match=r"'\./no/such/model' cannot be opened"):
        Llama.from_pretrained("./no/such/model")
    theirs = their_model()
    theirs.config.num_hidden_layers = 4
    with pytest.raises(InputError, match=r"missing \['layers.3"):
        Llama.from_pretrained(saved(theirs, tmp_path))


def test_default_sizes_are_those_of_the_default_model():
    with torch.device("meta"):
        parameters = sum(p.numel() for p in Llama(LlamaConfig()).parameters())
    assert parameters == 134_515_008


def test_packed_sequences_get_what_one_dense_mask_gives(llama: Llama):
    prefix_mask = torch.rand(1, 1, 5, 5) < 0.5
    prefix_mask |= torch.eye(5, dtype=torch.bool)
    seen = torch.tensor([[True] * 5, [True, True, False, False, False], [True] * 5])
    lengths = [3, 7, 1]
    dense = torch.zeros(16, 16, dtype=torch.bool)
    dense[:5, :5] = prefix_mask
    first = 5
    for row, length in zip(seen, lengths, strict=True):
        dense[first : first + length, :5] = row
        dense[first : first + length, first : first + length] = torch.ones(length, length).tril().bool()
        first += length
    found = []
    for mask in (dense[None, None], Packed(prefix_mask, lengths, seen)):
        x = random_states(llama, batch=1, t=16).requires_grad_()
        state = llama(x, position=count(1, 16), mask=mask)
        (gradient,) = torch.autograd.grad(state.square().sum(), x)
        found.append((state, gradient))
    torch.testing.assert_close(found[1], found[0], atol=1e-4, rtol=1e-4)
