import numpy as np
import pytest
import tensorflow as tf
from reference import draw as reference

from tfrecvis.layers import DrawRead

B, H, W, C, D, N = 2, 6, 9, 3, 5, 4
RNG = np.random.default_rng(0)
IMAGES, ERRORS = RNG.normal(size=(2, B, H, W, C)).astype("float32")
HIDDEN = RNG.normal(size=(B, D)).astype("float32")


def built(layer, *inputs, seed=1, **others):
    """The layer with random weights, biases too."""
    layer(*inputs, **others)
    rng = np.random.default_rng(seed)
    layer.set_weights([rng.normal(size=w.shape, scale=0.3) for w in layer.weights])
    return layer


def reader(**options):
    return built(DrawRead(N, **options), IMAGES, hidden=HIDDEN)


def placed(gx=0.0, gy=0.0, log_variance=0.0, log_delta=0.0, log_gamma=0.0):
    """Parameters of one grid."""
    return np.array([[gx, gy, log_variance, log_delta, log_gamma]], "float32")


def attention_weights(layer):
    return np.asarray(layer.attention_kernel), np.asarray(layer.attention_bias)


@pytest.mark.parametrize("errors", [None, ERRORS])
def test_read_matches_the_numpy_loop(errors):
    layer = reader()
    y = layer(IMAGES, hidden=HIDDEN, error_images=errors)
    weights = attention_weights(layer)
    expected = reference.read(IMAGES, HIDDEN, *weights, N, errors)
    np.testing.assert_allclose(y, expected, atol=1e-5)


def test_mirroring_the_image_mirrors_the_patch():
    layer = DrawRead(N)
    hidden = placed(0.2, -0.3, 0.4, -0.2, 0.1)
    layer.build((1, H, W, C), hidden.shape)
    layer.set_weights([np.eye(5), np.zeros(5)])
    y = layer(IMAGES[:1], hidden=hidden)
    for axis, sign in ((2, [-1, 1, 1, 1, 1]), (1, [1, -1, 1, 1, 1])):
        mirrored = np.flip(IMAGES[:1], axis)
        np.testing.assert_allclose(
            layer(mirrored, hidden=hidden * np.float32(sign)),
            np.flip(y, axis),
            atol=1e-5,
        )


def test_transposing_the_image_transposes_the_patch():
    layer = reader()
    swapped = reader()
    kernel, bias = attention_weights(layer)
    order = [1, 0, 2, 3, 4]
    swapped.set_weights([kernel[:, order], bias[order]])
    np.testing.assert_allclose(
        swapped(IMAGES.transpose(0, 2, 1, 3), hidden=HIDDEN),
        np.transpose(layer(IMAGES, hidden=HIDDEN), (0, 2, 1, 3)),
        atol=1e-5,
    )


def test_one_reader_takes_images_of_every_size():
    layer = reader()
    for size in ((3, 8), (10, 7), (2, 1)):
        images = RNG.normal(size=(B, *size, C)).astype("float32")
        expected = reference.read(images, HIDDEN, *attention_weights(layer), N)
        np.testing.assert_allclose(layer(images, hidden=HIDDEN), expected, atol=1e-5)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_half_precision_places_the_grid_as_float32_does(policy):
    size, dtype = 448, policy.removeprefix("mixed_")
    images = np.zeros((1, size, size, 1), "float32")
    images[:, :, 300:] = 1  # a filter of one pixel that misses the edge is off by one
    layer = DrawRead(2, dtype=policy)
    layer.build(images.shape, (1, 5))
    gx = (300.5 + 1) * 2 / (size + 1) - 1  # half-way between 299 and 302
    layer.set_weights([np.zeros((5, 5)), placed(gx, 0, -4, np.log(3 / (size - 1)))[0]])
    y = layer(images, hidden=np.zeros((1, 5), "float32"))
    assert y.dtype == dtype
    np.testing.assert_allclose(tf.cast(y[0, 0, :, 0], "float32"), [0, 1], atol=1e-2)


def test_nan_in_a_pixel_is_seen_and_not_hidden():
    images = IMAGES.copy()
    images[0, 1, 2, 0] = np.nan
    y = np.asarray(reader()(images, hidden=HIDDEN))
    assert np.isnan(y[0, ..., 0]).all()
    assert np.isfinite(y[0, ..., 1:]).all()
    assert np.isfinite(y[1]).all()


def test_batch_without_images_gives_a_batch_without_images():
    assert reader()(IMAGES[:0], hidden=HIDDEN[:0]).shape == (0, N, N, C)
