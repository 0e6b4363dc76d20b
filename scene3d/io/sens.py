"""ScanNet's `.sens` in: a stream of posed RGB-D frames, read one at a time and never whole."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, overload

import numpy as np
import torch
from jaxtyping import Float32, Float64, UInt8

from scene3d.errors import InputError
from scene3d.io.frames import depth_of_colour_pixels, fused
from scene3d.io.limits import MAX_HEADER_BYTES, MAX_PIXELS, check_fits
from scene3d.io.picture import decode_picture
from scene3d.io.raw import RawScan, Said
from scene3d.types import Frame, Note

_COLOUR_RAW, _COLOUR_PNG, _COLOUR_JPEG = 0, 1, 2
_DEPTH_RAW, _DEPTH_ZLIB = 0, 1
_FRAME_HEAD = struct.Struct("<16f4Q")
"""Pose, time of colour and depth in microseconds, bytes of colour and depth."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Header:
    sensor: str
    intrinsic: Float64[np.ndarray, "3 3"]
    depth_intrinsic: Float64[np.ndarray, "3 3"]
    colour_kind: int
    depth_kind: int
    colour_size: tuple[int, int]
    """Width, height."""
    depth_size: tuple[int, int]
    depth_shift: float
    """Depth units per metre."""
    frames: int
    start: int


class SensFrames(Sequence[Frame]):
    """The frames of a `.sens`, each read and decoded when it is asked for."""

    def __init__(self, path: Path) -> None:
        """Read the header and find where the frames begin, without reading them.

        Raises:
            InputError: Not a `.sens` of version 4, truncated, or with an unknown compression.
        """
        self.path = path
        self._size = path.stat().st_size
        self._header = _read_header(path)
        self._starts = self._find_frames()

    def __len__(self) -> int:
        """Number of frames."""
        return len(self._starts)

    @overload
    def __getitem__(self, index: int) -> Frame: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Frame]: ...
    def __getitem__(self, index: int | slice) -> Frame | Sequence[Frame]:
        """Decode one frame, or several.

        Raises:
            InputError: The frame is damaged.
        """
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        start = self._starts[index]
        head, where = self._header, f"{self.path}: frame {index}"
        with self.path.open("rb") as file:
            file.seek(start)
            *pose, time, _, colour_bytes, depth_bytes = _FRAME_HEAD.unpack(file.read(_FRAME_HEAD.size))
            colour, depth = file.read(colour_bytes), file.read(depth_bytes)
        return Frame(
            rgb=torch.from_numpy(_colour(colour, head, where)),
            depth_m=torch.from_numpy(_depth(depth, head, where)),
            intrinsic=torch.from_numpy(head.intrinsic.copy()),
            world_from_camera=torch.tensor(pose, dtype=torch.float64).reshape(4, 4),
            time_s=time / 1e6,
        )

    def _find_frames(self) -> list[int]:
        starts, at = [], self._header.start
        with self.path.open("rb") as file:
            for i in range(self._header.frames):
                check_fits(self.path, needed=at + _FRAME_HEAD.size, present=self._size, what=f"frame {i}")
                file.seek(at)
                *_, colour, depth = _FRAME_HEAD.unpack(file.read(_FRAME_HEAD.size))
                starts.append(at)
                at += _FRAME_HEAD.size + colour + depth
                check_fits(self.path, needed=at, present=self._size, what=f"frame {i}")
        return starts


def read_sens(path: Path, *, max_frames: int) -> RawScan:
    """Fuse the depth of at most `max_frames` frames; all frames can be read through the scene.

    Raises:
        InputError: See `SensFrames`.
    """
    frames = SensFrames(path)
    count, chunks = fused(frames, most=max_frames)
    text = f"fused from the depth of {min(len(frames), max_frames)} of {len(frames)} frames"
    return RawScan(
        count=count,
        chunks=chunks,
        unit_m=Said(value=1.0, reason=".sens poses are in metres"),
        may_be_camera_frame=False,
        frames=frames,
        is_fused=True,
        notes=(Note(topic="points", text=text),),
    )


