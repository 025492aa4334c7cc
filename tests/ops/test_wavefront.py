import numpy as np
import pytest
import tensorflow as tf

from tfrecvis.ops.wavefront import skew, unskew

SHAPES = [
    ((5, 3, 2), 1),
    ((2, 4, 3), 2),
    ((3, 1, 2), 1),
    ((1, 3), 1),
    ((2, 3, 4, 5), 2),
]


def by_hand(x, axis):
    y = np.zeros((len(x) + x.shape[axis] - 1, *x.shape[1:]), x.dtype)
    for place in np.ndindex(x.shape):
        y[(place[0] + place[axis], *place[1:])] = x[place]
    return y


@pytest.mark.parametrize(("shape", "axis"), SHAPES)
def test_lane_j_comes_j_steps_later(shape, axis):
    x = np.random.default_rng(0).normal(size=shape).astype("float32")
    np.testing.assert_array_equal(skew(x, axis), by_hand(x, axis))


@pytest.mark.parametrize(("shape", "axis"), SHAPES)
def test_unskew_undoes_skew_at_sizes_known_only_at_run_time(shape, axis):
    @tf.function(input_signature=[tf.TensorSpec((None,) * len(shape))])
    def both(x):
        return skew(x, axis), unskew(skew(x, axis), axis)

    x = np.random.default_rng(0).normal(size=shape).astype("float32")
    skewed, again = both(x)
    np.testing.assert_array_equal(skewed, by_hand(x, axis))
    np.testing.assert_array_equal(again, x)


def test_two_axes_give_the_sum_of_their_coordinates():
    x = np.zeros((3, 4, 2), "float32")
    t, j, k = np.indices(x.shape)
    y = np.asarray(skew(skew(t + 10 * j + 100 * k + 1.0, 1), 2))
    assert len(y) == 3 + 4 + 2 - 2
    for s, a, b in np.argwhere(y > 0):
        assert y[s, a, b] == (s - a - b) + 10 * a + 100 * b + 1
    assert (y > 0).sum() == x.size
