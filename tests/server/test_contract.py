"""Requests made up from the OpenAPI description: none may end in a fault of the server."""

from typing import Any

import hypothesis
import pytest
import schemathesis
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, Phase, strategies

from tests.server.conftest import ready_scene

_EXAMPLES = 8


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_no_request_that_the_schema_allows_breaks_the_server(serve) -> None:
    client: TestClient = serve(max_jobs=100, encode_timeout=5.0)
    scene = ready_scene(client)
    description = client.get("/openapi.json").json()
    assert description["openapi"].startswith("3.1")
    found: list[Any] = list(schemathesis.openapi.from_dict(description).get_all_operations())
    operations = [each.ok() for each in found]
    assert len(operations) > 20
    answered: dict[str, set[int]] = {}
    for operation in operations:
        statuses = answered.setdefault(operation.label, set())
        _try(operation, client, scene, statuses)
    assert {label: codes for label, codes in answered.items() if max(codes) >= 500} == {}
    succeeded = [label for label, codes in answered.items() if min(codes) < 300]
    assert len(succeeded) > 10  # the made-up requests do reach what is behind the door


def _try(operation: Any, client: TestClient, scene: str, statuses: set[int]) -> None:
    """Send some requests, half of them about a scene that is there."""

    @hypothesis.settings(
        max_examples=_EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
    )
    @hypothesis.given(case=operation.as_strategy(), is_there=strategies.booleans())
    def run(case: Any, is_there: bool) -> None:
        if is_there and "scene" in (case.path_parameters or {}) and operation.method.upper() != "DELETE":
            case.path_parameters["scene"] = scene
        if is_there and isinstance(case.body, dict):
            if "scene3d" in case.body:
                case.body["scene3d"] = {"scene": scene}
            if "steps" in case.body:
                case.body["scene"] = scene
        request = case.as_transport_kwargs(base_url="http://localhost:8000")
        data = request.pop("data", None)
        if isinstance(data, (bytes, str)):
            request["content"] = data
        elif data is not None:
            request["data"] = data
        kept = {
            key: request[key]
            for key in request
            if key in ("method", "url", "headers", "params", "json", "files", "content", "data")
        }
        headers = {
            name: value for name, value in dict(kept.pop("headers", None) or {}).items() if name.lower() != "user-agent"
        }
        statuses.add(client.request(**kept, headers=headers).status_code)

    run()
