import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from scene3d.geometry import boxes_of_masks, without_crumbs


def slab(x_m: float, count: int) -> Tensor:
    """A row of `count` points, 4 cm apart, from x on."""
    return torch.stack([x_m + 0.04 * torch.arange(count), torch.zeros(count), torch.zeros(count)], dim=1)


def test_what_is_detached_and_small_goes_and_the_rest_stays() -> None:
    xyz_m = torch.cat([slab(0.0, 20), slab(3.0, 3), slab(5.0, 8)])
    mask = torch.ones(1, len(xyz_m), dtype=torch.bool)
    kept = without_crumbs(mask, xyz_m, cell_m=0.05, least=0.2)
    assert kept[0].tolist() == [True] * 20 + [False] * 3 + [True] * 8


def test_points_of_others_join_nothing() -> None:
    bridge = slab(0.8, 60)
    xyz_m = torch.cat([slab(0.0, 20), bridge, slab(3.2, 3)])
    alone = torch.zeros(2, len(xyz_m), dtype=torch.bool)
    alone[0, :20] = alone[0, -3:] = True
    alone[1] = True
    kept = without_crumbs(alone, xyz_m, cell_m=0.05, least=0.2)
    assert kept[0].tolist() == [True] * 20 + [False] * 63
    assert kept[1].all()


def test_no_masks_and_empty_masks_stay_so() -> None:
    xyz_m = slab(0.0, 5)
    assert without_crumbs(torch.zeros(0, 5, dtype=torch.bool), xyz_m, cell_m=0.05, least=0.2).shape == (0, 5)
    assert not without_crumbs(torch.zeros(2, 5, dtype=torch.bool), xyz_m, cell_m=0.05, least=0.2).any()


@given(st.integers(0, 2**32 - 1), st.integers(1, 60), st.floats(0.0, 1.0))
def test_the_largest_piece_stays_and_nothing_is_added(seed: int, count: int, least: float) -> None:
    generator = torch.Generator().manual_seed(seed)
    xyz_m = 2 * torch.rand(count, 3, generator=generator) - 1
    mask = torch.rand(3, count, generator=generator) < 0.5
    kept = without_crumbs(mask, xyz_m, cell_m=0.2, least=least)
    assert not (kept & ~mask).any()
    assert torch.equal(kept.any(1), mask.any(1))
    assert torch.equal(without_crumbs(kept, xyz_m, cell_m=0.2, least=least), kept)
    order = torch.randperm(count, generator=generator)
    assert torch.equal(without_crumbs(mask[:, order], xyz_m[order], cell_m=0.2, least=least), kept[:, order])


def test_trimmed_boxes_leave_so_many_points_out() -> None:
    xyz_m = torch.arange(1000).float()[:, None].expand(-1, 3)
    mask = torch.ones(1, 1000, dtype=torch.bool)
    assert boxes_of_masks(xyz_m, mask, trimmed=0.01).tolist() == [[10.0] * 3 + [989.0] * 3]
    assert boxes_of_masks(xyz_m, mask).tolist() == [[0.0] * 3 + [999.0] * 3]
    few = torch.zeros(2, 1000, dtype=torch.bool)
    few[0, 4] = True
    assert boxes_of_masks(xyz_m, few, trimmed=0.01).tolist() == [[4.0] * 6, [0.0] * 6]
