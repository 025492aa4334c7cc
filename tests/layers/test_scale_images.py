"""Scaling of images: equal to Keras', for integers and floats, in every precision."""

import keras
import numpy as np
import pytest

from tfrecvis.layers import ScaleImages


def test_caffe_scaling_equals_that_of_keras():
    images = np.random.default_rng(0).uniform(0, 255, (2, 4, 5, 3)).astype("float32")
    expected = keras.applications.vgg16.preprocess_input(images.copy())
    scaled = keras.ops.convert_to_numpy(ScaleImages("caffe")(images))
    np.testing.assert_allclose(scaled, expected, atol=1e-4)


def test_integers_are_scaled_like_floats():
    images = np.arange(48, dtype="uint8").reshape(1, 4, 4, 3)
    for mode in ("symmetric", "caffe"):
        layer = ScaleImages(mode)
        np.testing.assert_array_equal(
            keras.ops.convert_to_numpy(layer(images)),
            keras.ops.convert_to_numpy(layer(images.astype("float32"))),
        )


def test_symmetric_scaling_goes_from_minus_one_to_one():
    images = np.array([0, 51, 255], "uint8").reshape(1, 1, 1, 3)
    scaled = keras.ops.convert_to_numpy(ScaleImages()(images))
    np.testing.assert_allclose(scaled[0, 0, 0], [-1, -0.6, 1], atol=1e-6)


def test_images_are_not_rounded_before_they_are_scaled():
    # The first and the last have no bfloat16: its steps are 0.5 here.
    images = np.array([127.25, 127.5, 127.75], "float32").reshape(1, 1, 1, 3)
    scaled = ScaleImages(dtype="mixed_bfloat16")(images)
    assert keras.backend.standardize_dtype(scaled.dtype) == "bfloat16"
    scaled = keras.ops.convert_to_numpy(keras.ops.cast(scaled, "float32"))
    np.testing.assert_allclose(
        scaled[0, 0, 0], [-1 / 510, 0, 1 / 510], rtol=2**-8, atol=0
    )


def test_an_unknown_scaling_is_refused():
    with pytest.raises(ValueError, match="symmetric"):
        ScaleImages("torch")
