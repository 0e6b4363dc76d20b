"""The detector: thinned points of a scan in, elements and readable queries out. Text never enters here."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from scene3d.model.backbone import SparseUNet
from scene3d.model.decoder import Decoded, Elements, MaskDecoder
from scene3d.model.scan import POINT_CHANNELS, ScanPoints
from scene3d_ops import Lattice, SparseTensor, segment_max, segment_mean, segment_sum, unique_cells

COLOURS = ("black", "white", "grey", "red", "orange", "yellow", "green", "blue", "purple", "pink", "brown", "beige")
MATERIALS = ("wood", "metal", "fabric", "glass", "ceramic", "plastic", "plant", "paper", "leather", "stone")
_STATISTICS = 18


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectorConfig:
    """Sizes of the detector. The defaults are the shipped `default` model, made for two CPU cores."""

    point_m: float = 0.04
    """Scans are thinned to one point per cell of this size first."""
    voxel_m: float = 0.05
    """Edge of the finest voxels of the backbone."""
    planes: tuple[int, ...] = (32, 48, 64, 96, 128, 96, 80, 64, 32)
    blocks: tuple[int, ...] = (1, 1, 2, 2, 1, 1, 1, 1)
    stem_kernel: int = 3
    norm_momentum: float = 0.02
    width: int = 128
    heads: int = 8
    layers: int = 3
    hidden: int = 384
    classes: tuple[str, ...] = field(default=())
    """Names of the classes, without background; empty: the 198 of ScanNet200."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneElements:
    """One scan's superpoints as the backbone sees them."""

    elements: Elements
    class_logit: Float[Tensor, "e k"]
    """Per class, background last."""
    size: Float[Tensor, "e"]
    """Thinned points per element: the weight of an element in a mask."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryReading:
    """What can be read off a query beside its mask."""

    class_logit: Float[Tensor, "q k"]
    """Per class, background last."""
    quality_logit: Float[Tensor, "q"]
    """Expected IoU of the mask with an object, as a logit."""
    facing: Float[Tensor, "q 2"]
    """Direction of the front on the floor plane, not normalised."""
    facing_logit: Float[Tensor, "q"]
    """Whether that direction is right to 45 degrees."""
    colour_logit: Float[Tensor, "q m"]
    material_logit: Float[Tensor, "q n"]


class Detector(nn.Module):
    """Backbone, superpoint pooling, mask decoder and the heads beside the mask.

    Args:
        voxel_m: Edge of the finest voxels, metres.
        backbone: Takes `POINT_CHANNELS` channels per voxel.
        decoder: Works at channel count `width`.
        width: Channels of elements and queries.
        classes: How many classes there are, without background.
    """

    def __init__(self, *, voxel_m: float, backbone: SparseUNet, decoder: MaskDecoder, width: int, classes: int) -> None:
        super().__init__()
        self.voxel_m = voxel_m
        self.backbone = backbone
        self.decoder = decoder
        self.from_backbone = nn.Linear(backbone.out_channels, width)
        self.from_statistics = nn.Sequential(nn.Linear(_STATISTICS, width), nn.GELU(), nn.Linear(width, width))
        self.element_norm = nn.LayerNorm(width)
        self.element_class = nn.Linear(width, classes + 1)
        self.vote = nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.Linear(width, 3))
        self.query_class = nn.Linear(width, classes + 1)
        self.quality = nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.Linear(width, 1))
        self.facing = nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.Linear(width, 3))
        self.colour = nn.Linear(width, len(COLOURS))
        self.material = nn.Linear(width, len(MATERIALS))

    @classmethod
    def from_config(cls, config: DetectorConfig) -> Detector:
        """Build the detector that a configuration describes."""
        backbone = SparseUNet(
            POINT_CHANNELS,
            planes=config.planes,
            blocks=config.blocks,
            stem_kernel=config.stem_kernel,
            norm_momentum=config.norm_momentum,
        )
        decoder = MaskDecoder(config.width, heads=config.heads, layers=config.layers, hidden=config.hidden)
        return cls(
            voxel_m=config.voxel_m,
            backbone=backbone,
            decoder=decoder,
            width=config.width,
            classes=len(config.classes),
        )

    def encode(self, scans: list[ScanPoints]) -> list[SceneElements]:
        """Superpoints of each scan with features, class logits and votes. Scans of a batch never see each other."""
        voxel_feature, voxel_of_point = self._voxel_features(scans)
        counts = [scan.superpoint_count for scan in scans]
        first = torch.tensor([0, *counts]).cumsum(0)
        device = voxel_feature.device
        superpoint = torch.cat([scan.superpoint + f for scan, f in zip(scans, first.tolist(), strict=False)])
        total = int(first[-1])
        pooled = segment_mean(voxel_feature[voxel_of_point], superpoint, total)
        place_m = segment_mean(torch.cat([scan.xyz_m for scan in scans]), superpoint, total)
        size = segment_sum(torch.ones(len(superpoint), 1, device=device), superpoint, total)[:, 0]
        statistics = _superpoint_statistics(scans, superpoint, total)
        feature = self.element_norm(self.from_backbone(pooled) + self.from_statistics(statistics))
        class_logit, vote_m = self.element_class(feature), place_m + self.vote(feature)
        columns = (x.split(counts) for x in (feature, place_m, vote_m, class_logit, size))
        return [
            SceneElements(elements=Elements(feature=f, place_m=p, vote_m=v), class_logit=c, size=s)
            for f, p, v, c, s in zip(*columns, strict=True)
        ]

    def decode(self, elements: Elements, query: Int64[Tensor, "q"]) -> list[Decoded]:
        """Masks of the queries that start from the elements `query`; see `MaskDecoder`."""
        return self.decoder(elements, query)

    def read(self, feature: Float[Tensor, "q c"]) -> QueryReading:
        """Read the heads beside the mask off query features."""
        facing = self.facing(feature)
        return QueryReading(
            class_logit=self.query_class(feature),
            quality_logit=self.quality(feature)[:, 0],
            facing=facing[:, :2],
            facing_logit=facing[:, 2],
            colour_logit=self.colour(feature),
            material_logit=self.material(feature),
        )

    def _voxel_features(self, scans: list[ScanPoints]) -> tuple[Float[Tensor, "v c"], Int64[Tensor, "n"]]:
        cells = []
        for i, scan in enumerate(scans):
            cell = torch.floor(scan.xyz_m / self.voxel_m).int()
            cell = cell - cell.amin(0)  # lattices start at 0; the anchor of the grid is where the scan's corner is
            cells.append(torch.cat([torch.full_like(cell[:, :1], i), cell], dim=1))
        index, voxel_of_point = unique_cells(torch.cat(cells))
        feature = segment_mean(torch.cat([scan.channels() for scan in scans]), voxel_of_point, len(index))
        return self.backbone(SparseTensor(feature=feature, lattice=Lattice(index))), voxel_of_point


def _superpoint_statistics(
    scans: list[ScanPoints], superpoint: Int64[Tensor, "n"], total: int
) -> Float[Tensor, "s 18"]:
    """Extent, amount, mean and spread of normals and colours: what pooling of features loses about small patches."""
    xyz_m = torch.cat([scan.xyz_m for scan in scans])
    channels = torch.cat([scan.channels() for scan in scans])
    high, low = segment_max(xyz_m, superpoint, total), segment_max(-xyz_m, superpoint, total)
    mean = segment_mean(channels, superpoint, total)
    spread = (segment_mean(channels**2, superpoint, total) - mean**2).clamp_min(0).sqrt()
    amount = segment_sum(torch.ones_like(xyz_m[:, :1]), superpoint, total)
    return torch.cat([high + low, amount.log1p() / 5, mean, spread[:, :6]], dim=1)
