"""Padding, cropping and upsampling around a network with strides."""

import keras
import numpy as np
import pytest

from tfrecvis.models.geometry import CropToMatch, PadToMultiple, Upsample


def random_maps(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


def numpy(tensor):
    return keras.ops.convert_to_numpy(tensor)


def test_upsample_equals_half_pixel_bilinear_resizing():
    maps = random_maps(2, 5, 7, 3)
    resized = keras.ops.image.resize(maps, (10, 14), interpolation="bilinear")
    np.testing.assert_allclose(numpy(Upsample()(maps)), numpy(resized), atol=1e-6)


def test_upsample_repeats_a_single_pixel():
    maps = random_maps(1, 1, 1, 2)
    np.testing.assert_allclose(
        numpy(Upsample()(maps)), np.tile(maps, (1, 2, 2, 1)), atol=1e-6
    )


def test_padding_is_zero_and_keeps_the_first_pixel_in_place():
    maps = random_maps(1, 5, 9, 2)
    padded = numpy(PadToMultiple(4)(maps))
    assert padded.shape == (1, 8, 12, 2)
    np.testing.assert_array_equal(padded[:, :5, :9], maps)
    assert not padded[:, 5:].any()
    assert not padded[:, :, 9:].any()


def test_a_size_that_divides_is_not_padded():
    assert tuple(PadToMultiple(4)(random_maps(1, 8, 4, 1)).shape) == (1, 8, 4, 1)


def test_cropping_undoes_padding():
    maps = random_maps(2, 5, 9, 2)
    cropped = CropToMatch()(PadToMultiple(8)(maps), maps)
    np.testing.assert_array_equal(numpy(cropped), maps)


@pytest.mark.parametrize("multiple", [0, -2, 1.5])
def test_a_multiple_that_is_not_a_positive_integer_is_refused(multiple):
    with pytest.raises(ValueError, match="positive integer"):
        PadToMultiple(multiple)


@pytest.mark.parametrize("layer", [PadToMultiple(2), Upsample()])
def test_a_map_without_batch_axis_is_refused(layer):
    with pytest.raises(ValueError, match="rank 4"):
        layer(random_maps(5, 7, 3))
