"""Furniture libraries in Sweet Home 3D's .sh3f format: the catalogue, its ScanNet200 labels and its held-out fifth."""

from __future__ import annotations

import contextlib
import csv
import functools
import hashlib
import re
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import unquote

import numpy as np

from scene3d import resources
from scene3d.errors import InputError, MissingDependencyError
from scene3d.synth.furniture_mesh import DECODING, ModelFiles, load_mesh, read_mesh, write_mesh
from scene3d.synth.room import TexturedMesh

SYSTEM_FOLDER = Path("/usr/share/sweethome3d/furniture")
_LABELS = Path(__file__).parent / "furniture_labels.csv"
_PROPERTY = re.compile(r"^(\w+)#(\d+)\s*[=:]\s*(.*)$")
_HELD_OUT_FIFTH = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class FurnitureModel:
    """One piece of a catalogue that the label table accepts."""

    id: str
    """The catalogue's id, such as `Scopia#tv`."""
    name: str
    label: str
    """ScanNet200 name."""
    material: str
    has_front: bool
    """Whether the piece has a front; it then faces -y of the model's frame."""
    size_m: tuple[float, float, float]
    """Width along x, depth along y, height along z."""
    elevation_m: float
    """Height above the floor where the catalogue hangs it; 0 for what stands."""
    library: Path
    path: str
    """OBJ file inside the library."""
    rotation: tuple[float, ...]
    """3 × 3, row by row, in the OBJ file's y-up axes, to turn the model upright and to the front."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """Labelled furniture, sorted by id."""

    models: tuple[FurnitureModel, ...]

    def labels(self) -> tuple[str, ...]:
        """The ScanNet200 names that occur, sorted."""
        return tuple(sorted({model.label for model in self.models}))

    def of(self, *labels: str) -> tuple[FurnitureModel, ...]:
        """The models of these classes; empty where there are none."""
        return tuple(model for model in self.models if model.label in labels)

    def split(self, part: str) -> Catalogue:
        """The models of one part: `train`, `heldout` or `all`.

        Within each class the models are ordered by the SHA-256 of their id and every fifth, from the first, is held
        out, so a class of 2–5 models gives one. A class with a single model is seen only in training: held out, it
        could be neither learnt nor scored.

        Raises:
            InputError: No such part.
        """
        if part == "all":
            return self
        if part not in ("train", "heldout"):
            raise InputError(f"no split named {part!r} of the furniture; there are: train, heldout, all")
        held_out = {
            model_id for label in self.labels() for model_id in held_out_ids([model.id for model in self.of(label)])
        }
        return Catalogue(models=tuple(m for m in self.models if (m.id in held_out) == (part == "heldout")))


def held_out_ids(ids: Iterable[str]) -> frozenset[str]:
    """The ids of one class that training never sees; see `Catalogue.split`."""
    ordered = sorted(ids, key=lambda model_id: hashlib.sha256(model_id.encode()).digest())
    return frozenset(ordered[::_HELD_OUT_FIFTH]) if len(ordered) > 1 else frozenset()


def load_catalogue(paths: Sequence[Path] | None = None) -> Catalogue:
    """Read furniture libraries and keep the pieces that the label table accepts.

    Args:
        paths: `.sh3f` files or folders of them; None for the libraries of Debian's `sweethome3d-furniture`.

    Raises:
        MissingDependencyError: No libraries given and none installed.
        InputError: A path that is not a furniture library, or libraries without one labelled piece.
    """
    if paths is None and not any(SYSTEM_FOLDER.glob("*.sh3f")):
        raise MissingDependencyError(
            f"no furniture libraries in {SYSTEM_FOLDER}; `apt-get install sweethome3d-furniture`, "
            "or name .sh3f files with `--furniture`"
        )
    files = _library_files([SYSTEM_FOLDER] if paths is None else paths)
    models = [model for file in files for model in _models_of(file)]
    if not models:
        raise InputError(f"{', '.join(map(str, files))}: no piece has a label in furniture_labels.csv; add rows for it")
    return Catalogue(models=tuple(sorted(models, key=lambda model: model.id)))


@functools.lru_cache(maxsize=192)
def model_mesh(model: FurnitureModel) -> TexturedMesh:
    """The model's mesh at its true size; decoded once, then kept in the cache folder, since reading OBJ text takes most
    of the time that furnishing a room does.

    Returns:
        Metres, z up, front to -y, standing on z = 0 with its middle above the origin.

    Raises:
        InputError: The library lacks the file, or the file is not a mesh.
    """
    kept = _kept_mesh(model)
    if kept.is_file():
        return read_mesh(kept)
    files = ModelFiles(archive=_archive(model.library), path=model.path)
    rotation = np.array(model.rotation, np.float64).reshape(3, 3)
    mesh = load_mesh(files, rotation=rotation, size_m=model.size_m)
    with contextlib.suppress(OSError):  # no space for it: it is decoded again next time
        write_mesh(mesh, kept)
    return mesh


def _kept_mesh(model: FurnitureModel) -> Path:
    """Where the decoded mesh is kept: another file for another library, size, or way of decoding."""
    state = model.library.stat()
    told = (model.library.name, state.st_size, state.st_mtime_ns, model.path, model.rotation, model.size_m, DECODING)
    return resources.cache_dir() / "furniture" / f"{hashlib.sha256(repr(told).encode()).hexdigest()[:32]}.npz"


@functools.lru_cache(maxsize=8)
def _archive(library: Path) -> zipfile.ZipFile:
    """Kept open: to read the list of its thousands of files takes as long as to read a model."""
    return zipfile.ZipFile(library)


def read_labels() -> dict[str, tuple[str, str, bool]]:
    """The reviewed table: catalogue id to ScanNet200 label ("" where left out), material, has a front."""
    with _LABELS.open(encoding="utf-8", newline="") as file:
        return {row["id"]: (row["label"], row["material"], row["front"] == "yes") for row in csv.DictReader(file)}


def _library_files(paths: Sequence[Path]) -> list[Path]:
    files: list[Path] = []
    for path in paths:
        found = sorted(path.glob("*.sh3f")) if path.is_dir() else [path]
        if not found or not all(zipfile.is_zipfile(file) for file in found):
            raise InputError(f"{path}: not a .sh3f furniture library or a folder of them")
        files += found
    return files


def _models_of(library: Path) -> list[FurnitureModel]:
    labels = read_labels()
    models = []
    with zipfile.ZipFile(library) as archive:
        for entry in _entries(archive, library):
            label, material, has_front = labels.get(entry.get("id", ""), ("", "", False))
            if label:
                model = _model(entry, library)
                models.append(replace(model, label=label, material=material, has_front=has_front))
    return models


def _entries(archive: zipfile.ZipFile, library: Path) -> list[dict[str, str]]:
    """The numbered pieces of the catalogue file, a mapping of properties each."""
    try:
        text = archive.read("PluginFurnitureCatalog.properties").decode("latin-1")
    except KeyError as error:
        raise InputError(f"{library}: holds no PluginFurnitureCatalog.properties; is it a .sh3f library?") from error
    entries: dict[int, dict[str, str]] = {}
    for line in text.splitlines():
        if match := _PROPERTY.match(line.strip()):
            entries.setdefault(int(match[2]), {})[match[1]] = match[3].strip()
    return [entries[number] for number in sorted(entries)]


def _model(entry: Mapping[str, str], library: Path) -> FurnitureModel:
    try:
        size_m = tuple(float(entry[key]) / 100 for key in ("width", "depth", "height"))
        rotation = tuple(float(x) for x in entry.get("modelRotation", "1 0 0 0 1 0 0 0 1").split())
        return FurnitureModel(
            id=entry["id"],
            name=entry["name"].encode("latin-1").decode("unicode_escape"),
            label="",
            material="",
            has_front=False,
            size_m=(size_m[0], size_m[1], size_m[2]),
            elevation_m=float(entry.get("elevation", 0)) / 100,
            library=library,
            path=unquote(entry["model"]).lstrip("/"),
            rotation=rotation,
        )
    except (KeyError, ValueError) as error:
        raise InputError(f"{library}: piece {entry.get('id', '?')}: bad or missing property {error}") from error
