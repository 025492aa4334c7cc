import numpy as np
import pytest
import tensorflow as tf
from layers.neighbours import C, NeighbourLSTM, U, built

from tfrecvis.layers import PixelLSTM


class TestPixelLSTM(NeighbourLSTM):
    layer = PixelLSTM
    with_cells = False


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_pixel_sees_one_pixel_further_with_every_layer(depth):
    layer = built(PixelLSTM, depth)
    x = tf.random.stateless_normal((1, 8, 9, C), (0, 0))
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layer(x)[:, 1, 4]
    seen = np.abs(tape.gradient(y, x)).sum((0, -1)) > 0
    rows, columns = np.indices(seen.shape)
    near = np.maximum(abs(rows - 1), abs(columns - 4)) <= depth
    np.testing.assert_array_equal(seen, near)


def test_weights_start_with_open_forget_gates():
    layer = PixelLSTM(U, 3)
    layer.build((None, None, None, C))
    bias = np.asarray(layer.spatial_bias).reshape(2, 4, U)
    np.testing.assert_array_equal(bias[:, 1], 1)
    np.testing.assert_array_equal(bias[:, [0, 2, 3]], 0)
