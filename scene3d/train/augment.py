"""Makes one scan look like many: turned, stretched, re-coloured, thinned and mixed, as real scans differ."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from scene3d.train.data import TrainingSample


@dataclass(frozen=True, slots=True, kw_only=True)
class AugmentConfig:
    """How strongly. Probabilities are per scan."""

    tilt_deg: float = 3.0
    mirror: float = 0.5
    """Never where left and right matter."""
    scale: tuple[float, float] = (0.85, 1.15)
    elastic_m: float = 0.04
    jitter_m: float = 0.004
    floor_m: float = 0.1
    """Error of the floor's height, one standard deviation."""
    colour_cast: float = 0.12
    contrast: tuple[float, float] = (0.7, 1.3)
    colour_noise: float = 0.03
    drop_colour: float = 0.05
    drop_normals: float = 0.05
    flip_normals: float = 0.05
    holes: int = 12
    """Most holes of up to 0.4 m radius torn into a scan."""
    drop_points: float = 0.1
    mix: float = 0.1
    """Two scans laid into each other."""
    max_points: int = 60_000
    """Larger scans are cut to what lies nearest to a random point."""


def augment(sample: TrainingSample, config: AugmentConfig, generator: torch.Generator) -> TrainingSample:
    """One random variant of a sample; the same generator state gives the same variant."""
    sample = _keep(sample, _surviving(sample.scan.xyz_m, config, generator))
    sample = _moved(sample, config, generator)
    return _recoloured(sample, config, generator)


def mix(a: TrainingSample, b: TrainingSample) -> TrainingSample:
    """Both samples in one place: objects out of context, as in Mix3D (Nekrasov et al., 3DV 2021)."""
    scan_a, scan_b = a.scan, b.scan
    if (scan_a.rgb is None) != (scan_b.rgb is None):
        return a
    here = _middle(scan_a.xyz_m)
    scan = replace(
        scan_a,
        xyz_m=torch.cat([scan_a.xyz_m - here, scan_b.xyz_m - _middle(scan_b.xyz_m)]),
        rgb=None if scan_a.rgb is None or scan_b.rgb is None else torch.cat([scan_a.rgb, scan_b.rgb]),
        normal=torch.cat([scan_a.normal, scan_b.normal]),
        superpoint=torch.cat([scan_a.superpoint, scan_b.superpoint + scan_a.superpoint_count]),
        superpoint_count=scan_a.superpoint_count + scan_b.superpoint_count,
        floor_z_m=0.0,
    )
    moved = torch.where(b.instance >= 0, b.instance + len(a.label), b.instance)
    return TrainingSample(
        scan=scan,
        point_m=a.point_m,
        instance=torch.cat([a.instance, moved]),
        object_id=torch.cat([a.object_id, b.object_id]),
        label=torch.cat([a.label, b.label]),
        yaw_rad=torch.cat([a.yaw_rad, b.yaw_rad]),
        front_known=torch.cat([a.front_known, b.front_known]),
        colour=torch.cat([a.colour, b.colour]),
        material=torch.cat([a.material, b.material]),
    )


