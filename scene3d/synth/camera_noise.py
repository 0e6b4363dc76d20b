"""What a structured-light camera makes of a perfect picture: noise, drop-outs, bleeding edges, drift."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32, Float64, UInt8
from scipy.ndimage import gaussian_filter1d
from scipy.spatial.transform import Rotation

from scene3d.synth.camera import Camera
from scene3d.synth.render import Picture
from scene3d_ops import rgbd_camera

_MIDDLE_GREY = 0.42
"""Mean that automatic exposure wants, on the 0–1 scale."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorModel:
    """How bad the camera is; `SensorModel.random` draws one camera and one careful or hasty hand."""

    near_m: float = 0.4
    far_m: float = 4.5
    baseline_m: float = 0.075
    """Between infrared projector and camera."""
    disparity_noise: float = 0.35
    """Standard deviation, in the sensor's steps of 1/8 pixel at 640 pixels of width."""
    lateral_noise_px: float = 0.5
    """Standard deviation of where a depth pixel looks, pixels of this picture: ragged edges."""
    mixed_share: float = 0.35
    """Share of the pixels along depth edges that fall between foreground and background."""
    blob_count: float = 1.2
    """Mean number of patches per frame that return nothing."""
    colour_shift_px: tuple[int, int] = (1, 0)
    """Misalignment of colour against depth: columns, rows."""
    colour_noise: float = 0.015
    """Standard deviation per pixel on the 0–1 scale."""
    metering: float = 0.6
    """How far automatic exposure goes: 0 never changes, 1 brings every picture to the same mean."""
    exposure_drift: float = 0.08
    """Standard deviation of the log gain over the walk."""
    white_balance: float = 0.05
    """Standard deviation of the log gain of red and blue, constant for the walk."""
    blur_px: float = 1.5
    """Greatest motion blur."""
    drift_m: float = 0.008
    """Standard deviation of the pose error over the walk; slow, as after bundle adjustment."""
    drift_rad: float = 0.005

    @classmethod
    def random(cls, rng: np.random.Generator) -> SensorModel:
        """A camera between good and poor."""
        return cls(
            far_m=float(rng.uniform(3.8, 5.0)),
            disparity_noise=float(rng.uniform(0.15, 0.5)),
            lateral_noise_px=float(rng.uniform(0.3, 0.7)),
            mixed_share=float(rng.uniform(0.15, 0.5)),
            blob_count=float(rng.uniform(0.3, 2.0)),
            colour_shift_px=(int(rng.integers(-1, 2)), int(rng.integers(-1, 2))),
            colour_noise=float(rng.uniform(0.005, 0.025)),
            metering=float(rng.uniform(0.4, 0.9)),
            exposure_drift=float(rng.uniform(0.03, 0.12)),
            blur_px=float(rng.uniform(0, 3)),
            drift_m=float(rng.uniform(0.002, 0.012)),
            drift_rad=float(rng.uniform(0.001, 0.008)),
        )


def sense_depth(
    picture: Picture, camera: Camera, model: SensorModel, rng: np.random.Generator
) -> Float32[np.ndarray, "h w"]:
    """Depth as the sensor reports it, metres, 0 where nothing came back.

    Axial noise grows with the square of depth because it is constant in disparity.

    Source: Khoshelham and Elberink, Sensors 2012 (error model); Handa et al., ICRA 2014, and Barron and Malik, TPAMI
        2015 (lateral shift, then quantised noisy disparity).
    """
    h, w = picture.depth_m.shape
    jitter = rng.standard_normal((2, h, w), np.float32)
    depth = rgbd_camera.jittered(picture.depth_m, jitter, spread_px=model.lateral_noise_px)
    depth = _mixed_at_edges(depth, model, rng)
    lost = _lost(picture, model, rng)
    lost |= rgbd_camera.projector_shadow(picture.depth_m, parallax_px_m=camera.focal_px * model.baseline_m)
    return rgbd_camera.disparity_steps(
        depth,
        lost,
        rng.standard_normal((h, w), np.float32),
        spread=model.disparity_noise,
        step_m=8 * 640 * camera.focal_per_width * model.baseline_m,  # depth × disparity, in steps of 1/8 pixel
        range_m=(model.near_m, model.far_m),
    )


