import json
import re
from pathlib import Path

import pytest

from scene3d.labels import class_list
from scene3d.synth.language import RoomFacts
from scene3d.synth.names import names_of
from scene3d.train import written
from scene3d.train.written import is_written_about, untagged, written_about, written_sentences
from tests.synth.language.furnished import furnished_room


def test_what_a_sentence_names_stands_in_tags() -> None:
    assert untagged("<b>The door</b>: a <t>mat</t>") == ("The door: a mat", [[(12, 15)], [], [(0, 8)], []])
    assert untagged("the one on the desk") == ("the one on the desk", [[], [], [], []])


def test_every_written_sentence_is_well_formed() -> None:
    sentences = written_sentences()
    assert len(sentences) > 1500
    for text, places in sentences:
        assert text.strip()
        assert not set("<>") & set(text)
        assert all(len(own) <= 1 and all(0 <= start < end <= len(text) for start, end in own) for own in places)


def test_nobody_wrote_a_name_that_is_kept_for_testing() -> None:
    labels = [label for _, label in class_list("scannet200").things()]
    known = {*labels, *(name for label in labels for name in names_of(label).train)}
    kept = sorted({name for label in labels for name in names_of(label).heldout if name} - known)
    assert len(kept) > 100
    kept_name = re.compile(rf"\b({'|'.join(map(re.escape, kept))})(e?s)?\b")
    assert not [text for text, _ in written_sentences() if kept_name.search(text.lower())]


def test_sentences_about_a_room_know_its_objects(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    room = furnished_room(5)
    facts = RoomFacts(room)
    one, other = (facts.id[i] for i in facts.visible[:2])
    about = tmp_path / "about.jsonl"
    records = [
        {"room": "a", "text": "the <t>thing</t> by <a>it</a> and <b>that</b>", "targets": [one], "a": [other]},
        {"room": "a", "text": "by <a>it</a>", "targets": [one], "a": [other]},
        {"room": "a", "text": f"a green <t>{facts.label[facts.visible[0]]}</t>", "targets": []},
    ]
    about.write_text("\n".join(map(json.dumps, records)))
    monkeypatch.setattr(written, "ABOUT_ROOMS", about)
    written._about_rooms.cache_clear()
    try:
        assert is_written_about(tmp_path / "a.npz")
        assert not is_written_about(tmp_path / "b.npz")
        assert written_about(tmp_path / "b.npz", facts) == []
        first, second, third = (exchange.turn for exchange in written_about(tmp_path / "a.npz", facts))
    finally:
        written._about_rooms.cache_clear()
    assert first.user == "the thing by it and that"
    assert first.named == ("thing", "it", "that", "")
    assert first.anchors == ((other,), ())  # one of the things is not here
    assert second.anchors == ((other,),)
    assert one in second.candidates
    assert third.targets == ()
    assert one in third.candidates
