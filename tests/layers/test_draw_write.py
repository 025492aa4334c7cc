import keras
import numpy as np
import pytest
import tensorflow as tf
from reference import draw as reference

from tfrecvis.layers import DrawRead, DrawWrite

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


def writer(**options):
    return built(DrawWrite((H, W, C), N, **options), HIDDEN)


def attention_weights(layer):
    return np.asarray(layer.attention_kernel), np.asarray(layer.attention_bias)


def test_write_matches_the_numpy_loop():
    layer = writer()
    patches = HIDDEN @ np.asarray(layer.kernel) + np.asarray(layer.bias)
    patches = patches.reshape(B, N, N, C)
    expected = reference.write(HIDDEN, patches, *attention_weights(layer), H, W)
    np.testing.assert_allclose(layer(HIDDEN), expected, atol=1e-5)


@pytest.mark.slow
def test_draw_loop_runs_under_xla_and_reaches_every_weight():
    """Three steps of DRAW's decoder: read, update, write, add to the canvas."""
    read = built(DrawRead(N), IMAGES, hidden=HIDDEN, error_images=IMAGES)
    write = writer()
    cell = keras.layers.SimpleRNNCell(D)
    cell.build((B, 2 * N * N * C))
    variables = [w.value for part in (read, cell, write) for w in part.weights]

    def step(images):
        def advance(t, hidden, canvas):
            errors = images - tf.sigmoid(canvas)
            glimpse = read(images, hidden=hidden, error_images=errors)
            hidden, _ = cell(tf.reshape(glimpse, (B, 2 * N * N * C)), [hidden])
            return t + 1, hidden, canvas + write(hidden)

        with tf.GradientTape() as tape:
            _, _, canvas = tf.while_loop(
                lambda t, *_: t < 3,
                advance,
                (0, tf.constant(HIDDEN), tf.zeros((B, H, W, C))),
                maximum_iterations=3,
            )
            loss = tf.reduce_sum(canvas**2)
        return canvas, tape.gradient(loss, variables)

    eager = step(tf.constant(IMAGES))
    compiled = tf.function(step, jit_compile=True)(tf.constant(IMAGES))
    # Each step's rounding moves the grid of the next: three steps amplify it.
    np.testing.assert_allclose(compiled[0], eager[0], atol=1e-3)
    for got, expected in zip(compiled[1], eager[1], strict=True):
        assert np.abs(expected).max() > 0
        scale = max(1, np.abs(expected).max())
        np.testing.assert_allclose(got, expected, atol=1e-3 * scale)


def test_without_attention_the_whole_image_is_read_and_written():
    read, write = DrawRead(), built(DrawWrite((H, W, C)), HIDDEN)
    np.testing.assert_array_equal(read(IMAGES), IMAGES)
    both = np.concatenate([IMAGES, ERRORS], -1)
    np.testing.assert_array_equal(read(IMAGES, error_images=ERRORS), both)
    assert read.weights == []
    expected = HIDDEN @ np.asarray(write.kernel) + np.asarray(write.bias)
    np.testing.assert_allclose(write(HIDDEN), expected.reshape(B, H, W, C), atol=1e-5)


def test_new_layers_read_and_write_over_the_whole_image():
    read, write = DrawRead(N), DrawWrite((H, W, C), N)
    read.build(IMAGES.shape, HIDDEN.shape)
    write.build(HIDDEN.shape)
    for layer in (read, write):
        np.testing.assert_array_equal(layer.attention_bias, np.zeros(5))
        assert np.abs(np.asarray(layer.attention_kernel)).max() > 0


def test_batch_without_images_gives_a_batch_without_images():
    assert writer()(HIDDEN[:0]).shape == (0, H, W, C)
