from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from scene3d.synth.language.noise import as_typed
from scene3d.synth.language.phrasing import SHORT_ANSWER, marked

_TEXT = "please put <ref> on the small brown table near <ref>."


@given(st.integers(0, 10_000), st.floats(0, 1))
def test_selected_objects_and_the_wish_for_a_word_stay(seed: int, noise: float) -> None:
    typed = as_typed(f"{_TEXT} {SHORT_ANSWER}", Random(seed), noise=noise)
    assert typed.count("<ref>") == 2
    assert typed.endswith(f" {SHORT_ANSWER}")
    assert "brown" in typed.lower()


def test_without_noise_only_capitals_change() -> None:
    said = {as_typed(_TEXT, Random(seed), noise=0.0) for seed in range(40)}
    assert said == {_TEXT, f"P{_TEXT[1:]}"}


def test_noise_spoils_much_but_at_most_one_letter_of_a_word() -> None:
    text = "find the wardrobe beside the radiator"
    typed = [as_typed(text, Random(seed), noise=1.0).lower() for seed in range(300)]
    assert len(set(typed)) > 60
    assert all("wardrobe" in t or "radiator" in t for t in typed)


def test_markup_keeps_the_space_inside() -> None:
    assert marked("It is the [chair].") == "It is the<p> chair<ref></p>."
    assert marked("[A chair] by the [desk].") == "<p>A chair<ref></p> by the<p> desk<ref></p>."
