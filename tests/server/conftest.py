"""A server whose language model has learnt its answers by heart; encoding is played by a small process."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from fastapi.testclient import TestClient

from scene3d.errors import InputError
from scene3d.model.question import Question
from scene3d.model.session import Session
from scene3d.server import ServerConfig, create_app
from scene3d.server.scene_file import load_saved_scene, save_scene
from scene3d.types import GroundedText, ObjectLink, Phrase, Proposals, Scene
from tests.planner.kitchen import CUP, LAMP, TABLE, kitchen, say


class ScriptedSession(Session):
    """Answers by keyword; notes how many questions came together."""

    def __init__(self, scene: Scene, proposals: Proposals, *, delay_s: float) -> None:
        self.scene, self._proposals = scene, proposals
        self.grounder = None  # type: ignore[assignment]
        self.batches: list[int] = []
        self.delay_s = delay_s

    @property
    def proposals(self) -> Proposals:
        return self._proposals

    def likely_labels(self, *, least: float = 0.05) -> list[dict[str, float]]:
        return [{} for _ in self.proposals.id]

    def detect(self, text: str, *, threshold: float = 0.5) -> Proposals:
        row = [i for i, label in enumerate(self.proposals.label or ()) if label in text]
        index = torch.tensor(row, dtype=torch.long)
        found = self.proposals
        return replace(
            found,
            id=tuple(row),
            mask=found.mask[index],
            score=found.score[index],
            embedding=found.embedding[index],
            box=found.box[index],
            label=tuple((found.label or ())[i] for i in row),
        )

    def ask_many(self, questions: list[Question]) -> list[GroundedText]:
        self.batches.append(len(questions))
        time.sleep(self.delay_s)
        return [self._answer(question) for question in questions]

    def ground_many(self, questions: list[Question], *, always: bool = False) -> list[GroundedText]:
        return [self._named(question.text) for question in questions]

    def stream_question(self, question: Question) -> Iterator[str | Phrase | GroundedText]:
        answer = self._answer(question)
        for word in answer.text.split(" "):
            time.sleep(self.delay_s)
            yield word + " "
        yield from answer.phrases
        yield answer

    def plan(self, request: str) -> GroundedText:
        return say(f"step 1. Turn on [the lamp|{LAMP}].")

    def _named(self, text: str) -> GroundedText:
        links = (ObjectLink(id=CUP, probability=0.8),) if "cup" in text else ()
        phrase = Phrase(start=0, end=len(text), objects=links, absent_probability=0.1 if links else 0.9)
        return GroundedText(text=text, phrases=(phrase,))

    def _answer(self, question: Question) -> GroundedText:
        if "explode" in question.text:
            raise RuntimeError("a secret path /etc/shadow in a stack trace")
        if "bicycle" in question.text:
            raise InputError("there is nothing to say about bicycles")
        if question.before:
            text = f"You said {question.before[-1].user} before, of it."
            links = tuple(ObjectLink(id=i, probability=0.8) for i in question.spoken_of[:1])
            phrase = Phrase(start=len(text) - 3, end=len(text) - 1, objects=links, absent_probability=0.1)
            return GroundedText(text=text, phrases=(phrase,))
        return say(f"[The cup|{CUP}] is on [the table|{TABLE}].")


@pytest.fixture(scope="session")
def kitchen_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("kitchen") / "scene.safetensors"
    save_scene(path, kitchen().scene)
    return path


@pytest.fixture
def serve(tmp_path: Path, kitchen_file: Path) -> Iterator[Callable[..., TestClient]]:
    """Start a server with some settings; a second call on the same data is a restart."""
    running: list[TestClient] = []

    def start(*, delay_s: float = 0.0, headers: dict[str, str] | None = None, **settings: Any) -> TestClient:
        if running:
            running.pop().__exit__(None, None, None)
        opened: list[ScriptedSession] = []

        def opener(path: Path) -> ScriptedSession:
            session = ScriptedSession(load_saved_scene(path), kitchen().proposals, delay_s=delay_s)
            opened.append(session)
            return session

        config = ServerConfig(**{"data": tmp_path / "data", "answer_timeout": 20.0} | settings)
        fake = (sys.executable, str(Path(__file__).parent / "fake_worker.py"), str(kitchen_file))
        app = create_app(config, opener=opener, worker=fake)
        client = TestClient(app, base_url="http://localhost:8000", raise_server_exceptions=False, headers=headers)
        client.__enter__()
        client.opened = opened  # type: ignore[attr-defined]
        running.append(client)
        return client

    yield start
    for client in running:
        client.__exit__(None, None, None)


def upload(
    client: TestClient, content: bytes = b"kitchen", *, name: str = "kitchen.ply", **form: str
) -> dict[str, Any]:
    """Upload a scan; what the server answered."""
    response = client.post("/v1/scenes", files={"file": (name, content)}, data=form)
    assert response.status_code in (200, 202), response.text
    return response.json()


def wait(client: TestClient, job: str) -> dict[str, Any]:
    """What became of a job."""
    for _ in range(1200):
        found = client.get(f"/v1/jobs/{job}").json()
        if found["status"] in ("ready", "failed"):
            return found
        time.sleep(0.05)
    raise AssertionError("not done after a minute")


def ready_scene(client: TestClient) -> str:
    """The id of a scene that can be asked."""
    answer = upload(client)
    assert wait(client, answer["job"])["status"] == "ready"
    return answer["scene"]
