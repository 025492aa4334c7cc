"""The same cells one pixel, one block or one node after the other.

What a layer's equations say, word for word: the peers that show what running whole
diagonals, wavefronts and levels at once is worth. Input projections are made before the
loops here too, and the loops are compiled as ours are.
"""

import contextlib
from unittest import mock

import keras
from keras import ops

from tfrecvis.ops import scan
from tfrecvis.ops.stencil import gather_taps, project


def over_rows_and_columns(step, z, units):
    """Runs an LSTM pixel by pixel.

    Args:
        step: Function of one pixel's projections `(B, G)`, h and c to its left, h and c
            above it, and h of the three pixels above it, side by side.
        z: Tensor `(H, W, B, G)`.
        units: Integer.

    Returns:
        Tensor `(H, W, B, units)`.
    """
    zeros = ops.zeros_like(z[0, :, :, :units])  # (W, B, U)

    def row(carry, xs):
        h_above, c_above = carry
        neighbours = gather_taps(ops.transpose(h_above, (1, 0, 2)), (-1, 0, 1))
        neighbours = ops.transpose(neighbours, (1, 0, 2))

        def pixel(carry, xs):
            h, c = step(xs[0], *carry, *xs[1:])
            return (h, c), (h, c)

        xs = (xs[0], h_above, c_above, neighbours)
        _, (h, c) = scan(pixel, (zeros[0], zeros[0]), xs, (zeros[0], zeros[0]))
        return (h, c), (h,)

    return scan(row, (zeros, zeros), (z,), (zeros,))[1][0]


def _gates(z, memories):
    i, *f, g, o = ops.split(z, len(memories) + 3, -1)
    kept = [ops.sigmoid(k) * m for k, m in zip(f, memories, strict=True)]
    c = sum(kept[1:], kept[0]) + ops.sigmoid(i) * ops.tanh(g)
    return ops.sigmoid(o) * ops.tanh(c), c


class PixelLoop(keras.layers.Layer):
    """MDLSTM (four directions), DiagonalBiLSTM (two) or RowLSTM (one), pixel by pixel.

    Example:

    >>> PixelLoop("md", 8)(ops.ones((2, 5, 7, 3))).shape
    TensorShape([2, 5, 7, 32])
    """

    def __init__(self, kind, units, **kwargs):
        super().__init__(**kwargs)
        self.kind, self.units = kind, units
        self.flips = {
            "md": ((), (1,), (0,), (0, 1)),
            "diagonal": ((), (1,)),
            "row": ((),),
        }[kind]

    def build(self, images_shape):
        gates = (5 if self.kind == "md" else 4) * self.units
        reads = (3 if self.kind == "row" else 2) * self.units
        self.kernels, self.recurrent_kernels = (
            [self.add_weight((size, gates), "glorot_uniform") for _ in self.flips]
            for size in (images_shape[-1], reads)
        )

    def call(self, images):
        x = ops.transpose(images, (1, 2, 0, 3))
        outputs = []
        for axes, kernel, recurrent_kernel in zip(
            self.flips, self.kernels, self.recurrent_kernels, strict=True
        ):
            turned = ops.flip(x, axes) if axes else x
            step = self._step(ops.convert_to_tensor(recurrent_kernel))
            h = over_rows_and_columns(step, project(turned, kernel), self.units)
            outputs.append(ops.flip(h, axes) if axes else h)
        return ops.transpose(ops.concatenate(outputs, -1), (2, 0, 1, 3))

    def _step(self, kernel):
        def step(z, h, c, h_above, c_above, neighbours):
            if self.kind == "row":
                return _gates(z + ops.matmul(neighbours, kernel), [c_above])
            z = z + ops.matmul(ops.concatenate([h_above, h], -1), kernel)
            return _gates(z, [c_above, c] if self.kind == "md" else [c])

        return step


class GridLoop(keras.layers.Layer):
    """A tied 2-LSTM, nested: over the sequence, and in each of its steps the layers.

    Example:

    >>> GridLoop(8, depth=4)(ops.ones((2, 7, 3))).shape
    TensorShape([2, 7, 8])
    """

    def __init__(self, units, depth, **kwargs):
        super().__init__(**kwargs)
        self.units, self.depth = units, depth

    def build(self, inputs_shape):
        units = self.units
        self.entry = self.add_weight((inputs_shape[-1], 2 * units), "glorot_uniform")
        self.kernel = self.add_weight((2 * units, 8 * units), "glorot_uniform")

    def call(self, inputs):
        x = ops.transpose(project(inputs, self.entry), (1, 0, 2))
        kernel = ops.convert_to_tensor(self.kernel)
        zeros = ops.zeros_like(x[0, :, : self.units])
        layers = ops.broadcast_to(zeros, (self.depth, *ops.shape(zeros)))

        def moment(carry, xs):
            def block(carry, xs):
                (h_depth, m_depth), (h_time, m_time) = carry, xs
                z = ops.matmul(ops.concatenate([h_time, h_depth], -1), kernel)
                z_time, z_depth = ops.split(z, 2, -1)
                time, depth = _gates(z_time, [m_time]), _gates(z_depth, [m_depth])
                return depth, time

            depth = tuple(ops.split(xs[0], 2, -1))
            depth, time = scan(block, depth, carry, (zeros, zeros))
            return time, (depth[0],)

        _, (y,) = scan(moment, (layers, layers), (x,), (zeros,))
        return ops.transpose(y, (1, 0, 2))


@contextlib.contextmanager
def one_node_a_step():
    """GraphLSTM and TreeLSTM traced inside visit one node a step and image.

    Example:

    >>> with one_node_a_step():
    ...     pass
    """
    with mock.patch("tfrecvis.ops.levels.WIDTH", 1):
        yield
