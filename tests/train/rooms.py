"""A room of boxes whose faces are the superpoints: small enough to learn by heart in a test."""

import torch

from scene3d.model.scan import ScanPoints
from scene3d.train.data import TrainingSample
from scene3d_ops import unique_cells


def toy_sample(seed: int, *, objects: int = 6, classes: int = 4) -> TrainingSample:
    """A floor of 3 × 3 m with boxes on a grid, no two of which touch."""
    generator = torch.Generator().manual_seed(seed)
    floor = torch.rand(6000, 3, generator=generator) * torch.tensor([3.0, 3.0, 0.0])
    xyz, instance, face = [floor], [torch.full((6000,), -1)], [(floor[:, 0] // 1 * 3 + floor[:, 1] // 1).long()]
    normal = [torch.tensor([[0.0, 0.0, 1.0]]).expand(6000, 3)]
    rgb = [torch.full((6000, 3), 0.6)]
    for i in range(objects):
        corner = torch.tensor([i % 3 + 0.2, i // 3 + 0.2, 0.0])
        size = 0.3 + 0.35 * torch.rand(3, generator=generator)
        side = torch.randint(6, (1500,), generator=generator)
        unit, axis = torch.rand(1500, 3, generator=generator), side // 2
        unit[torch.arange(1500), axis] = (side % 2).float()
        xyz.append(corner + unit * size)
        instance.append(torch.full((1500,), i))
        face.append(20 + i * 6 + side)
        normal.append(torch.nn.functional.one_hot(axis, 3).float() * (side % 2 * 2 - 1)[:, None])
        rgb.append(torch.rand(3, generator=generator).expand(1500, 3))
    points = torch.cat(xyz)
    _, cell = unique_cells(torch.floor(points / 0.04).int())
    first = torch.full((int(cell.max()) + 1,), len(points)).scatter_reduce(0, cell, torch.arange(len(points)), "amin")
    _, superpoint = torch.unique(torch.cat(face)[first], return_inverse=True)
    return TrainingSample(
        scan=ScanPoints(
            xyz_m=points[first],
            rgb=torch.cat(rgb)[first],
            normal=torch.cat(normal)[first],
            superpoint=superpoint,
            superpoint_count=int(superpoint.max()) + 1,
            floor_z_m=0.0,
        ),
        point_m=0.04,
        instance=torch.cat(instance)[first],
        object_id=torch.arange(objects),
        label=torch.randint(classes, (objects,), generator=generator),
        yaw_rad=torch.rand(objects, generator=generator),
        front_known=torch.ones(objects, dtype=torch.bool),
        colour=torch.randint(12, (objects,), generator=generator),
        material=torch.full((objects,), -1),
    )
