import math

import torch

from scene3d.geometry import boxes_of_masks
from scene3d.model.referents import along_walls


def sofa(yaw_rad: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Points and normals of a block of 2 × 0.5 × 0.8 m and of the floor around it, turned about z."""
    random = torch.Generator().manual_seed(0)
    size = torch.tensor([2.0, 0.5, 0.8])
    side = torch.randint(4, (4000,), generator=random)
    normal = torch.tensor([[1.0, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0]])[side]
    xyz_m = (torch.rand(4000, 3, generator=random) - 0.5) * size
    xyz_m = torch.where(normal.abs() > 0, normal * size / 2, xyz_m)
    floor = torch.cat([4 * torch.rand(2000, 2, generator=random) - 2, torch.full((2000, 1), -0.4)], 1)
    turn = torch.tensor(
        [[math.cos(yaw_rad), math.sin(yaw_rad), 0], [-math.sin(yaw_rad), math.cos(yaw_rad), 0], [0, 0, 1]]
    )
    up = torch.tensor([0.0, 0, 1]).expand(2000, 3)
    return torch.cat([xyz_m, floor]) @ turn, torch.cat([normal, up]) @ turn


def test_boxes_fit_however_the_scan_is_turned() -> None:
    mask = (torch.arange(6000) < 4000)[None]
    for yaw_deg in (0, 17, 40, -30, 75, 200):
        xyz_m, normal = sofa(math.radians(yaw_deg))
        turn = along_walls(normal)
        assert torch.allclose(turn @ turn.T, torch.eye(3), atol=1e-6)
        assert float(turn[0, 0]) >= math.cos(math.pi / 4) - 1e-4  # by at most 45 degrees
        box = boxes_of_masks(xyz_m @ turn.T, mask, trimmed=0.01)[0]
        extent = (box[3:] - box[:3]).sort().values
        assert torch.allclose(extent, torch.tensor([0.5, 0.8, 2.0]), atol=0.05)


def test_a_scan_without_anything_upright_is_not_turned() -> None:
    assert torch.equal(along_walls(torch.tensor([[0.0, 0, 1]]).expand(5, 3)), torch.eye(3))
