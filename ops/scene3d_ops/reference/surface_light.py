"""Specification of what rays see. In numpy: the order of its float operations is part of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Int32, Int64, UInt8


@dataclass(frozen=True, slots=True, kw_only=True)
class Atlas:
    """All textures of a scene behind one lookup."""

    uv: Float32[np.ndarray, "f 3 2"]
    """Per face and corner; whole steps tile, v points up."""
    material: Int32[np.ndarray, "f"]
    """Texture of each face."""
    size: Int32[np.ndarray, "m 2"]
    """Height and width of each texture."""
    start: Int64[np.ndarray, "m"]
    """Row of `texel` where each texture begins."""
    texel: UInt8[np.ndarray, "p 3"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RayEnds:
    """Where rays meet triangles."""

    at_m: Float32[np.ndarray, "3 n"]
    """The ray's origin where it meets none."""
    normal: Float32[np.ndarray, "3 n"]
    """On the side that the ray comes from."""
    cosine: Float32[np.ndarray, "n"]
    """Between ray and normal: 1 head-on, 0 where it grazes."""


def rays(origin_m: Float32[np.ndarray, "3"], direction: Float32[np.ndarray, "3 n"]) -> Float32[np.ndarray, "n 6"]:
    """See `scene3d_ops.surface_light.rays`."""
    return np.concatenate([np.broadcast_to(origin_m[:, None], direction.shape), direction]).T.copy()


def ray_ends(
    origin_m: Float32[np.ndarray, "3"],
    direction: Float32[np.ndarray, "3 n"],
    t: Float32[np.ndarray, "n"],
    normal: Float32[np.ndarray, "n 3"],
) -> RayEnds:
    """See `scene3d_ops.surface_light.ray_ends`."""
    toward = -_dot(normal.T, direction)
    return RayEnds(
        at_m=origin_m[:, None] + direction * np.where(np.isfinite(t), t, 0),
        normal=np.ascontiguousarray(normal.T * np.where(toward < 0, np.float32(-1), np.float32(1))),
        cosine=np.abs(toward) / np.sqrt(_dot(direction, direction)),
    )


def texels(atlas: Atlas, face: Int32[np.ndarray, "n"], weight: Float32[np.ndarray, "n 2"]) -> UInt8[np.ndarray, "n 3"]:
    """See `scene3d_ops.surface_light.texels`."""
    rgb = np.zeros((len(face), 3), np.uint8)
    hit = face >= 0
    material = atlas.material[face[hit]]
    height, width = atlas.size[material].T
    first, second, third = atlas.uv[face[hit]].transpose(1, 2, 0)  # (2, n) each
    u, v = first + (second - first) * weight[hit, 0] + (third - first) * weight[hit, 1]
    column = np.minimum(((u - np.floor(u)) * width).astype(np.int32), width - 1)
    row = np.minimum(((1 - (v - np.floor(v))) * height).astype(np.int32), height - 1)
    rgb[hit] = atlas.texel[atlas.start[material] + row * width + column]
    return rgb


def lit(
    colour: UInt8[np.ndarray, "n 3"],
    ends: RayEnds,
    lamps: Float32[np.ndarray, "l 6"],
    *,
    ambient: float,
    uneven: Float32[np.ndarray, "n"],
) -> Float32[np.ndarray, "n 3"]:
    """See `scene3d_ops.surface_light.lit`."""
    light = np.full_like(ends.at_m, ambient)
    for lamp in lamps:
        to_lamp = lamp[:3, None] - ends.at_m
        square = _dot(to_lamp, to_lamp)
        facing = np.maximum(_dot(to_lamp, ends.normal), 0) / np.sqrt(square + 1e-6)
        light += lamp[3:, None] * (1.5 * facing / (1 + 0.18 * square))
    return colour * np.float32(1 / 255) * (light * uneven).T


def _dot(a: Float32[np.ndarray, "3 n"], b: Float32[np.ndarray, "3 n"]) -> Float32[np.ndarray, "n"]:
    x, y, z = a * b
    return x + y + z
