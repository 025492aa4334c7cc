import numpy as np
import pytest
from reference import overfeat

from tfrecvis.layers import WindowBoxes


def draw():
    rng = np.random.default_rng(0)
    windows = overfeat.windows(2, 3, 8, 12, (16, 24), (20, 30)).astype("float32")
    return {
        "edges": rng.normal(size=(2, 6, 8)).astype("float32"),
        "windows": windows,
        "images": np.zeros((2, 20, 30, 3), "float32"),
    }


def call(given):
    given = dict(given)
    return WindowBoxes()(given.pop("edges"), **given)


def test_boxes_equal_the_loop_over_windows():
    given = draw()
    found = call(given)
    for image, n, label in np.ndindex(2, 6, 2):
        edges = given["edges"][image, n, 4 * label : 4 * label + 4]
        expected = overfeat.box_of(given["windows"][n], edges, 20, 30)
        np.testing.assert_allclose(found[image, n, label], expected, atol=1e-4)


@pytest.mark.parametrize("name", ["windows", "images"])
def test_missing_and_unfit_arguments_are_named(name):
    given = draw()
    with pytest.raises(ValueError, match=f"`{name}` is missing"):
        call({**given, name: None})
    with pytest.raises(ValueError, match="must have the shape"):
        call({**given, name: given[name][0]})


def test_channels_that_are_no_edges_are_named():
    given = draw()
    with pytest.raises(ValueError, match="four channels for each class"):
        call({**given, "edges": given["edges"][..., :7]})
