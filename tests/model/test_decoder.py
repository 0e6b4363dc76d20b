import pytest
import torch

from scene3d.model.decoder import Elements, MaskDecoder


def make_elements(count: int, *, width: int = 16, seed: int = 0) -> Elements:
    generator = torch.Generator().manual_seed(seed)
    place = torch.rand(count, 3, generator=generator)
    return Elements(
        feature=torch.randn(count, width, generator=generator),
        place_m=place,
        vote_m=place + 0.1 * torch.randn(count, 3, generator=generator),
    )


def make_decoder() -> MaskDecoder:
    torch.manual_seed(0)
    return MaskDecoder(16, heads=2, layers=2, hidden=32).eval()


def permuted(elements: Elements, order: torch.Tensor) -> Elements:
    return Elements(feature=elements.feature[order], place_m=elements.place_m[order], vote_m=elements.vote_m[order])


def test_one_answer_before_the_first_layer_and_after_each() -> None:
    decoded = make_decoder()(make_elements(9), torch.tensor([0, 4]))
    assert [d.mask_logit.shape for d in decoded] == [(2, 9)] * 3


def test_order_of_elements_does_not_matter() -> None:
    elements, order = make_elements(30), torch.randperm(30, generator=torch.Generator().manual_seed(1))
    place = torch.argsort(order)
    query = torch.tensor([3, 8, 21])
    plain = make_decoder()(elements, query)[-1]
    mixed = make_decoder()(permuted(elements, order), place[query])[-1]
    torch.testing.assert_close(mixed.mask_logit[:, place], plain.mask_logit, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(mixed.feature, plain.feature, atol=1e-4, rtol=1e-4)


def test_order_of_queries_does_not_matter() -> None:
    elements = make_elements(30)
    plain = make_decoder()(elements, torch.tensor([3, 8, 21]))[-1]
    mixed = make_decoder()(elements, torch.tensor([21, 3, 8]))[-1]
    torch.testing.assert_close(mixed.mask_logit, plain.mask_logit[[2, 0, 1]], atol=1e-4, rtol=1e-4)


def test_masked_attention_does_not_see_what_the_mask_leaves_out() -> None:
    elements = make_elements(12)
    far = elements.vote_m.clone()
    far[6:] += 100.0  # their votes put them outside of every mask around the first six
    apart = Elements(feature=elements.feature, place_m=elements.place_m, vote_m=far)
    changed = elements.feature.clone()
    changed[6:] = 5.0
    other = Elements(feature=changed, place_m=elements.place_m, vote_m=far)
    query = torch.arange(3)
    before, after = make_decoder()(apart, query)[-1], make_decoder()(other, query)[-1]
    torch.testing.assert_close(before.feature, after.feature)


@pytest.mark.parametrize("count", [0, 1])
def test_no_and_one_element(count: int) -> None:
    decoded = make_decoder()(make_elements(count), torch.arange(count))[-1]
    assert decoded.mask_logit.shape == (count, count)
    assert torch.isfinite(decoded.mask_logit).all()


def test_heads_must_divide_the_width() -> None:
    with pytest.raises(ValueError, match="3 heads do not divide a width of 16"):
        MaskDecoder(16, heads=3, layers=1, hidden=8)
