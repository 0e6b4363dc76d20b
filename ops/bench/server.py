"""32 clients ask a running server about a scene for a minute: questions per second, slowest answers, faults, memory.

The server is a process of its own with the shipped model, reached over loopback. Where that model has no language part
the clients fetch the objects of the scene instead, and the name of the result says so.
"""

from __future__ import annotations

import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import psutil

from scene3d import resources
from scene3d.client import Client, ServerError
from scene3d.io import load_scene, save_ply

CLIENTS, SECONDS = 32, 60.0
LEAST_PER_S, MOST_P99_S, MOST_GROWTH = 6.0, 8.0, 1.1
QUESTIONS = ("Where is the chair?", "What is on the table?", "Is there a lamp?", "How many pictures are here?")


def results(seconds: float = SECONDS) -> list[dict[str, Any]]:
    """Serve a sample room, ask, and report as `bench.measure.measure` does."""
    with tempfile.TemporaryDirectory(prefix="scene3d-bench-") as folder:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        command = [
            sys.executable,
            "-c",
            "from scene3d.cli import main; main()",
            "serve",
            "--port",
            str(port),
            "--data",
            f"{folder}/data",
        ]
        log = Path(folder, "server.log").open("wb")  # noqa: SIM115
        server = subprocess.Popen(command, start_new_session=True, stdout=log, stderr=log)
        try:
            url = f"http://127.0.0.1:{port}"
            _wait(url, server)
            return [_measure(url, psutil.Process(server.pid), _scan(Path(folder)), seconds)]
        except ServerError as error:
            error.add_note(Path(log.name).read_text(errors="replace")[-2000:])
            raise
        finally:
            os.killpg(server.pid, signal.SIGTERM)
            server.wait()
            log.close()


def _measure(url: str, process: psutil.Process, scan: Path, seconds: float) -> dict[str, Any]:
    with Client(url, timeout_s=120.0) as client:
        scene = client.upload(scan)
        what, request = _request(client, scene)
    _load(url, request, 5.0)  # opens the scene and fills what is kept of it
    before = process.memory_info().rss
    times, faults = _load(url, request, seconds)
    growth = process.memory_info().rss / before
    times.sort()
    low, median, high = statistics.quantiles(times, n=4)
    per_s, p99_s = len(times) / seconds, times[int(0.99 * (len(times) - 1))]
    missed = [f"{status} {count} times" for status, count in sorted(faults.items())]
    missed += [f"{per_s:.1f} answers/s of {LEAST_PER_S}"] if per_s < LEAST_PER_S else []
    missed += [f"p99 {p99_s:.1f} s of {MOST_P99_S}"] if p99_s > MOST_P99_S else []
    missed += [f"memory grew {growth:.2f} times"] if growth > MOST_GROWTH else []
    run = {"median_s": median, "iqr_s": high - low, "ratio": 1.0, "per_s": per_s, "p99_s": p99_s, "growth": growth}
    name = f"server, {CLIENTS} clients {what} for {seconds:.0f} s: {per_s:.1f}/s, p99 {p99_s:.2f} s"
    targets = {"per_s": LEAST_PER_S, "p99_s": MOST_P99_S, "growth": MOST_GROWTH}
    return {"name": name, "runs": {"ours": run}, "targets": targets, "missed": missed}


def _request(client: Client, scene: str) -> tuple[str, Callable[[httpx.Client, int], httpx.Response]]:
    """What the clients do."""
    try:
        client.ask(scene, QUESTIONS[0])
    except ServerError as error:
        if "this model has no" not in error.detail:
            raise
        return "fetching objects (no language part)", lambda http, _: http.get(f"/v1/scenes/{scene}/objects")
    return "asking", lambda http, i: http.post(
        f"/v1/scenes/{scene}/ask", json={"question": QUESTIONS[i % len(QUESTIONS)]}
    )


def _load(
    url: str, request: Callable[[httpx.Client, int], httpx.Response], seconds: float
) -> tuple[list[float], Counter[int]]:
    """Times of the answers, and how often each other status came."""
    times: list[float] = []
    faults: Counter[int] = Counter()
    end = time.perf_counter() + seconds

    def ask(number: int) -> None:
        with httpx.Client(base_url=url, timeout=120.0) as http:
            while (start := time.perf_counter()) < end:
                status = request(http, number).status_code
                number += 1
                if status == 200:
                    times.append(time.perf_counter() - start)
                else:
                    faults[status] += 1

    threads = [threading.Thread(target=ask, args=(i,)) for i in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return times, faults


def _scan(folder: Path) -> Path:
    """A sample room as one file."""
    scene = load_scene(resources.samples()[0])
    path = folder / "room.ply"
    save_ply(path, scene.xyz_m, rgb=scene.rgb, faces=scene.faces)
    return path


def _wait(url: str, server: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        if server.poll() is not None:
            raise RuntimeError(f"the server ended with status {server.returncode}")
        try:
            httpx.get(f"{url}/readyz")
            return
        except httpx.TransportError:
            time.sleep(0.2)
    raise RuntimeError("the server did not start within two minutes")
