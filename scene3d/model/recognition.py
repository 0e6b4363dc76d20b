"""Recognition: what a thing is, of which colour and material, by pictures of it from the sides that the scan saw.

The detector sees a room in cells of 5 cm and remembers much of the furniture that it was trained on. A second look at
each thing, by a network that has seen a million photographs before, errs elsewhere, so the two are heard together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor, nn

from scene3d.model.close_ups import CloseUp, Things, close_ups, draw
from scene3d.model.detector import COLOURS, MATERIALS
from scene3d.model.encoding import Encoding
from scene3d.model.image_network import EfficientNetLite
from scene3d.model.paint import PAINT, paint
from scene3d.model.scan import ScanPoints
from scene3d_ops import segment_max, segment_mean, segment_sum

_MEASURES = 6
_AT_ONCE = 8
"""Things that are looked at together: their pictures' features stay in a processor's cache."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecognitionConfig:
    """Sizes."""

    point_m: float = 0.02
    """Scans are thinned to one point per cell of this size first."""
    pixels: int = 96
    """Edge of a picture."""
    turned_rad: tuple[float, ...] = (0.0, 0.8, -0.8)
    """Each thing is drawn from the side that shows most of it, and from so far beside it."""
    elevation_rad: float = 0.45
    """Of the eye."""
    width: float = 1.0
    """Share of the planes of EfficientNet-Lite0; weights learnt on photographs are to be had for 1."""
    hidden: int = 256
    dropout: float = 0.3
    weight: float = 0.5
    """Of the second look, of 1 for both; in rooms of training furniture true names are likeliest so."""
    agreement: float = 0.75
    """What both looks agree on is likelier a thing: its score's logit rises by so much per logarithm of the overlap."""
    certainty: float = 0.48
    """And by so much per logarithm of the likeliest class's probability."""
    lift: float = 0.52
    """And by so much in any case; all three as they tell things from others in rooms of training furniture."""
    look_weight: float = 0.7
    """Of the second look, of 1 for both, at colours and materials."""


