"""Comparison of hand-written gradients with automatic and finite differences."""

import numpy as np
import tensorflow as tf

STEP = 1e-5  # central differences in float64: error about STEP**2
ENTRIES = 3  # entries of each tensor whose finite difference is taken


def near(got, expected, atol=1e-5):
    """Float32 results agree, one by one; about eps * magnitude * length of a sum."""
    for a, b in zip(got, expected, strict=True):
        a, b = (np.asarray(tf.cast(x, "float64")) for x in (a, b))
        assert a.shape == b.shape
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=atol)


def random_loss(outputs, seed=0):
    """A weighted sum in which every entry of every output has its own weight."""
    rng = np.random.default_rng(100 + seed)
    return tf.add_n(
        [
            tf.reduce_sum(tf.cast(o, "float32") * rng.normal(size=o.shape))
            for o in outputs
        ]
    )


def numpy_loss(outputs, seed=0):
    rng = np.random.default_rng(100 + seed)
    return sum((o * rng.normal(size=o.shape)).sum() for o in outputs)


def check_gradients(tensors, hand_written, automatic, reference):
    """The gradients of one random loss for each tensor, found in three ways."""
    watched = {name: tf.constant(x, "float32") for name, x in tensors.items()}
    found = []
    for function in (hand_written, automatic):
        with tf.GradientTape() as tape:
            tape.watch(watched)
            loss = random_loss(function(watched))
        zero = tf.UnconnectedGradients.ZERO
        found.append(tape.gradient(loss, watched, unconnected_gradients=zero))
    near(tf.nest.flatten(found[0]), tf.nest.flatten(found[1]), atol=2e-5)

    rng = np.random.default_rng(9)
    for name, x in tensors.items():
        for entry in rng.choice(x.size, ENTRIES, replace=False):
            place = np.unravel_index(entry, x.shape)
            losses = []
            for sign in (1, -1):
                moved = x.copy()
                moved[place] += sign * STEP
                losses.append(numpy_loss(reference({**tensors, name: moved})))
            expected = (losses[0] - losses[1]) / (2 * STEP)
            got = found[0][name].numpy()[place]
            np.testing.assert_allclose(got, expected, rtol=1e-4, atol=2e-5)


def check_layer_gradients(layer, images, reference):
    """A layer's hand-written gradients: automatic ones, and finite differences.

    Args:
        layer: A built layer that takes images and `training`.
        images: Float32 array.
        reference: Function of the images that computes the outputs in float64.
    """
    found = []
    seen = np.random.default_rng(3).normal(size=layer(images).shape)
    for training in (True, False):
        x = tf.constant(images)
        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = tf.reduce_sum(layer(x, training=training) * seen)
        found.append(tape.gradient(loss, [x, *(w.value for w in layer.weights)]))
    for written, automatic in zip(*found, strict=True):
        assert np.abs(written).max() > 0
        np.testing.assert_allclose(written, automatic, atol=5e-5)
    for place in ((0, 0, 0, 0), (1, 2, 3, 1)):
        losses = []
        for step in (STEP, -STEP):
            moved = images.astype("float64")
            moved[place] += step
            losses.append((reference(moved) * seen).sum())
        expected = (losses[0] - losses[1]) / (2 * STEP)
        np.testing.assert_allclose(found[0][0][place], expected, rtol=1e-3, atol=1e-4)
