import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from tfrecvis.layers import SuperpixelPooling, SuperpixelUnpooling

B, H, W, C, N = 2, 4, 5, 3, 6
RNG = np.random.default_rng(0)
IMAGES = RNG.normal(size=(B, H, W, C)).astype("float32")
LABELS = RNG.integers(-1, N - 1, size=(B, H, W))  # superpixel N - 1 has no pixel
LABELS[:, 0] = np.arange(W)  # all others have one
NODES = RNG.normal(size=(B, N, C)).astype("float32")


def mean_of_pixels(images, labels):
    nodes = np.zeros((B, N, images.shape[-1]))
    for b in range(B):
        for n in range(N):
            pixels = [
                images[b, r, c] for r, c in np.ndindex(H, W) if labels[b, r, c] == n
            ]
            nodes[b, n] = np.mean(pixels, 0) if pixels else 0
    return nodes


def test_pooling_is_the_mean_of_each_superpixel():
    y = SuperpixelPooling(N)(IMAGES, labels=LABELS)
    np.testing.assert_allclose(y, mean_of_pixels(IMAGES, LABELS), atol=1e-6)


def test_pooling_after_unpooling_gives_the_nodes_back():
    pixels = SuperpixelUnpooling()(NODES, labels=LABELS)
    again = ops.convert_to_numpy(SuperpixelPooling(N)(pixels, labels=LABELS))
    np.testing.assert_allclose(again[:, : N - 1], NODES[:, : N - 1], atol=1e-6)
    np.testing.assert_array_equal(again[:, N - 1], 0)


def test_gradients_of_means_are_shared_by_their_pixels():
    x, nodes = tf.constant(IMAGES), tf.constant(NODES)
    with tf.GradientTape() as tape:
        tape.watch((x, nodes))
        pooled = SuperpixelPooling(N)(x, labels=LABELS)
        pixels = SuperpixelUnpooling()(nodes, labels=LABELS)
        loss = tf.reduce_sum(pooled * NODES) + tf.reduce_sum(pixels * IMAGES)
    to_images, to_nodes = tape.gradient(loss, (x, nodes))
    sizes = (LABELS[..., None] == np.arange(N)).sum((1, 2))
    for b, r, c in np.ndindex(B, H, W):
        n = LABELS[b, r, c]
        expected = NODES[b, n] / sizes[b, n] if n >= 0 else np.zeros(C)
        np.testing.assert_allclose(to_images[b, r, c], expected, atol=1e-6)
    expected = mean_of_pixels(IMAGES, LABELS) * sizes[..., None]
    np.testing.assert_allclose(to_nodes, expected, atol=1e-5)


def test_half_precision_means_of_many_pixels_are_exact():
    # A float16 sum would stop at 2048.
    images, labels = np.ones((1, 64, 64, 1)), np.zeros((1, 64, 64), int)
    y = SuperpixelPooling(1, dtype="float16")(images, labels=labels)
    assert float(y[0, 0, 0]) == 1.0


def test_traced_labels_of_no_superpixel_count_as_none():
    wrong = np.where(LABELS < 0, N + 3, LABELS)
    for layer, x in ((SuperpixelPooling(N), IMAGES), (SuperpixelUnpooling(), NODES)):
        traced = tf.function(lambda t, layer=layer, x=x: layer(x, labels=t))
        np.testing.assert_array_equal(traced(wrong), layer(x, labels=LABELS))


def test_labels_may_be_lists():
    y = SuperpixelPooling(N)(IMAGES, labels=LABELS.tolist())
    np.testing.assert_array_equal(y, SuperpixelPooling(N)(IMAGES, labels=LABELS))


@pytest.mark.parametrize("layer", [SuperpixelPooling(3), SuperpixelUnpooling()])
def test_missing_labels_are_asked_for(layer):
    x = IMAGES if isinstance(layer, SuperpixelPooling) else NODES
    with pytest.raises(ValueError, match="labels=None. Use `layer"):
        layer(x, None)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (LABELS[0], r"here \(2, 4, 5\). Received: labels.shape=\(4, 5\)"),
        (LABELS * 1.0, "must be integers. Received: labels.dtype=float"),
        (LABELS[:, 1:], r"labels.shape=\(2, 3, 5\), images.shape.* resize"),
        (LABELS + 2, "from 0 to 5, or -1 .* Received: labels from 1 to 6"),
        (LABELS - 1, "Received: labels from -2 to"),
    ],
)
def test_labels_that_do_not_fit_the_images_are_refused(labels, message):
    with pytest.raises(ValueError, match=message):
        SuperpixelPooling(N)(IMAGES, labels=labels)


def test_number_of_superpixels_must_be_positive():
    with pytest.raises(ValueError, match="num_nodes=0"):
        SuperpixelPooling(0)
