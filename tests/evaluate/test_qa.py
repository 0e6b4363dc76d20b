"""Answers: worked matches for each quirk, question types, official files, denominators."""

import pytest

from scene3d.errors import InputError
from scene3d.evaluate.qa import (
    AnswerMetrics,
    Question,
    answer_metrics,
    clean_answer,
    question_type,
    read_answers,
    read_scanqa,
    read_sqa3d,
    refined_match,
)


def question(number: int, *answers: str, text: str = "What is it?") -> Question:
    return Question(id=str(number), text=text, answers=answers)


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("  The  Brown Chair. ", "brown chair"),
        ("2 chairs", "two chairs"),
        ("none", "zero"),
        ("23", "twenty-three"),
        ("to my letf", "to my left"),
        ("tv", "TV"),
        ("at 3 oclock", "at three o'clock"),
        ("o' clock", "o'clock"),
        ("mat2", "mat"),
        ("a", "a"),
        ("an apple on the table", "apple on table"),
        ("backwards", "backward"),
        ("let's go", "left's go"),
        ("20 or 21", "twenty or 21"),
        ("left-hand side: yes!", "left-hand side: yes"),
    ],
)
def test_cleaning(raw, clean):
    assert clean_answer(raw) == clean


@pytest.mark.parametrize(
    ("answer", "references", "matches"),
    [
        ("brown chair", ["the brown chair"], True),
        ("chair", ["brown chair"], True),
        ("a big brown chair", ["brown chair"], True),
        ("arm chair", ["armchair"], True),
        ("table", ["chair", "desk"], False),
        ("desk", ["chair", "desk"], True),
        ("", ["chair"], False),
        ("chair", [""], False),
        ("?!", ["chair"], False),
    ],
)
def test_refined_match(answer, references, matches):
    assert refined_match(answer, references) is matches


def test_an_empty_answer_is_right_only_in_the_official_script():
    questions = [question(1, "chair"), question(2, "table")]
    said = {"1": [""], "2": ["table"]}
    assert answer_metrics(questions, said, meteor=False)["EM-R"] == 0.5
    assert answer_metrics(questions, said, official_quirks=True, meteor=False)["EM-R"] == 1


def test_exact_match_compares_raw_text_with_any_reference():
    questions = [question(1, "brown", "dark brown"), question(2, "2")]
    result = answer_metrics(questions, {"1": ["dark brown"], "2": ["two"]}, meteor=False)
    assert (result["EM"], result["EM-R"], result["EM@10"]) == (0.5, 1.0, None)


def test_ten_answers_count_for_em10_and_no_eleventh():
    ten = [f"wrong {i}" for i in range(10)]
    questions = [question(1, "chair"), question(2, "chair")]
    result = answer_metrics(questions, {"1": [*ten[:9], "chair"], "2": [*ten, "chair"]}, meteor=False)
    assert (result["EM"], result["EM@10"]) == (0.0, 0.5)


def test_missing_prediction_is_wrong_in_all_denominators():
    result = answer_metrics([question(1, "red chair"), question(2, "table")], {"1": ["red chair"]}, meteor=False)
    assert (result["EM"], result["EM-R"]) == (0.5, 0.5)
    assert result["ROUGE_L"] == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("What color is it?", "what"),
        ("  Is it red?", "is"),
        ("How many?", "how"),
        ("Can I sit?", "can"),
        ("Which one?", "which"),
        ("Are there any?", "other"),
        ("Isn't it?", "is"),
        ("", "other"),
    ],
)
def test_question_types(text, kind):
    assert question_type(text) == kind


def test_per_type_and_merge():
    questions = [question(1, "red"), question(2, "yes", text="Is it?"), question(3, "no", text="Is it?")]
    whole, left, right = AnswerMetrics(), AnswerMetrics(), AnswerMetrics()
    for part, one in ((left, questions[0]), (right, questions[1]), (right, questions[2])):
        part.add(one, ["yes"])
        whole.add(one, ["yes"])
    left.merge(right)
    result = left.result(per_type=True, meteor=False)
    assert result == whole.result(per_type=True, meteor=False)
    assert result["per_type"]["is"] == {"EM": 0.5, "EM-R": 0.5, "count": 2}
    assert result["per_type"]["can"] == {"EM": None, "EM-R": None, "count": 0}


def test_official_files():
    scanqa = [{"question_id": "val-0", "question": "What?", "answers": ["a", "b"], "scene_id": "s"}]
    assert read_scanqa(scanqa, where="gt")[0].answers == ("a", "b")
    annotations = {"annotations": [{"question_id": 7, "answers": [{"answer": "yes", "answer_id": 1}]}]}
    questions = {"questions": [{"question_id": 7, "question": "Is it?", "situation": "here"}]}
    assert read_sqa3d(annotations, questions, where="gt") == [question(7, "yes", text="Is it?")]
    assert read_answers([{"question_id": 7, "answer_top10": ["a", "b"]}], where="p") == {"7": ("a", "b")}
    assert read_answers({"7": "a"}, where="p") == {"7": ("a",)}
    with pytest.raises(InputError, match="--questions"):
        read_sqa3d(annotations, None, where="gt")
    with pytest.raises(InputError, match="lacks 'answers'"):
        read_scanqa([{"question_id": 1}], where="gt")
    with pytest.raises(InputError, match="answered twice"):
        read_answers([{"question_id": 7, "answer": "a"}, {"question_id": 7, "answer": "b"}], where="p")
    with pytest.raises(InputError, match="expected a text"):
        read_answers({"7": 3}, where="p")
    with pytest.raises(InputError, match="not in the ground truth"):
        answer_metrics([question(1, "a")], {"2": ["a"]})
