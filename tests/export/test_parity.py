"""What counts as the same prediction."""

import numpy as np
import pytest

from tfrecvis.export.parity import compare


def prediction(*rows):
    probabilities = np.array(rows, "float32")
    return {"labels": probabilities.argmax(-1), "probabilities": probabilities}


def test_equal_predictions_have_no_problem():
    a = prediction([0.9, 0.1], [0.2, 0.8])
    result = compare(a, a, tolerance=0.0)
    assert result["problem"] is None
    assert result["largest_difference"] == result["mean_difference"] == 0
    assert result["agreement"] == 1


def test_differences_and_agreement_are_counted_by_hand():
    a = prediction([0.9, 0.1], [0.2, 0.8], [0.45, 0.55], [1.0, 0.0])
    b = prediction([0.9, 0.1], [0.3, 0.7], [0.55, 0.45], [1.0, 0.0])
    result = compare(a, b, tolerance=0.6)
    assert result["largest_difference"] == pytest.approx(0.1)
    assert result["mean_difference"] == pytest.approx(0.05)
    assert result["agreement"] == 0.75
    assert result["problem"] is None


def test_one_pixel_over_the_tolerance_fails():
    a, b = prediction([0.9, 0.1]), prediction([0.85, 0.15])
    assert "over the tolerance of 0.04" in compare(a, b, 0.04)["problem"]


def test_one_pixel_of_many_over_the_tolerance_fails():
    a = prediction(*[[0.9, 0.1]] * 50)
    b = prediction(*[[0.9, 0.1]] * 49, [0.85, 0.15])
    assert "its largest difference is 0.05" in compare(a, b, 0.04)["problem"]


def test_many_small_differences_fail_where_one_would_pass():
    a, b = prediction([0.9, 0.1]), prediction([0.85, 0.15])
    assert "its mean difference is 0.05" in compare(a, b, 0.2)["problem"]


def test_wrong_labels_beside_right_probabilities_fail():
    a, b = prediction([0.9, 0.1]), prediction([0.9, 0.1])
    b["labels"] = 1 - b["labels"]
    assert "its labels differ at 1 pixels" in compare(a, b, 0.1)["problem"]


def test_nan_fails():
    a, b = prediction([0.9, 0.1]), prediction([0.9, np.nan])
    assert "NaN" in compare(a, b, 1.0)["problem"]


@pytest.mark.parametrize("key", ["labels", "probabilities"])
def test_missing_or_misshapen_outputs_fail(key):
    a, b = prediction([0.9, 0.1]), prediction([0.9, 0.1])
    b[key] = b[key][None]
    assert f"its {key} have the shape" in compare(a, b, 1.0)["problem"]
    del b[key]
    assert f"its {key} have the shape nothing" in compare(a, b, 1.0)["problem"]
