"""What an eye sees of a surface, pixel by pixel, without a GPU, a display or a graphics library.

Meshes are hit by rays on the CPU (Embree, through Open3D), which needs neither Vulkan nor EGL and so cannot abort the
process where they are missing; points, and meshes where Open3D cannot be loaded, are splatted into a z-buffer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int64, UInt8
from torch import Tensor

from scene3d.geometry.splat import View, spacing, splat
from scene3d_viewer.layers import Surface

_TAN_HALF_FOV = 0.5774
"""Of `geometry.splat`'s perspective views: 60 degrees."""
_NO_POINT = 0xFFFFFF
"""What the splatter's white background reads as when colours carry point numbers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """The points of the surface behind each pixel; can be painted many times."""

    point: Int64[Tensor, "h w 3"]
    """The corners of the triangle seen, or one point three times."""
    weight: Float[Tensor, "h w 3"]
    """Share of each of them, sum 1."""
    shade: Float[Tensor, "h w"]
    """Brightness, 1 where the surface faces the eye."""
    hit: Bool[Tensor, "h w"]

    def paint(self, rgb: UInt8[Tensor, "n 3"], background: tuple[int, int, int]) -> UInt8[Tensor, "h w 3"]:
        """The picture for given colours of the points."""
        blended = (rgb[self.point].float() * self.weight[..., None]).sum(2) * self.shade[..., None]
        return torch.where(self.hit[..., None], blended, torch.tensor(background).float()).to(torch.uint8)

    def nearest_point(self) -> Int64[Tensor, "h w"]:
        """The point that stands for each pixel, -1 where nothing is seen."""
        best = self.weight.argmax(2, keepdim=True)
        return torch.where(self.hit, self.point.gather(2, best)[..., 0], -1)


class Sight:
    """A surface made ready to be looked at from many places.

    Args:
        surface: What there is.
        below_m: Leave out what lies above this height.
        eye_m: Leave out what turns its back to this place: walls between the eye and a room. None: nothing.
    """

    def __init__(
        self, surface: Surface, *, below_m: float = torch.inf, eye_m: tuple[float, float, float] | None = None
    ) -> None:
        self._surface = surface
        self._tree: Any = None
        low = surface.xyz_m[:, 2] <= below_m
        if surface.faces is not None and (raycasting := _open3d()) is not None:
            faces = surface.faces[low[surface.faces].all(1)]
            self._faces = faces if eye_m is None else faces[_faces_eye(surface.xyz_m, faces, eye_m)]
            self._tree = raycasting.t.geometry.RaycastingScene()
            if len(self._faces):
                tensor = raycasting.core.Tensor.from_numpy
                xyz_m = np.ascontiguousarray(surface.xyz_m.numpy(), np.float32)
                self._tree.add_triangles(tensor(xyz_m), tensor(self._faces.numpy().astype(np.uint32)))
            return
        if eye_m is not None and surface.normal is not None:
            towards = torch.tensor(eye_m) - surface.xyz_m
            low &= (surface.normal * towards).sum(1) > -0.05 * towards.norm(dim=1)
        self._points = low.nonzero()[:, 0]
        self._point_m = 1.5 * spacing(surface.xyz_m)

    def look(self, view: View, *, width: int, height: int) -> Seen:
        """What is seen from there."""
        return self._hit(view, width, height) if self._tree is not None else self._splatted(view, width, height)

    def _hit(self, view: View, width: int, height: int) -> Seen:
        rays = torch.from_numpy(_rays(view, width, height))
        found = {name: torch.from_numpy(value.numpy()) for name, value in self._tree.cast_rays(_tensor(rays)).items()}
        hit = torch.isfinite(found["t_hit"])
        if len(self._faces):
            point = self._faces[torch.where(hit, found["primitive_ids"].long(), 0)]
        else:
            point = torch.zeros(height, width, 3, dtype=torch.int64)
        second, third = found["primitive_uvs"].unbind(2)
        toward = torch.nn.functional.normalize(rays[..., 3:], dim=2)
        facing = (found["primitive_normals"] * toward).sum(2).abs()
        weight = torch.stack([1 - second - third, second, third], 2)
        return Seen(point=point, weight=weight, shade=0.72 + 0.28 * facing, hit=hit)

    def _splatted(self, view: View, width: int, height: int) -> Seen:
        number = torch.stack([self._points >> 16, self._points >> 8 & 255, self._points & 255], 1).to(torch.uint8)
        picture = splat(
            self._surface.xyz_m[self._points], number, view, width=width, height=height, point_m=self._point_m
        ).long()
        point = picture[..., 0] << 16 | picture[..., 1] << 8 | picture[..., 2]
        hit = point != _NO_POINT
        point = torch.where(hit, point, 0)[..., None].expand(-1, -1, 3)
        return Seen(
            point=point, weight=torch.tensor([1.0, 0, 0]).expand_as(point), shade=torch.ones(hit.shape), hit=hit
        )


def _rays(view: View, width: int, height: int) -> np.ndarray:
    """Origin and direction (h, w, 6) per pixel; the inverse of `geometry.splat.project_view`."""
    eye, target, up = (torch.tensor(v, dtype=torch.float32) for v in (view.eye_m, view.target_m, view.up))
    forward = torch.nn.functional.normalize(target - eye, dim=0)
    right = torch.nn.functional.normalize(torch.linalg.cross(forward, up), dim=0)
    down = torch.linalg.cross(forward, right)
    across = 2 * _TAN_HALF_FOV if view.span_m is None else view.span_m
    pixel = across / min(width, height)
    x = (torch.arange(width) - width / 2)[None, :, None] * pixel * right
    y = (torch.arange(height) - height / 2)[:, None, None] * pixel * down
    if view.span_m is None:
        direction = forward + x + y
        return torch.cat([eye.expand_as(direction), direction], 2).numpy()
    return torch.cat([eye + x + y, forward.expand(height, width, 3)], 2).numpy()


def _faces_eye(
    xyz_m: Float[Tensor, "n 3"], faces: Int64[Tensor, "f 3"], eye_m: tuple[float, float, float]
) -> Bool[Tensor, "f"]:
    a, b, c = (xyz_m[faces[:, i]] for i in range(3))
    return (torch.linalg.cross(b - a, c - a) * (torch.tensor(eye_m) - a)).sum(1) > 0


def _open3d() -> Any:
    """Open3D, or None where it or a library that it needs is missing; points are splatted then."""
    try:
        import open3d
    except (ImportError, OSError):
        return None
    return open3d


def _tensor(array: Tensor) -> Any:
    import open3d

    return open3d.core.Tensor.from_numpy(np.ascontiguousarray(array.numpy()))
