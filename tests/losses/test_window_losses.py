import numpy as np
import pytest
import tensorflow as tf
from reference import overfeat

from tfrecvis.losses import window_losses


def draw(seed=0):
    """Windows near the true boxes, some of them near enough."""
    rng = np.random.default_rng(seed)
    corners, sides = rng.uniform(0, 60, (2, 5, 2)), rng.uniform(8, 20, (2, 5, 2))
    boxes = np.concatenate([corners, corners + sides], -1).astype("float32")
    classes = rng.integers(-1, 3, (2, 5)).astype("int32")
    near = boxes.reshape(-1, 4).repeat(4, 0)
    windows = near + rng.normal(size=near.shape, scale=2).astype("float32")
    logits = rng.normal(size=(2, len(windows), 4)).astype("float32")
    edges = rng.normal(size=(2, len(windows), 12)).astype("float32")
    return logits, edges, windows, boxes, classes


def numbers(losses):
    return float(losses["classes"]), float(losses["boxes"])


def test_losses_equal_the_loop_over_windows():
    given = draw()
    expected = overfeat.window_losses(*given)
    np.testing.assert_allclose(numbers(window_losses(*given)), expected, rtol=1e-5)


def gradients(given, jit_compile=None):
    logits, edges, *truth = given

    @tf.function(jit_compile=jit_compile)
    def compute(logits, edges):
        with tf.GradientTape() as tape:
            tape.watch((logits, edges))
            losses = window_losses(logits, edges, *truth)
        return tape.gradient(losses, (logits, edges))

    both = compute(tf.constant(logits), tf.constant(edges))
    return [gradient.numpy() for gradient in both]


def test_windows_below_half_train_no_edges_and_others_those_of_their_class():
    logits, edges, windows, boxes, classes = draw()
    _, moved = gradients((logits, edges, windows, boxes, classes))
    moved = (moved.reshape(2, -1, 3, 4) != 0).any(-1)
    for image, n in np.ndindex(2, len(windows)):
        overlaps = [
            overfeat.iou(windows[n], box) * (label >= 0)
            for box, label in zip(boxes[image], classes[image], strict=True)
        ]
        expected = [False] * 3
        if max(overlaps) >= 0.5:
            expected[classes[image, np.argmax(overlaps)]] = True
        assert moved[image, n].tolist() == expected


def test_images_without_any_box_are_background():
    logits, edges, windows, *_ = draw()
    nothing = np.zeros((2, 0, 4), "float32"), np.zeros((2, 0), "int32")
    by_logits, by_edges = gradients((logits, edges, windows, *nothing))
    assert not by_edges.any() and (by_logits[..., 0] < 0).all()
    assert numbers(window_losses(logits, edges, windows, *nothing))[1] == 0


def test_padding_changes_nothing():
    logits, edges, windows, boxes, classes = draw()
    more = np.pad(classes, [(0, 0), (0, 2)], constant_values=-1)
    wider = np.concatenate([boxes, boxes[:, :2]], 1), more
    expected = numbers(window_losses(logits, edges, windows, boxes, classes))
    assert numbers(window_losses(logits, edges, windows, *wider)) == pytest.approx(
        expected
    )


def test_xla_gives_the_same_gradients():
    given = draw()
    pairs = zip(gradients(given), gradients(given, jit_compile=True), strict=True)
    for one, other in pairs:
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_shapes_that_do_not_fit_are_named():
    logits, edges, windows, boxes, classes = draw()
    with pytest.raises(ValueError, match="four edges for each class"):
        window_losses(logits, edges[..., :8], windows, boxes, classes)
    with pytest.raises(ValueError, match="`windows` must have the shape"):
        window_losses(logits, edges, windows[None], boxes, classes)
