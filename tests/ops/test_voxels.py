import pytest
import torch

from scene3d_ops import unique_cells


@pytest.mark.parametrize("columns", [3, 4])
@pytest.mark.parametrize("dtype", [torch.int32, torch.int64])
def test_agrees_with_row_wise_unique(columns, dtype):
    cell = torch.randint(-5, 6, (500, columns), generator=torch.Generator().manual_seed(0)).to(dtype)
    expected, expected_inverse = torch.unique(cell, dim=0, return_inverse=True)
    found, inverse = unique_cells(cell)
    assert found.dtype == torch.int32
    assert torch.equal(found, expected.int())
    assert torch.equal(inverse, expected_inverse)


def test_cells_do_not_depend_on_the_order_of_rows():
    generator = torch.Generator().manual_seed(1)
    cell = torch.randint(0, 9, (300, 3), generator=generator)
    shuffled = cell[torch.randperm(300, generator=generator)]
    assert torch.equal(unique_cells(cell)[0], unique_cells(shuffled)[0])


def test_empty_input_gives_no_cells():
    found, inverse = unique_cells(torch.empty(0, 3, dtype=torch.int64))
    assert found.shape == (0, 3)
    assert inverse.shape == (0,)


def test_widest_range_that_fits_one_key():
    cell = torch.tensor([[-(2**20), 0, 2**20 - 1], [2**20 - 1, 2**20, -(2**20)]])
    assert torch.equal(unique_cells(cell)[0].long(), cell)


def test_a_range_too_wide_is_named():
    with pytest.raises(ValueError, match=r"from \[0, 0, 0\] to \[4194303, 4194303, 4194303\]"):
        unique_cells(torch.tensor([[0, 0, 0], [2**22 - 1] * 3]))


def test_two_columns_are_refused():
    with pytest.raises(ValueError, match="2 columns"):
        unique_cells(torch.zeros(1, 2, dtype=torch.int64))