def _middle(xyz_m: Float[Tensor, "n 3"]) -> Float[Tensor, "3"]:
    middle = (xyz_m.amin(0) + xyz_m.amax(0)) / 2
    middle[2] = xyz_m[:, 2].kthvalue(max(1, len(xyz_m) // 100)).values  # the floors lie in one plane
    return middle


def _uniform(generator: torch.Generator, low: float, high: float) -> float:
    return low + (high - low) * float(torch.rand((), generator=generator))


def _surviving(xyz_m: Float[Tensor, "n 3"], config: AugmentConfig, generator: torch.Generator) -> Bool[Tensor, "n"]:
    keep = torch.rand(len(xyz_m), generator=generator) >= config.drop_points * _uniform(generator, 0, 1)
    for _ in range(int(torch.randint(config.holes + 1, (), generator=generator))):
        centre = xyz_m[torch.randint(len(xyz_m), (), generator=generator)]
        keep &= (xyz_m - centre).norm(dim=1) > _uniform(generator, 0.05, 0.4)
    if int(keep.sum()) > config.max_points:
        centre = xyz_m[torch.randint(len(xyz_m), (), generator=generator)]
        distance = torch.where(keep, (xyz_m - centre)[:, :2].norm(dim=1), torch.inf)
        keep &= distance <= distance.kthvalue(config.max_points).values
    return keep if keep.any() else torch.ones_like(keep)


def _keep(sample: TrainingSample, keep: Bool[Tensor, "n"]) -> TrainingSample:
    """Drop points. Objects without any left stay in the tables, where they ask for nothing."""
    scan = sample.scan
    kept = replace(
        scan,
        xyz_m=scan.xyz_m[keep],
        rgb=None if scan.rgb is None else scan.rgb[keep],
        normal=scan.normal[keep],
        superpoint=scan.superpoint[keep],
    )
    return replace(sample, scan=kept, instance=sample.instance[keep])


def _moved(sample: TrainingSample, config: AugmentConfig, generator: torch.Generator) -> TrainingSample:
    scan = sample.scan
    yaw = _uniform(generator, 0, 2 * math.pi)
    mirrored = _uniform(generator, 0, 1) < config.mirror
    tilt = [math.radians(_uniform(generator, -1, 1) * config.tilt_deg) for _ in range(2)]
    turn = rotation("x", tilt[0]) @ rotation("y", tilt[1]) @ rotation("z", yaw)
    if mirrored:
        turn = turn @ torch.diag(torch.tensor([-1.0, 1.0, 1.0]))
    xyz_m = (scan.xyz_m - _middle(scan.xyz_m)) @ turn.T * _uniform(generator, *config.scale)
    xyz_m = xyz_m + _elastic(xyz_m, config, generator)
    xyz_m = xyz_m + config.jitter_m * torch.randn(xyz_m.shape, generator=generator)
    normal = scan.normal @ turn.T
    chance = _uniform(generator, 0, 1)
    if chance < config.drop_normals:
        normal = torch.zeros_like(normal)
    elif chance < config.drop_normals + config.flip_normals:
        normal = torch.where(torch.rand(len(normal), 1, generator=generator) < 0.5, -normal, normal)
    floor = config.floor_m * float(torch.randn((), generator=generator))
    facing = (torch.pi - sample.yaw_rad if mirrored else sample.yaw_rad) + yaw
    return replace(sample, scan=replace(scan, xyz_m=xyz_m, normal=normal, floor_z_m=floor), yaw_rad=facing)


def _elastic(xyz_m: Float[Tensor, "n 3"], config: AugmentConfig, generator: torch.Generator) -> Float[Tensor, "n 3"]:
    """A smooth shift: three sine waves of 1–4 m in random directions."""
    shift = torch.zeros_like(xyz_m)
    for _ in range(3):
        direction = torch.nn.functional.normalize(torch.randn(3, generator=generator), dim=0)
        wave = 2 * math.pi / _uniform(generator, 1.0, 4.0) * (xyz_m @ direction) + _uniform(generator, 0, 6.3)
        shift += wave.sin()[:, None] * torch.randn(3, generator=generator) * config.elastic_m / 3
    return shift


def _recoloured(sample: TrainingSample, config: AugmentConfig, generator: torch.Generator) -> TrainingSample:
    rgb = sample.scan.rgb
    if rgb is None or _uniform(generator, 0, 1) < config.drop_colour:
        return replace(sample, scan=replace(sample.scan, rgb=None))
    cast = config.colour_cast * torch.randn(3, generator=generator)
    noise = config.colour_noise * torch.randn(rgb.shape, generator=generator)
    rgb = (rgb - 0.5) * _uniform(generator, *config.contrast) + 0.5 + cast * _uniform(generator, 0, 1) + noise
    return replace(sample, scan=replace(sample.scan, rgb=rgb.clamp(0, 1)))


def rotation(axis: str, angle: float) -> Float[Tensor, "3 3"]:
    """A turn about one of the axes x, y and z, by an angle in radians."""
    i = "xyz".index(axis)
    j, k = (i + 1) % 3, (i + 2) % 3
    matrix = torch.eye(3)
    matrix[j, j] = matrix[k, k] = math.cos(angle)
    matrix[k, j] = math.sin(angle)
    matrix[j, k] = -math.sin(angle)
    return matrix
