"""How captions are compared: sentences, scores and attention."""

import numpy as np
import pytest

from tfrecvis.models.captioning.comparison import compare_captions


def answer():
    return {
        "tokens": np.array([[4, 5, 0], [4, 0, 0]], "int32"),
        "scores": np.array([-1.0, -2.0], "float32"),
        "lengths": np.array([2, 1], "int32"),
        "attention": np.full((2, 3, 2, 2), 0.25, "float32"),
    }


def changed(**changes):
    other = answer()
    for name, (place, value) in changes.items():
        other[name][place] = value
    return other


def test_equal_answers_have_no_problem():
    result = compare_captions(answer(), answer(), 1e-4)
    assert (result["problem"], result["agreement"]) == (None, 1.0)
    assert result["largest_difference"] == 0


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"tokens": ((0, 1), 6), "scores": (0, -1.01)}, "another sentence of 1 image"),
        ({"scores": (1, -2.01)}, "largest difference"),
        ({"attention": ((0, 1, 1, 1), 0.3)}, "largest difference"),
        ({"lengths": (0, 1)}, "its lengths differ"),
    ],
)
def test_what_is_too_far_apart_is_named(changes, problem):
    assert problem in compare_captions(answer(), changed(**changes), 1e-4)["problem"]


def test_another_sentence_that_is_as_likely_is_excused_with_its_attention():
    other = changed(tokens=((0, 1), 6), attention=(0, 0.0))
    result = compare_captions(answer(), other, 1e-4)
    assert (result["problem"], result["agreement"]) == (None, 0.5)
