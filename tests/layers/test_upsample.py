"""Upsampling equals bilinear resizing to twice the size."""

import keras
import numpy as np
import pytest

from tfrecvis.layers import Upsample


def random_maps(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


def test_upsample_equals_half_pixel_bilinear_resizing():
    maps = random_maps(2, 5, 7, 3)
    resized = keras.ops.image.resize(maps, (10, 14), interpolation="bilinear")
    np.testing.assert_allclose(Upsample()(maps), resized, atol=1e-6)


def test_upsample_repeats_a_single_pixel():
    maps = random_maps(1, 1, 1, 2)
    np.testing.assert_allclose(Upsample()(maps), np.tile(maps, (1, 2, 2, 1)), atol=1e-6)


def test_maps_without_batch_axis_are_refused():
    with pytest.raises(ValueError, match="expected ndim=4"):
        Upsample()(random_maps(5, 7, 3))