def sense_colour(
    picture: Picture,
    model: SensorModel,
    rng: np.random.Generator,
    *,
    gain: Float64[np.ndarray, "3"],
    motion_px: tuple[float, float] = (0.0, 0.0),
) -> UInt8[np.ndarray, "h w 3"]:
    """Colour as the sensor reports it: exposed, smeared along `motion_px` (columns, rows), shifted and grainy."""
    h, w = picture.depth_m.shape
    reach = min(1.0, model.blur_px / max(np.hypot(*motion_px), 1e-6))
    smear = {(round(motion_px[0] * reach * s), round(motion_px[1] * reach * s)) for s in (-0.5, 0.0, 0.5)}
    return rgbd_camera.exposed(
        picture.rgb,
        np.array(sorted(smear)) + model.colour_shift_px,
        rng.standard_normal((h, w), np.float32),
        gain=gain.astype(np.float32),
        spread=model.colour_noise,
    )


def metered_gain(picture: Picture, model: SensorModel) -> float:
    """Gain by which automatic exposure answers a picture."""
    return float((_MIDDLE_GREY / max(float(picture.rgb.mean()), 0.02)) ** model.metering)


def colour_gains(count: int, model: SensorModel, rng: np.random.Generator) -> Float64[np.ndarray, "k 3"]:
    """Gain per frame and channel: automatic exposure wanders, white balance stays."""
    exposure = _slow_walk(count, 1, rng) * model.exposure_drift
    balance = rng.normal(0, model.white_balance, 3) * np.array([1.0, 0.0, 1.0])
    return np.exp(exposure + balance)


def drifted(
    world_from_camera: Float64[np.ndarray, "k 4 4"], model: SensorModel, rng: np.random.Generator
) -> Float64[np.ndarray, "k 4 4"]:
    """The poses as tracking would report them: each a little off, neighbours off alike."""
    count = len(world_from_camera)
    error = np.tile(np.eye(4), (count, 1, 1))
    error[:, :3, :3] = Rotation.from_rotvec(_slow_walk(count, 3, rng) * model.drift_rad / np.sqrt(3)).as_matrix()
    error[:, :3, 3] = _slow_walk(count, 3, rng) * model.drift_m / np.sqrt(3)
    return world_from_camera @ error


def _slow_walk(count: int, width: int, rng: np.random.Generator) -> Float64[np.ndarray, "k c"]:
    """Smooth random series of zero mean and unit spread, (count, width)."""
    walk = gaussian_filter1d(rng.normal(0, 1, (count + 48, width)), 8, axis=0)[24 : 24 + count]
    return walk * np.sqrt(2 * np.sqrt(np.pi) * 8)


def _mixed_at_edges(
    depth: Float32[np.ndarray, "h w"], model: SensorModel, rng: np.random.Generator
) -> Float32[np.ndarray, "h w"]:
    """Where depth jumps to the next row or column, some pixels report a distance in between."""
    mixed = depth.copy()
    for axis, next_one in enumerate((depth.shape[1], 1)):
        may = rng.random(depth.shape) < model.mixed_share
        at = rgbd_camera.depth_jumps(depth, may, axis=axis, least_m=0.08)
        share = rng.beta(0.6, 0.6, len(at))
        mixed.flat[at] = depth.take(at) * share + depth.take(at + next_one) * (1 - share)
    return mixed


def _lost(picture: Picture, model: SensorModel, rng: np.random.Generator) -> Bool[np.ndarray, "h w"]:
    """Pixels whose pattern is too weak to read: grazing, dark, glass, and patches for no visible reason."""
    h, w = picture.depth_m.shape
    lost = rgbd_camera.weak_pattern(
        picture.rgb,
        picture.cos_incidence,
        picture.return_rate,
        patch=rng.random((h // 4 + 1, w // 4 + 1)),
        grain=rng.random((h, w)),
    )
    for _ in range(rng.poisson(model.blob_count)):
        centre, radius = rng.uniform((0, 0), (h, w)), rng.uniform(0.01, 0.05, 2) * w
        _punch(lost, centre, radius)
    return lost


def _punch(lost: Bool[np.ndarray, "h w"], centre: Float64[np.ndarray, "2"], radius: Float64[np.ndarray, "2"]) -> None:
    """Add the ellipse of these half-axes, rows and columns, to `lost`."""
    (top, left), (bottom, right) = np.maximum(centre - radius, 0).astype(int), (centre + radius + 2).astype(int)
    part = lost[top:bottom, left:right]
    row, column = np.ogrid[top : top + part.shape[0], left : left + part.shape[1]]
    part |= ((row - centre[0]) / radius[0]) ** 2 + ((column - centre[1]) / radius[1]) ** 2 < 1
