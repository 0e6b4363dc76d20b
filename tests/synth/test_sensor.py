from dataclasses import replace

import numpy as np
import pytest

from scene3d.errors import ConfigError
from scene3d.synth.camera import Camera
from scene3d.synth.camera_noise import SensorModel, colour_gains, drifted, sense_colour, sense_depth
from scene3d.synth.render import Picture

CAMERA = Camera()
PERFECT = SensorModel(
    disparity_noise=0.0, lateral_noise_px=0.0, mixed_share=0.0, blob_count=0.0, colour_shift_px=(0, 0), colour_noise=0.0
)


def wall(depth_m: float | np.ndarray, *, cos: float = 1.0, rate: float = 1.0, grey: float = 0.5) -> Picture:
    shape = (CAMERA.height, CAMERA.width)
    return Picture(
        depth_m=np.broadcast_to(np.float32(depth_m), shape).astype(np.float32),
        rgb=np.full((*shape, 3), grey, np.float32),
        surface=np.zeros(shape, np.int32),
        cos_incidence=np.full(shape, cos, np.float32),
        return_rate=np.full(shape, rate, np.float32),
    )


def sensed(picture: Picture, model: SensorModel = PERFECT, seed: int = 0) -> np.ndarray:
    return sense_depth(picture, CAMERA, model, np.random.default_rng(seed))


@pytest.mark.parametrize("depth", [0.5, 1.0, 2.0, 4.0])
def test_perfect_sensor_errs_by_half_a_disparity_step(depth: float):
    half_step = 0.5 * depth**2 / 351 * 1.05  # 8 × 585 px × 7.5 cm = 351 steps·m
    assert np.abs(sensed(wall(depth)) - depth).max() <= half_step


def test_noise_grows_with_the_square_of_depth():
    noisy = replace(PERFECT, disparity_noise=2.0)
    spread = [sensed(wall(depth), noisy).std() for depth in (1.0, 2.0, 4.0)]
    assert spread[1] / spread[0] == pytest.approx(4, rel=0.1)
    assert spread[2] / spread[0] == pytest.approx(16, rel=0.15)


def test_what_is_too_near_too_far_or_nowhere_returns_nothing():
    for depth in (0.3, 6.0, np.inf):
        assert not sensed(wall(depth)).any()


def test_glass_grazing_and_dark_surfaces_lose_pixels():
    full = (sensed(wall(2.0)) > 0).mean()
    assert full == 1
    assert (sensed(wall(2.0, rate=0.04)) > 0).mean() < 0.1
    assert (sensed(wall(2.0, cos=0.03)) > 0).mean() == 0
    assert 0.05 < (sensed(wall(2.0, cos=0.16)) > 0).mean() < 0.95
    assert 0.2 < (sensed(wall(2.0, grey=0.0)) > 0).mean() < 0.8


def test_projector_shadow_lies_left_of_a_near_thing_and_is_as_wide_as_the_parallax():
    depth = np.full((CAMERA.height, CAMERA.width), 3.0, np.float32)
    depth[:, 150:200] = 1.0
    lost = sensed(wall(depth))[100] == 0
    parallax = CAMERA.focal_px * PERFECT.baseline_m * (1 / 1.0 - 1 / 3.0)
    assert lost[:150].sum() == pytest.approx(parallax, abs=2.5)
    assert lost[149]
    assert not lost[150:].any()


def test_edges_bleed_only_where_depth_jumps():
    depth = np.full((CAMERA.height, CAMERA.width), 3.0, np.float32)
    depth[:, :160] = 1.5
    seen = sensed(wall(depth), replace(PERFECT, mixed_share=1.0))
    between = (seen > 1.55) & (seen < 2.9)
    assert between[:, 158:161].mean() > 0.15
    assert not between[:, :157].any()
    assert not between[:, 162:].any()


def test_colour_is_exposed_shifted_and_clipped():
    picture = wall(2.0)
    picture.rgb[:, 100] = 2.0
    rgb = sense_colour(
        picture, replace(PERFECT, colour_shift_px=(1, 0)), np.random.default_rng(0), gain=np.array([1.0, 0.5, 1.5])
    )
    assert (rgb[:, 50] == [127, 63, 191]).all()
    assert (rgb[:, 99] == 255).all()


def test_motion_smears_along_itself():
    picture = wall(2.0, grey=0.0)
    picture.rgb[:, 100] = 0.9
    model = replace(PERFECT, blur_px=4.0)
    rgb = sense_colour(picture, model, np.random.default_rng(0), gain=np.ones(3), motion_px=(10.0, 0.0))
    lit = np.flatnonzero(rgb[50, :, 0] > 0)
    assert lit.tolist() == [98, 100, 102]


def test_drift_is_small_and_slow():
    still = np.tile(np.eye(4), (200, 1, 1))
    model = SensorModel(drift_m=0.01, drift_rad=0.008)
    moved = drifted(still, model, np.random.default_rng(1))
    offset = moved[:, :3, 3]
    assert 0.004 < np.sqrt((offset**2).sum(axis=1).mean()) < 0.02
    assert np.linalg.norm(np.diff(offset, axis=0), axis=1).max() < 0.004
    angle = np.arccos(np.clip((np.trace(moved[:, :3, :3], axis1=1, axis2=2) - 1) / 2, -1, 1))
    assert 0.003 < np.sqrt((angle**2).mean()) < 0.016


def test_exposure_wanders_and_white_balance_stays():
    gains = colour_gains(300, SensorModel(exposure_drift=0.1, white_balance=0.05), np.random.default_rng(2))
    assert 0.04 < np.log(gains[:, 1]).std() < 0.2
    assert np.allclose(gains[:, 0] / gains[:, 1], gains[0, 0] / gains[0, 1])


def test_same_seed_same_noise():
    model = SensorModel.random(np.random.default_rng(5))
    assert np.array_equal(sensed(wall(2.0), model, 7), sensed(wall(2.0), model, 7))


def test_pictures_of_absurd_size_are_refused():
    with pytest.raises(ConfigError, match="4000×3000"):
        Camera(width=4000, height=3000)
