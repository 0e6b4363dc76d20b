import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient

from tests.planner.kitchen import BOXES, CUP
from tests.server.conftest import ready_scene, upload, wait

Serve = Callable[..., TestClient]


def test_an_upload_becomes_a_scene(serve: Serve) -> None:
    client = serve()
    answer = upload(client)
    assert answer["status"] == "queued"
    assert wait(client, answer["job"]) == {
        "job": answer["job"],
        "scene": answer["scene"],
        "status": "ready",
        "detail": "",
    }
    info = client.get(f"/v1/scenes/{answer['scene']}").json()
    assert (info["name"], info["points"], info["objects"]) == ("kitchen.ply", 7, 8)
    assert [each["id"] for each in client.get("/v1/scenes").json()] == [answer["scene"]]


def test_the_same_upload_twice_is_one_scene_and_another_unit_another(serve: Serve) -> None:
    client = serve()
    first, again = ready_scene(client), upload(client, name="copy.ply")
    assert (again["scene"], again["status"]) == (first, "ready")
    assert upload(client, unit="mm")["scene"] != first
    assert upload(client, b"other")["scene"] != first
    assert client.post("/v1/scenes", files={"file": ("kitchen.ply", b"kitchen")}).status_code == 200


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"bad", "broken.ply: 0 of 3 points are finite"), (b"crash", "crashed on this scan"), (b"hang", "more than 1 s")],
)
def test_a_bad_scan_is_an_error_for_one_request(serve: Serve, content: bytes, message: str) -> None:
    client = serve(encode_timeout=1.0 if content == b"hang" else 60.0)
    answer = upload(client, content, name="broken.ply")
    job = wait(client, answer["job"])
    assert job["status"] == "failed"
    assert message in job["detail"]
    refused = client.post(f"/v1/scenes/{answer['scene']}/ask", json={"question": "What is here?"})
    assert refused.status_code == 422
    assert message in refused.json()["detail"]
    if content != b"hang":
        ready_scene(client)  # the next one is not concerned


def test_deleting_forgets_all(serve: Serve, tmp_path: Path) -> None:
    client = serve()
    scene = ready_scene(client)
    assert client.delete(f"/v1/scenes/{scene}").status_code == 204
    assert client.get(f"/v1/scenes/{scene}").status_code == 404
    assert client.delete(f"/v1/scenes/{scene}").status_code == 404
    assert not (tmp_path / "data" / "scenes" / scene).exists()


def test_paths_are_read_below_allowed_roots_only(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "scans").mkdir()
    (tmp_path / "scans" / "a.ply").write_bytes(b"kitchen")
    (tmp_path / "secret.ply").write_bytes(b"secret")
    (tmp_path / "scans" / "link.ply").symlink_to(tmp_path / "secret.ply")
    client = serve(roots=(tmp_path / "scans",))
    good = client.post("/v1/scenes", data={"path": str(tmp_path / "scans" / "a.ply")})
    assert good.status_code == 202
    assert wait(client, good.json()["job"])["status"] == "ready"
    root = str(tmp_path / "scans")
    for bad in (
        "/etc/passwd",
        f"{root}/../secret.ply",
        f"{root}/link.ply",
        "scans/a.ply",
        "\x00",
        root + "-other/a.ply",
    ):
        response = client.post("/v1/scenes", data={"path": bad})
        assert response.status_code == 403, bad
    assert client.post("/v1/scenes", data={"path": f"{root}/none.ply"}).status_code == 422
    assert serve().post("/v1/scenes", data={"path": str(tmp_path / "scans" / "a.ply")}).status_code == 403


