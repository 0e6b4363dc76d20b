"""Pictures in: decoding with bounds, and looking up texture colours."""

from __future__ import annotations

import io
import warnings
from pathlib import Path

import numpy as np
from jaxtyping import Float64, Int64, Shaped, UInt8
from PIL import Image, UnidentifiedImageError

from scene3d.errors import InputError
from scene3d.io.limits import MAX_PIXELS, check_memory

_BROKEN = (UnidentifiedImageError, OSError, ValueError, SyntaxError, EOFError, OverflowError, IndexError, KeyError)


def decode_picture(source: Path | bytes, *, where: str) -> UInt8[np.ndarray, "h w 3"]:
    """Decode a JPEG, PNG or the like as colour, top row first.

    Raises:
        InputError: Not a picture, damaged, or larger than `MAX_PIXELS`.
    """
    return np.array(_opened(source, where).convert("RGB"), dtype=np.uint8)


def decode_depth(source: Path | bytes, *, where: str) -> Shaped[np.ndarray, "h w"]:
    """Decode a one-channel picture, such as a 16-bit PNG of millimetres, as its raw values.

    Raises:
        InputError: Not a picture, damaged, too large, or with several channels.
    """
    image = _opened(source, where)
    values = np.array(image)
    if values.ndim != 2 or values.dtype.kind not in "uif":
        raise InputError(f"{where}: a depth image of mode {image.mode}; one channel of 16 bits is needed")
    return values


def picture_size(source: Path, *, where: str) -> tuple[int, int]:
    """Width and height of a picture in pixels, without decoding it.

    Raises:
        InputError: Not a picture.
    """
    try:
        with warnings.catch_warnings(), Image.open(source) as image:
            return image.size
    except (*_BROKEN, Image.DecompressionBombError) as error:
        raise InputError(f"{where}: not a readable picture ({error})") from error


def look_up(
    picture: UInt8[np.ndarray, "h w 3"], uv: Float64[np.ndarray, "c 2"], *, from_top: bool
) -> UInt8[np.ndarray, "c 3"]:
    """Nearest texel at each texture coordinate; the picture repeats outside 0–1.

    Args:
        picture: Top row first.
        uv: Texture coordinates.
        from_top: Whether v counts from the top (glTF) or from the bottom (OBJ).
    """
    with np.errstate(invalid="ignore", over="ignore"):
        part = np.nan_to_num(uv - np.floor(uv), nan=0.0, posinf=0.0, neginf=0.0)
    height, width = picture.shape[:2]
    row = part[:, 1] if from_top else 1 - part[:, 1]
    rows = np.clip((row * height).astype(np.int64), 0, height - 1)
    columns = np.clip((part[:, 0] * width).astype(np.int64), 0, width - 1)
    return picture[rows, columns]


def mean_per_point(
    colour: Shaped[np.ndarray, "c 3"], point: Int64[np.ndarray, "c"], *, points: int
) -> UInt8[np.ndarray, "n 3"]:
    """Mean of the corner colours (0–255) that meet at each point; grey where there is none."""
    weight = np.bincount(point, minlength=points)
    sums = np.stack([np.bincount(point, weights=colour[:, i], minlength=points) for i in range(3)], axis=1)
    return np.where(weight[:, None] > 0, np.rint(sums / np.maximum(weight, 1)[:, None]), 128).astype(np.uint8)


def _opened(source: Path | bytes, where: str) -> Image.Image:
    if isinstance(source, Path):
        if not source.is_file():
            raise InputError(f"{where}: the picture {source} does not exist")
        check_memory(source, needed=source.stat().st_size, what="the picture")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of odd metadata and of sizes that are checked below
            image = Image.open(io.BytesIO(source) if isinstance(source, bytes) else source)
            if image.width * image.height > MAX_PIXELS:
                raise InputError(f"{where}: a picture of {image.width} × {image.height} pixels; make it smaller")
            image.load()
    except (*_BROKEN, Image.DecompressionBombError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{where}: not a readable picture ({error})") from error
    return image
