import keras
import numpy as np
import pytest
from reference import regions as reference

from tfrecvis.ops import crop_masks


def draw():
    rng = np.random.default_rng(0)
    masks = rng.integers(0, 2, (2, 3, 9, 12)).astype("uint8")
    corners = rng.uniform(-3, 9, (2, 4, 2))
    boxes = np.concatenate([corners, corners + rng.uniform(0, 9, (2, 4, 2))], -1)
    return masks, boxes.astype("float32"), rng.integers(0, 3, (2, 4)).astype("int32")


def test_crops_equal_the_loop_over_cells():
    masks, boxes, matches = draw()
    found = keras.ops.convert_to_numpy(crop_masks(masks, boxes, matches, (3, 5)))
    for image, n in np.ndindex(2, 4):
        expected = reference.crop_mask(
            masks[image, matches[image, n]], boxes[image, n], 3, 5
        )
        np.testing.assert_array_equal(found[image, n], expected)


def test_images_without_instances_give_empty_masks():
    _, boxes, matches = draw()
    masks = np.zeros((2, 0, 9, 12), "uint8")
    assert not keras.ops.convert_to_numpy(crop_masks(masks, boxes, matches * 0)).any()


def test_what_does_not_fit_is_named():
    masks, boxes, matches = draw()
    with pytest.raises(ValueError, match="`matches` must be integers"):
        crop_masks(masks, boxes, matches.astype("float32"))
    with pytest.raises(ValueError, match="`matches` must have the shape"):
        crop_masks(masks, boxes[:, :2], matches)
