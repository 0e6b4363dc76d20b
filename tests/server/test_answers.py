import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.planner.kitchen import CUP, FRIDGE, LAMP, SHELF, TABLE
from tests.server.conftest import ready_scene

Serve = Callable[..., TestClient]


def events(text: str) -> list[tuple[str, Any]]:
    found = []
    for block in text.strip().split("\n\n"):
        name, data = block.split("\n")
        found.append((name.removeprefix("event: "), json.loads(data.removeprefix("data: "))))
    return found


def test_an_answer_links_its_phrases(serve: Serve) -> None:
    client = serve()
    url = f"/v1/scenes/{ready_scene(client)}"
    answer = client.post(f"{url}/ask", json={"question": "Where is the cup?"}).json()
    assert answer["schema"] == "scene3d/answer/1"
    assert answer["text"] == "The cup is on the table."
    assert [(p["text"], p["objects"][0]["id"], p["objects"][0]["label"]) for p in answer["phrases"]] == [
        ("The cup", CUP, "cup"),
        ("the table", TABLE, "table"),
    ]
    assert client.post(f"{url}/caption", json={"object": CUP}).json()["text"]
    grounded = client.post(f"{url}/ground", json={"text": "the cup"}).json()
    assert grounded["phrases"][0]["objects"][0]["id"] == CUP
    detected = client.post(f"{url}/detect", json={"text": "lamp"}).json()
    assert [each["label"] for each in detected["objects"]] == ["lamp"]
    assert len(client.get(f"{url}/objects").json()["objects"]) == 8


def test_masks_come_as_runs_that_give_the_masks_back(serve: Serve) -> None:
    client = serve()
    record = client.post(f"/v1/scenes/{ready_scene(client)}/segment").json()
    session = client.opened[0]  # type: ignore[attr-defined]
    for each, mask in zip(record["objects"], session.proposals.mask, strict=True):
        starts, lengths = each["runs"][::2], each["runs"][1::2]
        points = [i for a, n in zip(starts, lengths, strict=True) for i in range(a, a + n)]
        assert points == mask.nonzero()[:, 0].tolist()


def test_questions_to_one_scene_are_answered_together(serve: Serve) -> None:
    client = serve(delay_s=0.3)
    url = f"/v1/scenes/{ready_scene(client)}/ask"
    client.post(url, json={"question": "warm up"})
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda i: client.post(url, json={"question": f"Where is cup {i}?"}), range(12)))
    assert {answer.status_code for answer in answers} == {200}
    batches = client.opened[0].batches  # type: ignore[attr-defined]
    assert sum(batches) == 13
    assert max(batches) > 1
    assert len(batches) < 13


def test_one_bad_question_does_not_spoil_the_others(serve: Serve) -> None:
    client = serve(delay_s=0.2)
    url = f"/v1/scenes/{ready_scene(client)}/ask"
    asked = ["Where is the cup?", "the bicycle", "And the table?", "the bicycle again"]
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda text: client.post(url, json={"question": text}), asked))
    assert [answer.status_code for answer in answers] == [200, 422, 200, 422]
    assert "bicycles" in answers[1].json()["detail"]


def test_an_answer_streams_as_events(serve: Serve) -> None:
    client = serve()
    url = f"/v1/scenes/{ready_scene(client)}/ask"
    response = client.post(url, json={"question": "Where is the cup?", "stream": True})
    assert response.headers["content-type"].startswith("text/event-stream")
    found = events(response.text)
    assert [name for name, _ in found] == ["text"] * 6 + ["phrase"] * 2 + ["answer"]
    assert "".join(data["text"] for name, data in found if name == "text").strip() == found[-1][1]["text"]
    broken = events(client.post(url, json={"question": "explode", "stream": True}).text)
    assert broken[-1][0] == "error"
    assert "secret" not in json.dumps(broken)


