"""Noise-free pictures of a room by ray casting: depth, lit colour and which surface each pixel shows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32, Float64, Int32, UInt8

from scene3d.errors import InputError
from scene3d.synth.camera import Camera
from scene3d.synth.raycasting import Raycaster
from scene3d.synth.room import PlacedObject, Room, Structure, TexturedMesh
from scene3d.synth.textured_mesh import main_texture
from scene3d_ops import surface_light
from scene3d_ops.surface_light import Atlas, RayEnds

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

    def shine(self, colour: UInt8[np.ndarray, "n 3"], ends: RayEnds) -> Float32[np.ndarray, "n 3"]:
        """Surfaces of a colour, 0–255, in this light; white is about 1 in a well-lit place."""
        ripple = self.wave[:, :3] @ ends.at_m
        ripple += self.wave[:, 3:]
        np.sin(ripple, out=ripple)
        lamps = np.concatenate([self.position_m, self.rgb], axis=1)
        uneven = 1 + 0.05 * ripple.sum(axis=0)
        return surface_light.lit(colour, ends, lamps, ambient=self.ambient, uneven=uneven)


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
        self._raycaster = Raycaster(meshes)
        self._atlas = _atlas(meshes)
        rate = np.concatenate([_return_rates(thing) for thing in (*room.structures, *room.objects)])
        # Per face; the last is that of face -1, where a ray leaves the room.
        self._return_rate = np.append(rate[self._atlas.material], np.float32(0))

    def distances(self, origin_m: Float[np.ndarray, "n 3"], direction: Float[np.ndarray, "n 3"]) -> np.ndarray:
        """Ray parameter of the first hit per ray (n,), infinite where there is none."""
        return self._raycaster.cast(np.concatenate([origin_m, direction], axis=1).astype(np.float32))["t"]

    def picture(self, camera: Camera, world_from_camera: Float64[np.ndarray, "4 4"]) -> Picture:
        """Cast one ray per pixel."""
        pose = world_from_camera.astype(np.float32)
        origin, direction = pose[:3, 3], pose[:3, :3] @ camera.directions()
        hit = self._raycaster.cast(surface_light.rays(origin, direction))
        ends = surface_light.ray_ends(origin, direction, hit["t"], hit["normal"])
        colour = surface_light.texels(self._atlas, hit["face"], hit["weight"])
        shape = (camera.height, camera.width)
        return Picture(
            depth_m=hit["t"].reshape(shape),
            rgb=self.light.shine(colour, ends).reshape(*shape, 3),
            surface=hit["mesh"].reshape(shape),
            cos_incidence=ends.cosine.reshape(shape),
            return_rate=self._return_rate.take(hit["face"], mode="wrap").reshape(shape),
        )


def _return_rates(thing: Structure | PlacedObject) -> Float32[np.ndarray, "t"]:
    """Share that comes back from each texture of a mesh; frames and legs return everything."""
    rate = np.ones(len(thing.mesh.textures), np.float32)
    if isinstance(thing, PlacedObject):
        least = min(_RETURN_RATE.get(thing.label, 1.0), _RETURN_RATE.get(thing.material, 1.0))
        rate[main_texture(thing.mesh, axes=thing.world_from_model[:3, :3])] = least
    return rate


def _atlas(meshes: list[TexturedMesh]) -> Atlas:
    """The textures of all meshes; faces are numbered through."""
    textures = [texture for mesh in meshes for texture in mesh.textures]
    first = np.cumsum([0] + [len(mesh.textures) for mesh in meshes])[:-1]
    area = [len(texture) * texture.shape[1] for texture in textures]
    return Atlas(
        uv=np.concatenate([mesh.uv for mesh in meshes]).astype(np.float32),
        material=np.concatenate([m.material + t for m, t in zip(meshes, first, strict=True)]).astype(np.int32),
        size=np.array([texture.shape[:2] for texture in textures], np.int32),
        start=np.cumsum([0, *area])[:-1],
        texel=np.concatenate([texture.reshape(-1, 3) for texture in textures]),
    )
