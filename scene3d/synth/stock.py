"""Where the layout takes its furniture from: catalogue models and our own kinds, scaled, recoloured, ready to place."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scene3d.synth import builtin
from scene3d.synth.builtin.on_walls import outside
from scene3d.synth.colours import PLAIN, WOOD, dominant_colour, pick, recoloured, solid
from scene3d.synth.furniture import Catalogue, FurnitureModel, held_out_ids, model_mesh
from scene3d.synth.room import TexturedMesh
from scene3d.synth.textured_mesh import main_texture, retextured

Size = tuple[float | int, float | int, float | int]
_JITTER = 0.10
_KEEP_COLOURS = ("plant", "tv", "monitor", "laptop", "toilet", "bathtub", "sink", "ball", "book", "fire extinguisher")
_NO_LIMIT: Size = (99.0, 99.0, 99.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A thing to place: front to -y, standing on z = 0 with its middle above the origin."""

    label: str
    model_id: str
    mesh: TexturedMesh
    size_m: Size
    has_front: bool
    material: str
    colour: str
    elevation_m: float = 0.0


class Stock:
    """Draws pieces of a class from one split of the furniture."""

    def __init__(self, catalogue: Catalogue, part: str, rng: np.random.Generator) -> None:
        """Args: the whole catalogue, `train`, `heldout` or `all`, and where the choices come from."""
        self.rng = rng
        self._models: dict[str, list[FurnitureModel]] = {}
        for model in catalogue.split(part).models:
            self._models.setdefault(model.label, []).append(model)
        self._kinds: dict[str, list[tuple[builtin.OwnKind, list[int]]]] = {}
        for kind in builtin.KINDS:
            self._kinds.setdefault(kind.label, []).append((kind, _styles(kind, part)))

    def piece(self, *labels: str, most: Size = _NO_LIMIT, least: Size = (0, 0, 0), own: str = "") -> Piece | None:
        """A random piece of one of the classes.

        Args:
            labels: ScanNet200 names; one is drawn in proportion to how many models each has.
            most: Largest size, metres: catalogue models beyond are passed over, our own kinds are cut to measure.
            least: Smallest size, metres.
            own: Restrict to our own kind of this name.

        Returns:
            None when the split holds nothing that fits.
        """
        models = [m for label in labels for m in self._models.get(label, ()) if _fits(m.size_m, least, most)]
        kinds = [k for label in labels for k in self._kinds.get(label, ()) if not own or k[0].name == own]
        kinds = [(kind, styles) for kind, styles in kinds if _possible(kind, least, most)]
        models = [] if own else models
        weight = np.array([1.0] * len(models) + [len(styles) * 0.7 for _, styles in kinds])
        if not len(weight):
            return None
        choice = int(self.rng.choice(len(weight), p=weight / weight.sum()))
        if choice < len(models):
            return self._of_model(models[choice], most)
        return self._of_kind(*kinds[choice - len(models)], least, most)

    def _of_model(self, model: FurnitureModel, most: Size) -> Piece:
        scale = self.rng.uniform(1 - _JITTER, 1 + _JITTER) * self.rng.uniform(0.97, 1.03, 3)
        scale = np.minimum(scale, np.maximum(np.array(most) / model.size_m, 1 - _JITTER))
        mesh = model_mesh(model)
        mesh = TexturedMesh(
            xyz_m=mesh.xyz_m * scale.astype(np.float32),
            faces=mesh.faces,
            uv=mesh.uv,
            material=mesh.material,
            textures=mesh.textures,
        )
        if model.label == "window":
            mesh = _glazed(mesh, self.rng)
        elif model.label not in _KEEP_COLOURS:
            mesh = recoloured(mesh, self.rng, strength=0.6)
        return _piece(model.label, model.id, mesh, model.has_front, model.material, model.elevation_m)

    def _of_kind(self, kind: builtin.OwnKind, styles: list[int], least: Size, most: Size) -> Piece:
        style = int(self.rng.choice(styles))
        ranges = zip((kind.width_m, kind.depth_m, kind.height_m), least, most, strict=True)
        width, depth, height = (
            float(self.rng.uniform(max(lo, a), max(min(hi, b), max(lo, a)))) for (lo, hi), a, b in ranges
        )
        mesh = builtin.build(kind, self.rng, style, (width, depth, height))
        return _piece(kind.label, kind.model_ids()[style], mesh, kind.has_front, kind.material, 0.0)


def _piece(label: str, model_id: str, mesh: TexturedMesh, has_front: bool, material: str, elevation_m: float) -> Piece:
    width, depth, height = np.ptp(mesh.xyz_m[mesh.faces].reshape(-1, 3), axis=0).tolist()
    return Piece(
        label=label,
        model_id=model_id,
        mesh=mesh,
        size_m=(width, depth, height),
        has_front=has_front,
        material=material,
        colour=dominant_colour(mesh),
        elevation_m=elevation_m,
    )


def _glazed(mesh: TexturedMesh, rng: np.random.Generator) -> TexturedMesh:
    """A window whose panes, its main texture, show the outside, in a frame of another colour."""
    glass = main_texture(mesh)
    frame = solid(pick(rng, PLAIN[:3])) if rng.random() < 0.7 else solid(pick(rng, WOOD))
    pane = outside(rng)[:1, :1]
    return retextured(mesh, [pane if i == glass else frame for i in range(len(mesh.textures))])


def _styles(kind: builtin.OwnKind, part: str) -> list[int]:
    ids = kind.model_ids()
    held_out = held_out_ids(ids)
    return [style for style, name in enumerate(ids) if part == "all" or (name in held_out) == (part == "heldout")]


def _fits(size: Size, least: Size, most: Size) -> bool:
    return all(a <= s <= b * 1.02 for s, a, b in zip(size, least, most, strict=True))


def _possible(kind: builtin.OwnKind, least: Size, most: Size) -> bool:
    ranges = (kind.width_m, kind.depth_m, kind.height_m)
    return all(lo <= b and hi >= a for (lo, hi), a, b in zip(ranges, least, most, strict=True))
