"""What is kept of an encoded scan, in memory and on disk: enough to answer every question."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

from jaxtyping import Bool, Float, Float32, Int64
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from scene3d.geometry import without_crumbs
from scene3d.geometry.splat import spacing
from scene3d.model.fronts import square_fronts
from scene3d.model.proposals import ElementProposals
from scene3d.types import Scene

_CELL_M, _SPACINGS, _PIECE = 0.05, 2.0, 0.2
"""What of a mask is joined by cells of this size, or of so many spacings of a sparse scan's points, is a piece; smaller
ones than this share of the largest are crumbs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoding:
    """Proposals over superpoints, best first."""

    superpoint: Int64[Tensor, "n"]
    mask: Bool[Tensor, "q s"]
    score: Float[Tensor, "q"]
    """Uncalibrated."""
    feature: Float[Tensor, "q c"]
    class_logit: Float[Tensor, "q k"]
    """Per class, background last."""
    front: Float[Tensor, "q 2"]
    """Unit vectors, square to how the thing stands."""
    facing_logit: Float[Tensor, "q"]
    colour_logit: Float[Tensor, "q m"]
    material_logit: Float[Tensor, "q l"]

    @property
    def kind(self) -> Float[Tensor, "q k"]:
        """Probabilities of the classes, were each proposal a thing."""
        return self.class_logit[:, :-1].softmax(1)

    def point_mask(self, xyz_m: Float32[Tensor, "n 3"]) -> Bool[Tensor, "q n"]:
        """Points of each proposal, without crumbs.

        Args:
            xyz_m: All points, metres; `superpoint` numbers their superpoints.
        """
        cell_m = max(_CELL_M, _SPACINGS * spacing(xyz_m))
        return without_crumbs(self.mask[:, self.superpoint], xyz_m, cell_m=cell_m, least=_PIECE)

    def best_first(self) -> Encoding:
        """The same proposals by falling score."""
        order = self.score.argsort(descending=True, stable=True)
        names = [name for name in Encoding.__dataclass_fields__ if name != "superpoint"]
        return replace(self, **{name: getattr(self, name)[order] for name in names})


def encoding_of(superpoint: Int64[Tensor, "n"], normal: Float[Tensor, "n 3"], found: ElementProposals) -> Encoding:
    """What is kept of proposals over superpoints of points with these normals."""
    return Encoding(
        superpoint=superpoint,
        mask=found.mask,
        score=found.score,
        feature=found.feature,
        class_logit=found.reading.class_logit,
        front=square_fronts(found.reading.facing, found.mask, superpoint, normal),
        facing_logit=found.reading.facing_logit,
        colour_logit=found.reading.colour_logit,
        material_logit=found.reading.material_logit,
    )


def content_key(scene: Scene, model_key: str) -> str:
    """Names an encoding: equal for equal points, colours, normals, faces and superpoints under an equal model."""
    digest = hashlib.blake2b(model_key.encode(), digest_size=16)
    for name in ("xyz_m", "rgb", "normal", "faces", "superpoint", "viewpoint_m"):
        value: Tensor | None = getattr(scene, name)
        digest.update(f"{name}:{None if value is None else tuple(value.shape)};".encode())
        if value is not None:
            digest.update(value.contiguous().numpy().data)
    return digest.hexdigest()


def save_encoding(path: Path, encoding: Encoding) -> None:
    """Write an encoding, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(f".{hashlib.blake2b(str(id(encoding)).encode(), digest_size=4).hexdigest()}")
    save_file({name: getattr(encoding, name).contiguous() for name in Encoding.__dataclass_fields__}, partial)
    partial.replace(path)


def load_encoding(path: Path) -> Encoding | None:
    """A kept encoding; None where it is missing, damaged or of another version, so that it is made anew."""
    try:
        tensors = load_file(path)
        return Encoding(**tensors)
    except (OSError, SafetensorError, TypeError):
        return None
