import keras
import numpy as np
import pytest
import tensorflow as tf
from reference import draw as reference
from reference.gradients import check_gradients

from tfrecvis.layers import DrawRead, DrawWrite
from tfrecvis.ops.filterbank import attention_filters, read_patch, write_patch

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


def writer(**options):
    return built(DrawWrite((H, W, C), N, **options), HIDDEN)


def attention_weights(layer):
    return np.asarray(layer.attention_kernel), np.asarray(layer.attention_bias)


def placed(gx=0.0, gy=0.0, log_variance=0.0, log_delta=0.0, log_gamma=0.0):
    """Parameters of one grid."""
    return np.array([[gx, gy, log_variance, log_delta, log_gamma]], "float32")


# The equations


@pytest.mark.parametrize("errors", [None, ERRORS])
def test_read_matches_the_numpy_loop(errors):
    layer = reader()
    y = layer(IMAGES, hidden=HIDDEN, error_images=errors)
    weights = attention_weights(layer)
    expected = reference.read(IMAGES, HIDDEN, *weights, N, errors)
    np.testing.assert_allclose(y, expected, atol=1e-5)


def test_write_matches_the_numpy_loop():
    layer = writer()
    patches = HIDDEN @ np.asarray(layer.kernel) + np.asarray(layer.bias)
    patches = patches.reshape(B, N, N, C)
    expected = reference.write(HIDDEN, patches, *attention_weights(layer), H, W)
    np.testing.assert_allclose(layer(HIDDEN), expected, atol=1e-5)


def test_gradients_of_read_and_write_match_finite_differences():
    tensors = {
        "images": IMAGES.astype("float64"),
        "patches": RNG.normal(size=(B, N, N, C)),
        "parameters": RNG.normal(size=(B, 5), scale=0.3),
    }

    def ours(t):
        *filters, gamma = attention_filters(t["parameters"], N, H, W)
        gamma = gamma[:, None, None, None]
        return (
            read_patch(t["images"], *filters) * gamma,
            write_patch(t["patches"], *filters) / gamma,
        )

    def plain(t):
        """The same from TensorFlow's own operators, Gaussians divided by their sum."""
        gx, gy, log_variance, log_delta, log_gamma = tf.unstack(t["parameters"], axis=1)
        stride = (W - 1) / (N - 1) * tf.exp(log_delta)
        i = tf.range(1.0, N + 1) - N / 2 - 0.5

        def filters(g, size):
            mu = (size + 1) / 2 * (g[:, None] + 1) + i * stride[:, None]
            d = tf.range(1.0, size + 1) - mu[..., None]
            f = tf.exp(-(d**2) / (2 * tf.exp(log_variance)[:, None, None]))
            return f / tf.reduce_sum(f, -1, keepdims=True)

        fy, fx = filters(gy, H), filters(gx, W)
        gamma = tf.exp(log_gamma)[:, None, None, None]
        return (
            gamma * tf.einsum("bnh,bhwc,bmw->bnmc", fy, t["images"], fx),
            tf.einsum("bnh,bnmc,bmw->bhwc", fy, t["patches"], fx) / gamma,
        )

    def by_hand(t):
        weights = np.eye(5), np.zeros(5)
        return (
            reference.read(t["images"], t["parameters"], *weights, N),
            reference.write(t["parameters"], t["patches"], *weights, H, W),
        )

    check_gradients(tensors, ours, plain, by_hand)


# Where the grid stands


@pytest.mark.parametrize("num_filters", [2, 3, 5])
@pytest.mark.parametrize(("height", "width"), [(5, 9), (6, 7), (1, 5)])
def test_grid_of_zeros_is_centred_and_spans_the_longer_side(height, width, num_filters):
    rows, columns, gain = attention_filters(placed(), num_filters, height, width)
    # The outermost filters sit on the first and the last pixel of the longer side.
    narrow = attention_filters(placed(log_variance=-9), num_filters, height, width)[1]
    peaks = np.asarray(narrow[0]) @ np.arange(width)
    np.testing.assert_allclose(peaks, np.linspace(0, width - 1, num_filters), atol=1e-3)
    for filters in (rows, columns):
        np.testing.assert_allclose(filters, filters[:, ::-1, ::-1], atol=1e-6)
        np.testing.assert_allclose(np.sum(filters, -1), 1, atol=1e-6)
    assert float(gain[0]) == 1


def test_centre_moves_by_half_the_image_plus_one_at_each_end():
    # In the paper's counting, g~X = -1 is pixel 0 and g~X = 1 pixel W + 1.
    for gx, expected in ((-0.5, 1.5), (0.5, 6.5), (0.25, 5.25)):
        parameters = placed(gx=gx, log_delta=-20, log_variance=-1)
        columns = attention_filters(parameters, 2, H, W)[1]
        np.testing.assert_allclose(
            np.asarray(columns[0]) @ np.arange(W), expected, atol=0.05
        )


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


def test_narrow_filters_read_single_pixels_and_put_them_back():
    # Three filters over a side of five stand on the pixels 0, 2 and 4.
    rows, columns, _ = attention_filters(placed(log_variance=-20), 3, 5, 5)
    images = RNG.normal(size=(1, 5, 5, 2)).astype("float32")
    patch = read_patch(images, rows, columns)
    np.testing.assert_allclose(patch, images[:, ::2, ::2], atol=1e-6)
    canvas = np.asarray(write_patch(patch, rows, columns))
    expected = np.zeros_like(images)
    expected[:, ::2, ::2] = images[:, ::2, ::2]
    np.testing.assert_allclose(canvas, expected, atol=1e-6)


@pytest.mark.parametrize("log_variance", [-100.0, -20.0, 60.0])
def test_filters_far_from_every_pixel_are_still_normalised(log_variance):
    parameters = tf.constant(placed(gx=50.0, log_variance=log_variance))
    with tf.GradientTape() as tape:
        tape.watch(parameters)
        columns = attention_filters(parameters, N, H, W)[1]
        loss = tf.reduce_sum(columns**2)
    np.testing.assert_allclose(np.sum(columns, -1), 1, atol=1e-6)
    assert np.isfinite(tape.gradient(loss, parameters)).all()


# The layers


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


def test_nan_in_a_pixel_is_seen_and_not_hidden():
    images = IMAGES.copy()
    images[0, 1, 2, 0] = np.nan
    y = np.asarray(reader()(images, hidden=HIDDEN))
    assert np.isnan(y[0, ..., 0]).all()
    assert np.isfinite(y[0, ..., 1:]).all()
    assert np.isfinite(y[1]).all()


def test_batch_without_images_gives_a_batch_without_images():
    assert reader()(IMAGES[:0], hidden=HIDDEN[:0]).shape == (0, N, N, C)
    assert writer()(HIDDEN[:0]).shape == (0, H, W, C)
