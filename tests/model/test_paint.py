import torch

from scene3d.model.paint import PAINT, paint


def test_paint_tells_the_colours_of_the_points_and_not_of_others():
    rgb = torch.tensor([[0.9, 0.1, 0.1]] * 4 + [[0.1, 0.1, 0.9]] * 4)
    mask = torch.zeros(2, 8, dtype=torch.bool)
    mask[0, :4] = mask[1, 4:] = True
    red, blue = paint(mask, rgb)
    assert red.shape == (PAINT,)
    torch.testing.assert_close(red[:3], rgb[0])
    torch.testing.assert_close(blue[3:6], rgb[7])
    assert float((red[12:44] * blue[12:44]).sum()) == 0  # no shade in common
    assert float(red[12:44].sum()) == 1


def test_an_object_without_points_has_the_colours_of_the_scan():
    rgb = torch.rand(5, 3)
    torch.testing.assert_close(paint(torch.zeros(1, 5, dtype=torch.bool), rgb)[0, :3], rgb.mean(0))
    assert paint(torch.zeros(0, 5, dtype=torch.bool), rgb).shape == (0, PAINT)
