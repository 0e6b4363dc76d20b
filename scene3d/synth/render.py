"""Noise-free pictures of a room by ray casting: depth, lit colour and which surface each pixel shows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32, Float64, Int, Int32

from scene3d.errors import InputError
from scene3d.synth.camera import Camera
from scene3d.synth.raycasting import Raycaster
from scene3d.synth.room import PlacedObject, Room, Structure, TexturedMesh
from scene3d.synth.textured_mesh import main_texture

_RETURN_RATE = {"mirror": 0.04, "glass": 0.15, "window": 0.15, "tv": 0.75, "monitor": 0.75, "metal": 0.93}
"""Share of the infrared pattern that comes back from an object's main texture, by label or material. Everything else
returns all of it, the frame of a window and of a mirror too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """What a perfect camera would record."""

    depth_m: Float32[np.ndarray, "h w"]
    """Along the optical axis; infinite where the ray leaves the room."""
    rgb: Float32[np.ndarray, "h w 3"]
    """0–1 before exposure; may exceed 1 under a lamp."""
    surface: Int32[np.ndarray, "h w"]
    """Index into `RoomCaster.object_of_surface`; -1 where nothing was hit."""
    cos_incidence: Float32[np.ndarray, "h w"]
    """1 where the ray meets the surface head-on, 0 where it grazes."""
    return_rate: Float32[np.ndarray, "h w"]
    """Share of the infrared light that comes back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Light:
    """Lamps in a room: point lights with soft fall-off over an ambient floor, and slow unevenness."""

    position_m: Float32[np.ndarray, "l 3"]
    rgb: Float32[np.ndarray, "l 3"]
    ambient: float
    wave: Float32[np.ndarray, "w 4"]
    """Spatial frequency (rad/m, three axes) and phase of each ripple that stands for reflected light."""

    @classmethod
    def random(cls, room: Room, rng: np.random.Generator) -> Light:
        """One to three lamps below the ceiling, of slightly different warmth."""
        low, high = room.floor_m.min(0), room.floor_m.max(0)
        count = int(rng.integers(1, 4))
        at = rng.uniform(low + 0.2 * (high - low), high - 0.2 * (high - low), (count, 2))
        warmth = rng.uniform(-0.12, 0.12, (count, 1)) * np.array([[1.0, 0.1, -1.0]])
        power = rng.uniform(0.5, 1.0, (count, 1))
        return cls(
            position_m=np.column_stack([at, np.full(count, room.height_m - 0.15)]).astype(np.float32),
            rgb=(power / power.sum() * (1 + warmth)).astype(np.float32),
            ambient=float(rng.uniform(0.4, 0.65)),
            wave=np.column_stack([rng.normal(0, 1.3, (3, 3)), rng.uniform(0, 2 * np.pi, 3)]).astype(np.float32),
        )

    def shade(self, at_m: Float32[np.ndarray, "3 n"], normal: Float32[np.ndarray, "3 n"]) -> Float32[np.ndarray, "3 n"]:
        """Light that falls on points with normals, per colour channel; about 1 in a well-lit place."""
        uneven = 1 + 0.05 * np.sin(self.wave[:, :3] @ at_m + self.wave[:, 3:]).sum(axis=0)
        light = np.full_like(at_m, self.ambient)
        for position, rgb in zip(self.position_m, self.rgb, strict=True):
            to_lamp = position[:, None] - at_m
            square = (to_lamp * to_lamp).sum(axis=0)
            facing = np.maximum((to_lamp * normal).sum(axis=0), 0) / np.sqrt(square + 1e-6)
            light += rgb[:, None] * (1.5 * facing / (1 + 0.18 * square))
        return light * uneven


class RoomCaster:
    """A room laid out for ray casting. Surfaces are its structures first, then its objects, in the room's order."""

    def __init__(self, room: Room, *, light: Light) -> None:
        """Build the ray-casting tree.

        Args:
            room: What to look at.
            light: The lamps.

        Raises:
            InputError: The room has no triangles.
        """
        meshes = [s.mesh for s in room.structures] + [o.mesh for o in room.objects]
        if not any(len(mesh.faces) for mesh in meshes):
            raise InputError(f"room {room.name}: no triangles to look at")
        self.light = light
        self.object_of_surface = np.array([-1] * len(room.structures) + [o.id for o in room.objects], np.int32)
        self._return_rate = np.concatenate([_return_rates(thing) for thing in (*room.structures, *room.objects)])
        self._raycaster = Raycaster(meshes)
        self._atlas = _Atlas(meshes)

    def distances(self, origin_m: Float[np.ndarray, "n 3"], direction: Float[np.ndarray, "n 3"]) -> np.ndarray:
        """Ray parameter of the first hit per ray (n,), infinite where there is none."""
        return self._raycaster.cast(np.concatenate([origin_m, direction], axis=1).astype(np.float32))["t"]

    def picture(self, camera: Camera, world_from_camera: Float64[np.ndarray, "4 4"]) -> Picture:
        """Cast one ray per pixel."""
        pose = world_from_camera.astype(np.float32)
        # Channels come first below: long inner loops are what makes numpy fast.
        direction = pose[:3, :3] @ camera.directions().reshape(-1, 3).T
        rays = np.empty((direction.shape[1], 6), np.float32)
        rays[:, :3], rays[:, 3:] = pose[:3, 3], direction.T
        hit = self._raycaster.cast(rays)
        depth = hit["t"]
        missed = np.isinf(depth)
        normal = np.ascontiguousarray(hit["normal"].T)
        toward = -(normal * direction).sum(axis=0)
        normal *= np.where(toward < 0, np.float32(-1), np.float32(1))
        at = pose[:3, 3:] + direction * np.where(missed, 0, depth)
        face = self._atlas.first_face[hit["mesh"]] + hit["triangle"]
        rgb = self._atlas.colour(face, hit["weight"].T) * self.light.shade(at, normal)
        rgb[:, missed] = 0
        surface = np.where(missed, np.int32(-1), hit["mesh"])
        shape = (camera.height, camera.width)
        return Picture(
            depth_m=depth.reshape(shape),
            rgb=np.ascontiguousarray(rgb.T).reshape(*shape, 3),
            surface=surface.reshape(shape),
            cos_incidence=(np.abs(toward) / np.sqrt((direction * direction).sum(axis=0))).reshape(shape),
            return_rate=np.where(missed, 0, self._return_rate[self._atlas.material[face]]).reshape(shape),
        )


