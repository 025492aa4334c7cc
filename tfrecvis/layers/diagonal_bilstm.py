"""DiagonalBiLSTM: two LSTMs along the diagonals of an image, causal to the pixel."""

import keras
from keras import ops

from tfrecvis.layers.arguments import real_pixels
from tfrecvis.layers.causal import CausalLSTM, check_step
from tfrecvis.layers.initial_values import forget_bias, one_by_one
from tfrecvis.ops import LSTMDirection, lstm
from tfrecvis.ops.diagonals import diagonal_lstm
from tfrecvis.ops.stencil import clear, project


@keras.saving.register_keras_serializable("tfrecvis")
class DiagonalBiLSTM(CausalLSTM):
    """Two LSTMs from the top corners of an image, causal to the pixel.

    One starts at the top left, the other at the top right; together they see every
    pixel above and to the left. With v the column before, c - 1 from the left and c + 1
    from the right:

        i, f, g, o = split(U_above . h[r-1, c] + U_beside . h[r, v] + W . x[r, c] + b)
        m[r, c] = sigmoid(f) * m[r, v] + sigmoid(i) * tanh(g)
        h[r, c] = sigmoid(o) * tanh(m[r, c])
        y[r, c] = h_left[r, c] + h_right[r-1, c]

    The right half is shifted down by one row, since it would see the pixels to the
    right. All pixels of a diagonal advance at once: height + width - 1 steps. Outside
    the image h and m are zero, but for the column before the first one when the initial
    state is learned. With `residual` the layer outputs `x + y . residual_kernel +
    residual_bias`.

    Weights have a leading axis of two, left and right: `kernel` `(2, channels,
    4 * filters)`, `recurrent_kernel` `(2, 2 * filters, 4 * filters)`, whose first rows
    are U_above; gates i, f, g, o.

    Masked pixels are read as zeros and pass on the state of the pixel beside them, so
    that an image padded at its bottom and its right gives what the image alone gives.

    For sampling, `step` computes one row from that row and a cache of the row above.

    Reference: van den Oord et al., 2016, sections 3.2 and 3.3
    (https://arxiv.org/abs/1601.06759).

    Args:
        filters: Integer, channels of the hidden and cell state of each half.
        num_colors: Integer, groups of channels and filters, in whose order the colours
            of a pixel may depend on each other: 3 for RGB.
        residual: Whether to add the input to the output, through a 1x1 convolution.
        learn_initial_state: Whether the column before the first one is a trained state;
            zeros otherwise.

    Call arguments:
        images: Float tensor `(batch, height, width, channels)`.
        mask: Boolean tensor `(batch, height, width)`, True for a real pixel, or None.
        training: Whether the hand-written backward pass is used.

    Input shape: `(batch, height, width, channels)`; height and width may be None.
    Output shape: `(batch, height, width, filters)`; the input's with `residual`.

    Raises:
        ValueError: `num_colors` does not divide the channels or the filters, or a mask
            removes every pixel of an image.

    Example:

    >>> layer = DiagonalBiLSTM(8)
    >>> images = keras.ops.ones((2, 5, 7, 3))
    >>> layer(images).shape
    TensorShape([2, 5, 7, 8])
    >>> cache = layer.initial_cache(batch_size=2, width=7)
    >>> row, cache = layer.step(images[:, 0], cache)
    >>> row.shape
    TensorShape([2, 7, 8])
    """

    def __init__(
        self,
        filters,
        num_colors=1,
        residual=False,
        learn_initial_state=True,
        **kwargs,
    ):
        super().__init__(filters, num_colors, residual, learn_initial_state, **kwargs)

    def build(self, images_shape):
        channels = self.check_channels(images_shape)
        gates = 4 * self.filters
        self.kernel = self.add_weight(
            (2, channels, gates), one_by_one("glorot_uniform"), name="kernel"
        )
        self.recurrent_kernel = self.add_weight(
            (2, 2 * self.filters, gates),
            one_by_one("glorot_uniform"),
            name="recurrent_kernel",
        )
        self.bias = self.add_weight((2, gates), forget_bias, name="bias")
        if self.learn_initial_state:
            self.initial_state = self.add_weight(
                (2, 2, self.filters), "zeros", name="initial_state"
            )
        self.kernel_mask = self.own_pixel_mask(channels)
        if self.residual:
            self.add_residual(channels)

    def call(self, images, mask=None, training=False):
        x, mask = real_pixels(images, mask, self.compute_dtype)
        sides = [self._direction(side, x, mask) for side in range(2)]
        halves = diagonal_lstm(sides, training=bool(training))
        left, right = (_from_columns(h, side) for side, h in enumerate(halves))
        y = self.with_residual(x, left + _row_below(right))
        return y if mask is None else clear(y, mask)

    def _direction(self, side, x, mask):
        """One half on the columns `(W, H, B, channels)`."""
        state = self.initial_state[side] if self.learn_initial_state else (None, None)
        return LSTMDirection(
            _to_columns(x, side),
            self.recurrent_kernel[side],
            state[0],
            state[1],
            kernel=self._masked_kernel(side),
            bias=self.bias[side],
            mask=None if mask is None else _to_columns(mask, side),
        )

    def _masked_kernel(self, side):
        kernel = self.kernel[side]
        return kernel * ops.cast(self.kernel_mask, kernel.dtype)

    def _first_state(self, side, shape):
        """Hidden and cell state of the column before the first one."""
        if not self.learn_initial_state:
            return (ops.zeros(shape, self.compute_dtype),) * 2
        state = self.initial_state[side]
        return tuple(ops.broadcast_to(state[k], shape) for k in range(2))

    def initial_cache(self, batch_size, width):
        """What `step` takes for the first row: both halves of the row above, zeros."""
        check_step(self)
        shape = (batch_size, width, self.filters)
        return (ops.zeros(shape, self.compute_dtype),) * 2

    def step(self, row, cache):
        """One row of the output, and the cache for the row below it.

        Args:
            row: Float tensor `(batch, width, channels)`; what stands to the right of a
                pixel does not change that pixel's output, so a row may be completed
                pixel by pixel.
            cache: What `initial_cache` gave, or `step` for the row above.

        Returns:
            The row of the output `(batch, width, ...)`, and the next cache.
        """
        check_step(self, row, cache, "[left, right]")
        row = ops.cast(row, self.compute_dtype)
        columns = ops.transpose(row, (1, 0, 2))  # (W, B, C): steps lead
        directions = []
        for side in range(2):
            above = ops.transpose(cache[side], (1, 0, 2))
            kernel, recurrent_kernel, bias = (
                ops.cast(w, columns.dtype)
                for w in (
                    self._masked_kernel(side),
                    self.recurrent_kernel[side],
                    self.bias[side],
                )
            )
            gates = project(columns, kernel) + bias
            gates = gates + project(above, recurrent_kernel[: self.filters])
            shape = (*ops.shape(columns)[1:2], self.filters)
            directions.append(
                LSTMDirection(
                    gates,
                    recurrent_kernel[self.filters :],
                    *self._first_state(side, shape),
                    reverse=side == 1,
                )
            )
        left, right = (ops.transpose(h, (1, 0, 2)) for h, _, _ in lstm(directions))
        y = left + cache[1]  # the right half of the row above
        return self.with_residual(row, y), (left, right)


def _to_columns(x, side):
    """Columns `(W, H, B, C)` of images, from the left or the right."""
    return ops.transpose(ops.flip(x, 2) if side else x, (2, 1, 0, 3))


def _from_columns(h, side):
    h = ops.transpose(h, (2, 1, 0, 3))
    return ops.flip(h, 2) if side else h


def _row_below(x):
    return ops.pad(x, [[0, 0], [1, 0], [0, 0], [0, 0]])[:, :-1]
