import numpy as np
import pytest

from tfrecvis.ops.checks import (
    as_integers,
    as_pair,
    check_choice,
    check_flag,
    check_given,
    check_integer,
    check_number,
)


@pytest.mark.parametrize("value", [0, -1, 1.0, "1", None, True, [1], np.float32(1)])
def test_what_is_no_integer_is_refused(value):
    with pytest.raises(ValueError, match="`units` must be an integer of at least 1"):
        check_integer("units", value)


def test_integers_of_numpy_are_integers():
    check_integer("units", np.int64(3))
    assert as_pair("size", np.uint8(3)) == (3, 3)


@pytest.mark.parametrize("values", [3, "34", (3,), (3, 4, 5), (3, 0), (3, True), None])
def test_what_is_no_tuple_of_integers_is_refused(values):
    message = "`sizes` must be a tuple of 2 integers of at least 1. .* Rows first"
    with pytest.raises(ValueError, match=message):
        as_integers("sizes", values, count=2, hint="Rows first.")


def test_integers_without_a_least_may_be_negative():
    assert as_integers("axes", [-1, 0], least=None) == (-1, 0)
    with pytest.raises(
        ValueError, match=r"a tuple of integers. Received: axes=\(1.5,\)"
    ):
        as_integers("axes", (1.5,), least=None)


@pytest.mark.parametrize("value", [-0.1, 1.0, "0.5", None, True, float("nan")])
def test_share_outside_its_range_is_refused(value):
    message = f"at least 0 and below 1. Received: dropout={value!r}. For 20 percent"
    with pytest.raises(ValueError, match=message):
        check_number("dropout", value, below=1, hint="For 20 percent, use 0.2.")


def test_numbers_in_their_range_pass():
    check_number("dropout", 0, below=1)
    check_number("dropout", np.float32(0.5), below=1)
    check_number("compactness", 1e9, positive=True)
    for value in (0, float("inf")):
        with pytest.raises(ValueError, match="a finite number above 0"):
            check_number("compactness", value, positive=True)


@pytest.mark.parametrize("value", ["rnn", None, ["lstm"], 1])
def test_unknown_choice_lists_the_known_ones(value):
    with pytest.raises(ValueError, match="one of 'lstm', 'gru'. Received: cell="):
        check_choice("cell", value, {"lstm": 4, "gru": 3})


def test_missing_argument_and_flag_say_what_to_pass():
    with pytest.raises(ValueError, match="`x` is missing. Received: x=None. Pass x"):
        check_given("x", None, "Pass x.")
    with pytest.raises(ValueError, match="`tied` must be True or False"):
        check_flag("tied", 1)
