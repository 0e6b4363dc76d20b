import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient

from scene3d.errors import ConfigError, InputError
from scene3d.io import load_scene
from scene3d.server import ServerConfig
from scene3d.server.config import is_loopback
from tests.server.conftest import ready_scene, upload

Serve = Callable[..., TestClient]
TOKEN = "0123456789abcdef0123456789abcdef"


def test_a_token_is_needed_wherever_others_can_reach() -> None:
    with pytest.raises(ConfigError, match="set SCENE3D_TOKEN"):
        ServerConfig(host="0.0.0.0")
    with pytest.raises(ConfigError, match="shorter than 16"):
        ServerConfig(host="0.0.0.0", token="short")
    assert TOKEN not in repr(ServerConfig(host="0.0.0.0", token=TOKEN))


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        *((host, True) for host in ("127.0.0.1", "127.9.9.9", "::1", "[::1]", "localhost")),
        *((host, False) for host in ("0.0.0.0", "10.0.0.1", "localhost.evil.org", "::", "")),
    ],
)
def test_loopback_is_recognised(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


@pytest.mark.parametrize(
    "header", [None, "Bearer", "Bearer wrong", f"Basic {TOKEN}", f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", TOKEN]
)
def test_a_bad_token_opens_nothing(serve: Serve, header: str | None) -> None:
    client = serve(host="0.0.0.0", token=TOKEN)
    headers = {} if header is None else {"Authorization": header}
    for method, path in (("GET", "/v1/scenes"), ("POST", "/v1/scenes"), ("GET", "/metrics"), ("GET", "/openapi.json")):
        response = client.request(method, path, headers=headers)
        assert response.status_code == 401, path
        assert response.headers["www-authenticate"] == "Bearer"
    assert client.get("/healthz", headers=headers).status_code == 200


def test_the_right_token_opens(serve: Serve) -> None:
    client = serve(host="0.0.0.0", token=TOKEN, headers={"Authorization": f"Bearer {TOKEN}"})
    ready_scene(client)
    assert client.get("/metrics").status_code == 200
    assert b"scene3d_requests_total" in client.get("/metrics").content


def test_web_pages_and_other_names_do_not_get_in(serve: Serve) -> None:
    client = serve()
    assert client.get("/v1/scenes", headers={"Origin": "https://evil.example"}).status_code == 403
    assert client.get("/v1/scenes", headers={"Host": "evil.example"}).status_code == 403
    assert "access-control-allow-origin" not in client.get("/v1/scenes").headers
    friend = serve(cors_origins=("https://friend.example",))
    allowed = friend.get("/v1/scenes", headers={"Origin": "https://friend.example"})
    assert allowed.headers["access-control-allow-origin"] == "https://friend.example"


def test_bodies_are_limited_whether_or_not_they_say_their_length(serve: Serve) -> None:
    client = serve(max_body=2_000, max_upload=1_000)
    scene = ready_scene(client)
    long = json.dumps({"question": "x" * 3_000}).encode()
    url, kind = f"/v1/scenes/{scene}/ask", {"Content-Type": "application/json"}
    assert client.post(url, content=long, headers=kind).status_code == 413

    def chunks():
        for start in range(0, len(long), 100):
            yield long[start : start + 100]

    assert client.post(url, content=chunks(), headers=kind).status_code == 413
    assert client.post("/v1/scenes", files={"file": ("a.ply", b"x" * 1_001)}).status_code == 413
    assert client.post("/v1/scenes", files={"file": ("a.ply", b"x" * 3_000_000)}).status_code == 413


def test_compressed_bodies_and_unknown_endings_are_refused(serve: Serve) -> None:
    client = serve()
    assert client.post("/v1/scenes", content=b"x", headers={"Content-Encoding": "gzip"}).status_code == 415
    for name in ("a.exe", "a.pkl", "a", "a.pt"):
        assert client.post("/v1/scenes", files={"file": (name, b"x")}).status_code == 415
    assert client.post("/v1/scenes", files={"file": ("a.ply", b"")}).status_code == 422


def test_a_file_name_is_only_a_name(serve: Serve, tmp_path: Path) -> None:
    client = serve()
    answer = upload(client, name="../../../../evil.ply")
    assert client.get(f"/v1/scenes/{answer['scene']}").json()["name"] == "evil.ply"
    assert not list(tmp_path.rglob("evil.ply"))
    for scene in ("..", "%2e%2e", "../x", "a/../../b", "G" * 32, "0" * 65):
        assert client.get(f"/v1/scenes/{scene}").status_code in (404, 422)


def test_a_decompression_bomb_is_refused_before_it_unfolds(tmp_path: Path) -> None:
    path = tmp_path / "bomb.npz"
    header = io.BytesIO()
    shape = {"descr": "<f4", "fortran_order": False, "shape": (2_000_000_000, 3)}
    np.lib.format.write_array_header_1_0(header, shape)
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file,
        file.open("xyz.npy", "w", force_zip64=True) as member,
    ):
        member.write(header.getvalue())
        for _ in range(64):
            member.write(bytes(1 << 20))
    assert path.stat().st_size < 200_000
    with pytest.raises(InputError, match=r"bomb\.npz"):
        load_scene(path)


def test_nothing_in_the_server_unpickles() -> None:
    import scene3d.server

    for path in Path(scene3d.server.__file__).parent.glob("*.py"):
        text = path.read_text()
        assert "pickle" not in text, path
        assert "torch.load" not in text, path
        assert "multiprocessing" not in text, path


def test_errors_that_no_route_makes_are_problems_too(serve: Serve) -> None:
    client = serve()
    for response, status in (
        (client.get("/nowhere"), 404),
        (client.put("/v1/scenes"), 405),
        (client.post("/v1/plans/validate", content=b"{", headers={"Content-Type": "application/json"}), 422),
        (client.get("/healthz", headers={"Content-Length": "many"}), 400),
    ):
        assert response.status_code == status
        assert response.headers["content-type"] == "application/problem+json"
        assert response.json()["status"] == status
