"""The real worker process with the shipped detector, on a small scan."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from fastapi.testclient import TestClient

from scene3d.errors import InputError
from scene3d.io import save_ply
from scene3d.server import ServerConfig, create_app
from scene3d.server.scene_file import load_saved_scene, save_scene
from tests.planner.kitchen import kitchen
from tests.server.conftest import upload, wait


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    monkeypatch.setenv("SCENE3D_CACHE", str(tmp_path / "cache"))
    app = create_app(ServerConfig(data=tmp_path / "data"))
    with TestClient(app, base_url="http://localhost") as client:
        yield client


def test_a_scan_is_encoded_by_the_worker_and_opened_by_the_server(client: TestClient, tmp_path: Path) -> None:
    xyz = kitchen().scene.xyz_m
    save_ply(tmp_path / "k.ply", xyz, rgb=torch.full_like(xyz, 128).byte())
    (tmp_path / "broken.ply").write_bytes(b"ply\nformat ascii 1.0\nelement vertex 9\n")
    broken = upload(client, (tmp_path / "broken.ply").read_bytes(), name="broken.ply")
    good = upload(client, (tmp_path / "k.ply").read_bytes(), name="k.ply")
    failed = wait(client, broken["job"])
    assert failed["status"] == "failed"
    assert failed["detail"].startswith("broken.ply: ")
    assert str(tmp_path) not in failed["detail"]
    assert wait(client, good["job"])["status"] == "ready"
    info = client.get(f"/v1/scenes/{good['scene']}").json()
    assert info["points"] == len(xyz)
    assert {note["topic"] for note in info["notes"]} >= {"up_axis", "unit"}
    found = client.get(f"/v1/scenes/{good['scene']}/objects").json()
    assert len(found["objects"]) == info["objects"]
    session = client.app.state.services.model._scenes._open[good["scene"]]  # type: ignore[attr-defined]
    assert session.times_s == {"cached": 0.0}  # the worker's encoding was taken
    client.delete(f"/v1/scenes/{good['scene']}")
    assert not list((tmp_path / "data" / "scenes").rglob("encoding-*"))


def test_a_stored_scene_is_the_scene(tmp_path: Path) -> None:
    scene = kitchen().scene
    save_scene(tmp_path / "s.safetensors", scene)
    again = load_saved_scene(tmp_path / "s.safetensors")
    assert again.name == scene.name
    assert torch.equal(again.xyz_m, scene.xyz_m)
    assert again.rgb is None
    (tmp_path / "s.safetensors").write_bytes(b"torn")
    with pytest.raises(InputError, match="damaged; delete it"):
        load_saved_scene(tmp_path / "s.safetensors")