def _return_rates(thing: Structure | PlacedObject) -> Float32[np.ndarray, "t"]:
    """Share that comes back from each texture of a mesh; frames and legs return everything."""
    rate = np.ones(len(thing.mesh.textures), np.float32)
    if isinstance(thing, PlacedObject):
        least = min(_RETURN_RATE.get(thing.label, 1.0), _RETURN_RATE.get(thing.material, 1.0))
        rate[main_texture(thing.mesh, axes=thing.world_from_model[:3, :3])] = least
    return rate


class _Atlas:
    """All textures of a room behind one lookup."""

    def __init__(self, meshes: list[TexturedMesh]) -> None:
        textures = [texture for mesh in meshes for texture in mesh.textures]
        self.size = np.array([t.shape[:2] for t in textures], np.int32).T.copy()  # height, width
        area = self.size[0].astype(np.int64) * self.size[1]
        self.start = np.concatenate([[0], np.cumsum(area)[:-1]])
        self.texel = np.concatenate([t.reshape(-1, 3).T for t in textures], axis=1)
        first_texture = np.cumsum([0] + [len(mesh.textures) for mesh in meshes])
        self.first_face = np.cumsum([0] + [len(mesh.faces) for mesh in meshes])
        self.material = np.concatenate([m.material + t for m, t in zip(meshes, first_texture[:-1], strict=True)])
        uv = np.concatenate([mesh.uv for mesh in meshes]).astype(np.float32)
        self.corner = np.ascontiguousarray(uv[:, 0].T)  # (2, f)
        self.edges = np.ascontiguousarray((uv[:, 1:] - uv[:, :1]).transpose(2, 1, 0))  # (2, 2, f)

    def colour(self, face: Int[np.ndarray, "n"], weight: Float32[np.ndarray, "2 n"]) -> Float32[np.ndarray, "3 n"]:
        """Nearest texel, 0–1; `weight` is the barycentric share of the second and the third corner."""
        material = self.material[face]
        size = self.size[:, material]
        u, v = (
            c[face] + e[0][face] * weight[0] + e[1][face] * weight[1]
            for c, e in zip(self.corner, self.edges, strict=True)
        )
        u, v = u - np.floor(u), 1 - (v - np.floor(v))
        column = np.minimum((u * size[1]).astype(np.int32), size[1] - 1)
        row = np.minimum((v * size[0]).astype(np.int32), size[0] - 1)
        return self.texel[:, self.start[material] + row * size[1] + column] * np.float32(1 / 255)
