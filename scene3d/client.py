"""A client of the server: what a robot's program imports. It needs httpx, and no model."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from scene3d.errors import InputError, MissingDependencyError, Scene3DError

try:
    import httpx
except ImportError as error:
    raise MissingDependencyError("the client needs httpx: pip install httpx") from error


class ServerError(Scene3DError):
    """What the server answered instead of what was asked for.

    Args:
        status: Of HTTP.
        detail: The server's sentence.
        retry_after_s: When to try again, where the server says so.
    """

    def __init__(self, status: int, detail: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(f"{detail} ({status})")
        self.status, self.detail, self.retry_after_s = status, detail, retry_after_s


class Client:
    """One server.

    Args:
        url: Such as `http://127.0.0.1:8000`.
        token: As the server was given it.
        timeout_s: For one request.
        retries: How often a request is sent again when the server is busy (429) or not ready (409, 503).
        transport: For tests.
    """

    def __init__(
        self,
        url: str = "http://127.0.0.1:8000",
        *,
        token: str = "",
        timeout_s: float = 120.0,
        retries: int = 5,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._http = httpx.Client(base_url=url, headers=headers, timeout=timeout_s, transport=transport)
        self._retries = retries

    def __enter__(self) -> Client:
        """Use it in a `with` statement to close its connections."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connections."""
        self._http.close()

    def upload(
        self,
        scan: Path,
        *,
        up_axis: str | None = None,
        unit: str | None = None,
        map_from_scene: Iterable[Iterable[float]] | None = None,
        wait_s: float = 300.0,
    ) -> str:
        """Send a scan and wait until it can be asked.

        Args:
            scan: A file.
            up_axis: Its up axis, where the reader would guess wrong.
            unit: Its unit, the same.
            map_from_scene: Rigid transform (4 4) into the robot's map; poses and boxes for robots come in that frame.
            wait_s: How long to wait for the encoding.

        Returns:
            The scene's id; the same scan gives the same id.

        Raises:
            ServerError: The scan cannot be used, or is not ready in time.
        """
        transform = None if map_from_scene is None else json.dumps([[float(x) for x in row] for row in map_from_scene])
        form = {"up_axis": up_axis, "unit": unit, "T_map_scene": transform}
        given = {key: value for key, value in form.items() if value is not None}
        with scan.open("rb") as file:
            job = self._call("POST", "/v1/scenes", files={"file": (scan.name, file)}, data=given)
        end = time.monotonic() + wait_s
        while job["status"] in ("queued", "running"):
            if time.monotonic() > end:
                raise ServerError(504, f"{scan.name} is not encoded after {wait_s:.0f} s; ask job {job['job']} later")
            time.sleep(0.2)
            job = self._call("GET", f"/v1/jobs/{job['job']}")
        if job["status"] == "failed":
            raise ServerError(422, job["detail"])
        return job["scene"]

    def ask(self, scene: str, question: str, *, select: Iterable[int] = ()) -> dict[str, Any]:
        """An answer, schema `scene3d/answer/1`."""
        return self._call("POST", f"/v1/scenes/{scene}/ask", json={"question": question, "select": list(select)})

    def stream(self, scene: str, question: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """Events of an answer as it is written: `text`, `phrase`, and `answer` at the end."""
        body = {"question": question, "stream": True}
        with self._http.stream("POST", f"/v1/scenes/{scene}/ask", json=body) as response:
            if response.is_error:
                response.read()
                raise _error(response)
            name = ""
            for line in response.iter_lines():
                if line.startswith("event: "):
                    name = line.removeprefix("event: ")
                elif line.startswith("data: "):
                    data = json.loads(line.removeprefix("data: "))
                    if name == "error":
                        raise ServerError(data["status"], data["detail"])
                    yield name, data

    def ground(self, scene: str, text: str) -> dict[str, Any]:
        """The objects that a description names."""
        return self._call("POST", f"/v1/scenes/{scene}/ground", json={"text": text})

    def objects(self, scene: str, *, format: str = "native") -> dict[str, Any]:
        """All objects; `format="vision_msgs"` for a Detection3DArray in the map frame."""
        return self._call("GET", f"/v1/scenes/{scene}/objects", params={"format": format})

    def graph(self, scene: str, *, format: str = "native") -> dict[str, Any]:
        """The scene graph; `format="spark_dsg"` for spark_dsg's JSON."""
        return self._call("GET", f"/v1/scenes/{scene}/graph", params={"format": format})

    def plan(
        self,
        scene: str,
        request: str = "",
        *,
        goal: str | None = None,
        observed: Iterable[str] = (),
        robot: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Checked steps, schema `scene3d/plan/1`; arguments as of `scene3d.planner.Planner.plan`."""
        body = {"request": request, "goal": goal, "observed": list(observed), "robot": dict(robot or {})}
        return self._call("POST", f"/v1/scenes/{scene}/plan", json=body)

    def replan(self, plan: str, failed_step: int, *, observed: Iterable[str] = ()) -> dict[str, Any]:
        """Steps from where a plan failed to its goal."""
        body = {"failed_step": failed_step, "observed": list(observed)}
        return self._call("POST", f"/v1/plans/{plan}/replan", json=body)

    def delete(self, scene: str) -> None:
        """Drop a scene."""
        self._call("DELETE", f"/v1/scenes/{scene}")

    def _call(self, method: str, path: str, **given: Any) -> Any:
        for attempt in range(self._retries + 1):
            try:
                response = self._http.request(method, path, **given)
            except httpx.HTTPError as error:
                raise InputError(f"{self._http.base_url}: no answer ({error}); is `scene3d serve` running?") from error
            if not response.is_error:
                return response.json() if response.content else None
            error = _error(response)
            if error.retry_after_s is None or attempt == self._retries or "files" in given:
                raise error
            time.sleep(min(error.retry_after_s, 10.0))
        raise AssertionError("the last attempt returns or raises")


def _error(response: httpx.Response) -> ServerError:
    try:
        detail = str(response.json()["detail"])
    except (ValueError, KeyError, TypeError):
        detail = f"{response.url} answered {response.status_code}; is this a scene3d server?"
    after = response.headers.get("retry-after", "")
    return ServerError(response.status_code, detail, retry_after_s=float(after) if after.isdigit() else None)
