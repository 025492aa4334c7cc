import numpy as np
import pytest
import tensorflow as tf
from reference import one_stage

from tfrecvis.losses import ssd_loss


def sample(seed=0):
    """Two images of three and of two boxes, and anchors near some of them."""
    rng = np.random.default_rng(seed)
    corners = rng.uniform(0, 40, (2, 3, 2))
    boxes = np.concatenate([corners, corners + rng.uniform(6, 20, (2, 3, 2))], -1)
    near = boxes[:, :2].reshape(-1, 4).repeat(3, 0)
    near = near + rng.normal(size=near.shape, scale=1.5)
    far = rng.uniform(0, 40, (20, 2))
    anchors = np.concatenate([near, np.concatenate([far, far + 9], -1)])
    classes = np.array([[0, 2, 1], [1, 0, -1]], "int32")
    boxes[1, 2] = 0
    logits = rng.normal(size=(2, len(anchors), 4))
    deltas = rng.normal(size=(2, len(anchors), 4))
    return *(x.astype("float32") for x in (logits, deltas, anchors, boxes)), classes


def numbers(losses):
    return [float(losses[name]) for name in ("classes", "boxes")]


@pytest.mark.parametrize("seed", range(3))
def test_losses_equal_the_loop_over_anchors(seed):
    found = numbers(ssd_loss(*sample(seed)))
    np.testing.assert_allclose(found, one_stage.ssd_loss(*sample(seed)), rtol=1e-5)


def test_padding_changes_nothing():
    logits, deltas, anchors, boxes, classes = sample()
    more = np.concatenate([boxes, np.full((2, 2, 4), 5, "float32")], 1)
    padded = np.concatenate([classes, -np.ones((2, 2), "int32")], 1)
    expected = numbers(ssd_loss(logits, deltas, anchors, boxes, classes))
    found = numbers(ssd_loss(logits, deltas, anchors, more, padded))
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_box_without_a_good_anchor_still_gets_one():
    anchors = np.float32([[0, 0, 8, 8], [2, 0, 10, 8], [40, 0, 48, 8]])
    boxes = np.float32([[[0, 0, 8, 8], [41, 0, 44, 3]]])  # the second: IoU of 0.14
    logits = tf.zeros((1, 3, 3))
    deltas = tf.Variable(tf.ones((1, 3, 4)))
    with tf.GradientTape() as tape:
        losses = ssd_loss(logits, deltas, anchors, boxes, np.array([[0, 1]]))
    moved = tape.gradient(losses["boxes"], deltas).numpy()[0].any(-1)
    assert moved.tolist() == [True, True, True]  # the second by its IoU of 0.6
    assert float(losses["classes"]) == pytest.approx(np.log(3), rel=1e-5)


def gradients(jit_compile, logits, deltas, anchors, boxes, classes):
    @tf.function(jit_compile=jit_compile)
    def compute(logits, deltas):
        with tf.GradientTape() as tape:
            tape.watch([logits, deltas])
            losses = ssd_loss(logits, deltas, anchors, boxes, classes)
            total = losses["classes"] + losses["boxes"]
        return total, *tape.gradient(total, [logits, deltas])

    return [x.numpy() for x in compute(tf.constant(logits), tf.constant(deltas))]


def test_three_hardest_negatives_per_positive_are_trained():
    logits, deltas, anchors, boxes, classes = sample()
    classes = np.array([[0, -1, -1], [-1, -1, -1]], "int32")
    total, of_logits, of_deltas = gradients(
        False, logits, deltas, anchors, boxes, classes
    )
    positive = of_deltas[0].any(-1)
    trained = of_logits[0].any(-1)
    assert trained.sum() == 4 * positive.sum() > 0
    hardest = -logits[0, :, 0] + np.log(np.exp(logits[0]).sum(-1))
    negative = trained & ~positive
    assert hardest[negative].min() > hardest[~trained].max()
    assert not of_logits[1].any()  # an image without a positive
    assert np.isfinite(total)


def test_batch_without_any_box_costs_nothing():
    logits, deltas, anchors, _, _ = sample()
    empty = np.zeros((2, 0, 4), "float32"), np.zeros((2, 0), "int32")
    total, *found = gradients(False, logits, deltas, anchors, *empty)
    assert total == 0
    assert not any(gradient.any() for gradient in found)


def test_xla_gives_the_same_gradients():
    given = sample()
    for found, expected in zip(
        gradients(True, *given), gradients(False, *given), strict=True
    ):
        np.testing.assert_allclose(found, expected, atol=1e-5)
