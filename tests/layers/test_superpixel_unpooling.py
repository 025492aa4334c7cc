import numpy as np
import pytest

from tfrecvis.layers import SuperpixelUnpooling

B, H, W, C, N = 2, 4, 5, 3, 6
RNG = np.random.default_rng(0)
IMAGES = RNG.normal(size=(B, H, W, C)).astype("float32")
LABELS = RNG.integers(-1, N - 1, size=(B, H, W))  # superpixel N - 1 has no pixel
LABELS[:, 0] = np.arange(W)  # all others have one
NODES = RNG.normal(size=(B, N, C)).astype("float32")


def test_unpooling_gives_each_pixel_its_superpixel():
    y = SuperpixelUnpooling()(NODES, labels=LABELS)
    for b, r, c in np.ndindex(B, H, W):
        n = LABELS[b, r, c]
        np.testing.assert_array_equal(y[b, r, c], NODES[b, n] if n >= 0 else [0] * C)


def test_narrow_labels_reach_more_nodes_than_they_can_count():
    nodes = RNG.random((1, 300, 2))
    labels = np.array([[[0, 5, 44, 255]]], "uint8")
    y = SuperpixelUnpooling()(nodes, labels)
    np.testing.assert_allclose(y[0, 0], nodes[0, labels[0, 0]], rtol=1e-6)


@pytest.mark.parametrize(
    ("nodes", "labels", "message"),
    [
        (NODES, LABELS[:1], r"labels.shape=\(1, 4, 5\), nodes.shape="),
        (NODES, LABELS + 2, "Received: labels from 1 to 6"),
        (NODES[:, :0], LABELS, "at least one superpixel"),
        (NODES[0], LABELS, "expected ndim=3, found ndim=2"),
    ],
)
def test_labels_that_do_not_fit_the_nodes_are_refused(nodes, labels, message):
    with pytest.raises(ValueError, match=message):
        SuperpixelUnpooling()(nodes, labels=labels)
