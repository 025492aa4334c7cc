import keras
import numpy as np
import pytest
import tensorflow as tf
from reference import regions as reference

from tfrecvis.losses import mask_loss, proposal_losses, region_losses


def draw_boxes(rng, *shape):
    corners = rng.uniform(0, 40, (*shape, 2))
    sides = rng.uniform(6, 20, (*shape, 2))
    return np.concatenate([corners, corners + sides], -1).astype("float32")


def test_proposal_losses_equal_the_loop_over_anchors():
    rng = np.random.default_rng(0)
    boxes = draw_boxes(rng, 2, 3)
    near = np.concatenate([boxes[0], boxes[1]]).repeat(4, 0)
    noise = rng.normal(size=near.shape, scale=1.5)
    anchors = np.concatenate([near + noise, draw_boxes(rng, 20)]).astype("float32")
    classes = np.array([[0, 2, 1], [1, 0, -1]], "int32")
    boxes[1, 2] = 0
    logits = rng.normal(size=(2, len(anchors))).astype("float32")
    deltas = rng.normal(size=(2, len(anchors), 4), scale=0.3).astype("float32")
    # As many as there are, twice: neither the number nor the share leaves one out.
    found = proposal_losses(
        logits, deltas, anchors, boxes, classes, num_samples=2 * len(anchors)
    )
    expected = reference.proposal_losses(logits, deltas, anchors, boxes, classes)
    got = float(found["objects"]), float(found["boxes"])
    np.testing.assert_allclose(got, expected, rtol=1e-5)


def test_of_many_anchors_so_many_are_drawn():
    rng = np.random.default_rng(1)
    anchors, logits = draw_boxes(rng, 200), np.zeros((1, 200), "float32")
    boxes, classes = np.zeros((1, 0, 4), "float32"), np.zeros((1, 0), "int32")
    logits = tf.Variable(logits)
    with tf.GradientTape() as tape:
        loss = proposal_losses(
            logits, np.zeros((1, 200, 4)), anchors, boxes, classes, num_samples=16
        )
    assert float(loss["objects"]) == pytest.approx(np.log(2), rel=1e-5)
    assert float(loss["boxes"]) == 0
    assert (tape.gradient(loss["objects"], logits).numpy() != 0).sum() == 16


def test_region_losses_equal_the_loop_over_samples():
    rng = np.random.default_rng(2)
    regions, boxes = draw_boxes(rng, 2, 6), draw_boxes(rng, 2, 6)
    labels = np.array([[3, 1, 1, 0, 0, -1], [2, 0, 0, 0, -1, -1]], "int32")
    regions[labels < 0] = 0
    logits = rng.normal(size=(2, 6, 4)).astype("float32")
    deltas = rng.normal(size=(2, 6, 12)).astype("float32")
    found = region_losses(logits, deltas, regions, labels, boxes)
    expected = reference.region_losses(logits, deltas, regions, labels, boxes)
    got = float(found["classes"]), float(found["boxes"])
    np.testing.assert_allclose(got, expected, rtol=1e-5)


def test_samples_of_padding_only_give_zero_and_finite_gradients():
    logits, deltas = tf.Variable(tf.zeros((1, 4, 3))), tf.Variable(tf.zeros((1, 4, 8)))
    zeros, labels = tf.zeros((1, 4, 4)), -tf.ones((1, 4), tf.int32)
    with tf.GradientTape() as tape:
        losses = region_losses(logits, deltas, zeros, labels, zeros)
        total = losses["classes"] + losses["boxes"]
    assert float(total) == 0
    for gradient in tape.gradient(total, [logits, deltas]):
        assert not gradient.numpy().any()


def test_masks_are_trained_for_their_own_class_only():
    rng = np.random.default_rng(3)
    logits = tf.constant(rng.normal(size=(1, 3, 2, 2, 2)).astype("float32"))
    targets = rng.integers(0, 2, (1, 3, 2, 2)).astype("float32")
    labels = np.array([[2, 1, 0]], "int32")
    with tf.GradientTape() as tape:
        tape.watch(logits)
        loss = mask_loss(logits, targets, labels)
    expected = [
        reference.cross_entropy(float(logits[0, n, i, j, c]), targets[0, n, i, j])
        for n, c in ((0, 1), (1, 0))
        for i, j in np.ndindex(2, 2)
    ]
    assert float(loss) == pytest.approx(np.mean(expected), rel=1e-5)
    moved = tape.gradient(loss, logits).numpy()[0] != 0
    assert moved[0, ..., 1].all() and moved[1, ..., 0].all()
    assert moved.sum() == 8


def test_no_positive_sample_costs_nothing():
    zeros = keras.ops.zeros((2, 3, 4, 4, 5))
    targets, labels = keras.ops.ones((2, 3, 4, 4)), keras.ops.zeros((2, 3), "int32")
    assert float(mask_loss(zeros, targets, labels)) == 0
