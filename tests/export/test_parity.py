"""What counts as the same answer."""

import numpy as np
import pytest

from tfrecvis.export import TOLERANCES
from tfrecvis.export.parity import compare
from tfrecvis.models import Signature
from tfrecvis.models.comparison import compare_probabilities

LABELS = Signature("serving_default", None, None, {}, {}, compare_probabilities)
VALUES = Signature("serving_default", None, None, {}, {})


def answer(*rows):
    probabilities = np.array(rows, "float32")
    return {"labels": probabilities.argmax(-1), "probabilities": probabilities}


def test_the_signature_decides_how_answers_are_compared():
    a, b = answer([0.9, 0.1]), answer([0.85, 0.15])
    b["labels"] = 1 - b["labels"]
    assert "its labels differ" in compare(VALUES, a, b, 1.0)["problem"]
    own = Signature("encode", None, None, {}, {}, lambda a, b, t: {"problem": f"{t}"})
    result = compare(own, a, b, 1.0)
    assert result["problem"] == "1.0"
    assert result["tolerance"] == 1.0
    assert result["largest_difference"] is None


def test_equal_answers_have_no_problem():
    a = answer([0.9, 0.1], [0.2, 0.8])
    result = compare(LABELS, a, a, tolerance=0.0)
    assert result["problem"] is None
    assert result["agreement"] == 1


@pytest.mark.parametrize("broken", [np.nan, np.inf])
def test_nan_and_infinity_fail(broken):
    a, b = answer([0.9, 0.1]), answer([0.9, broken])
    assert "hold NaN or infinite" in compare(LABELS, a, b, 1.0)["problem"]


@pytest.mark.parametrize("key", ["labels", "probabilities"])
def test_missing_misshapen_or_converted_outputs_fail(key):
    a, b = answer([0.9, 0.1]), answer([0.9, 0.1])
    b[key] = b[key][None]
    assert f"its {key} have the shape (1, " in compare(LABELS, a, b, 1.0)["problem"]
    b[key] = a[key].astype("float16")
    assert f"its {key} are float16, not" in compare(LABELS, a, b, 1.0)["problem"]
    del b[key]
    assert f"its {key} have nothing, not (" in compare(LABELS, a, b, 1.0)["problem"]


def test_tolerances_grow_as_precision_falls():
    assert TOLERANCES["litert_float32"] < TOLERANCES["litert_float16"]
    assert TOLERANCES["litert_float16"] < TOLERANCES["litert_int8"]
