import numpy as np
import pytest

from scene3d_ops import backend, native, rgbd_camera

BACKENDS = ["reference", pytest.param("native", marks=pytest.mark.skipif(not native.available(), reason="no compiler"))]
SIZES = [(48, 64), (37, 51), (1, 1)]


@pytest.fixture(params=BACKENDS, autouse=True)
def each_backend(request):
    with backend.using(request.param):
        yield


def steps_of_depth(rng: np.random.Generator, h: int, w: int) -> np.ndarray:
    """Patches of even depth between 30 cm and 5 m, some of them nowhere."""
    patch = rng.uniform(0.3, 5, (h // 4 + 1, w // 4 + 1)).astype(np.float32)
    patch[rng.random(patch.shape) < 0.1] = np.inf
    return patch.repeat(4, axis=0).repeat(4, axis=1)[:h, :w] + 0.01 * rng.random((h, w), np.float32)


def assert_same_on_both(function, *arguments, **settings) -> None:
    results = []
    for name in ("native", "reference"):
        with backend.using(name):
            results.append(function(*arguments, **settings))
    native_one, twin = results
    assert native_one.dtype == twin.dtype
    assert native_one.shape == twin.shape
    assert native_one.tobytes() == twin.tobytes()


def test_jitter_looks_aside_by_whole_pixels_and_not_beyond_the_border():
    depth = np.arange(12, dtype=np.float32).reshape(3, 4)
    jitter = np.zeros((2, 3, 4), np.float32)
    jitter[0, 0, 0], jitter[1, 1, 1], jitter[0, 2, 3] = 1.2, -0.8, 9.0
    jitter[1, 2, 0] = 0.5  # half a pixel rounds to even
    seen = rgbd_camera.jittered(depth, jitter, spread_px=1.0)
    expected = depth.copy()
    expected[0, 0], expected[1, 1] = depth[1, 0], depth[1, 0]
    assert np.array_equal(seen, expected)


def test_jumps_lie_before_the_edge_and_where_they_may():
    depth = np.array([[1, 1, 2], [1, 1, 2], [3, np.inf, 3]], np.float32)
    may = np.ones((3, 3), np.bool_)
    assert rgbd_camera.depth_jumps(depth, may, axis=0, least_m=0.5).tolist() == [3, 5]
    assert rgbd_camera.depth_jumps(depth, may, axis=1, least_m=0.5).tolist() == [1, 4]
    may[1] = False
    assert rgbd_camera.depth_jumps(depth, may, axis=1, least_m=0.5).tolist() == [1]


def test_a_full_pattern_survives_and_a_grazing_dark_or_swallowed_one_does_not():
    def lost(*, grey: float, cosine: float, rate: float) -> float:
        chance = np.random.default_rng(0)
        shape = (40, 60)
        return rgbd_camera.weak_pattern(
            np.full((*shape, 3), grey, np.float32),
            np.full(shape, cosine, np.float32),
            np.full(shape, rate, np.float32),
            patch=chance.random((11, 16)),
            grain=chance.random(shape),
        ).mean()

    assert lost(grey=0.5, cosine=1.0, rate=1.0) == 0
    assert lost(grey=0.5, cosine=0.05, rate=1.0) == 1
    assert 0.2 < lost(grey=0.0, cosine=1.0, rate=1.0) < 0.7
    assert lost(grey=0.5, cosine=1.0, rate=0.05) > 0.9


def test_patches_that_do_not_fit_are_refused():
    plain = np.ones((8, 8), np.float32)
    with pytest.raises(ValueError, match=r"\(2, 2\) patches; a picture of 8×8 takes \(3, 3\)"):
        rgbd_camera.weak_pattern(
            np.ones((8, 8, 3), np.float32), plain, plain, patch=np.ones((2, 2)), grain=np.ones((8, 8))
        )


def test_the_shadow_is_as_wide_as_the_parallax():
    depth = np.full((2, 100), 4.0, np.float32)
    depth[:, 60:] = 1.0
    hidden = rgbd_camera.projector_shadow(depth, parallax_px_m=20.0)  # 5 pixels far off, 20 near by
    assert np.flatnonzero(hidden[0]).tolist() == list(range(47, 60))  # less the 1.5 that are forgiven
    assert np.array_equal(hidden[0], hidden[1])


def test_depth_comes_in_whole_steps_of_disparity_and_only_from_within_range():
    depth = np.array([[0.3, 1.0, 2.03, 6.0, np.inf, 1.0]], np.float32)
    lost = np.array([[False, False, False, False, False, True]])
    sensed = rgbd_camera.disparity_steps(
        depth, lost, np.zeros((1, 6), np.float32), spread=1.0, step_m=100.0, range_m=(0.4, 5.0)
    )
    np.testing.assert_allclose(sensed, [[0, 1, 100 / 49, 0, 0, 0]], rtol=1e-6)


def test_exposure_averages_moved_copies_and_clips():
    rgb = np.zeros((1, 4, 3), np.float32)
    rgb[0, 1] = 0.5
    grain = np.zeros((1, 4), np.float32)
    grain[0, 3] = 1.0
    moves = np.array([[0, 0], [1, 0]])
    picture = rgbd_camera.exposed(rgb, moves, grain, gain=np.array([1, 2, 8], np.float32), spread=0.2)
    assert picture[0].tolist() == [[63, 127, 255], [63, 127, 255], [0, 0, 0], [51, 51, 51]]


@pytest.mark.skipif(not native.available(), reason="no compiler")
@pytest.mark.parametrize("size", SIZES)
def test_native_equals_its_twin_bit_by_bit(size: tuple[int, int]):
    h, w = size
    rng = np.random.default_rng(h)
    depth, noise = steps_of_depth(rng, h, w), rng.standard_normal((3, h, w), np.float32)
    rgb, cosine, rate = (
        rng.random((h, w, 3), np.float32) ** 3,
        rng.random((h, w), np.float32) ** 2,
        rng.random((h, w), np.float32),
    )
    chance = rng.random((h, w))
    assert_same_on_both(rgbd_camera.jittered, depth, noise[:2], spread_px=0.53)
    for axis in (0, 1):
        assert_same_on_both(rgbd_camera.depth_jumps, depth, chance < 0.4, axis=axis, least_m=0.08)
    patch = rng.random((h // 4 + 1, w // 4 + 1))
    assert_same_on_both(rgbd_camera.weak_pattern, rgb, cosine, rate, patch=patch, grain=chance)
    assert_same_on_both(rgbd_camera.projector_shadow, depth, parallax_px_m=21.937)
    assert_same_on_both(
        rgbd_camera.disparity_steps, depth, chance < 0.2, noise[2], spread=0.37, step_m=350.976, range_m=(0.4, 4.3)
    )
    for moves in ([[0, 0]], [[-1, 1], [1, 0], [3, -2]], [[90, -90], [-2, 0]]):
        gain = rng.uniform(0.5, 1.6, 3).astype(np.float32)
        assert_same_on_both(rgbd_camera.exposed, rgb, np.array(moves), noise[0], gain=gain, spread=0.013)
