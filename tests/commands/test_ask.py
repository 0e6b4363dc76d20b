"""The shipped model answers about a sample room from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from scene3d import resources
from scene3d.types import Proposals, Scene
from scene3d_viewer.cli import main

ROOM = str(resources.sample("office"))


def checked(answer: dict) -> dict:
    """An answer as schema scene3d/answer/1 has it."""
    assert answer["schema"] == "scene3d/answer/1"
    for phrase in answer["phrases"]:
        assert answer["text"][phrase["start"] : phrase["end"]] == phrase["text"]
        assert 0 <= phrase["absent_probability"] <= 1
        for linked in phrase["objects"]:
            assert linked["label"]
            assert 0 <= linked["probability"] <= 1
            assert all(low <= high for low, high in zip(linked["box"][:3], linked["box"][3:], strict=True))
    assert isinstance(answer["timings_ms"], dict)
    return answer


def test_a_question_is_answered_with_linked_phrases(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "a.json"
    main(["ask", ROOM, "Find all chairs.", "--json", str(out), "--png", str(tmp_path / "a.png"), "--stream"])
    answer = checked(json.loads(out.read_text()))
    assert "chair" in answer["text"]
    labels = {o["label"] for phrase in answer["phrases"] for o in phrase["objects"]}
    assert "chair" in labels
    assert labels <= {"chair", "office chair"}
    assert "chair" in capsys.readouterr().out
    assert (tmp_path / "a.png").stat().st_size > 1000


def test_all_that_an_answer_names_is_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A door that the detector itself was unsure of was left out of the picture of the answer that named it."""
    drawn: list[tuple[Proposals, float]] = []

    def draw(scene: Scene, found: Proposals, *, least_score: float = 0.3) -> Image.Image:
        drawn.append((found, least_score))
        return Image.new("RGB", (2, 2))

    monkeypatch.setattr("scene3d.model.picture.draw_proposals", draw)
    out = tmp_path / "a.json"
    main(["ask", ROOM, "Find all chairs.", "--json", str(out), "--png", str(tmp_path / "a.png")])
    named = {link["id"] for phrase in json.loads(out.read_text())["phrases"] for link in phrase["objects"]}
    [(found, least_score)] = drawn
    assert named
    assert set(found.id) == named
    assert least_score == 0


def test_what_is_not_there_is_denied(tmp_path: Path) -> None:
    out = tmp_path / "a.json"
    main(["ground", ROOM, "the bicycle", "--json", str(out)])
    answer = checked(json.loads(out.read_text()))
    assert answer["text"] == "the bicycle"
    assert answer["phrases"][0]["objects"] == []
    assert answer["phrases"][0]["absent_probability"] > 0.5


def test_a_file_of_questions_is_answered_in_one_go(tmp_path: Path) -> None:
    asked = [{"question": "How many chairs are there?"}, {"question": "Describe <ref>.", "select": [1]}]
    (tmp_path / "q.jsonl").write_text("".join(json.dumps(record) + "\n" for record in asked))
    main(["ask", ROOM, "--questions", str(tmp_path / "q.jsonl"), "-o", str(tmp_path / "a.jsonl")])
    answers = [checked(json.loads(line)) for line in (tmp_path / "a.jsonl").read_text().splitlines()]
    assert [answer["question"] for answer in answers] == [record["question"] for record in asked]
    assert any(link["id"] == 1 for phrase in answers[1]["phrases"] for link in phrase["objects"])


def test_an_object_is_described_and_a_wrong_one_refused(capsys: pytest.CaptureFixture[str]) -> None:
    main(["caption", ROOM, "--select", "1"])
    assert len(capsys.readouterr().out.split()) > 1
    with pytest.raises(SystemExit):
        main(["caption", ROOM, "--select", "9999"])
    assert "9999" in capsys.readouterr().err
