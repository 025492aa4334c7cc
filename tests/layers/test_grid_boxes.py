import keras
import numpy as np
import pytest
from reference import yolo_v2

from tfrecvis.layers import GridBoxes

PRIORS = [(10.0, 20.0), (40.0, 30.0)]


def test_grid_boxes_equal_the_loop_over_boxes():
    maps = np.random.default_rng(0).normal(size=(2, 3, 4, 14)).astype("float32")
    boxes = keras.ops.convert_to_numpy(GridBoxes(PRIORS, stride=8)(maps))
    for got, one in zip(boxes, maps, strict=True):
        expected = yolo_v2.grid_boxes(one, PRIORS, 8)
        np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-5)


def test_zeros_are_the_priors_in_the_middle_of_their_cells():
    boxes = GridBoxes(PRIORS, stride=16)(np.zeros((1, 2, 2, 14), "float32"))
    np.testing.assert_allclose(boxes[0, 1, 0, 0, :4], [8, 24, 10, 20])


def test_boxes_of_wild_values_are_finite():
    maps = np.full((1, 1, 1, 14), 1e4, "float32")
    assert np.isfinite(keras.ops.convert_to_numpy(GridBoxes(PRIORS, 16)(maps))).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([], 16), "`priors` must be a list of"),
        (([(10, 0)], 16), "`priors` must be a finite number above 0"),
        ((PRIORS, 0), "`stride` must be an integer of at least 1"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        GridBoxes(*arguments)


def test_channels_that_do_not_fit_the_priors_are_named():
    with pytest.raises(ValueError, match="2 priors. Received: 13 channels"):
        GridBoxes(PRIORS, 16)(np.zeros((1, 2, 2, 13), "float32"))
