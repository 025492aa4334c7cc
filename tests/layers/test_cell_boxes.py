import keras
import numpy as np
import pytest
from reference.one_stage import cell_boxes

from tfrecvis.layers import CellBoxes


@pytest.mark.parametrize("boxes_per_cell", [1, 3])
def test_boxes_equal_the_loop_over_cells(boxes_per_cell):
    channels = 5 * boxes_per_cell + 4
    values = np.random.default_rng(0).uniform(-0.3, 1.3, (2, 2, 3, channels))
    values = values.astype("float32")
    images = np.zeros((2, 24, 40, 3), "uint8")
    found = CellBoxes(boxes_per_cell)(values, images=images)
    for n in range(2):
        boxes, scores = cell_boxes(values[n], (24, 40), boxes_per_cell)
        np.testing.assert_allclose(found["boxes"][n], boxes, rtol=1e-5, atol=1e-4)
        np.testing.assert_allclose(found["scores"][n], scores, rtol=1e-5, atol=1e-6)


def test_wild_values_give_boxes_of_the_image_and_probabilities():
    values = keras.ops.convert_to_tensor(np.full((1, 2, 2, 13), -1e3, "float32"))
    images = np.zeros((1, 8, 8, 3), "uint8")
    found = CellBoxes()(values, images=images)
    boxes = keras.ops.convert_to_numpy(found["boxes"])
    assert boxes.min() >= 0 and boxes.max() <= 8
    assert not keras.ops.convert_to_numpy(found["scores"]).any()


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match="`boxes_per_cell` must be an integer"):
        CellBoxes(0)
    images = np.zeros((1, 8, 8, 3), "uint8")
    with pytest.raises(ValueError, match="the 2 boxes of a cell, and one for each"):
        CellBoxes()(np.zeros((1, 2, 2, 10), "float32"), images=images)
    with pytest.raises(ValueError, match="`images` is missing"):
        CellBoxes()(np.zeros((1, 2, 2, 11), "float32"), images=None)
