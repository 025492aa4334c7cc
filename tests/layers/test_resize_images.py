import numpy as np
import pytest
import tensorflow as tf

from tfrecvis.layers import ResizeImages


@pytest.mark.parametrize(
    ("factor", "size"), [(0.5, (4, 3)), (1.0, (7, 6)), (1.5, (11, 9)), (0.01, (1, 1))]
)
def test_size_is_rounded_and_values_are_those_of_tensorflow(factor, size):
    images = np.random.default_rng(0).uniform(0, 255, (2, 7, 6, 3)).astype("float32")
    found = ResizeImages(factor)(images)
    assert tuple(found.shape) == (2, *size, 3)
    assert ResizeImages(factor).compute_output_shape(images.shape) == found.shape
    expected = tf.compat.v1.image.resize_bilinear(images, size, half_pixel_centers=True)
    np.testing.assert_allclose(found, expected, atol=1e-3)


def test_pixel_in_the_middle_of_two_is_their_mean():
    images = np.array([0.0, 8.0], "float32").reshape(1, 1, 2, 1)
    assert ResizeImages(2.0)(images)[0, 0, :, 0].numpy().tolist() == [0, 2, 6, 8]


def test_bad_factor_is_named():
    with pytest.raises(ValueError, match="`factor` must be a finite number above 0"):
        ResizeImages(0)
