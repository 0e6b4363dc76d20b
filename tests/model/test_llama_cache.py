import pytest
import torch

from scene3d.model.llama import Llama, LlamaConfig
from scene3d.model.llama_cache import Cache

CONFIG = LlamaConfig(width=32, layers=3, heads=4, key_heads=2, head_width=8, hidden=48, vocabulary=50)


@pytest.fixture(scope="module")
def llama() -> Llama:
    torch.manual_seed(0)
    model = Llama(CONFIG).eval()
    for p in model.parameters():
        torch.nn.init.normal_(p, std=0.3)
    return model.requires_grad_(False)


def states(batch: int, t: int, seed: int) -> torch.Tensor:
    return torch.randn(batch, t, CONFIG.width, generator=torch.Generator().manual_seed(seed))


def count(t: int, *, start: int = 0) -> torch.Tensor:
    return torch.arange(start, start + t)[None]


def close(a: torch.Tensor, b: torch.Tensor) -> None:
    torch.testing.assert_close(a, b, atol=2e-5, rtol=2e-5)


def test_reading_in_pieces_equals_reading_at_once(llama: Llama):
    x, cache = states(2, 11, 0), llama.new_cache(batch=2, capacity=11)
    pieces = [
        llama(x[:, a:b], position=count(b - a, start=a).expand(2, -1), cache=cache)
        for a, b in [(0, 5), (5, 9), (9, 10), (10, 11)]
    ]
    close(torch.cat(pieces, dim=1), llama(x, position=count(11).expand(2, -1)))


def test_a_branch_equals_one_long_sequence_and_leaves_the_prefix_alone(llama: Llama):
    first, second, third = states(1, 6, 0), states(1, 4, 1), states(1, 3, 2)
    prefix = llama.new_cache(capacity=6)
    llama(first, position=count(6), cache=prefix)
    before = prefix.keys.clone()
    for question in (second, third, second):
        t = question.shape[1]
        branch = prefix.branch(capacity=t)
        head = llama(question[:, :2], position=count(2, start=6), cache=branch)
        tail = llama(question[:, 2:], position=count(t - 2, start=8), cache=branch)
        whole = llama(torch.cat([first, question], dim=1), position=count(6 + t))
        close(torch.cat([head, tail], dim=1), whole[:, 6:])
    assert torch.equal(prefix.keys, before)


@pytest.mark.parametrize("left", [False, True], ids=["padded right", "padded left"])
def test_a_batch_of_unequal_questions_equals_each_alone(llama: Llama, left: bool):
    prefix = llama.new_cache(capacity=5)
    llama(states(1, 5, 9), position=count(5), cache=prefix)
    lengths, longest, steps = [4, 7, 1], 7, 3
    questions = [states(1, n, 20 + n) for n in lengths]
    more = states(3, steps, 30)

    alone = []
    for i, (question, n) in enumerate(zip(questions, lengths, strict=True)):
        branch = prefix.branch(capacity=n + steps)
        found = [llama(question, position=count(n, start=5), cache=branch)[0]]
        found += [
            llama(more[i : i + 1, s : s + 1], position=count(1, start=5 + n + s), cache=branch)[0] for s in range(steps)
        ]
        alone.append(torch.cat(found))

    x, real = states(3, longest, 40), torch.zeros(3, longest, dtype=torch.bool)
    for i, n in enumerate(lengths):
        place = slice(longest - n, longest) if left else slice(0, n)
        x[i, place], real[i, place] = questions[i][0], True
    position = 5 + (real.cumsum(1) - 1).clamp(min=0)
    branch = prefix.branch(batch=3, capacity=longest + steps)
    read = llama(x, position=position, cache=branch, real=real)
    assert bool(read.isfinite().all())
    steps_found = []
    for s in range(steps):
        at = torch.tensor(lengths)[:, None] + 5 + s
        steps_found.append(llama(more[:, s : s + 1], position=at, cache=branch))
    for i in range(3):
        close(torch.cat([read[i, real[i]], *(f[i] for f in steps_found)]), alone[i])


def test_an_added_mask_reaches_over_the_prefix(llama: Llama):
    prefix = llama.new_cache(capacity=3)
    llama(states(1, 3, 0), position=count(3), cache=prefix)
    x, mask = states(1, 2, 1), torch.tensor([[[[1, 0, 1, 1, 0], [0, 1, 1, 1, 1]]]], dtype=torch.bool)
    added = torch.zeros(mask.shape).masked_fill(~mask, float("-inf"))
    by_truth = llama(x, position=count(2, start=3), cache=prefix.branch(capacity=2), mask=mask)
    by_sum = llama(x, position=count(2, start=3), cache=prefix.branch(capacity=2), mask=added)
    close(by_truth, by_sum)
    blind = llama(x, position=count(2, start=3), cache=prefix.branch(capacity=2))
    assert (blind - by_truth).abs().max() > 1e-2


def test_finished_questions_leave_the_batch(llama: Llama):
    x, cache = states(3, 5, 0), llama.new_cache(batch=3, capacity=6)
    llama(x, position=count(5).expand(3, -1), cache=cache)
    rest = torch.tensor([2, 0])
    cache.keep(rest)
    more = states(2, 1, 1)
    found = llama(more, position=count(1, start=5).expand(2, -1), cache=cache)
    close(found, llama(torch.cat([x[rest], more], dim=1), position=count(6).expand(2, -1))[:, 5:])


def test_rewinding_forgets(llama: Llama):
    x, cache = states(1, 6, 0), llama.new_cache(capacity=6)
    llama(x, position=count(6), cache=cache)
    cache.rewind(4)
    assert cache.length == 4
    close(llama(x[:, 4:], position=count(2, start=4), cache=cache), llama(x, position=count(6))[:, 4:])
    with pytest.raises(ValueError, match="cannot rewind to 7 tokens; there are 6"):
        cache.rewind(7)


def test_a_full_cache_and_a_wide_prefix_are_refused():
    cache = Cache((1, 1, 4), batch=2, capacity=3)
    with pytest.raises(ValueError, match="4 tokens do not fit a cache of 3"):
        cache.extend(4)
    with pytest.raises(ValueError, match="this one has batch 2"):
        cache.branch(capacity=1)
