import pytest
import torch

from scene3d.train.calibration import platt


def test_platt_finds_the_scale_and_shift_that_made_the_outcomes():
    generator = torch.Generator().manual_seed(0)
    logit = 3 * torch.randn(20000, generator=generator)
    truth = torch.rand(20000, generator=generator) < (0.5 * logit - 1).sigmoid()
    scale, shift = platt(logit, truth)
    assert scale == pytest.approx(0.5, abs=0.03)
    assert shift == pytest.approx(-1, abs=0.08)


def test_platt_keeps_the_order_even_against_the_evidence():
    scale, _ = platt(torch.tensor([-2.0, -1.0, 1.0, 2.0]), torch.tensor([True, True, False, False]))
    assert scale > 0


def test_one_sided_outcomes_do_not_give_certainty():
    scale, shift = platt(torch.zeros(10), torch.ones(10, dtype=torch.bool))
    assert 0.5 < torch.sigmoid(torch.tensor(shift)) < 0.99
    assert scale > 0
