"""Boxes, cylinders, cushions and sheets with pictures on them: what our own furniture is made of."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, UInt8

from scene3d.synth.room import TexturedMesh
from scene3d.synth.textured_mesh import merged

Number = float | int
"""Run-time shape checks do not take an int for a float."""
Point = tuple[Number, Number, Number]
Picture = UInt8[np.ndarray, "_ _ 3"]

_CUBE = np.array([[x, y, z] for z in (0, 1) for y in (-0.5, 0.5) for x in (-0.5, 0.5)])
_SIDES = np.array([[0, 1, 5, 4], [1, 3, 7, 5], [3, 2, 6, 7], [2, 0, 4, 6], [4, 5, 7, 6], [2, 3, 1, 0]])
"""Front (-y), right, back, left, top, bottom; each counter-clockwise from outside, first edge along the picture's u."""
_SIDE_AXES = np.array([[0, 2], [1, 2], [0, 2], [1, 2], [0, 1], [0, 1]])


def box(
    size: Point, picture: Picture, *, at: Point = (0, 0, 0), front: Picture | None = None, tile_m: Number = 0
) -> TexturedMesh:
    """A box that stands on `at`, its middle above it.

    Args:
        size: Along x, y, z, metres.
        picture: On all sides.
        at: Middle of the lower side.
        front: On the front (-y) alone, if given.
        tile_m: Edge of one repetition of the picture, metres; 0 stretches one copy over each side.
    """
    xyz = _CUBE * size + at
    return _quads(xyz, _SIDES, np.array(size), picture, front, tile_m)


def plate(size: tuple[Number, Number], picture: Picture, *, at: Point = (0, 0, 0), tile_m: Number = 0) -> TexturedMesh:
    """An upright rectangle, x by z, that faces -y; `at` is the middle of its lower edge."""
    xyz = _CUBE[[0, 1, 5, 4]] * [size[0], 0, size[1]] + at
    extent = np.array([size[0], 0.0, size[1]])
    return _quads(xyz, np.array([[0, 1, 2, 3]]), extent, picture, None, tile_m)


def cylinder(
    radius: float,
    height: float,
    picture: Picture,
    *,
    at: Point = (0, 0, 0),
    top_radius: float | None = None,
    sides: int = 14,
) -> TexturedMesh:
    """An upright cylinder, or a cone frustum with another radius on top, closed."""
    return lathe(
        [(0, 0), (radius, 0), (radius if top_radius is None else top_radius, height), (0, height)],
        picture,
        at=at,
        sides=sides,
    )


def lathe(
    profile: list[tuple[Number, Number]], picture: Picture, *, at: Point = (0, 0, 0), sides: int = 14
) -> TexturedMesh:
    """The surface that a profile of (radius, height) sweeps about z."""
    angle = np.arange(sides + 1) * 2 * np.pi / sides
    radius, height = np.array(profile, np.float64).T
    ring = np.stack([np.cos(angle), np.sin(angle)], -1)
    xy = radius[:, None, None] * ring
    grid = np.concatenate([xy, np.broadcast_to(height[:, None, None], (*xy.shape[:2], 1))], -1)
    return _grid(grid + np.array(at), picture)


def cushion(size: Point, picture: Picture, *, at: Point = (0, 0, 0), roundness: float = 0.35) -> TexturedMesh:
    """A soft box: a superellipsoid that stands on `at`."""
    elevation, azimuth = np.meshgrid(
        np.linspace(-np.pi / 2, np.pi / 2, 9), np.linspace(-np.pi, np.pi, 17), indexing="ij"
    )
    power = np.array([roundness, roundness, max(roundness, 0.6)])
    unit = np.stack([np.cos(elevation) * np.cos(azimuth), np.cos(elevation) * np.sin(azimuth), np.sin(elevation)], -1)
    flat = np.cos(elevation)
    plan = np.stack([np.cos(azimuth), np.sin(azimuth)], -1)
    plan = np.sign(plan) * np.abs(plan) ** power[:2] * np.abs(flat[..., None]) ** 0.5
    xyz = np.concatenate([plan, (np.sign(unit[..., 2]) * np.abs(unit[..., 2]) ** power[2])[..., None]], -1) / 2
    extent = np.ptp(xyz.reshape(-1, 3), axis=0)
    return _grid(xyz / extent * size + np.array(at) + [0, 0, size[2] / 2], picture)


