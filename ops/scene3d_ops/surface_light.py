"""What the rays of a camera see: where they end, the texel there, and the light on it.

Arrays are numpy's, on the CPU. Every backend gives the same bits.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float32, Int32, UInt8

from scene3d_ops import backend, native
from scene3d_ops.reference import surface_light as twin
from scene3d_ops.reference.surface_light import Atlas, RayEnds


def rays(origin_m: Float32[np.ndarray, "3"], direction: Float32[np.ndarray, "3 n"]) -> Float32[np.ndarray, "n 6"]:
    """Rays (origin, direction) from one point."""
    if backend.current() == "reference":
        return twin.rays(origin_m, direction)
    ray = np.empty((direction.shape[1], 6), np.float32)
    native.call("scene3d_rays", *map(np.ascontiguousarray, (origin_m, direction)), len(ray), ray)
    return ray


def ray_ends(
    origin_m: Float32[np.ndarray, "3"],
    direction: Float32[np.ndarray, "3 n"],
    t: Float32[np.ndarray, "n"],
    normal: Float32[np.ndarray, "n 3"],
) -> RayEnds:
    """Where rays end, the normal there and how steeply they meet.

    Args:
        origin_m: Where all rays start.
        direction: Of each ray, of any length.
        t: Length of each ray in its directions, infinite where it meets nothing.
        normal: Unit normal of the triangle that it meets, either side; finite also where it meets none.
    """
    if backend.current() == "reference":
        return twin.ray_ends(origin_m, direction, t, normal)
    ends = RayEnds(
        at_m=np.empty(direction.shape, np.float32),
        normal=np.empty(direction.shape, np.float32),
        cosine=np.empty(len(t), np.float32),
    )
    given = map(np.ascontiguousarray, (origin_m, direction, t, normal))
    native.call("scene3d_ray_ends", *given, len(t), ends.at_m, ends.normal, ends.cosine)
    return ends


def texels(atlas: Atlas, face: Int32[np.ndarray, "n"], weight: Float32[np.ndarray, "n 2"]) -> UInt8[np.ndarray, "n 3"]:
    """Nearest texel at points of faces.

    Args:
        atlas: The textures.
        face: Face of each point; below 0: none, and black.
        weight: Barycentric share of its second and its third corner.

    Raises:
        ValueError: A face that the atlas does not have.
    """
    if len(face) and face.max() >= len(atlas.material):
        raise ValueError(f"face {face.max()} is not one of {len(atlas.material):,}")
    if backend.current() == "reference":
        return twin.texels(atlas, face, weight)
    rgb = np.empty((len(face), 3), np.uint8)
    given = map(np.ascontiguousarray, (face, weight))
    textures = map(np.ascontiguousarray, (atlas.uv, atlas.material, atlas.size, atlas.start, atlas.texel))
    native.call("scene3d_texels", *given, len(face), *textures, rgb)
    return rgb


def lit(
    colour: UInt8[np.ndarray, "n 3"],
    ends: RayEnds,
    lamps: Float32[np.ndarray, "l 6"],
    *,
    ambient: float,
    uneven: Float32[np.ndarray, "n"],
) -> Float32[np.ndarray, "n 3"]:
    """Matt colours under point lights with soft fall-off.

    Args:
        colour: Of the surface, 0–255.
        ends: The points, and the normals on the side that is seen.
        lamps: Position and rgb of each lamp.
        ambient: Light from everywhere.
        uneven: Factor per point.

    Returns:
        1 is white in a well-lit place; may exceed it under a lamp.
    """
    if backend.current() == "reference":
        return twin.lit(colour, ends, lamps, ambient=ambient, uneven=uneven)
    rgb = np.empty(colour.shape, np.float32)
    given = map(np.ascontiguousarray, (colour, ends.at_m, ends.normal, uneven))
    lights = np.ascontiguousarray(lamps)
    native.call("scene3d_lit", *given, len(colour), lights, len(lights), float(ambient), rgb)
    return rgb
