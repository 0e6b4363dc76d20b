"""One simulated scan: walk through the room, take pictures, fuse them or not, label what came out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float32, Float64, Int32, UInt8

from scene3d.errors import ConfigError, InputError
from scene3d.synth.camera import Camera
from scene3d.synth.camera_noise import SensorModel, colour_gains, drifted, metered_gain, sense_colour, sense_depth
from scene3d.synth.fusion import Surface, fuse
from scene3d.synth.labelling import Labels, label_points
from scene3d.synth.render import Light, RoomCaster
from scene3d.synth.room import Room
from scene3d.synth.superpoints import segment_surface
from scene3d.synth.trajectory import plan_walk
from scene3d_ops import knn, point_normals

_LEAST_FRAMES, _MOST_FRAMES, _FRAMES_PER_M2 = 60, 100, 4


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanSettings:
    """How rooms are scanned. Shares are of all scans, drawn independently."""

    frames: int | None = None
    """Pictures per walk; None: one per quarter of a square metre of floor, 60 to 100."""
    width: int = 320
    height: int = 240
    voxel_m: float = 0.02
    """Edge of a fusion voxel, for most scans."""
    coarse_share: float = 0.12
    """Fused at 2.5 to 4 cm instead."""
    unfused_share: float = 0.2
    """One to five views as bare points, without faces."""
    colourless_share: float = 0.06
    least_points: int = 30
    """An object with fewer points than this, at 2 cm, counts as unseen; other voxel sizes in proportion to area."""
    kept_frames: int = 0
    """Posed RGB-D pictures with instance masks to keep, evenly over the walk."""

    def __post_init__(self) -> None:
        if self.frames is not None and not 1 <= self.frames <= 1000:
            raise ConfigError(f"{self.frames} frames per walk; take 1 to 1000")
        if not 0 <= self.kept_frames <= (self.frames or _LEAST_FRAMES):
            raise ConfigError(f"{self.kept_frames} frames to keep; a walk may have {self.frames or _LEAST_FRAMES}")
        if not 0.005 <= self.voxel_m <= 0.1:
            raise ConfigError(f"fusion voxels of {self.voxel_m} m; take 0.005 to 0.1")
        for name in ("coarse_share", "unfused_share", "colourless_share"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(f"{name} is {getattr(self, name)}; a share lies between 0 and 1")


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanFrame:
    """One posed picture as the camera took it, with its truth."""

    rgb: UInt8[np.ndarray, "h w 3"]
    depth_m: Float32[np.ndarray, "h w"]
    """Along the optical axis, 0 where nothing came back."""
    instance: Int32[np.ndarray, "h w"]
    """`PlacedObject.id` of the surface behind each colour pixel, -1 for structure."""
    world_from_camera: Float64[np.ndarray, "4 4"]
    """As tracking reported it, in the frame of the scan."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedScan:
    """A scan with truth, in a world frame of its own: z up, floor at z = 0, turned by a random yaw."""

    room: Room
    world_from_room: Float64[np.ndarray, "4 4"]
    surface: Surface
    labels: Labels
    superpoint: Int32[np.ndarray, "n"]
    camera: Camera
    voxel_m: float
    """Of fusion, or of thinning."""
    fused: bool
    has_colour: bool
    """False: the scanner gave no colour, and `surface.rgb` is all zero."""
    frames: tuple[ScanFrame, ...]


def scan_room(room: Room, *, seed: int, settings: ScanSettings | None = None) -> SimulatedScan:
    """Scan a room the way a person with a depth camera does.

    Args:
        room: The room; its objects become the truth.
        seed: The same seed and settings give the same bits, on any number of threads.
        settings: How to scan.

    Raises:
        InputError: The room is empty, has no free floor, or the camera saw nothing.
    """
    settings = settings or ScanSettings()
    choice, lamps, walking, sensing = (np.random.default_rng(s) for s in np.random.SeedSequence(seed).spawn(4))
    camera = Camera(width=settings.width, height=settings.height)
    model = SensorModel.random(sensing)
    caster = RoomCaster(room, light=Light.random(room, lamps))
    count = settings.frames or _frames_for(room)
    walk = plan_walk(room, caster, camera, frames=count, rng=walking)
    fused = bool(choice.random() >= settings.unfused_share)
    coarse = bool(choice.random() < settings.coarse_share)
    has_colour = bool(choice.random() >= settings.colourless_share)
    world_from_room = _turned(room, float(choice.uniform(-np.pi, np.pi)))
    kept = set(np.linspace(0, count - 1, settings.kept_frames).round().astype(int).tolist())
    needed = range(count) if fused else _neighbouring_views(count, choice)
    frames = _take(sorted(kept.union(needed)), walk, caster, camera, model, world_from_room, sensing)
    used = [frames[i] for i in needed]
    voxel_m = settings.voxel_m
    if not fused:
        voxel_m = float(choice.uniform(0.01, 0.02))
        surface = _bare_points(used, camera, voxel_m)
    else:
        voxel_m = float(choice.choice([0.025, 0.03, 0.04])) if coarse else voxel_m
        poses = np.stack([frame.world_from_camera for frame in used])
        surface = fuse([f.depth_m for f in used], [f.rgb for f in used], poses, camera, voxel_m=voxel_m)
    if not has_colour:
        surface = Surface(
            xyz_m=surface.xyz_m, rgb=np.zeros_like(surface.rgb), normal=surface.normal, faces=surface.faces
        )
    viewpoint = used[0].world_from_camera[:3, 3] if len(used) == 1 and not fused else None
    in_room = _moved(surface.xyz_m, np.linalg.inv(world_from_room))
    least = max(5, round(settings.least_points * (0.02 / voxel_m) ** 2))
    return SimulatedScan(
        room=room,
        world_from_room=world_from_room,
        surface=surface,
        labels=label_points(room, in_room, least_points=least),
        superpoint=segment_surface(surface, has_colour=has_colour, viewpoint_m=viewpoint),
        camera=camera,
        voxel_m=voxel_m,
        fused=fused,
        has_colour=has_colour,
        frames=tuple(frames[i] for i in sorted(kept)),
    )