def sheet(
    heights: Float[np.ndarray, "r c"], size: tuple[Number, Number], picture: Picture, *, at: Point = (0, 0, 0)
) -> TexturedMesh:
    """A height field over a rectangle, x by y, closed below: cloth, piles."""
    rows, columns = heights.shape
    y, x = np.meshgrid(np.linspace(-0.5, 0.5, rows), np.linspace(-0.5, 0.5, columns), indexing="ij")
    top = np.stack([x * size[0], y * size[1], heights], -1)
    top[[0, -1]] *= [1, 1, 0]
    top[:, [0, -1]] *= [1, 1, 0]
    return _grid(top + np.array(at), picture)


def drape(
    width: float, height: float, picture: Picture, *, folds: int, depth: float, at: Point = (0, 0, 0)
) -> TexturedMesh:
    """A hanging cloth, x by z, with folds in y; `at` is the middle of its lower edge."""
    x = np.linspace(-0.5, 0.5, folds * 6 + 1)
    y = depth / 2 * np.sin(x * 2 * np.pi * folds)
    rows = [np.stack([x * width, y * (1 if z == 0 else 0.7), np.full_like(x, z * height)], -1) for z in (0.0, 1.0)]
    return _grid(np.stack(rows) + np.array(at), picture)


def joined(*parts: TexturedMesh) -> TexturedMesh:
    """One mesh, moved so that it stands on z = 0 with its box centred on the origin."""
    mesh = merged(parts)
    low, high = mesh.xyz_m.min(0), mesh.xyz_m.max(0)
    shift = np.array([(low[0] + high[0]) / 2, (low[1] + high[1]) / 2, low[2]], np.float32)
    return TexturedMesh(
        xyz_m=mesh.xyz_m - shift, faces=mesh.faces, uv=mesh.uv, material=mesh.material, textures=mesh.textures
    )


def _quads(
    xyz: Float[np.ndarray, "v 3"],
    quads: np.ndarray,
    size: np.ndarray,
    picture: Picture,
    front: Picture | None,
    tile_m: Number,
) -> TexturedMesh:
    unit = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float64)
    axes = _SIDE_AXES[: len(quads)]
    scale = size[axes] / tile_m if tile_m else np.ones((len(quads), 2))
    uv = unit[None] * scale[:, None]  # (q, 4, 2)
    triangle = [[0, 1, 2], [0, 2, 3]]
    material = np.zeros(len(quads) * 2, np.int32)
    if front is not None:
        material[:2], uv[0] = 1, unit
    return TexturedMesh(
        xyz_m=xyz.astype(np.float32),
        faces=quads[:, triangle].reshape(-1, 3).astype(np.int32),
        uv=uv[:, triangle].reshape(-1, 3, 2).astype(np.float32),
        material=material,
        textures=(picture,) if front is None else (picture, front),
    )


def _grid(points: Float[np.ndarray, "r c 3"], picture: Picture) -> TexturedMesh:
    rows, columns = points.shape[:2]
    index = np.arange(rows * columns).reshape(rows, columns)
    quads = np.stack([index[:-1, :-1], index[:-1, 1:], index[1:, 1:], index[1:, :-1]], -1).reshape(-1, 4)
    v, u = np.meshgrid(np.linspace(0, 1, rows), np.linspace(0, 1, columns), indexing="ij")
    uv = np.stack([u, v], -1).reshape(-1, 2)
    faces = quads[:, [[0, 1, 2], [0, 2, 3]]].reshape(-1, 3)
    return TexturedMesh(
        xyz_m=points.reshape(-1, 3).astype(np.float32),
        faces=faces.astype(np.int32),
        uv=uv[faces].astype(np.float32),
        material=np.zeros(len(faces), np.int32),
        textures=(picture,),
    )
