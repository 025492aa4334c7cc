import numpy as np
import pytest
import tensorflow as tf
from reference import draw as reference
from reference.gradients import check_gradients

from tfrecvis.ops.filterbank import attention_filters, read_patch, write_patch

B, H, W, C, D, N = 2, 6, 9, 3, 5, 4
RNG = np.random.default_rng(0)
IMAGES, ERRORS = RNG.normal(size=(2, B, H, W, C)).astype("float32")
HIDDEN = RNG.normal(size=(B, D)).astype("float32")


def placed(gx=0.0, gy=0.0, log_variance=0.0, log_delta=0.0, log_gamma=0.0):
    """Parameters of one grid."""
    return np.array([[gx, gy, log_variance, log_delta, log_gamma]], "float32")


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
