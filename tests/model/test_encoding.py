import pytest
import torch

from tests.model.test_recognition import encoding


@pytest.mark.parametrize("many", [100, 200, 2000])
def test_a_sparse_scan_keeps_its_objects_whole(many: int) -> None:
    torch.manual_seed(0)
    xyz_m = torch.rand(many, 3) * torch.tensor([2.0, 1.0, 0.0])  # a table top of 2 square metres
    whole = encoding(torch.ones(1, 1, dtype=torch.bool), torch.zeros(many, dtype=torch.int64))
    assert float(whole.point_mask(xyz_m).float().mean()) > 0.95


def test_what_lies_far_from_an_object_is_left_out() -> None:
    torch.manual_seed(0)
    top, crumb = torch.rand(2000, 3) * torch.tensor([2.0, 1.0, 0.0]), torch.rand(20, 3) * 0.1 + 3.0
    whole = encoding(torch.ones(1, 1, dtype=torch.bool), torch.zeros(2020, dtype=torch.int64))
    mask = whole.point_mask(torch.cat([top, crumb]))
    assert mask[0, :2000].float().mean() > 0.95
    assert not mask[0, 2000:].any()