class Recognition(nn.Module):
    """Classes, colours and materials of things, each seen by itself.

    Args:
        config: Sizes.
        classes: How many there are.
    """

    def __init__(self, config: RecognitionConfig, classes: int) -> None:
        super().__init__()
        self.config = config
        self.network = EfficientNetLite(config.width)
        self.norm = nn.BatchNorm1d(_MEASURES)
        wide = 2 * self.network.planes + _MEASURES
        self.head = nn.Sequential(
            nn.Linear(wide, config.hidden), nn.GELU(), nn.Dropout(config.dropout), nn.Linear(config.hidden, classes)
        )
        self.look = nn.Sequential(  # of features, probabilities of the classes and `paint`: colours, then materials
            nn.BatchNorm1d(wide + classes + PAINT, affine=False),
            nn.Dropout(config.dropout),
            nn.Linear(wide + classes + PAINT, config.hidden),
            nn.GELU(),
            nn.Dropout(config.dropout),
            nn.Linear(config.hidden, len(COLOURS) + len(MATERIALS)),
        )

    def forward(
        self,
        close_ups: Sequence[CloseUp],
        turned_rad: Float[Tensor, "q v"] | None = None,
        elevation_rad: float | None = None,
    ) -> Float[Tensor, "q k"]:
        """Logits of the classes; see `features`."""
        return self.head(self.features(close_ups, turned_rad, elevation_rad))

    def features(
        self,
        close_ups: Sequence[CloseUp],
        turned_rad: Float[Tensor, "q v"] | None = None,
        elevation_rad: float | None = None,
    ) -> Float[Tensor, "q f"]:
        """Of pictures of things, drawn from the sides of the configuration where none are given, and their measures."""
        config, things = self.config, Things.of(close_ups)
        turned = torch.tensor(config.turned_rad) if turned_rad is None else turned_rad
        elevation = config.elevation_rad if elevation_rad is None else elevation_rad
        azimuth = things.best_side_rad()[:, None] + turned
        pictures = draw(things, azimuth, pixels=config.pixels, elevation_rad=elevation, point_m=config.point_m).flatten(
            0, 1
        )
        seen = self.network(pictures.contiguous(memory_format=torch.channels_last))
        seen = torch.cat([seen.mean((2, 3)), seen.amax((2, 3))], dim=1)
        seen = seen.view(things.many, azimuth.shape[1], -1).mean(1)
        return torch.cat([seen, self.norm(_measures(things))], dim=1)

    @torch.no_grad()
    def expect(self, log_share: Float[Tensor, "k"]) -> None:
        """Take classes for so much likelier, by their logarithm, than they were in the training, which saw rare ones
        more often than rooms show them."""
        last = self.head[-1]
        assert isinstance(last, nn.Linear)
        last.bias.add_(log_share - log_share.mean())

    def told(self, scan: ScanPoints, encoding: Encoding) -> Encoding:
        """The encoding of a scan, its classes, colours and materials as the detector and a second look take them.

        What is kept is a weighted mean of the logarithms of both, and a score that rises where they agree on the class.
        Background stays as the detector has it, and so do things too small to leave a point, and colours and
        materials in a scan without colour.

        Args:
            scan: Thinned to `RecognitionConfig.point_m`.
            encoding: With masks over the scan's superpoints.
        """
        config = self.config
        present = torch.zeros(encoding.mask.shape[1], dtype=torch.bool)
        present[scan.superpoint] = True
        rows = torch.nonzero((encoding.mask & present).any(1))[:, 0]
        logit, score = encoding.class_logit.clone(), encoding.score.clone()
        look = [encoding.colour_logit.log_softmax(1), encoding.material_logit.log_softmax(1)]
        for some in rows.split(_AT_ONCE) if len(rows) else ():
            mask, foreground = encoding.mask[some], logit[some, :-1]
            feature = self.features([view for view, _ in close_ups(scan, mask)])
            second = self.head(feature)
            both = _mean(foreground.log_softmax(1), second.log_softmax(1), config.weight)
            overlap = both.logsumexp(1, keepdim=True)
            both = both - overlap
            logit[some, :-1] = both + foreground.logsumexp(1, keepdim=True)
            said = config.agreement * overlap[:, 0] + config.certainty * both.amax(1) + config.lift
            score[some] = (score[some].logit(1e-6) + said).sigmoid()
            if scan.rgb is not None:
                painted = paint(mask[:, scan.superpoint], scan.rgb)
                seen = self.look(torch.cat([feature, second.softmax(1), painted], dim=1))
                for first, again in zip(look, seen.split([len(COLOURS), len(MATERIALS)], dim=1), strict=True):
                    first[some] = _mean(first[some], again.log_softmax(1), config.look_weight)
        colour, material = look
        told = replace(encoding, class_logit=logit, score=score, colour_logit=colour, material_logit=material)
        return told.best_first()


def _mean(first: Tensor, second: Tensor, weight: float) -> Tensor:
    return (1 - weight) * first + weight * second


def _measures(things: Things) -> Float[Tensor, "q 6"]:
    """What is measured of each thing, whichever way it stands.

    Measured are the spread along its own two axes on the floor, heights of its lowest and highest point, its extent
    and its amount.
    """
    xyz_m, owner, many = things.xyz_m, things.owner, things.many
    high, low = segment_max(xyz_m, owner, many), -segment_max(-xyz_m, owner, many)
    flat = xyz_m[:, :2] - segment_mean(xyz_m[:, :2], owner, many)[owner]
    products = torch.stack([flat[:, 0] ** 2, flat[:, 1] ** 2, flat[:, 0] * flat[:, 1]], dim=1)
    xx, yy, xy = segment_mean(products, owner, many).unbind(1)
    middle, apart = (xx + yy) / 2, (((xx - yy) / 2) ** 2 + xy**2).sqrt()
    spread = torch.stack([middle + apart, (middle - apart).clamp_min(0)], dim=1).sqrt()
    amount = segment_sum(torch.ones_like(xyz_m[:, :1]), owner, many)
    longest_m = (high - low).amax(1, keepdim=True)
    measures = [(spread + 0.01).log(), low[:, 2:], high[:, 2:], (longest_m + 0.01).log(), amount.log() / 5]
    return torch.cat(measures, dim=1)
