import numpy as np
import pytest

from tfrecvis import ops
from tfrecvis.layers import RoIAlign

MAPS = np.random.default_rng(0).normal(size=(2, 5, 7, 3)).astype("float32")
BOXES = np.array([[[1, 2, 9, 12], [0, 0, 20, 8]]] * 2, "float32")


def test_layer_is_the_operator_with_its_arguments():
    layer = RoIAlign((2, 3), 0.25, sampling_ratio=3, aligned=False)
    expected = ops.roi_align(MAPS, BOXES, (2, 3), 0.25, 3, aligned=False)
    np.testing.assert_array_equal(layer(MAPS, boxes=BOXES), expected)


def test_boxes_may_be_lists():
    layer = RoIAlign(2, 0.25)
    np.testing.assert_array_equal(
        layer(MAPS, boxes=BOXES.tolist()), layer(MAPS, boxes=BOXES)
    )


def test_half_precision_does_not_move_boxes():
    maps = np.tile(np.arange(3100.0)[None, None, :, None] % 4, (1, 2, 1, 1))
    boxes = np.array([[[3001, 0, 3002, 2]]], "float32")  # float16 has even ones only
    y = RoIAlign(1, dtype="float16")(maps, boxes=boxes)
    assert float(y[0, 0, 0, 0, 0]) == 3001 % 4


@pytest.mark.parametrize(
    ("boxes", "message"),
    [
        (BOXES[0], r"must have the shape \(batch, boxes, 4\)"),
        (BOXES[:1], r"here \(2, any, 4\)"),
        (BOXES[..., [2, 1, 0, 3]], "x1 <= x2 .* 4 of 4 boxes.*ops.convert_boxes"),
        (BOXES / 20, "must be in pixels. .* from 0 to 1, which are normalised"),
        (np.where(BOXES == 9, np.nan, BOXES), "must be finite. .* 2 of 4 boxes"),
        (np.where(BOXES == 9, np.inf, BOXES), r"first at \[0, 0\]: \[1.0, 2.0, inf"),
    ],
)
def test_what_is_no_box_in_pixels_is_refused(boxes, message):
    with pytest.raises(ValueError, match=message):
        RoIAlign(2)(MAPS, boxes=boxes)


def test_padding_boxes_are_no_normalised_ones():
    assert RoIAlign(2)(MAPS, boxes=np.zeros((2, 3, 4))).shape == (2, 3, 2, 2, 3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"output_size": 0}, "output_size=0"),
        ({"spatial_scale": -1.0}, "`spatial_scale` must be a finite number above 0"),
        ({"spatial_scale": (0.5, "a")}, "spatial_scale='a'"),
        ({"sampling_ratio": -1}, "sampling_ratio=-1. Use 0 for as many"),
        ({"aligned": 1}, "aligned=1"),
        ({"box_gradients": None}, "box_gradients=None"),
        ({"canonical_size": 0}, "canonical_size=0"),
        ({"canonical_level": 1.5}, "canonical_level=1.5"),
    ],
)
def test_wrong_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        RoIAlign(**arguments)
