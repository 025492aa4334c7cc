import numpy as np
import pytest
from reference import overfeat

from tfrecvis.layers import SlidingWindows


def given():
    return {
        "scaled": np.zeros((2, 15, 30, 3), "float32"),
        "images": np.zeros((2, 10, 24, 3), "float32"),
    }


def test_windows_equal_the_loop_over_positions():
    maps = np.zeros((2, 2, 4, 5), "float32")
    found = SlidingWindows(stride=8, size=24)(maps, **given())
    expected = overfeat.windows(2, 4, 8, 24, (15, 30), (10, 24))
    np.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.parametrize("name", ["scaled", "images"])
def test_missing_and_unfit_arguments_are_named(name):
    maps, others = np.zeros((2, 2, 4, 5), "float32"), given()
    with pytest.raises(ValueError, match=f"`{name}` is missing"):
        SlidingWindows(8, 24)(maps, **{**others, name: None})
    with pytest.raises(ValueError, match=f"`{name}` must have the shape"):
        SlidingWindows(8, 24)(maps, **{**others, name: others[name][0]})


@pytest.mark.parametrize("arguments", [(0, 8), (8, 0)])
def test_bad_arguments_are_named(arguments):
    with pytest.raises(ValueError, match="must be"):
        SlidingWindows(*arguments)