def _colour(data: bytes, head: _Header, where: str) -> UInt8[np.ndarray, "h w 3"]:
    width, height = head.colour_size
    if head.colour_kind == _COLOUR_RAW:
        if len(data) != 3 * width * height:
            raise InputError(
                f"{where}: {len(data):,} bytes of colour for {width} × {height} pixels; copy the file again"
            )
        return np.frombuffer(data, np.uint8).reshape(height, width, 3).copy()
    picture = decode_picture(data, where=where)
    if picture.shape[:2] != (height, width):
        raise InputError(f"{where}: a picture of {picture.shape[1::-1]} pixels, the header says {head.colour_size}")
    return picture


def _depth(data: bytes, head: _Header, where: str) -> Float32[np.ndarray, "h w"]:
    width, height = head.depth_size
    needed = 2 * width * height
    if head.depth_kind == _DEPTH_ZLIB:
        try:
            data = zlib.decompressobj().decompress(data, needed + 1)  # never more than the picture needs
        except zlib.error as error:
            raise InputError(f"{where}: damaged depth ({error}); copy the file again") from error
    if len(data) != needed:
        raise InputError(f"{where}: {len(data):,} bytes of depth, {needed:,} are needed; copy the file again")
    depth_m = np.frombuffer(data, "<u2").reshape(height, width).astype(np.float32) / np.float32(head.depth_shift)
    return depth_of_colour_pixels(
        depth_m, depth_intrinsic=head.depth_intrinsic, intrinsic=head.intrinsic, size=head.colour_size
    )


def _read_header(path: Path) -> _Header:
    try:
        with path.open("rb") as file:
            return _parsed(path, file)
    except struct.error as error:
        raise InputError(f"{path}: the .sens header ends early; the file is truncated, copy it again") from error


def _parsed(path: Path, file: BinaryIO) -> _Header:
    version, name_bytes = _unpack(file, "<IQ")
    if version != 4 or name_bytes > MAX_HEADER_BYTES:
        raise InputError(f"{path}: not a .sens of version 4 (found {version}); the content is something else")
    sensor = file.read(name_bytes).decode("latin-1")
    matrices = [np.array(_unpack(file, "<16f"), dtype=np.float64).reshape(4, 4) for _ in range(4)]
    colour_kind, depth_kind = _unpack(file, "<2i")
    colour_w, colour_h, depth_w, depth_h, shift, frames = _unpack(file, "<4IfQ")
    if colour_kind not in (_COLOUR_RAW, _COLOUR_PNG, _COLOUR_JPEG) or depth_kind not in (_DEPTH_RAW, _DEPTH_ZLIB):
        raise InputError(
            f"{path}: colour compression {colour_kind} or depth compression {depth_kind} is not read; "
            "raw, PNG or JPEG colour and raw or zlib depth are"
        )
    largest = max(colour_w * colour_h, depth_w * depth_h)
    if not 0 < largest <= MAX_PIXELS or min(colour_w, colour_h, depth_w, depth_h) == 0 or not 0 < shift < 1e9:
        raise InputError(
            f"{path}: pictures of {colour_w} × {colour_h} and {depth_w} × {depth_h}, {shift} units per metre"
        )
    intrinsic, depth_intrinsic = matrices[0][:3, :3], matrices[2][:3, :3]
    for matrix in (intrinsic, depth_intrinsic):
        if not np.isfinite(matrix).all() or matrix[0, 0] <= 0 or matrix[1, 1] <= 0:
            raise InputError(f"{path}: a camera matrix of the .sens is not usable; the file is damaged, copy it again")
    if frames == 0:
        raise InputError(f"{path}: the .sens holds no frames; copy or record it again")
    return _Header(
        sensor=sensor,
        intrinsic=intrinsic,
        depth_intrinsic=depth_intrinsic,
        colour_kind=colour_kind,
        depth_kind=depth_kind,
        colour_size=(colour_w, colour_h),
        depth_size=(depth_w, depth_h),
        depth_shift=shift,
        frames=frames,
        start=file.tell(),
    )


def _unpack(file: BinaryIO, layout: str) -> tuple:
    return struct.unpack(layout, file.read(struct.calcsize(layout)))
