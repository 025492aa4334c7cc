import numpy as np
import pytest
import tensorflow as tf

from tfrecvis.ops import max_pool_with_argmax, max_unpool

RNG = np.random.default_rng(0)
MAPS = RNG.normal(size=(2, 7, 9, 3)).astype("float32")


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("pool", [(2, 2), (2, 3), (1, 4)])
def test_pooling_and_unpooling_match_the_numpy_loop(pool, padding):
    values, indices = (np.array(x) for x in max_pool_with_argmax(MAPS, pool, padding))
    up = np.array(max_unpool(values, indices, 7, 9, pool))
    expected_up = np.zeros_like(MAPS)
    assert values.shape == indices.shape
    ends = (
        [7, 9]
        if padding == "same"
        else [7 // pool[0] * pool[0], 9 // pool[1] * pool[1]]
    )
    assert values.shape[1:3] == tuple(
        -(-e // p) for e, p in zip(ends, pool, strict=True)
    )
    for b, i, j, c in np.ndindex(values.shape):
        window = MAPS[b, i * pool[0] :, j * pool[1] :, c][: pool[0], : pool[1]]
        assert values[b, i, j, c] == window.max()
        row, column = np.unravel_index(window.argmax(), window.shape)
        row, column = row + i * pool[0], column + j * pool[1]
        assert indices[b, i, j, c] == row * 9 + column
        expected_up[b, row, column, c] = window.max()
    np.testing.assert_array_equal(up, expected_up)


def test_indices_are_those_of_tensorflow_without_channels():
    theirs = tf.nn.max_pool_with_argmax(MAPS, 2, 2, "VALID")
    values, indices = max_pool_with_argmax(MAPS)
    np.testing.assert_array_equal(values, theirs.output)
    np.testing.assert_array_equal(indices, theirs.argmax // 3)


def test_first_of_equal_values_gets_the_whole_gradient():
    maps = tf.zeros((1, 2, 4, 1))
    with tf.GradientTape() as tape:
        tape.watch(maps)
        values, indices = max_pool_with_argmax(maps)
    assert indices.numpy().ravel().tolist() == [0, 2]
    gradient = tape.gradient(values, maps).numpy().ravel()
    assert gradient.tolist() == [1, 0, 1, 0, 0, 0, 0, 0]


def test_unpooling_sends_the_gradient_to_the_values():
    values, indices = max_pool_with_argmax(tf.constant(MAPS))
    upstream = RNG.normal(size=MAPS.shape).astype("float32")
    with tf.GradientTape() as tape:
        tape.watch(values)
        loss = tf.reduce_sum(max_unpool(values, indices, 7, 9) * upstream)
    gradient = tape.gradient(loss, values).numpy()
    for b, i, j, c in np.ndindex(gradient.shape):
        row, column = divmod(int(indices[b, i, j, c]), 9)
        assert gradient[b, i, j, c] == upstream[b, row, column, c]


def test_two_values_go_where_they_were():
    values = np.float32([13, 4]).reshape(1, 1, 2, 1)
    up = max_unpool(values, np.array([1, 6]).reshape(1, 1, 2, 1), 2, 4)
    assert up.numpy().ravel().tolist() == [0, 13, 0, 0, 0, 0, 4, 0]