@pytest.mark.parametrize(
    ("form", "message"),
    [
        ({"up_axis": "w"}, "up_axis 'w'"),
        ({"unit": "parsec"}, "parsec"),
        ({"T_map_scene": "[1, 2]"}, "rigid"),
        ({"T_map_scene": "no"}, "as JSON"),
        ({"T_map_scene": "[[1,0,0,0],[0,0,-1,0],[0,1,0,0],[0,0,0,1]]"}, "keeps z up"),
        ({"T_map_scene": "[[NaN,0,0,0],[0,1,0,0],[0,0,1,0],[0,0,0,1]]"}, "rigid"),
    ],
)
def test_wrong_options_are_refused_before_the_scan_is_kept(serve: Serve, form: dict[str, str], message: str) -> None:
    client = serve()
    response = client.post("/v1/scenes", files={"file": ("a.ply", b"kitchen")}, data=form)
    assert response.status_code == 422
    assert message in response.json()["detail"]
    assert client.get("/v1/scenes").json() == []


def test_the_least_recently_used_scene_makes_room(serve: Serve) -> None:
    client = serve(max_scenes=2)
    ids = []
    for content in (b"one", b"two"):
        answer = upload(client, content)
        wait(client, answer["job"])
        ids.append(answer["scene"])
    client.get(f"/v1/scenes/{ids[0]}")  # now the second is the one not used for longest
    third = upload(client, b"three")
    wait(client, third["job"])
    assert {each["id"] for each in client.get("/v1/scenes").json()} == {ids[0], third["scene"]}


def test_ros_gets_its_messages_in_the_map_frame(serve: Serve) -> None:
    client = serve()
    move = [[0, -1, 0, 10], [1, 0, 0, 20], [0, 0, 1, 0.5], [0, 0, 0, 1]]
    answer = upload(client, T_map_scene=json.dumps(move))
    wait(client, answer["job"])
    url = f"/v1/scenes/{answer['scene']}"
    message = client.get(f"{url}/objects?format=vision_msgs&frame=world").json()
    assert set(message) == {"header", "detections"}
    assert message["header"]["frame_id"] == "world"
    cup = message["detections"][CUP]
    assert set(cup) == {"header", "results", "bbox", "id"}
    assert cup["results"][0]["hypothesis"]["class_id"] == "cup"
    assert len(cup["results"][0]["pose"]["covariance"]) == 36
    low, high = (np.array(corner) for corner in BOXES[CUP][1:])
    centre = np.array(move)[:3, :3] @ ((low + high) / 2) + np.array(move)[:3, 3]
    np.testing.assert_allclose([cup["bbox"]["center"]["position"][k] for k in "xyz"], centre, atol=1e-5)
    np.testing.assert_allclose([cup["bbox"]["size"][k] for k in "xyz"], (high - low)[[1, 0, 2]], atol=1e-5)


def test_graphs_say_what_stands_on_what(serve: Serve) -> None:
    client = serve()
    url = f"/v1/scenes/{ready_scene(client)}/graph"
    native = client.get(url).json()
    assert {"source": 1, "target": 0, "relation": "on"} in native["edges"]
    assert "safe motion" in native["notice"]
    spark = client.get(f"{url}?format=spark_dsg").json()
    assert spark["SPARK_DSG_header"]["version"] == {"major": 1, "minor": 0, "patch": 4}
    by_id = {node["id"]: node for node in spark["nodes"]}
    assert len(by_id) == len(BOXES)
    for edge in spark["edges"]:
        assert {edge["source"], edge["target"]} <= set(by_id)
    cup = by_id[(ord("O") << 56) + CUP]["attributes"]
    assert cup["type"] == "ObjectNodeAttributes"
    np.testing.assert_allclose(cup["bounding_box"]["dimensions"], [0.1, 0.1, 0.12], atol=1e-5)


def test_too_many_scans_are_told_to_come_back(serve: Serve) -> None:
    client = serve(max_jobs=1, encode_timeout=5.0)
    upload(client, b"hang 1")
    answers = [client.post("/v1/scenes", files={"file": ("a.ply", b"x%d" % index)}) for index in range(4)]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert refused
    assert all(int(answer.headers["retry-after"]) > 0 for answer in refused)
