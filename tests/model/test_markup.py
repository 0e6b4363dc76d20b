from hypothesis import given
from hypothesis import strategies as st

from scene3d.model.markup import Span, marked, shown, slots

WORD = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=8)


@given(st.lists(st.tuples(st.lists(WORD, max_size=3), st.lists(WORD, min_size=1, max_size=3)), max_size=4))
def test_marked_text_is_read_back(pieces):
    text, spans = "", []
    for plain, phrase in pieces:
        text += "".join(f"{word} " for word in plain)
        start = len(text)
        text += " ".join(phrase)
        spans.append(Span(start=start, end=len(text)))
        text += " "
    text = text.strip()
    assert shown(marked(text, tuple(spans))) == (text, tuple(spans))


def test_the_blank_before_a_phrase_goes_inside():
    assert marked("It is the lamp.", (Span(start=10, end=14),)) == "It is the<p> lamp<ref></p>."


def test_blanks_inside_a_phrase_are_not_part_of_its_span():
    text, (span,) = shown("I see<p> two chairs <ref></p>here.")
    assert text[span.start : span.end] == "two chairs"


@given(st.lists(st.sampled_from(["<p>", "</p>", "<ref>", "a", " "]), max_size=30))
def test_whatever_is_written_no_mark_is_shown(pieces):
    text, spans = shown("".join(pieces))
    assert not any(mark in text for mark in ("<p>", "</p>", "<ref>"))
    assert all(0 <= span.start <= span.end <= len(text) for span in spans)


def test_marks_without_a_partner_are_dropped():
    assert shown("the <p>chair</p> and<p> lamp<ref></p>") == ("the chair and lamp", (Span(start=14, end=18),))


def test_a_ref_is_a_slot_as_often_as_there_are_objects():
    assert slots("put <ref> on <ref>", 2) == ("put ", " on ", "")
    assert slots("put <ref> on <ref>", 1) == ("put ", " on <ref>")
    assert slots("what colour is it?", 1) == ("what colour is it?", "")
