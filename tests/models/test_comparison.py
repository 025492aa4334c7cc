"""How far two answers lie apart, counted by hand."""

import numpy as np
import pytest

from tfrecvis.models.comparison import compare_probabilities, compare_values


def answer(*rows):
    probabilities = np.array(rows, "float32")
    return {"labels": probabilities.argmax(-1), "probabilities": probabilities}


def test_equal_answers_have_no_problem():
    a = answer([0.9, 0.1], [0.2, 0.8])
    result = compare_probabilities(a, a, tolerance=0.0)
    assert result["problem"] is None
    assert result["largest_difference"] == result["mean_difference"] == 0
    assert result["agreement"] == 1


def test_differences_and_agreement_are_counted_by_hand():
    a = answer([0.9, 0.1], [0.2, 0.8], [0.45, 0.55], [1.0, 0.0])
    b = answer([0.9, 0.1], [0.3, 0.7], [0.55, 0.45], [1.0, 0.0])
    result = compare_probabilities(a, b, tolerance=0.6)
    assert result["largest_difference"] == pytest.approx(0.1)
    assert result["mean_difference"] == pytest.approx(0.05)
    assert result["agreement"] == 0.75
    assert result["problem"] is None


def test_one_entry_over_the_tolerance_fails():
    a, b = answer([0.9, 0.1]), answer([0.85, 0.15])
    problem = compare_probabilities(a, b, 0.04)["problem"]
    assert problem == (
        "its largest difference of a probability is 0.05, over the tolerance of 0.04"
    )


def test_many_small_differences_fail_where_one_would_pass():
    a, b = answer([0.9, 0.1]), answer([0.85, 0.15])
    assert "its mean difference is 0.05" in compare_probabilities(a, b, 0.2)["problem"]


def test_another_decision_is_excused_near_a_tie_only():
    a, b = answer([0.9, 0.1], [0.55, 0.45]), answer([0.9, 0.1], [0.55, 0.45])
    b["labels"] = np.array([0, 1])
    assert compare_probabilities(a, b, 0.1)["problem"] is None  # 0.1 apart, below 0.2
    b["labels"] = np.array([1, 0])
    problem = compare_probabilities(a, b, 0.1)["problem"]
    assert problem == "1 of its labels differ where its probabilities do not"


def test_decisions_bear_the_name_that_they_have():
    a, b = ({"tokens": np.array([n]), "probabilities": np.eye(2)[:1]} for n in (0, 1))
    problem = compare_probabilities(a, b, 0.1, decision="tokens")["problem"]
    assert "1 of its tokens differ" in problem


def test_numbers_differ_relative_to_the_largest_one():
    a, b = {"x": np.array([[100.0, 1.0]])}, {"x": np.array([[100.0, 3.0]])}
    result = compare_values(a, b, 0.2)
    assert result["largest_difference"] == pytest.approx(0.02)
    assert result["mean_difference"] == pytest.approx(0.01)
    assert result["agreement"] is None
    assert result["problem"] is None
    assert "0.02, over the tolerance of 0.01" in compare_values(a, b, 0.01)["problem"]


def test_small_numbers_differ_absolutely():
    a, b = {"x": np.array([1e-3])}, {"x": np.array([2e-3])}
    assert compare_values(a, b, 1.0)["largest_difference"] == pytest.approx(1e-3)


@pytest.mark.parametrize(
    ("wanted", "given"),
    [([1, 2, 3], [1, 2, 4]), ([True] * 3, [True, True, False]), (b"abc", b"abd")],
)
def test_integers_booleans_and_strings_must_be_equal(wanted, given):
    kind = object if isinstance(wanted, bytes) else None
    a, b = ({"x": np.array([*value], kind)} for value in (wanted, given))
    assert compare_values(a, a, 0.0)["problem"] is None
    result = compare_values(a, b, 1.0)
    assert result["agreement"] == pytest.approx(2 / 3)
    assert result["problem"] == "its x differs in 1 of 3 entries"


def test_one_wrong_string_beside_right_numbers_fails():
    a = {"text": np.array([b"yes"], object), "score": np.array([0.5])}
    b = {**a, "text": np.array([b"no"], object)}
    assert "its text differs in 1 of 1" in compare_values(a, b, 1.0)["problem"]


def test_empty_answers_are_equal():
    a = {"boxes": np.zeros((0, 4)), "labels": np.zeros(0, int)}
    assert compare_values(a, a, 0.0) == {
        "largest_difference": None,
        "mean_difference": None,
        "agreement": None,
        "problem": None,
    }


def test_one_entry_of_many_over_the_tolerance_fails():
    a = answer(*[[0.9, 0.1]] * 50)
    b = answer(*[[0.9, 0.1]] * 49, [0.85, 0.15])
    result = compare_probabilities(a, b, tolerance=0.04)
    assert "is 0.05, over the tolerance of 0.04" in result["problem"]
