"""Recognition: what a thing is, from its own points and a rim of what is around it, in cells that suit its size.

The detector sees a room in cells of 5 cm and remembers much of the furniture that it was trained on. A second look at
each thing, finer where the thing is small, errs elsewhere, so the two are heard together.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor, nn

from scene3d.model.backbone import Down
from scene3d.model.encoding import Encoding
from scene3d.model.scan import POINT_CHANNELS, ScanPoints, thin
from scene3d.types import Scene
from scene3d_ops import (
    Lattice,
    SparseTensor,
    SubMConv3d,
    segment_max,
    segment_mean,
    segment_sum,
)

_SHAPE = 6
_AT_ONCE = 32
"""Things that are looked at together, so that memory stays bounded."""
_RIM, _LEAST_RIM_M = 0.15, 0.1
"""How far around a thing is looked: a share of its longest edge, and at least so far."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecognitionConfig:
    """Sizes."""

    point_m: float = 0.02
    """Scans are thinned to one point per cell of this size first."""
    cells: int = 28
    """The longest edge of a thing is cut into so many cells, where they are not smaller than `point_m`."""
    planes: tuple[int, ...] = (32, 64, 96, 128)
    hidden: int = 256
    dropout: float = 0.3
    weight: float = 0.4
    """Of the second look, of 1 for both; in rooms of training furniture true names are likeliest with 0.4 or 0.45."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseUp:
    """One thing and the rim around it."""

    xyz_m: Float[Tensor, "n 3"]
    """Heights above the floor."""
    channels: Float[Tensor, "n 8"]
    """As `ScanPoints.channels` gives them."""
    inside: Bool[Tensor, "n"]
    """Points of the thing itself, one of them at least."""


class Recognition(nn.Module):
    """Classes of things, each seen by itself.

    Args:
        config: Sizes.
        classes: How many there are.
    """

    def __init__(self, config: RecognitionConfig, classes: int) -> None:
        super().__init__()
        self.config = config
        planes = config.planes
        self.stem = SubMConv3d(POINT_CHANNELS + 1, planes[0])
        self.stem_norm = nn.BatchNorm1d(planes[0])
        self.down = nn.ModuleList(Down(a, b, 1, norm_momentum=0.1) for a, b in itertools.pairwise(planes))
        self.head = nn.Sequential(
            nn.Linear(3 * planes[-1] + _SHAPE, config.hidden),
            nn.GELU(),
            nn.Dropout(config.dropout),
            nn.Linear(config.hidden, classes),
        )

    def forward(self, things: Sequence[CloseUp]) -> Float[Tensor, "q k"]:
        """Logits of the classes."""
        many = len(things)
        xyz_m, channels, inside = (
            torch.cat([getattr(thing, name) for thing in things]) for name in ("xyz_m", "channels", "inside")
        )
        owner = torch.arange(many).repeat_interleave(torch.tensor([len(thing.xyz_m) for thing in things]))
        shape, longest_m = _shapes(xyz_m[inside], owner[inside], many)
        cell_m = (longest_m / self.config.cells).clamp_min(self.config.point_m)
        low = -segment_max(-xyz_m, owner, many)
        cell = ((xyz_m - low[owner]) / cell_m[owner, None]).int()
        lattice, voxel = Lattice.of(torch.cat([owner[:, None].int(), cell], dim=1))
        feature = segment_mean(torch.cat([channels, inside.float()[:, None]], dim=1), voxel, len(lattice))
        own = feature[:, -1:]
        x = SparseTensor(feature=feature, lattice=lattice)
        x = x.replace(self.stem_norm(self.stem(x).feature).relu())
        for down in self.down:
            parent = x.lattice.coarser().inverse.amax(0).long()
            x = down(x)
            own = segment_mean(own, parent, len(x.lattice))
        group = x.lattice.index[:, 0].long()
        pooled = [
            segment_sum(x.feature * weight, group, many) / segment_sum(weight, group, many).clamp_min(0.01)
            for weight in (own, 1 - own)
        ]
        peak = segment_max(x.feature * (own > 0), group, many)
        return self.head(torch.cat([*pooled, peak, shape], dim=1))

    @torch.no_grad()
    def expect(self, log_share: Float[Tensor, "k"]) -> None:
        """Take classes for so much likelier, by their logarithm, than they were in the training, which saw rare ones
        more often than rooms show them."""
        last = self.head[-1]
        assert isinstance(last, nn.Linear)
        last.bias.add_(log_share - log_share.mean())

    def told(self, scene: Scene, encoding: Encoding) -> Encoding:
        """The encoding of a scene with normals, its classes as the detector and a second look together take them.

        What is kept is a weighted mean of the logarithms of both. Background stays as the detector has it, and so do
        things too small to leave a point.
        """
        scan = thin(replace(scene, superpoint=encoding.superpoint), point_m=self.config.point_m)
        present = torch.zeros(encoding.mask.shape[1], dtype=torch.bool)
        present[scan.superpoint] = True
        rows = torch.nonzero((encoding.mask & present).any(1))[:, 0]
        logit, weight = encoding.class_logit.clone(), self.config.weight
        for some in rows.split(_AT_ONCE) if len(rows) else ():
            foreground = logit[some, :-1]
            second = self([view for view, _ in close_ups(scan, encoding.mask[some])])
            both = (1 - weight) * foreground.log_softmax(1) + weight * second.log_softmax(1)
            logit[some, :-1] = both.log_softmax(1) + foreground.logsumexp(1, keepdim=True)
        return replace(encoding, class_logit=logit)


def _shapes(xyz_m: Float[Tensor, "n 3"], owner: Tensor, many: int) -> tuple[Float[Tensor, "q 6"], Float[Tensor, "q"]]:
    """What is measured of each thing, whichever way it stands, and its longest edge.

    Measured are the spread along its own two axes on the floor, heights of its lowest and highest point, its extent
    and its amount.
    """
    high, low = segment_max(xyz_m, owner, many), -segment_max(-xyz_m, owner, many)
    flat = xyz_m[:, :2] - segment_mean(xyz_m[:, :2], owner, many)[owner]
    products = torch.stack([flat[:, 0] ** 2, flat[:, 1] ** 2, flat[:, 0] * flat[:, 1]], dim=1)
    xx, yy, xy = segment_mean(products, owner, many).unbind(1)
    middle, apart = (xx + yy) / 2, (((xx - yy) / 2) ** 2 + xy**2).sqrt()
    spread = torch.stack([middle + apart, (middle - apart).clamp_min(0)], dim=1).sqrt()
    amount = segment_sum(torch.ones_like(xyz_m[:, :1]), owner, many)
    longest_m = (high - low).amax(1)
    shape = [(spread + 0.01).log(), low[:, 2:], high[:, 2:], (longest_m[:, None] + 0.01).log(), amount.log() / 5]
    return torch.cat(shape, dim=1), longest_m


def close_ups(scan: ScanPoints, mask: Bool[Tensor, "q s"]) -> list[tuple[CloseUp, Int64[Tensor, "n"]]]:
    """What recognition sees of each thing of a scan, and the superpoints of its points.

    Args:
        scan: Thinned to `RecognitionConfig.point_m`.
        mask: Superpoints of each thing, points in one of them at least.
    """
    channels = scan.channels()
    xyz_m = scan.xyz_m - scan.xyz_m.new_tensor([0.0, 0.0, scan.floor_z_m])
    found = []
    for row in mask:
        inside = row[scan.superpoint]
        own = xyz_m[inside]
        low, high = own.amin(0), own.amax(0)
        rim = max(_LEAST_RIM_M, _RIM * float((high - low).max()))
        near = torch.nonzero(((xyz_m >= low - rim) & (xyz_m <= high + rim)).all(1))[:, 0]
        view = CloseUp(xyz_m=xyz_m[near], channels=channels[near], inside=inside[near])
        found.append((view, scan.superpoint[near]))
    return found
