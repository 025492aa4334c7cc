import keras
import numpy as np
import pytest
import tensorflow as tf

from tfrecvis import ops

X = np.arange(2 * 3 * 2, dtype="float32").reshape(2, 3, 2) + 1


@pytest.mark.parametrize("axis", [-2, -1, 0])
@pytest.mark.parametrize("tap", [-4, -3, -1, 0, 1, 2, 3, 4])
def test_shift_reads_the_neighbour_or_zero(tap, axis):
    expected = np.zeros_like(X)
    lanes = X.shape[axis]
    for lane in range(lanes):
        if 0 <= lane + tap < lanes:
            np.moveaxis(expected, axis, 0)[lane] = np.moveaxis(X, axis, 0)[lane + tap]
    np.testing.assert_array_equal(ops.shift(X, tap, axis), expected)


@pytest.mark.parametrize("tap", [-4, -1, 2])
def test_shift_takes_a_dynamic_number_of_lanes(tap):
    shift = tf.function(
        lambda x: ops.shift(x, tap), input_signature=[tf.TensorSpec((None, None, 2))]
    )
    for lanes in (3, 1):
        np.testing.assert_array_equal(shift(X[:, :lanes]), ops.shift(X[:, :lanes], tap))


def test_gradient_of_shift_is_the_shift_back():
    x, upstream = tf.constant(X), keras.ops.flip(tf.constant(X), 1)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = ops.shift(x, -1)
    np.testing.assert_array_equal(tape.gradient(y, x, upstream), ops.shift(upstream, 1))
