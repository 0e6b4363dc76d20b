"""From a ray through a pixel, or a rectangle of the screen, to what was meant."""

from __future__ import annotations

import torch
from jaxtyping import Bool
from torch import Tensor

from scene3d.geometry.splat import spacing
from scene3d_viewer.layers import Layers, ObjectLayer, point_normals


class Picker:
    """Finds surface points along rays, and the objects that own them; works on meshes and on points alike."""

    def __init__(self, layers: Layers) -> None:
        self.layers = layers
        self._normal = point_normals(layers.surface)
        self._reach_m = 2.0 * spacing(layers.surface.xyz_m)

    def point_on_ray(
        self, origin_m: tuple[float, float, float], direction: tuple[float, float, float], *, below_m: float
    ) -> int | None:
        """The first point of the surface along a ray; what turns its back or lies above `below_m` is passed through."""
        xyz_m = self.layers.surface.xyz_m
        origin = torch.tensor(origin_m, dtype=torch.float32)
        forward = torch.nn.functional.normalize(torch.tensor(direction, dtype=torch.float32), dim=0)
        offset = xyz_m - origin
        depth = offset @ forward
        near = (offset.square().sum(1) - depth.square()) < self._reach_m**2
        near &= (depth > 0) & (xyz_m[:, 2] <= below_m)
        if self._normal is not None:
            near &= self._normal @ forward < 0.1
        index = near.nonzero()[:, 0]
        return int(index[depth[index].argmin()]) if len(index) else None

    def object_of(self, point: int | None) -> ObjectLayer | None:
        """The smallest object that claims a point of the surface."""
        if point is None:
            return None
        regions = self.layers.surface.regions
        row = int(regions.owner(list(range(regions.member.shape[1])))[regions.of_point[point]])
        return next((o for o in self.layers.objects if o.row == row), None)

    def objects_of(self, inside: Bool[Tensor, "n"]) -> tuple[int, ...]:
        """Objects with most of their points among those given."""
        regions = self.layers.surface.regions
        count = torch.bincount(regions.of_point[inside], minlength=len(regions.member))
        share = count.double() @ regions.member.double() / (regions.point_count() @ regions.member.long()).clamp_min(1)
        return tuple(o.id for o in self.layers.objects if float(share[o.row]) > 0.5)
