import numpy as np
import pytest
import torch

from scene3d_ops import segment_max, segment_mean, segment_sum

OPS = {segment_sum: np.sum, segment_mean: np.mean, segment_max: np.max}


@pytest.fixture
def rows():
    generator = torch.Generator().manual_seed(0)
    segment = torch.randint(0, 7, (60,), generator=generator)
    segment[segment == 3] = 2  # segment 3 is empty
    return torch.randn(60, 4, generator=generator, dtype=torch.float64), segment


@pytest.mark.parametrize("op", OPS)
def test_agrees_with_numpy_group_by_group(op, rows):
    value, segment = rows
    found = op(value, segment, 7)
    for group in range(7):
        mine = value[segment == group].numpy()
        expected = OPS[op](mine, axis=0) if len(mine) else np.zeros(4)
        np.testing.assert_allclose(found[group].numpy(), expected, rtol=1e-12)


@pytest.mark.parametrize("op", OPS)
def test_gradients_agree_with_finite_differences(op, rows):
    value, segment = rows
    assert torch.autograd.gradcheck(lambda v: op(v, segment, 7), value.requires_grad_())


@pytest.mark.parametrize("op", OPS)
def test_the_order_of_rows_does_not_matter(op, rows):
    value, segment = rows
    order = torch.randperm(60, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(op(value[order], segment[order], 7), op(value, segment, 7))


@pytest.mark.parametrize("op", OPS)
def test_no_rows_give_zeros(op):
    found = op(torch.empty(0, 2), torch.empty(0, dtype=torch.int64), 3)
    assert torch.equal(found, torch.zeros(3, 2))


@pytest.mark.parametrize("op", OPS)
@pytest.mark.parametrize("label", [-1, 3])
def test_a_label_out_of_range_is_named(op, label):
    with pytest.raises(ValueError, match=rf"{label}.*expected 0 to 2"):
        op(torch.zeros(2, 1), torch.tensor([0, label]), 3)
