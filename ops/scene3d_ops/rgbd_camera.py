"""What a structured-light camera makes of a perfect picture, random numbers given.

Arrays are numpy's, on the CPU. Every backend gives the same bits.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int64, UInt8

from scene3d_ops import backend, native
from scene3d_ops.reference import rgbd_camera as twin


def jittered(
    depth_m: Float32[np.ndarray, "h w"], jitter: Float32[np.ndarray, "2 h w"], *, spread_px: float
) -> Float32[np.ndarray, "h w"]:
    """Depth where each pixel looks `jitter` × `spread_px` whole pixels aside (rows, columns): ragged edges."""
    if backend.current() == "reference":
        return twin.jittered(depth_m, jitter, spread_px=spread_px)
    seen = np.empty(depth_m.shape, np.float32)
    given = map(np.ascontiguousarray, (depth_m, jitter))
    native.call("scene3d_jittered", *given, *depth_m.shape, float(spread_px), seen)
    return seen


def depth_jumps(
    depth_m: Float32[np.ndarray, "h w"], may: Bool[np.ndarray, "h w"], *, axis: int, least_m: float
) -> Int64[np.ndarray, "k"]:
    """Pixels after which depth jumps.

    Args:
        depth_m: Depth; what is not finite has no edge.
        may: Pixels that may be found.
        axis: 0 compares each pixel with the one below it, 1 with the one to its right.
        least_m: What is more is a jump.

    Returns:
        Places in the flattened picture, ascending.
    """
    if backend.current() == "reference":
        return twin.depth_jumps(depth_m, may, axis=axis, least_m=least_m)
    index = np.empty(depth_m.size, np.int64)
    given = map(np.ascontiguousarray, (depth_m, may))
    return index[: native.call("scene3d_depth_jumps", *given, *depth_m.shape, axis == 0, float(least_m), index)]


def weak_pattern(
    rgb: Float32[np.ndarray, "h w 3"],
    cos_incidence: Float32[np.ndarray, "h w"],
    return_rate: Float32[np.ndarray, "h w"],
    *,
    patch: Float64[np.ndarray, "h_4 w_4"],
    grain: Float64[np.ndarray, "h w"],
) -> Bool[np.ndarray, "h w"]:
    """Pixels whose infrared pattern is too weak to read: where it grazes, on what is dark, on glass.

    Args:
        rgb: Colour, 1 = white; less than 5 % grey begins to swallow the pattern.
        cos_incidence: Nothing survives below 0.06, everything from 0.26 on.
        return_rate: Share that the material sends back.
        patch: Chance, 0–1, that 4 × 4 pixels share, (h // 4 + 1, w // 4 + 1): holes are ragged rather than salt.
        grain: Chance of each pixel's own.

    Raises:
        ValueError: `patch` does not fit the picture.
    """
    h, w = grain.shape
    if patch.shape != (h // 4 + 1, w // 4 + 1):
        raise ValueError(f"chance for {patch.shape} patches; a picture of {h}×{w} takes {(h // 4 + 1, w // 4 + 1)}")
    if backend.current() == "reference":
        return twin.weak_pattern(rgb, cos_incidence, return_rate, patch=patch, grain=grain)
    lost = np.empty((h, w), np.bool_)
    given = map(np.ascontiguousarray, (rgb, cos_incidence, return_rate, patch, grain))
    native.call("scene3d_weak_pattern", *given, h, w, lost)
    return lost


def projector_shadow(depth_m: Float32[np.ndarray, "h w"], *, parallax_px_m: float) -> Bool[np.ndarray, "h w"]:
    """Pixels that the camera sees and the projector to its right does not.

    Args:
        depth_m: Depth; may be infinite.
        parallax_px_m: Focal length × baseline; over depth, how far apart projector and camera see a thing.
    """
    if backend.current() == "reference":
        return twin.projector_shadow(depth_m, parallax_px_m=parallax_px_m)
    hidden = np.empty(depth_m.shape, np.bool_)
    native.call("scene3d_projector_shadow", np.ascontiguousarray(depth_m), *depth_m.shape, float(parallax_px_m), hidden)
    return hidden


def disparity_steps(
    depth_m: Float32[np.ndarray, "h w"],
    lost: Bool[np.ndarray, "h w"],
    noise: Float32[np.ndarray, "h w"],
    *,
    spread: float,
    step_m: float,
    range_m: tuple[float, float],
) -> Float32[np.ndarray, "h w"]:
    """Depth as it comes out of a disparity in whole steps, 0 where nothing came back.

    Args:
        depth_m: Depth.
        lost: Pixels that return nothing.
        noise: Added to the disparity, × `spread` steps.
        spread: Steps.
        step_m: Depth × disparity in steps.
        range_m: Depths between which the camera measures.
    """
    if backend.current() == "reference":
        return twin.disparity_steps(depth_m, lost, noise, spread=spread, step_m=step_m, range_m=range_m)
    sensed = np.empty(depth_m.shape, np.float32)
    given = map(np.ascontiguousarray, (depth_m, lost, noise))
    native.call("scene3d_disparity_steps", *given, depth_m.size, *map(float, (step_m, spread, *range_m)), sensed)
    return sensed


def exposed(
    rgb: Float32[np.ndarray, "h w 3"],
    move_px: Int64[np.ndarray, "k 2"],
    grain: Float32[np.ndarray, "h w"],
    *,
    gain: Float32[np.ndarray, "3"],
    spread: float,
) -> UInt8[np.ndarray, "h w 3"]:
    """A colour picture as bytes: the mean of its copies moved by `move_px`, times `gain`, plus `grain` × `spread`.

    Args:
        rgb: 1 = white.
        move_px: Columns and rows by which each copy looks aside; at least one.
        grain: The same on all channels.
        gain: Per channel.
        spread: Of the grain.
    """
    if backend.current() == "reference":
        return twin.exposed(rgb, move_px, grain, gain=gain, spread=spread)
    h, w = grain.shape
    picture = np.empty((h, w, 3), np.uint8)
    source, moves, factor, noise = map(np.ascontiguousarray, (rgb, move_px, gain, grain))
    native.call("scene3d_exposed", source, moves, len(moves), factor, noise, float(spread), h, w, picture)
    return picture
