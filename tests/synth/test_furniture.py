"""The catalogue: labels, the split, true sizes, and errors that name the way out."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest

import scene3d.synth.furniture as furniture
from scene3d.errors import InputError, MissingDependencyError
from scene3d.labels import class_list
from scene3d.synth import builtin
from scene3d.synth.furniture import Catalogue, held_out_ids, load_catalogue, model_mesh, read_labels


def test_every_label_is_a_scannet200_name() -> None:
    names = set(class_list("scannet200").names)
    assert {label for label, _, _ in read_labels().values()} - {""} <= names
    assert {kind.label for kind in builtin.KINDS} <= names


def test_labelled_pieces_have_a_material() -> None:
    assert not [key for key, (label, material, _) in read_labels().items() if label and not material]


@pytest.mark.parametrize("source", ["tiny_catalogue", "system_catalogue"])
def test_split_parts_the_models_and_keeps_every_trained_class(source: str, request: pytest.FixtureRequest) -> None:
    catalogue: Catalogue = request.getfixturevalue(source)
    train, held_out = catalogue.split("train"), catalogue.split("heldout")
    ids = [{model.id for model in part.models} for part in (train, held_out)]
    assert not ids[0] & ids[1]
    assert ids[0] | ids[1] == {model.id for model in catalogue.models}
    for label in catalogue.labels():
        of_class, unseen = len(catalogue.of(label)), len(held_out.of(label))
        assert unseen == (0 if of_class == 1 else -(-of_class // 5))


def test_split_does_not_depend_on_the_order_of_the_ids() -> None:
    ids = [f"maker#chair{i}" for i in range(23)]
    held_out = held_out_ids(ids)
    assert held_out_ids(ids[::-1]) == held_out
    assert held_out == {f"maker#chair{i}" for i in (0, 7, 8, 12, 13)}  # pinned: another split would leak


def test_meshes_have_the_size_of_the_catalogue(tiny_catalogue: Catalogue) -> None:
    for model in tiny_catalogue.models:
        mesh = model_mesh(model)
        assert np.allclose(np.ptp(mesh.xyz_m, axis=0), model.size_m, atol=1e-4)
        assert np.allclose((mesh.xyz_m.min(0) + mesh.xyz_m.max(0))[:2], 0, atol=1e-4)
        assert mesh.xyz_m[:, 2].min() == pytest.approx(0, abs=1e-5)


def test_a_mesh_is_decoded_once_and_kept_bit_for_bit(
    tiny_catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SCENE3D_CACHE", str(tmp_path))
    for model in tiny_catalogue.models[:4]:
        fresh = model_mesh.__wrapped__(model)
        with monkeypatch.context() as patch:
            patch.setattr(furniture, "load_mesh", None)  # nothing is decoded again
            kept = model_mesh.__wrapped__(model)
        for name in ("xyz_m", "faces", "uv", "material"):
            assert np.array_equal(getattr(fresh, name), getattr(kept, name))
            assert getattr(fresh, name).dtype == getattr(kept, name).dtype
        assert all(np.array_equal(a, b) for a, b in zip(fresh.textures, kept.textures, strict=True))
    assert len(list((tmp_path / "furniture").iterdir())) == 4


def test_a_chair_has_its_back_behind(tiny_catalogue: Catalogue) -> None:
    chair = model_mesh(tiny_catalogue.of("chair")[0])
    above_the_seat = chair.xyz_m[chair.xyz_m[:, 2] > 0.6]
    assert above_the_seat[:, 1].min() > 0  # the front is -y


def test_real_chairs_and_couches_have_their_backs_behind(system_catalogue: Catalogue) -> None:
    behind = []
    for model in system_catalogue.of("chair", "couch")[::9]:
        mesh = model_mesh(model)
        top = mesh.xyz_m[mesh.xyz_m[:, 2] > 0.85 * model.size_m[2]]
        behind.append(top[:, 1].mean() > 0)
    assert np.mean(behind) > 0.95


def test_real_meshes_are_light_enough_to_cast_rays_at(system_catalogue: Catalogue) -> None:
    heaviest = [m for m in system_catalogue.models if m.id == "Blend Swap CC-BY#white_lily"]
    assert len(model_mesh(heaviest[0]).faces) < 60_000  # 167,760 in the library


def test_no_library_names_the_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(furniture, "SYSTEM_FOLDER", tmp_path)
    with pytest.raises(MissingDependencyError, match="apt-get install sweethome3d-furniture"):
        load_catalogue()


def test_a_file_that_is_no_library(tmp_path: Path) -> None:
    broken = tmp_path / "a.sh3f"
    broken.write_bytes(b"no zip")
    with pytest.raises(InputError, match=r"a\.sh3f: not a \.sh3f"):
        load_catalogue([broken])
    with zipfile.ZipFile(broken, "w") as archive:
        archive.writestr("readme.txt", "nothing")
    with pytest.raises(InputError, match="holds no PluginFurnitureCatalog"):
        load_catalogue([broken])


def test_unknown_split(tiny_catalogue: Catalogue) -> None:
    with pytest.raises(InputError, match="no split named 'test'"):
        tiny_catalogue.split("test")