def _frames_for(room: Room) -> int:
    x, y = room.floor_m.T
    area = 0.5 * float(np.sum(x * np.roll(y, -1) - y * np.roll(x, -1)))
    return int(np.clip(area * _FRAMES_PER_M2, _LEAST_FRAMES, _MOST_FRAMES))


def _take(
    which: list[int],
    walk: Float64[np.ndarray, "k 4 4"],
    caster: RoomCaster,
    camera: Camera,
    model: SensorModel,
    world_from_room: Float64[np.ndarray, "4 4"],
    rng: np.random.Generator,
) -> dict[int, ScanFrame]:
    """The pictures `which` of the walk, by index."""
    gains = colour_gains(len(walk), model, rng)
    reported = world_from_room @ drifted(walk, model, rng)
    motion = _image_motion(walk, camera)
    frames = {}
    for i in which:
        picture = caster.picture(camera, walk[i])
        instance = np.where(picture.surface < 0, -1, caster.object_of_surface[picture.surface]).astype(np.int32)
        frames[i] = ScanFrame(
            rgb=sense_colour(picture, model, rng, gain=gains[i] * metered_gain(picture, model), motion_px=motion[i]),
            depth_m=sense_depth(picture, camera, model, rng),
            instance=instance,
            world_from_camera=reported[i],
        )
    return frames


def _image_motion(walk: Float64[np.ndarray, "k 4 4"], camera: Camera) -> list[tuple[float, float]]:
    """How far the middle of the picture moves while the shutter is open, columns and rows: a share of the turn."""
    ahead = np.roll(walk, -1, axis=0)
    ahead[-1] = walk[-1]
    direction = np.einsum("kji,kj->ki", walk[:, :3, :3], ahead[:, :3, 2])
    moved = 0.03 * camera.focal_px * direction[:, :2] / np.maximum(direction[:, 2:], 0.3)
    return [(float(across), float(down)) for across, down in moved]


def _neighbouring_views(frames: int, rng: np.random.Generator) -> list[int]:
    """One to five pictures taken soon after each other."""
    count, stride = int(rng.integers(1, 6)), int(rng.integers(1, 5))
    first = int(rng.integers(0, max(1, frames - (count - 1) * stride)))
    return list(range(first, frames, stride))[:count]


def _turned(room: Room, yaw_rad: float) -> Float64[np.ndarray, "4 4"]:
    """Rotation about z, then a shift that brings the floor's least corner to the origin."""
    cos, sin = np.cos(yaw_rad), np.sin(yaw_rad)
    pose = np.eye(4)
    pose[:2, :2] = [[cos, -sin], [sin, cos]]
    pose[:2, 3] = -(room.floor_m @ pose[:2, :2].T).min(axis=0)
    return pose


def _moved(xyz_m: Float32[np.ndarray, "n 3"], pose: Float64[np.ndarray, "4 4"]) -> Float32[np.ndarray, "n 3"]:
    return (xyz_m @ pose[:3, :3].T + pose[:3, 3]).astype(np.float32)


def _bare_points(frames: list[ScanFrame], camera: Camera, cell_m: float) -> Surface:
    """Depth pixels as points in the world, one per cell, with normals that look at the camera."""
    xyz, rgb, eye = [], [], []
    for frame in frames:
        back = frame.depth_m > 0
        xyz.append(_moved(camera.unproject(frame.depth_m)[back], frame.world_from_camera))
        rgb.append(frame.rgb[back])
        eye.append(np.broadcast_to(frame.world_from_camera[:3, 3].astype(np.float32), xyz[-1].shape))
    points, colour, seen_from = np.concatenate(xyz), np.concatenate(rgb), np.concatenate(eye)
    _, one_per_cell = np.unique(np.floor(points / cell_m).astype(np.int64), axis=0, return_index=True)
    if len(one_per_cell) < 16:
        raise InputError(f"{len(frames)} depth pictures hold {len(one_per_cell)} points at {cell_m:.3f} m; too few")
    one_per_cell = one_per_cell[np.lexsort(points[one_per_cell].T[::-1])]
    points, seen_from = points[one_per_cell], seen_from[one_per_cell]
    cloud = torch.from_numpy(points)
    normal = point_normals(cloud, knn(cloud, 16)[0]).numpy()
    away = ((seen_from - points) * normal).sum(axis=1, keepdims=True) < 0
    return Surface(
        xyz_m=points,
        rgb=colour[one_per_cell],
        normal=np.where(away, -normal, normal),
        faces=np.zeros((0, 3), np.int32),
    )
