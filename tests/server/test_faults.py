"""What the server keeps when the machine fails it."""

import errno
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from fastapi.testclient import TestClient

from scene3d.server.database import Database
from scene3d.server.store import Store
from tests.server.conftest import ready_scene, upload, wait

Serve = Callable[..., TestClient]
_PROGRAM = """
import sys
from pathlib import Path
import uvicorn
from scene3d.server import ServerConfig, create_app
data, port, fake, kitchen = sys.argv[1:]
config = ServerConfig(data=Path(data), port=int(port))
app = create_app(config, opener=lambda path: None, worker=(sys.executable, fake, kitchen))
uvicorn.run(app, host="127.0.0.1", port=int(port), log_level="warning")
"""


@contextmanager
def process(data: Path, kitchen_file: Path) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """A server in a process of its own, which can be killed."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    fake = Path(__file__).parent / "fake_worker.py"
    command = [sys.executable, "-c", _PROGRAM, str(data), str(port), str(fake), str(kitchen_file)]
    running = subprocess.Popen(command, start_new_session=True)
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(1200):
            try:
                httpx.get(f"{url}/healthz")
                break
            except httpx.TransportError:
                time.sleep(0.1)
        yield running, url
    finally:
        os.killpg(running.pid, signal.SIGKILL)
        running.wait()


def test_an_accepted_upload_survives_a_kill(tmp_path: Path, kitchen_file: Path) -> None:
    data = tmp_path / "data"
    with process(data, kitchen_file) as (running, url):
        hanging = httpx.post(f"{url}/v1/scenes", files={"file": ("a.ply", b"hang a while")}).json()
        accepted = httpx.post(f"{url}/v1/scenes", files={"file": ("b.ply", b"kitchen")}).json()
        partial = data / "scenes" / ".incoming" / "half"
        partial.mkdir()
        (partial / "scan.ply").write_bytes(b"half of an upload")
        running.send_signal(signal.SIGKILL)
        running.wait()
    half = data / "scenes" / "0123456789abcdef"
    half.mkdir()  # as after a crash before its record was written
    (data / "scenes" / hanging["scene"] / "scan.ply").write_bytes(b"kitchen, not hanging")
    with process(data, kitchen_file) as (_, url):
        for _ in range(300):
            if httpx.get(f"{url}/v1/jobs/{accepted['job']}").json()["status"] == "ready":
                break
            time.sleep(0.1)
        assert httpx.get(f"{url}/v1/scenes/{accepted['scene']}").json()["status"] == "ready"
        assert {each["id"] for each in httpx.get(f"{url}/v1/scenes").json()} == {hanging["scene"], accepted["scene"]}
    assert not half.exists()
    assert not partial.exists()


def test_a_damaged_database_is_set_aside_and_rebuilt_from_the_store(serve: Serve, tmp_path: Path) -> None:
    client = serve()
    scene = ready_scene(client)
    serve(data=tmp_path / "elsewhere")  # stops the first
    path = tmp_path / "data" / "server.sqlite"
    path.write_bytes(b"this is no database at all" * 400)
    client = serve()
    assert client.get(f"/v1/scenes/{scene}").json()["status"] == "ready"
    assert client.post(f"/v1/scenes/{scene}/ask", json={"question": "Where is the cup?"}).status_code == 200
    assert list(path.parent.glob("server.sqlite.damaged-*"))


def test_pages_torn_in_the_middle_are_noticed(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    database = Database(path)
    for i in range(200):
        database.put_scene(f"{i:032x}", status="ready", record={"name": "x" * 200}, size=1)
    database.close()
    content = bytearray(path.read_bytes())
    content[8192:40960] = os.urandom(32768)
    path.write_bytes(content)
    fresh = Database(path)
    assert fresh.was_damaged
    assert fresh.scenes() == []
    fresh.close()


def test_a_full_disk_is_said_and_leaves_nothing_behind(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = serve()

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("scene3d.server.store.os.fsync", full)
        response = client.post("/v1/scenes", files={"file": ("a.ply", b"kitchen")})
    assert response.status_code == 507
    assert "disk is full" in response.json()["detail"]
    assert client.get("/v1/scenes").json() == []
    assert [p.name for p in (tmp_path / "data" / "scenes").rglob("*")] == [".incoming"]
    ready_scene(client)


def test_a_scene_between_its_move_and_the_database_is_found_again(tmp_path: Path) -> None:
    database = Database(tmp_path / "a.sqlite")
    store = Store(tmp_path / "scenes", database, max_scenes=5, max_bytes=1 << 20)
    with (tmp_path / "scan").open("w+b") as file:
        file.write(b"points")
        file.seek(0)
        scene, _ = store.accept(file, name="a.ply", options={}, max_bytes=1 << 20)
    database.delete_scene(scene)  # as if the crash had come just before the insert
    Store(tmp_path / "scenes", database, max_scenes=5, max_bytes=1 << 20)
    found = database.scene(scene)
    assert found is not None
    assert found["status"] == "queued"
    database.close()


def test_the_encoder_that_does_not_start_is_an_error_for_its_job(tmp_path: Path, serve: Serve) -> None:
    client = serve(encode_timeout=30.0)
    client.app.state.services.queue._worker._command = (sys.executable, "-c", "raise SystemExit(3)")  # type: ignore[attr-defined]
    job = wait(client, upload(client)["job"])
    assert job["status"] == "failed"
    assert "does not start" in job["detail"]
