import numpy as np
import tensorflow as tf
from layers.neighbours import C, NeighbourLSTM, U, built

from tfrecvis.layers import LocalGlobalLSTM


class TestLocalGlobalLSTM(NeighbourLSTM):
    layer = LocalGlobalLSTM
    with_cells = True


def test_one_layer_sees_the_largest_value_of_every_cell():
    layer = built(LocalGlobalLSTM, depth=1)
    x = tf.random.stateless_normal((1, 9, 9, C), (0, 0))
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layer(x)[:, 0, 0]
    seen = np.abs(tape.gradient(y, x)).sum((0, -1)) > 0
    per_cell = seen.reshape(3, 3, 3, 3).sum((1, 3))
    assert (per_cell[1:] >= 1).all()
    assert (per_cell[1:] <= U).all()  # one pixel a unit at the most
