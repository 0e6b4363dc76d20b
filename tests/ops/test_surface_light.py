import math

import numpy as np
import pytest

from scene3d_ops import backend, native, surface_light
from scene3d_ops.surface_light import Atlas, RayEnds

BACKENDS = ["reference", pytest.param("native", marks=pytest.mark.skipif(not native.available(), reason="no compiler"))]


@pytest.fixture(params=BACKENDS, autouse=True)
def each_backend(request):
    with backend.using(request.param):
        yield


def ends_of(at_m: list[float], normal: list[float]) -> RayEnds:
    return RayEnds(
        at_m=np.array([at_m], np.float32).T.copy(),
        normal=np.array([normal], np.float32).T.copy(),
        cosine=np.ones(1, np.float32),
    )


def random_atlas(rng: np.random.Generator, *, faces: int) -> Atlas:
    size = rng.integers(1, 40, (7, 2)).astype(np.int32)
    area = size.prod(axis=1).astype(np.int64)
    return Atlas(
        uv=rng.normal(0, 3, (faces, 3, 2)).astype(np.float32),
        material=rng.integers(0, 7, faces).astype(np.int32),
        size=size,
        start=np.cumsum(area) - area,
        texel=rng.integers(0, 256, (int(area.sum()), 3)).astype(np.uint8),
    )


def on_both(function, *arguments, **settings) -> tuple:
    results = []
    for name in ("native", "reference"):
        with backend.using(name):
            results.append(function(*arguments, **settings))
    return tuple(results)


def test_a_ray_ends_where_it_hits_and_its_normal_faces_it():
    direction = np.array([[0, 0, 2], [0, 3, 4]], np.float32).T
    normal = np.array([[0, 0, 1], [0, 0, 0]], np.float32)
    ends = surface_light.ray_ends(
        np.array([1, 1, 1], np.float32), direction, np.array([1.5, np.inf], np.float32), normal
    )
    assert ends.at_m.T.tolist() == [[1, 1, 4], [1, 1, 1]]
    assert ends.normal.T.tolist() == [[0, 0, -1], [0, 0, 0]]
    assert ends.cosine.tolist() == [1, 0]


def test_rays_share_their_origin():
    ray = surface_light.rays(np.array([1, 2, 3], np.float32), np.arange(6, dtype=np.float32).reshape(3, 2))
    assert ray.tolist() == [[1, 2, 3, 0, 2, 4], [1, 2, 3, 1, 3, 5]]


def test_texels_of_a_square_are_found_from_below_and_tile():
    uv = np.array([[[0, 0], [1, 0], [0, 1]], [[5, -2], [6, -2], [5, -1]]], np.float32)
    atlas = Atlas(
        uv=uv,
        material=np.array([1, 1], np.int32),
        size=np.array([[1, 1], [2, 4]], np.int32),
        start=np.array([0, 1]),
        texel=np.repeat(np.arange(9, dtype=np.uint8)[:, None], 3, axis=1),
    )
    weight = np.array([[0.1, 0.1], [0.8, 0.1], [0.1, 0.8]], np.float32)
    for face in (0, 1):
        found = surface_light.texels(atlas, np.full(3, face, np.int32), weight)
        assert found.tolist() == [[5] * 3, [8] * 3, [1] * 3]  # below the picture's first row lies its second
    assert not surface_light.texels(atlas, np.full(3, -1, np.int32), weight).any()


def test_a_face_beyond_the_atlas_is_named():
    atlas = random_atlas(np.random.default_rng(0), faces=4)
    with pytest.raises(ValueError, match="face 4 is not one of 4"):
        surface_light.texels(atlas, np.array([0, 4], np.int32), np.zeros((2, 2), np.float32))


@pytest.mark.parametrize(("turned", "share"), [(0.0, 1.0), (60.0, 0.5), (120.0, 0.0)])
def test_light_falls_with_the_cosine_and_never_below_ambient(turned: float, share: float):
    tilt = math.radians(turned)
    ends = ends_of([0, 0, 0], [math.sin(tilt), 0, math.cos(tilt)])
    lamps = np.array([[0, 0, 2, 1.0, 0.5, 0.0]], np.float32)
    white = np.full((1, 3), 255, np.uint8)
    rgb = surface_light.lit(white, ends, lamps, ambient=0.5, uneven=np.ones(1, np.float32))
    lamp = 1.5 * share / (1 + 0.18 * 4)
    np.testing.assert_allclose(rgb[0], [0.5 + lamp, 0.5 + 0.5 * lamp, 0.5], atol=1e-6)


def test_no_points_no_colours():
    atlas = random_atlas(np.random.default_rng(0), faces=4)
    assert surface_light.texels(atlas, np.zeros(0, np.int32), np.zeros((0, 2), np.float32)).shape == (0, 3)
    nothing = RayEnds(
        at_m=np.zeros((3, 0), np.float32), normal=np.zeros((3, 0), np.float32), cosine=np.zeros(0, np.float32)
    )
    lamps = np.zeros((0, 6), np.float32)
    lit = surface_light.lit(np.zeros((0, 3), np.uint8), nothing, lamps, ambient=0.5, uneven=np.zeros(0, np.float32))
    assert lit.shape == (0, 3)


@pytest.mark.skipif(not native.available(), reason="no compiler")
@pytest.mark.parametrize("seed", range(3))
def test_native_equals_its_twin_bit_by_bit(seed: int):
    rng = np.random.default_rng(seed)
    n = 1000 + seed  # not a whole number of blocks
    origin, direction = rng.normal(size=3).astype(np.float32), rng.normal(size=(3, n)).astype(np.float32)
    t = np.where(rng.random(n) < 0.1, np.inf, rng.uniform(0, 6, n)).astype(np.float32)
    normal = rng.normal(size=(n, 3))
    normal = (normal / np.linalg.norm(normal, axis=1, keepdims=True)).astype(np.float32)
    assert np.array_equal(*on_both(surface_light.rays, origin, direction))
    ends, expected = on_both(surface_light.ray_ends, origin, direction, t, normal)
    for name in ("at_m", "normal", "cosine"):
        assert getattr(ends, name).tobytes() == getattr(expected, name).tobytes()
    weight = rng.dirichlet([1, 1, 1], n)[:, 1:].astype(np.float32)
    face = rng.integers(-1, 50, n).astype(np.int32)
    colour, expected_colour = on_both(surface_light.texels, random_atlas(rng, faces=50), face, weight)
    assert np.array_equal(colour, expected_colour)
    lamps = np.concatenate([rng.normal(0, 3, (3, 3)), rng.random((3, 3))], axis=1).astype(np.float32)
    uneven = rng.uniform(0.9, 1.1, n).astype(np.float32)
    lit, expected_lit = on_both(surface_light.lit, colour, ends, lamps, ambient=0.47, uneven=uneven)
    assert lit.dtype == expected_lit.dtype == np.float32
    assert lit.tobytes() == expected_lit.tobytes()
