import numpy as np
import pytest

from tfrecvis import ops
from tfrecvis.layers import RoIPool

MAPS = np.random.default_rng(0).normal(size=(2, 5, 7, 3)).astype("float32")
BOXES = np.array([[[1, 2, 9, 12], [0, 0, 20, 8]]] * 2, "float32")


def test_layer_is_the_operator_with_its_arguments():
    expected = ops.roi_pool(MAPS, BOXES, (2, 3), 0.25)
    np.testing.assert_array_equal(RoIPool((2, 3), 0.25)(MAPS, boxes=BOXES), expected)


@pytest.mark.parametrize(
    ("boxes", "message"),
    [
        (BOXES[:1], r"here \(2, any, 4\)"),
        (BOXES[..., [2, 1, 0, 3]], "x1 <= x2"),
        (BOXES / 20, "must be in pixels"),
        (BOXES * np.inf, "must be finite"),
    ],
)
def test_what_is_no_box_in_pixels_is_refused(boxes, message):
    with pytest.raises(ValueError, match=message):
        RoIPool(2)(MAPS, boxes=boxes)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"output_size": (2, 0)}, r"output_size=\(2, 0\)"),
        ({"spatial_scale": 0}, "spatial_scale=0"),
    ],
)
def test_wrong_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        RoIPool(**arguments)
