import pytest
import torch

from scene3d.errors import InputError
from scene3d.model.llama import Llama, LlamaConfig
from scene3d.model.llama_lora import add_lora, load_lora, lora_state, merge_lora

CONFIG = LlamaConfig(width=32, layers=2, heads=4, key_heads=2, head_width=8, hidden=48, vocabulary=50)
X = torch.randn(2, 6, CONFIG.width, generator=torch.Generator().manual_seed(0))
POSITION = torch.arange(6).expand(2, 6)


def new_llama() -> Llama:
    torch.manual_seed(0)
    return Llama(CONFIG).eval()


def trained(llama: Llama) -> Llama:
    parameters = add_lora(llama, rank=3, alpha=6)
    torch.manual_seed(1)
    for p in parameters:
        torch.nn.init.normal_(p, std=0.2)
    return llama


def answer(llama: Llama) -> torch.Tensor:
    with torch.no_grad():
        return llama(X.to(llama.dtype), position=POSITION).float()


def test_a_new_adapter_changes_nothing_and_is_all_that_learns():
    llama = new_llama()
    before = answer(llama)
    parameters = add_lora(llama, rank=4, alpha=8)
    assert torch.equal(answer(llama), before)
    assert [p for p in llama.parameters() if p.requires_grad] == parameters
    assert len(parameters) == 2 * 7 * CONFIG.layers


def test_only_the_targets_are_adapted():
    llama = new_llama()
    add_lora(llama, rank=2, alpha=2, targets=["q_proj", "v_proj"])
    assert {name.split(".")[3] for name in lora_state(llama)} == {"q_proj", "v_proj"}


def test_merging_keeps_the_answer_and_takes_the_adapters_away():
    llama = trained(new_llama())
    before = answer(llama)
    assert (before - answer(new_llama())).abs().max() > 0.1
    merge_lora(llama)
    torch.testing.assert_close(answer(llama), before, atol=1e-5, rtol=1e-5)
    assert lora_state(llama) == {}
    assert set(llama.state_dict()) == set(new_llama().state_dict())


def test_state_makes_a_round_trip():
    llama, other = trained(new_llama()), new_llama()
    add_lora(other, rank=3, alpha=6)
    load_lora(other, lora_state(llama))
    assert torch.equal(answer(other), answer(llama))


def test_steps_of_training_lower_the_loss_with_bfloat16_weights_and_single_precision_adapters():
    llama = new_llama().bfloat16()
    parameters = add_lora(llama, rank=4, alpha=8)
    assert {p.dtype for p in parameters} == {torch.float32}
    optimiser = torch.optim.AdamW(parameters, lr=2e-2)
    token = torch.randint(CONFIG.vocabulary, (2, 6), generator=torch.Generator().manual_seed(3))
    losses = []
    for _ in range(30):
        score = llama.logits(llama(X.bfloat16(), position=POSITION)).float()
        loss = torch.nn.functional.cross_entropy(score.flatten(0, 1), token.flatten())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]
    assert all(p.grad is None for p in llama.parameters() if not p.requires_grad)


def test_wrong_ranks_targets_and_states_are_refused():
    with pytest.raises(InputError, match=r"\['head'\]"):
        add_lora(new_llama(), rank=2, alpha=2, targets=["head"])
    with pytest.raises(InputError, match="rank 0"):
        add_lora(new_llama(), rank=0, alpha=2)
    llama, other = trained(new_llama()), new_llama()
    add_lora(other, rank=2, alpha=6)
    state = lora_state(llama)
    with pytest.raises(InputError, match="28 adapters differ"):
        load_lora(other, state)
    state.popitem()
    with pytest.raises(InputError, match="1 adapters differ"):
        load_lora(llama, state)