def test_what_goes_wrong_inside_stays_inside(serve: Serve) -> None:
    client = serve()
    response = client.post(f"/v1/scenes/{ready_scene(client)}/ask", json={"question": "explode"})
    assert response.status_code == 500
    assert response.headers["content-type"] == "application/problem+json"
    assert set(response.json()) == {"type", "title", "status", "detail"}
    assert "secret" not in response.text
    assert "Traceback" not in response.text


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("ask", {"question": ""}, 422),
        ("ask", {"question": "x" * 9_000}, 422),
        ("ask", {"question": "what?", "select": [99]}, 422),
        ("ask", {"question": "what?", "colour": 1}, 422),
        ("caption", {"object": 99}, 422),
        ("detect", {"text": "cup", "threshold": 7}, 422),
        ("plan", {"goal": "(flying cup_1)"}, 422),
        ("plan", {"request": ""}, 422),
        ("plan", {"goal": "switched_on(2)", "robot": {"radius_m": 0.9, "reach_m": 0.5}}, 422),
    ],
)
def test_wrong_requests_are_told_what_is_wrong(serve: Serve, path: str, body: dict[str, Any], status: int) -> None:
    client = serve()
    response = client.post(f"/v1/scenes/{ready_scene(client)}/{path}", json=body)
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    assert len(response.json()["detail"]) > 10


def test_a_slow_answer_ends_in_time(serve: Serve) -> None:
    client = serve(delay_s=3.0, answer_timeout=0.5)
    response = client.post(f"/v1/scenes/{ready_scene(client)}/ask", json={"question": "Where?"})
    assert response.status_code == 504


def test_a_full_queue_says_when_to_come_back(serve: Serve) -> None:
    client = serve(delay_s=0.5, max_waiting=2, max_batch=1)
    url = f"/v1/scenes/{ready_scene(client)}/ask"
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda i: client.post(url, json={"question": f"{i}?"}), range(10)))
    refused = [answer for answer in answers if answer.status_code == 429]
    assert refused
    assert all(int(answer.headers["retry-after"]) > 0 for answer in refused)
    assert {answer.status_code for answer in answers} == {200, 429}


def test_a_dialogue_survives_a_restart(serve: Serve) -> None:
    client = serve()
    scene = ready_scene(client)
    dialogue = client.post(f"/v1/scenes/{scene}/dialogues").json()["id"]
    client.post(f"/v1/dialogues/{dialogue}/turns", json={"question": "Where is the cup?"})
    client = serve()
    answer = client.post(f"/v1/dialogues/{dialogue}/turns", json={"question": "What colour is it?"}).json()
    assert answer["text"].startswith("You said Where is the cup? before")
    assert answer["phrases"][0]["objects"][0]["id"] == CUP
    assert [turn["question"] for turn in client.get(f"/v1/dialogues/{dialogue}").json()["turns"]] == [
        "Where is the cup?",
        "What colour is it?",
    ]
    assert client.delete(f"/v1/dialogues/{dialogue}").status_code == 204
    assert client.get(f"/v1/dialogues/{dialogue}").status_code == 404


def test_plans_are_made_kept_and_mended(serve: Serve) -> None:
    client = serve()
    scene = ready_scene(client)
    plan = client.post(f"/v1/scenes/{scene}/plan", json={"goal": f"on({CUP}, {SHELF})"}).json()
    assert plan["valid"]
    assert plan["schema"] == "scene3d/plan/1"
    assert "no guarantee of a safe motion" in plan["notice"]
    assert client.get(f"/v1/plans/{plan['id']}").json() == plan
    failed = plan["steps"][-1]["i"]
    rest = client.post(f"/v1/plans/{plan['id']}/replan", json={"failed_step": failed}).json()
    assert [step["action"] for step in rest["steps"]] == ["put_on"]
    assert client.post(f"/v1/plans/{plan['id']}/replan", json={"failed_step": 99}).status_code == 422
    written = client.post(f"/v1/scenes/{scene}/plan", json={"request": "brighter please"}).json()
    assert (written["way"], written["steps"][-1]["args"]) == ("verified", {"object": LAMP})
    request = {"request": "brighter please", "way": "reference"}
    written = client.post(f"/v1/scenes/{scene}/plan", json=request).json()
    assert (written["way"], written["steps"][-1]["args"]) == ("reference", {"object": LAMP})
    steps = [{"action": "open", "args": {"object": FRIDGE}}, {"action": "fly"}]
    checked = client.post("/v1/plans/validate", json={"scene": scene, "steps": steps}).json()
    assert not checked["valid"]
    assert "no action 'fly'" in checked["violations"][-1]["reason"]
