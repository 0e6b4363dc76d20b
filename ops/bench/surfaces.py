"""Voxels that look like a scanned room: planes and bumpy sheets one voxel thick, from a seed."""

from __future__ import annotations

import torch

from scene3d_ops import Lattice


def room(voxels: int, *, seed: int = 0) -> Lattice:
    """A lattice of about `voxels` voxels: a floor, two walls, furniture-like boxes and a wavy sheet."""
    generator = torch.Generator().manual_seed(seed)
    side = max(4, round((voxels / 4.0) ** 0.5))
    u, v = torch.cartesian_prod(torch.arange(side), torch.arange(side)).T
    flat = torch.zeros_like(u)
    wave = (side / 4 + 8 * torch.sin(u / 9) + 6 * torch.cos(v / 7)).long().clamp(min=0)
    sheets = [torch.stack(axes, dim=1) for axes in ((u, v, flat), (u, flat, v), (flat, u, v), (u, v, wave))]
    for _ in range(6):  # the shells of boxes that stand on the floor
        size = torch.randint(side // 12 + 1, side // 6 + 2, (3,), generator=generator)
        corner = torch.cat(
            [torch.randint(0, side - side // 6, (2,), generator=generator), torch.zeros(1, dtype=torch.long)]
        )
        box = torch.cartesian_prod(*(torch.arange(int(s)) for s in size))
        shell = ((box == 0) | (box == size - 1)).any(dim=1)
        sheets.append(box[shell] + corner)
    rough = torch.cat(sheets)
    rough = rough + (torch.rand(len(rough), 3, generator=generator) < 0.03).long()  # sensor noise
    return Lattice.of(torch.nn.functional.pad(rough, (1, 0)))[0]
