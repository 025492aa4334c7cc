import keras
import numpy as np
import pytest
from reference import regions as reference

from tfrecvis.layers import RegionBoxes


def test_boxes_equal_the_numpy_loop():
    rng = np.random.default_rng(0)
    corners = rng.uniform(0, 30, (2, 5, 2))
    regions = np.concatenate([corners, corners + rng.uniform(3, 20, (2, 5, 2))], -1)
    regions = regions.astype("float32")
    deltas = rng.normal(size=(2, 5, 12)).astype("float32")
    images = np.zeros((2, 40, 32, 3), "uint8")
    found = RegionBoxes()(deltas, regions=regions, images=images)
    found = keras.ops.convert_to_numpy(found)
    assert found.shape == (2, 5, 3, 4)
    for place in np.ndindex(2, 5, 3):
        delta = deltas[place[:2]].reshape(3, 4)[place[2]]
        box = reference.decode(delta, regions[place[:2]], (10, 10, 5, 5))
        expected = reference.clip(box, 40, 32)
        np.testing.assert_allclose(found[place], expected, rtol=1e-4, atol=1e-4)


def test_anchors_without_a_batch_axis_are_those_of_every_image():
    rng = np.random.default_rng(1)
    anchors = np.float32([[0, 0, 8, 8], [4, 4, 16, 20]])
    deltas = rng.normal(size=(3, 2, 8)).astype("float32")
    images = np.zeros((3, 24, 24, 3), "uint8")
    shared, own = (
        RegionBoxes()(deltas, regions=regions, images=images)
        for regions in (anchors, np.stack([anchors] * 3))
    )
    np.testing.assert_array_equal(shared, own)


def test_channels_that_are_no_boxes_are_refused():
    regions, images = np.zeros((1, 2, 4)), np.zeros((1, 8, 8, 3))
    with pytest.raises(ValueError, match="four channels for each class"):
        RegionBoxes()(np.zeros((1, 2, 6)), regions=regions, images=images)
    with pytest.raises(ValueError, match="`regions` is missing"):
        RegionBoxes()(np.zeros((1, 2, 8)), regions=None, images=images)
