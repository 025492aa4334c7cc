import pytest

from tfrecvis.data import DataError, Problem
from tfrecvis.data.problems import problem_lines, report_problems

MANY = [Problem(f"{number}.png", "is empty") for number in range(100)]


def test_data_error_keeps_text_hint_and_problems_apart():
    error = DataError("It is broken.", "Pass strict=False.", MANY[:2])
    assert isinstance(error, ValueError)
    assert str(error) == "It is broken. Pass strict=False."
    assert (error.text, error.hint) == ("It is broken.", "Pass strict=False.")
    assert error.problems == MANY[:2]
    assert str(DataError("It is broken.")) == "It is broken."


def test_strict_report_holds_its_problems_and_keeps_python_out_of_its_text():
    with pytest.raises(DataError) as caught:
        report_problems(MANY, total=200, where="train", strict=True)
    error = caught.value
    assert error.problems == MANY
    assert "strict" in error.hint
    assert "strict" not in error.text
    assert error.text.startswith("100 of 200 files of train cannot be used:\n  0.png")
    assert str(error).endswith(error.hint)


@pytest.mark.parametrize("count", [1, 18, 19, 100])
def test_message_never_has_more_than_twenty_lines(count):
    with pytest.raises(DataError) as caught:
        report_problems(MANY[:count], total=200, where="train", strict=True)
    assert len(str(caught.value).splitlines()) == min(count + 2, 20)
    with pytest.warns(UserWarning, match="Going on with") as warnings:
        report_problems(MANY[:count], total=200, where="train", strict=False)
    assert len(str(warnings[0].message).splitlines()) == min(count + 2, 20)


def test_lines_say_how_many_more_there_are():
    assert problem_lines(MANY[:18])[-1] == "  17.png: is empty"
    assert problem_lines(MANY)[-1] == "  and 83 more, in `problems`"
    assert len(problem_lines(MANY)) == 18


def test_nothing_left_is_an_error_also_without_strict():
    with pytest.raises(DataError, match="Nothing is left to read") as caught:
        report_problems(MANY, total=100, where="train", strict=False)
    assert caught.value.problems == MANY
