"""Padding keeps the image where it is and adds zeros, where the size needs them."""

import numpy as np
import pytest
from keras import ops

from tfrecvis.layers import PadToMultiple


def random_maps(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


def test_padding_is_zero_and_keeps_the_first_pixel_in_place():
    maps = random_maps(1, 5, 9, 2)
    padded = ops.convert_to_numpy(PadToMultiple(4)(maps))
    assert padded.shape == (1, 8, 12, 2)
    np.testing.assert_array_equal(padded[:, :5, :9], maps)
    assert not padded[:, 5:].any()
    assert not padded[:, :, 9:].any()


def test_a_size_that_divides_is_not_padded():
    assert tuple(PadToMultiple(4)(random_maps(1, 8, 4, 1)).shape) == (1, 8, 4, 1)


@pytest.mark.parametrize("multiple", [0, -2, 1.5])
def test_a_multiple_that_is_not_a_positive_integer_is_refused(multiple):
    with pytest.raises(ValueError, match="`multiple` must be an integer of at least 1"):
        PadToMultiple(multiple)


def test_images_without_batch_axis_are_refused():
    with pytest.raises(ValueError, match="expected ndim=4"):
        PadToMultiple(2)(random_maps(5, 7, 3))
